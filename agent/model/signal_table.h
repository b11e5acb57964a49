// All signals of an incarnation: paths to ids and back.
//
// Ids are dense from 1 and never given twice. Paths are unique ignoring ASCII case. There may be a million signals
// on a small box: what is known of one is packed into some tens of bytes. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
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

  SignalTable();

  // The id of this path: its own if it is known, else the next. What is known of it becomes `signal`.
  // An error if the path belongs to another driver (unless `take_over`: its driver is no more), if it is
  // spelled with other case, or if there are kMost.
  Result<SignalId> define(Signal signal, std::string_view driver, bool take_over = false);

  // Puts an entry in place that define() once made; ids come in any order.
  void restore(SignalId id, const Signal& signal, std::string_view driver);

  SignalId find(std::string_view path) const;  // exact spelling; 0: unknown
  Entry at(SignalId id) const;                 // 1 to size(); a copy
  std::string_view path(SignalId id) const;    // valid until the next define() or restore()
  std::string_view driver(SignalId id) const;  // likewise
  std::size_t size() const { return places_.size() - 1; }

  // Whether `signal` is already known just so, for this driver.
  bool knows(const Signal& signal, std::string_view driver) const;

 private:
  SignalId alike(std::string_view path) const;       // ignoring case; 0: none
  std::size_t slot_of(std::string_view path) const;  // where it stands in the index, or is to stand
  void make_room();                                  // in the index, for one more
  void put(SignalId id, std::string_view packed);

  std::string packed_;                 // the entries, each at its place; at 0 one that says nothing
  std::size_t unused_ = 0;             // bytes of entries that were replaced
  std::vector<std::uint32_t> places_;  // by id
  std::vector<SignalId> index_;        // by the hash of the path in lower case, or the next that was free; 0: free
  std::size_t indexed_ = 0;
};

}  // namespace weir::model
