// What `valid:` marks and `repair:` makes of random readings: see reference.h.
#include <optional>

#include "reference.h"

namespace weir::rules {
namespace {

struct Limits {
  std::optional<std::pair<double, double>> range, likely;
  std::vector<double> allowed;
  double rate = 0;        // per second; 0: none
  Nanoseconds stuck = 0;  // 0: never
  std::string repair;
};

Limits random_limits(std::mt19937& random) {
  Limits out;
  if (random() % 2 == 0) out.range = {-1.0, 15.0 + random() % 5};
  if (random() % 2 == 0) out.likely = {1.0 + random() % 3, 12.0};
  if (random() % 4 == 0)
    for (int i = -2; i < 40; ++i)
      if (random() % 4 != 0) out.allowed.push_back(i / 2.0);
  if (random() % 2 == 0) out.rate = 1.0 + random() % 8;
  if (random() % 2 == 0) out.stuck = (1 + random() % 3) * kSecond;
  out.repair = pick(random, std::array{"hold", "interpolate", "limit"});
  if (!out.range && out.repair == "limit") out.repair = "hold";
  return out;
}

std::string yaml_of(const Limits& limits) {
  const auto pair = [](const char* key, const auto& of) {
    return of ? std::string(key) + ": [" + model::to_text(model::Value(of->first)) + ", " +
                    model::to_text(model::Value(of->second)) + "], "
              : "";
  };
  std::string out =
      "valid:\n  - device: d\n    signals:\n      x: {" + pair("range", limits.range) + pair("likely", limits.likely);
  if (!limits.allowed.empty()) {
    out += "allowed: [";
    for (const double one : limits.allowed) out += model::to_text(model::Value(one)) + ", ";
    out.replace(out.size() - 2, 2, "], ");
  }
  if (limits.rate > 0) out += "rate: " + model::to_text(model::Value(limits.rate)) + " / 1s, ";
  if (limits.stuck > 0) out += "stuck: " + duration_text(limits.stuck) + ", ";
  return out + "repair: " + limits.repair + "}\nrules:\n  - {name: r, from: {x: d/x_repaired}, emit: {d/clean: x}}\n";
}

bool outside(const std::optional<std::pair<double, double>>& of, double value) {
  return of && (value < of->first || value > of->second);
}

// By itself, and against the readings before it that could be used, those that came behind another left out.
model::Quality expected_mark(const Limits& limits, const std::vector<Reading>& usable, const Reading& one) {
  if (one.quality.bad() || outside(limits.range, one.value)) return model::kBad;
  if (!limits.allowed.empty() && std::ranges::find(limits.allowed, one.value) == limits.allowed.end())
    return model::kBad;
  if (!one.quality.good() || outside(limits.likely, one.value)) return model::kUncertain;
  std::vector<Reading> before;
  for (const Reading& reading : usable)
    if (before.empty() || reading.time > before.back().time) before.push_back(reading);
  if (before.empty() || before.back().time >= one.time) return one.quality;
  const double seconds = static_cast<double>(one.time - before.back().time) / 1e9;
  if (limits.rate > 0 && std::abs(one.value - before.back().value) > limits.rate * seconds) return model::kUncertain;
  Timestamp since = one.time;
  for (auto like = before.rbegin(); like != before.rend() && like->value == one.value; ++like) since = like->time;
  return limits.stuck > 0 && one.time - since >= limits.stuck ? model::kUncertain : one.quality;
}

TEST(Reference, WhatCannotBeIsMarked) {
  for (unsigned seed = 1; seed <= seeds(150); ++seed) {
    std::mt19937 random(seed);
    const Limits limits = random_limits(random);
    const std::string yaml = yaml_of(limits);
    Driven driven(yaml, random);
    ASSERT_TRUE(driven.runs());
    driven.define(1, "d/x");
    std::vector<Reading> usable;
    double last = 0;
    for (Arrival one : arriving(random, 1, 150, kSecond, random() % 2 * 2 * kSecond)) {
      if (random() % 2 == 0) one.reading.value = last;  // it does not move
      last = one.reading.value;
      driven.reading(one);
      const model::Quality expected = expected_mark(limits, usable, one.reading);
      ASSERT_EQ(driven.marked.code >> 30, expected.code >> 30) << yaml << "seed " << seed << ": " << one.reading.value
                                                               << " at " << Plant::stamp(one.reading.time - kBegin);
      if (!expected.bad()) usable.push_back(one.reading);
    }
  }
}

TEST(Reference, WhatCannotBeIsRepaired) {
  for (unsigned seed = 1; seed <= seeds(150); ++seed) {
    std::mt19937 random(seed);
    const Limits limits = random_limits(random);
    const std::string yaml = yaml_of(limits);
    Driven driven(yaml, random);
    ASSERT_TRUE(driven.runs());
    driven.define(1, "d/x");
    const std::vector<Reading> all = in_order(arriving(random, 1, 150, kSecond, 0));
    for (const Reading& one : all) driven.reading({one.time, 1, one});

    std::vector<Reading> marked, usable;
    for (Reading one : all) {
      one.quality = expected_mark(limits, usable, one);
      marked.push_back(one);
      if (!one.quality.bad()) usable.push_back(one);
    }
    Said expected;
    const auto say = [&](Timestamp time, double value, model::Quality quality) {
      for (const char* path : {"d/x_repaired", "d/clean"})
        expected[{path, time}] = {value, nullptr, quality.code, true};
    };
    for (std::size_t i = 0; i < marked.size(); ++i) {
      const Reading &one = marked[i], *before = nullptr, *after = nullptr;
      for (std::size_t j = i; j > 0 && before == nullptr; --j)
        if (!marked[j - 1].quality.bad()) before = &marked[j - 1];
      for (std::size_t j = i + 1; j < marked.size() && after == nullptr; ++j)
        if (!marked[j].quality.bad()) after = &marked[j];
      if (!one.quality.bad()) {
        say(one.time, one.value, one.quality);
      } else if (limits.repair == "limit" && !all[i].quality.bad() && outside(limits.range, one.value)) {
        say(one.time, one.value < limits.range->first ? limits.range->first : limits.range->second,
            model::kUncertain);
      } else if (before != nullptr && limits.repair != "interpolate") {
        say(one.time, before->value, model::kUncertain);
      } else if (before != nullptr && after != nullptr) {
        const double share =
            static_cast<double>(one.time - before->time) / static_cast<double>(after->time - before->time);
        say(one.time, before->value + (after->value - before->value) * share, model::kUncertain);
      }
    }
    compare(driven.said(), expected, yaml, seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace weir::rules
