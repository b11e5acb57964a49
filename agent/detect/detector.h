// Detectors: what is unusual in one series of numbers, said while it runs.
//
// Pure: no clock, no I/O, no randomness. The same readings in the same order give the same verdicts, and a detector
// that was saved and restored goes on as if nothing had been. State is bounded and made at the beginning; judge()
// looks at what came before, and never ahead. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "calendar/calendar.h"

namespace weir::detect {

enum class Sensitivity { low, normal, high };

// Of one `detect:`. What a method does not know must be left out; what a value means is said at the method, in
// simple_detectors.h.
struct Settings {
  std::string method = "default";                 // one of methods()
  Sensitivity sensitivity = Sensitivity::normal;  // of the default detector: moves its one threshold
  std::optional<double> threshold = {};           // of the others, in the method's own unit
  std::optional<Nanoseconds> window = {};
  std::optional<double> alpha = {};
  std::optional<double> drift = {};
};

struct Verdict {
  double score = 0;        // 0 to 1; the higher, the more unusual
  bool anomalous = false;  // score reached threshold(settings)
};

class Detector {
 public:
  virtual ~Detector() = default;

  // Times ascend. A value that is not finite is passed over: score 0, and nothing is learned. Allocates nothing.
  virtual Verdict judge(Timestamp time, double value) = 0;

  // Of the last verdict, in words: "3.2 times the usual change for a Tuesday 14:00". Made when asked for.
  virtual std::string reason() const = 0;

  virtual void save(std::string& out) const = 0;
  // What save() of a detector with the same settings wrote. False if it is damaged: then the detector is of no
  // more use. Never crashes, whatever the bytes.
  virtual bool restore(ByteReader& in) = 0;

  virtual std::size_t bytes() const = 0;  // memory that it holds
};

// "default" first.
std::span<const std::string_view> methods();

// An error if there is no such method, if it does not know what is set, or if that is out of range.
// The clock on the wall is what days and weeks go by: the site's, or UTC's.
Result<std::unique_ptr<Detector>> make_detector(const Settings& settings,
                                                std::shared_ptr<const calendar::Calendar> calendar = nullptr);

// The score from which on a verdict is anomalous.
double threshold(const Settings& settings);

// "low", "normal", "high"; false if it is none.
bool parse_sensitivity(std::string_view text, Sensitivity& out);

}  // namespace weir::detect
