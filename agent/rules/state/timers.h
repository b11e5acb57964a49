// Who is to be woken when: a binary heap whose entries can be moved and taken out.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace weir::rules {

class Timers {
 public:
  struct Entry {
    Nanoseconds wake;  // on the engine's own clock
    std::uint32_t rule, group;
  };
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;

  // Where an entry stands is kept by its owner; it is told on every move.
  class Places {
   public:
    virtual ~Places() = default;
    virtual std::uint32_t& place(std::uint32_t rule, std::uint32_t group) = 0;
  };

  explicit Timers(Places& places) : places_(places) {}

  void set(std::uint32_t rule, std::uint32_t group, Nanoseconds wake);  // adds or moves it
  void remove(std::uint32_t rule, std::uint32_t group);
  bool empty() const { return heap_.empty(); }
  const Entry& first() const { return heap_.front(); }
  Nanoseconds wake(std::uint32_t place) const { return heap_[place].wake; }
  void clear() { heap_.clear(); }  // the places are the caller's business

 private:
  void put(std::size_t at, const Entry& entry);
  void up(std::size_t at);
  void down(std::size_t at);

  Places& places_;
  std::vector<Entry> heap_;
};

}  // namespace weir::rules
