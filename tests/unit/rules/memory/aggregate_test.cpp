#include "rules/memory/aggregate.h"

#include <gmock/gmock.h>

#include <bit>
#include <limits>

#include "../readings.h"

namespace weir::rules {
namespace {

using Kind = AggregateKind;

Timestamp at(double seconds) { return kStart + static_cast<Timestamp>(seconds * 1e9); }

Accumulator gather(const Aggregate& aggregate, const std::vector<Came>& readings) {
  Accumulator out;
  for (const Came& one : readings) add(aggregate, out, one.time, one.result());
  return out;
}

Result3 say(const Aggregate& aggregate, const Accumulator& of, Timestamp end) {
  std::uint64_t arithmetic = 0;
  return finish(aggregate, of, end, arithmetic);
}

Result3 say(Kind kind, const std::vector<Came>& readings, Timestamp end, Nanoseconds hold = kForever) {
  const Aggregate aggregate = aggregate_of(kind, hold);
  return say(aggregate, gather(aggregate, readings), end);
}

std::string saved(const Aggregate& aggregate, const Accumulator& of) {
  std::string out;
  save(aggregate, of, out);
  return out;
}

TEST(Aggregate, IsFoundByItsName) {
  for (const Kind kind : kAllKinds) {
    ASSERT_NE(find_aggregate(to_text(kind)), nullptr) << to_text(kind);
    EXPECT_EQ(*find_aggregate(to_text(kind)), kind);
  }
  EXPECT_EQ(to_text(Kind::count_good), "count_good");
  EXPECT_EQ(find_aggregate("average"), nullptr);
}

TEST(Aggregate, OfAFewReadings) {
  const std::vector<Came> readings = {{at(0), 4}, {at(1), 0}, {at(3), 4}, {at(4), 10, model::kUncertain.code}};
  const std::map<std::string, double> expected = {{"count", 4},       {"count_true", 3},  {"count_good", 3},
                                                  {"sum", 18},        {"mean", 4.5},      {"min", 0},
                                                  {"max", 10},        {"first", 4},       {"last", 10},
                                                  {"variance", 17},   {"median", 4},      {"quantile", 8.2},
                                                  {"mode", 4},        {"distinct", 3},    {"integral", 18},
                                                  {"time_mean", 3.6}, {"slope", 1.6},     {"span", 4},
                                                  {"increase", 10},   {"duration_of", 3}, {"stddev", std::sqrt(17)}};
  ASSERT_EQ(expected.size(), std::size(kAllKinds));
  for (const auto& [name, number] : expected) {
    const Result3 said = say(*find_aggregate(name), readings, at(5));
    EXPECT_TRUE(said.known) << name;
    EXPECT_DOUBLE_EQ(said.number, number) << name;
    EXPECT_EQ(said.quality, name == "count_good" ? 0 : model::kUncertain.code) << name;
  }
}

TEST(Aggregate, OfNothingIsUnknownButForCounts) {
  for (const Kind kind : kAllKinds) {
    const bool counts =
        kind == Kind::count || kind == Kind::count_true || kind == Kind::count_good || kind == Kind::distinct;
    EXPECT_EQ(say(kind, {}, at(60)).known, counts) << to_text(kind);
    const Result3 said = say(kind, {{at(0), 1, 0, false}}, at(60));
    EXPECT_EQ(said.known, counts) << to_text(kind);
    if (!counts) continue;
    EXPECT_EQ(said.quality, kind == Kind::count_good ? 0 : model::kUncertainSubNormal.code) << to_text(kind);
  }
}

TEST(Aggregate, CountOfAConditionIsHowOftenItWasTrue) {
  Aggregate aggregate = aggregate_of(Kind::count);
  aggregate.of_truth = true;
  const Accumulator of = gather(aggregate, {{at(0), 1}, {at(1), 0}, {at(2), 1}, {at(3), 0, 0, false}});
  EXPECT_EQ(say(aggregate, of, at(4)).number, 2);
}

TEST(Aggregate, FirstLastModeAndDistinctOfTexts) {
  const std::string open = "open", shut = "shut";
  for (const auto& [kind, text] :
       std::map<Kind, std::string>{{Kind::first, open}, {Kind::last, open}, {Kind::mode, shut}}) {
    Aggregate aggregate = aggregate_of(kind);
    aggregate.of_text = true;
    Accumulator early, late;
    add(aggregate, early, at(0), {0, &open, 0, true});
    add(aggregate, early, at(1), {0, &shut, 0, true});
    add(aggregate, late, at(2), {0, &shut, 0, true});
    add(aggregate, late, at(3), {0, &open, 0, true});
    add(aggregate, late, at(3), {0, &open, 0, false});
    merge(aggregate, early, late);
    if (kind == Kind::mode) add(aggregate, early, at(4), {0, &shut, 0, true});
    const Result3 said = say(aggregate, early, at(5));
    ASSERT_TRUE(said.known && said.text) << to_text(kind);
    EXPECT_EQ(*said.text, text) << to_text(kind);
    Accumulator again;
    const std::string bytes = saved(aggregate, early);
    ByteReader reader(bytes);
    ASSERT_TRUE(restore(aggregate, again, reader));
    EXPECT_EQ(*say(aggregate, again, at(5)).text, text);
  }
}

TEST(Aggregate, AValueHoldsUntilTheNextButNoLongerThanItMay) {
  const std::vector<Came> readings = {{at(0), 2}, {at(20), 3}};
  EXPECT_DOUBLE_EQ(say(Kind::integral, readings, at(60), 10 * kSecond).number, 2 * 10 + 3 * 10);
  EXPECT_DOUBLE_EQ(say(Kind::time_mean, readings, at(60), 10 * kSecond).number, 2.5);
  EXPECT_DOUBLE_EQ(say(Kind::duration_of, readings, at(60), 10 * kSecond).number, 20);
  EXPECT_DOUBLE_EQ(say(Kind::integral, readings, at(60)).number, 2 * 20 + 3 * 40);
}

TEST(Aggregate, WhatIsUnknownEndsTheHolding) {
  const std::vector<Came> readings = {{at(0), 2}, {at(5), 0, 0, false}, {at(20), 3}};
  EXPECT_DOUBLE_EQ(say(Kind::integral, readings, at(30)).number, 2 * 5 + 3 * 10);
  EXPECT_DOUBLE_EQ(say(Kind::time_mean, readings, at(30)).number, 40.0 / 15);
}

TEST(Aggregate, TimeMeanOfNoTimeIsTheValue) { EXPECT_EQ(say(Kind::time_mean, {{at(0), 7}}, at(0)).number, 7); }

TEST(Aggregate, ANewWindowBeginsWithWhatHeld) {
  const Aggregate aggregate = aggregate_of(Kind::duration_of, 100 * kSecond);
  Accumulator window = next_window(aggregate, gather(aggregate, {{at(50), 1}}), at(60));
  EXPECT_EQ(window.count(), 0U);
  EXPECT_FALSE(window.empty());
  EXPECT_DOUBLE_EQ(say(aggregate, window, at(120)).number, 60);
  window = next_window(aggregate, window, at(120));
  EXPECT_DOUBLE_EQ(say(aggregate, window, at(180)).number, 30);  // it began to hold at 50
  window = next_window(aggregate, window, at(180));
  EXPECT_TRUE(window.empty());
  EXPECT_FALSE(say(aggregate, window, at(240)).known);
  EXPECT_TRUE(next_window(aggregate, gather(aggregate, {{at(0), 1}}), at(100)).empty());  // it held up to there
}

TEST(Aggregate, ACounterIsCountedOnAcrossWindowsResetsAndGaps) {
  const Aggregate aggregate = aggregate_of(Kind::increase, 10 * kSecond);
  EXPECT_EQ(say(Kind::increase, {{at(0), 100}}, at(60)).number, 0);
  EXPECT_EQ(
      say(Kind::increase, {{at(0), 100}, {at(1), 0, 0, false}, {at(50), 110}, {at(51), 4}}, at(60), 10 * kSecond)
          .number,
      14);
  Accumulator window = next_window(aggregate, gather(aggregate, {{at(0), 100}}), at(60));
  EXPECT_TRUE(window.empty());  // what it says, alone, is nothing
  EXPECT_FALSE(say(aggregate, window, at(120)).known);
  add(aggregate, window, at(70), Came{at(70), 130}.result());
  EXPECT_EQ(say(aggregate, window, at(120)).number, 30);
  window = next_window(aggregate, gather(aggregate, {{at(59), 100}}), at(60));
  EXPECT_FALSE(window.empty());
  EXPECT_EQ(say(aggregate, window, at(61)).number, 0);
}

TEST(Aggregate, LosesNothingToTheDateOrToALargeOffset) {
  const Aggregate slope = aggregate_of(Kind::slope), variance = aggregate_of(Kind::variance),
                  sum = aggregate_of(Kind::sum);
  Accumulator slopes, variances, sums;
  for (int i = 0; i < 1'000'000; ++i) {
    const Timestamp time = kStart + i * kMillisecond;
    add(slope, slopes, time, {1e6 + 0.25 * i / 1000, nullptr, 0, true});
    add(variance, variances, time, {1e9 + i % 2, nullptr, 0, true});
    add(sum, sums, time, {0.1, nullptr, 0, true});
  }
  EXPECT_NEAR(say(slope, slopes, kStart).number, 0.25, 1e-7);
  EXPECT_NEAR(say(variance, variances, kStart).number, 0.25 * 1e6 / (1e6 - 1), 1e-9);
  EXPECT_DOUBLE_EQ(say(sum, sums, kStart).number, 1e5);
}

TEST(Aggregate, WhatIsTooLargeIsUnknownAndCounted) {
  const Aggregate aggregate = aggregate_of(Kind::sum);
  const double most = std::numeric_limits<double>::max();
  const Accumulator of = gather(aggregate, {{at(0), most}, {at(1), most}});
  std::uint64_t arithmetic = 0;
  EXPECT_FALSE(finish(aggregate, of, at(2), arithmetic).known);
  EXPECT_EQ(arithmetic, 1U);
}

// Windows of one series one after the other, some of them without readings, each against the list.
TEST(AggregateProperty, SaysWhatAListSays) {
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    const std::vector<Came> readings = random_readings(random, 60);
    const Nanoseconds hold =
        random() % 2 == 0 ? kForever : static_cast<Nanoseconds>(random() % 3'000 + 1) * kMillisecond;
    std::vector<Timestamp> ends;
    for (Timestamp end = kStart; end < readings.back().time + 5 * kSecond; ends.push_back(end))
      end += random() % 3 == 0 && end < readings.back().time
                 ? std::ranges::find_if(
                       readings,
                       [&](const Came& one) {
                         return one.time > end;
                       })->time -
                       end
                 : static_cast<Timestamp>(random() % 5'000 + 1) * kMillisecond;
    for (const Kind kind : kAllKinds) {
      Aggregate aggregate = aggregate_of(kind, hold);
      aggregate.of_truth = round % 2 == 0;
      Accumulator window;
      Timestamp begin = kLongAgo;
      std::vector<Came> before, in;
      auto next = readings.begin();
      for (const Timestamp end : ends) {
        for (; next != readings.end() && next->time < end; ++next) {
          in.push_back(*next);
          add(aggregate, window, next->time, next->result());
        }
        ASSERT_NO_FATAL_FAILURE(expect_same(say(aggregate, window, end), obvious(aggregate, before, in, begin, end),
                                            std::string(to_text(kind)) + " in round " + std::to_string(round)));
        window = next_window(aggregate, window, end);
        std::ranges::move(in, std::back_inserter(before));
        in.clear();
        begin = end;
      }
    }
  }
}

// However the readings are split, and whatever is merged first.
TEST(AggregateProperty, MergesIntoWhatBothWouldHaveGathered) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    const std::vector<Came> readings = random_readings(random, 40);
    const Nanoseconds hold =
        random() % 2 == 0 ? kForever : static_cast<Nanoseconds>(random() % 3'000 + 1) * kMillisecond;
    const Timestamp end = readings.back().time + 3 * kSecond;
    for (const Kind kind : kAllKinds) {
      const Aggregate aggregate = aggregate_of(kind, hold);
      const bool panes = random() % 2 == 0;  // each begins with what held
      std::vector<Accumulator> parts(1);
      for (const Came& one : readings) {
        for (Timestamp back = 500'000; random() % 6 == 0 && back > 0; back -= 100'000)
          parts.push_back(panes ? next_window(aggregate, parts.back(), one.time - back) : Accumulator());
        add(aggregate, parts.back(), one.time, one.result());
      }
      while (parts.size() > 1) {
        const std::size_t i = random() % (parts.size() - 1);
        merge(aggregate, parts[i], parts[i + 1]);
        parts.erase(parts.begin() + static_cast<long>(i) + 1);
      }
      const std::string what = std::string(to_text(kind)) + " in round " + std::to_string(round);
      const Accumulator whole = gather(aggregate, readings);
      EXPECT_EQ(parts.front().count(), whole.count()) << what;
      ASSERT_NO_FATAL_FAILURE(expect_same(say(aggregate, parts.front(), end), say(aggregate, whole, end), what));
    }
  }
}

TEST(AggregateProperty, IsTheSameBitForBitHoweverOftenItIsRestored) {
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    const std::vector<Came> readings = random_readings(random, 200);
    for (const Kind kind : kAllKinds) {
      const Aggregate aggregate = aggregate_of(kind, 2 * kSecond);
      Accumulator through, stopped;
      for (const Came& one : readings) {
        // Many different values, so that those that count come to their buckets.
        const Result3 value{one.value * static_cast<double>(random() % 1000), nullptr, one.quality, one.known};
        add(aggregate, through, one.time, value);
        add(aggregate, stopped, one.time, value);
        if (random() % 10 != 0) continue;
        const std::string bytes = saved(aggregate, stopped);
        ByteReader in(bytes);
        ASSERT_TRUE(restore(aggregate, stopped, in) && in.at_end()) << to_text(kind);
      }
      ASSERT_TRUE(saved(aggregate, stopped) == saved(aggregate, through)) << to_text(kind);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(say(aggregate, stopped, at(99'999)).number),
                std::bit_cast<std::uint64_t>(say(aggregate, through, at(99'999)).number));
    }
  }
}

TEST(Aggregate, TimesOutOfBoundsAreRefused) {
  const Aggregate aggregate = aggregate_of(Kind::time_mean);
  const auto comes_back = [&](Timestamp from, Timestamp to) {
    Accumulator of = gather(aggregate, {{at(0), 1}}), again;
    of.from = from;
    of.to = to;
    const std::string bytes = saved(aggregate, of);
    ByteReader in(bytes);
    return restore(aggregate, again, in);
  };
  EXPECT_TRUE(comes_back(at(0), at(0)));
  EXPECT_FALSE(comes_back(kLongAgo + 1, at(0)));
  EXPECT_FALSE(comes_back(at(0), kNever - 1));
}

TEST(Aggregate, DamagedStateIsRefusedOrHarmless) {
  std::mt19937 random(4);
  const std::string text = "text";
  for (const Kind kind : kAllKinds) {
    for (const bool of_text : {false, true}) {
      Aggregate aggregate = aggregate_of(kind, kSecond);
      aggregate.of_text = of_text;
      Accumulator of;
      for (const Came& one : random_readings(random, 200))
        add(aggregate, of, one.time, {one.value, &text, one.quality, one.known});
      const std::string good = saved(aggregate, of);
      for (std::size_t size = 0; size < good.size(); size += 1 + good.size() / 200) {
        Accumulator again;
        ByteReader in(std::string_view(good).substr(0, size));
        ASSERT_FALSE(restore(aggregate, again, in)) << to_text(kind) << " of " << size;
      }
      for (int i = 0; i < 500; ++i) {
        std::string bytes = good;
        for (unsigned flips = random() % 4 + 1; flips > 0; --flips)
          bytes[random() % bytes.size()] = static_cast<char>(random());
        Accumulator again, other;
        ByteReader in(bytes);
        if (!restore(aggregate, again, in)) continue;
        add(aggregate, again, at(1e6), {1, &text, 0, true});
        merge(aggregate, again, of);
        merge(aggregate, other, again);
        say(aggregate, next_window(aggregate, again, at(2e6)), at(3e6));
        say(aggregate, other, at(3e6));
      }
    }
  }
}

}  // namespace
}  // namespace weir::rules
