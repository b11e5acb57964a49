// The simple detectors: one well-known idea each, for who knows what to look for.
//
// The limits are wider than in textbooks: those of a control chart raise a false alarm every few hundred readings,
// which at one reading a second is every few minutes.
#pragma once

#include <memory>

#include "detect/detector.h"

namespace weir::detect {

// How many standard deviations a reading is from the mean. threshold: 4. window: of mean and standard deviation; or
// alpha: what the newest reading weighs in them, 0.01.
std::unique_ptr<Detector> make_zscore(const Settings& settings);

// The control chart of S. W. Roberts, "Control Chart Tests Based on Geometric Moving Averages", Technometrics 1,
// 1959: how many standard errors a short moving mean is from the long one. It sees small shifts that last.
// threshold: 4. alpha: what the newest reading weighs in the short mean, 0.2. window: of the long mean; else 200
// readings.
std::unique_ptr<Detector> make_ewma(const Settings& settings);

// How many times the median absolute deviation (as a standard deviation) a reading is from the median: outliers do
// not spoil it (B. Iglewicz, D. C. Hoaglin, "How to Detect and Handle Outliers", 1993). threshold: 5. window: how
// old readings may be; always at most the last kMadReadings.
std::unique_ptr<Detector> make_mad(const Settings& settings);
inline constexpr std::size_t kMadReadings = 255;

// The cumulative sums of E. S. Page, "Continuous Inspection Schemes", Biometrika 41, 1954, upwards and downwards: a
// shift of the mean, however small, adds up. In standard deviations; threshold: 10; drift: what is not summed of each
// reading, 0.5. window: of mean and standard deviation; else 200 readings. After an alarm both sums and the mean
// begin anew.
std::unique_ptr<Detector> make_cusum(const Settings& settings);

// How much a signal changes in a second, up or down. threshold: the most that is fine, in units per second; without
// one, ten times the usual.
std::unique_ptr<Detector> make_rate(const Settings& settings);

// For how long a signal has kept its value to the last bit. window: how long is fine; without one, ten times the
// usual time between changes.
std::unique_ptr<Detector> make_flatline(const Settings& settings);

}  // namespace weir::detect
