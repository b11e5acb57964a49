// Kills at random, from a seed, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "box.h"
#include "judge.h"

namespace weir::oracle {

struct Campaign {
  Bus bus = Bus::own;
  std::filesystem::path agent;
  std::uint64_t seed = 1;
  unsigned kills = 13;          // of agent, bus and driver; the cloud is cut off besides
  unsigned aimed = 50;          // per cent of the blows at the agent that wait for a bad moment
  unsigned between_looks = 50;  // after so many all comes to rest and is judged
  std::chrono::milliseconds patience{60'000};
};

struct Outcome {
  std::map<Victim, unsigned> hits;
  Verdict verdict;
  std::optional<std::string> stuck;  // it did not go on, or not come to rest, within the patience
  std::uint64_t repeats = 0, resends = 0, overheard = 0;
  ReceiverCounts received;
  std::string last_words;  // of the agent, if something was wrong

  unsigned kills() const;
  bool clean() const { return !stuck && verdict.violations.empty(); }
  std::string text() const;
};

// Ends with the first look that finds something.
Outcome run(const Campaign& campaign);

}  // namespace weir::oracle
