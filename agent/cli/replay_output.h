// What rules said in a replay, a line each; of two sets of rules, what only one of them said.
#pragma once

#include <array>
#include <cstdio>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "rule_test/happening.h"

namespace weir::cli {

struct ReplayShow {
  bool json = false;
  bool diff = false;
  std::string only;    // alerts, emits or writes; empty: all
  Timestamp from, to;  // event times, both included
};

class ReplayOutput {
 public:
  explicit ReplayOutput(const ReplayShow& show) : show_(show) {}

  // What was said at `arrival`, by the first or the second set of rules.
  void add(std::size_t side, Timestamp arrival, const rules::Outputs& outputs);
  // Both have said what they had to say at `arrival`. What only one of them said is shown a while later: the other
  // may come to it late.
  void stepped(Timestamp arrival);
  void end();

  bool differs() const { return differs_; }

 private:
  struct Line {
    std::size_t side = 0;
    Timestamp arrival = 0;
    std::string time, kind, name, what, json;
    std::string key() const { return time + '\n' + kind + '\n' + name + '\n' + what; }
  };
  using Lines = std::list<Line>;

  Line line(std::size_t side, Timestamp arrival, const rule_test::Happening& said) const;
  void compare(Line line);
  void show_first();
  void print(const Line& line);

  const ReplayShow show_;
  Lines waiting_;                                                           // without a match
  std::unordered_map<std::string, std::deque<Lines::iterator>> unmatched_;  // all of one key are of one side
  bool differs_ = false;
  std::size_t name_width_ = 24;
};

}  // namespace weir::cli
