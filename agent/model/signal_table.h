// All signals of an incarnation: paths to ids and back.
//
// Ids are dense from 1 and never given twice. Paths are unique ignoring ASCII case. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "model/signal.h"

namespace weir::model {

class SignalTable {
 public:
  static constexpr std::size_t kMost = 1'000'000;

  struct Entry {
    Signal signal;
    std::string driver;  // whose it is; empty: a rule's output
  };

  // The id of this path: its own if it is known, else the next. What is known of it becomes `signal`.
  // An error if the path belongs to another driver (unless `take_over`: its driver is no more), if it is
  // spelled with other case, or if there are kMost.
  Result<SignalId> define(Signal signal, std::string_view driver, bool take_over = false);

  // Puts an entry in place that define() once made; ids come in any order.
  void restore(SignalId id, Signal signal, std::string_view driver);

  SignalId find(std::string_view path) const;              // exact spelling; 0: unknown
  const Entry& at(SignalId id) const { return entries_[id - 1]; }  // 1 to size()
  std::size_t size() const { return entries_.size(); }

  // Whether `signal` is already known just so, for this driver.
  bool knows(const Signal& signal, std::string_view driver) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<Entry> entries_;
  std::unordered_map<std::string, SignalId, Hash, std::equal_to<>> by_path_;        // exact spelling
  std::unordered_map<std::string, SignalId, Hash, std::equal_to<>> by_lower_path_;  // only where that differs
};

}  // namespace weir::model
