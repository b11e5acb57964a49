// What the simple detectors have in common: each measures how far a reading is out, and has a limit for it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "detect/detector.h"

namespace weir::detect {

inline constexpr double kMostExcess = 1e9;  // as far out as can be
inline constexpr double kFarthest = 1e150;  // values beyond it count as that: their squares stay finite
inline constexpr double kSimpleThreshold = 0.5;

void put_numbers(std::string& out, std::initializer_list<double> numbers);
// False if one is missing or none that a detector writes.
bool read_numbers(ByteReader& in, std::initializer_list<double*> numbers);

std::string number_text(double value);     // as people read it: four digits
std::string seconds_text(double seconds);  // "3h20m", "45s", "20ms"

// The score is excess / (excess + limit): 0.5 at the limit.
class SimpleDetector : public Detector {
 public:
  explicit SimpleDetector(double limit) : limit_(limit) {}

  Verdict judge(Timestamp time, double value) final;
  std::string reason() const final;
  void save(std::string& out) const final;
  bool restore(ByteReader& in) final;

 protected:
  // How far out this reading is, and learns of it; nothing while it does not know yet. `seconds` since the one
  // before; 0: it is the first.
  virtual std::optional<double> measure(Timestamp time, double seconds, double value) = 0;
  virtual std::string describe() const = 0;  // the last reading that was measured
  virtual void save_state(std::string& out) const = 0;
  virtual bool restore_state(ByteReader& in) = 0;

  double limit() const { return limit_; }
  double excess() const { return excess_; }  // of the last reading; below 0: it could not be measured

 private:
  double limit_;
  double excess_ = -1;
  Timestamp last_ = 0;
  bool begun_ = false;
};

}  // namespace weir::detect
