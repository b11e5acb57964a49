#include "rules/memory/sliding_window.h"

#include <gmock/gmock.h>

#include <bit>

#include "../readings.h"

namespace weir::rules {
namespace {

using Kind = AggregateKind;

Result3 say(const Aggregate& aggregate, const SlidingWindow& window, Timestamp begin, Timestamp end) {
  std::uint64_t arithmetic = 0;
  return window.finish(aggregate, begin, end, arithmetic);
}

std::string saved(const Aggregate& aggregate, const SlidingWindow& window) {
  std::string out;
  window.save(aggregate, out);
  return out;
}

std::string where(Kind kind, int round, std::size_t i) {
  return std::string(to_text(kind)) + " in round " + std::to_string(round) + " at " + std::to_string(i);
}

Aggregate random_aggregate(std::mt19937& random, Kind kind) {
  return aggregate_of(kind,
                      random() % 2 == 0 ? kForever : static_cast<Nanoseconds>(random() % 3'000 + 1) * kMillisecond);
}

using List = std::vector<Came>;

List part(const List& of, std::size_t from, std::size_t to) {
  return {of.begin() + static_cast<long>(from), of.begin() + static_cast<long>(to)};
}

TEST(SlidingWindowProperty, TrailingWindowSaysWhatAListSays) {
  std::mt19937 random(1);
  for (int round = 0; round < 5; ++round) {
    const List readings = random_readings(random, 150);
    const Nanoseconds span = static_cast<Nanoseconds>(random() % 30'000 + 100) * kMillisecond;
    for (const Kind kind : kAllKinds) {
      const Aggregate aggregate = random_aggregate(random, kind);
      SlidingWindow window;
      for (std::size_t i = 0, first = 0; i < readings.size(); ++i) {
        const Timestamp time = readings[i].time;
        window.add(aggregate, span, time, readings[i].result());
        // Asked as it comes, and once more while nothing comes.
        for (const Timestamp now :
             {time, time + (i + 1 < readings.size() ? (readings[i + 1].time - time) / 2 : kMinute)}) {
          while (first <= i && readings[first].time <= now - span) ++first;
          window.drop_until(aggregate, now - span);
          ASSERT_NO_FATAL_FAILURE(
              expect_same(say(aggregate, window, now - span, now),
                          obvious(aggregate, part(readings, 0, first), part(readings, first, i + 1), now - span, now),
                          where(kind, round, i)));
        }
      }
    }
  }
}

TEST(SlidingWindowProperty, TheLastReadingsSayWhatAListSays) {
  std::mt19937 random(2);
  for (const std::size_t count : {1U, 16U, 17U, 100U}) {
    const List readings = random_readings(random, 250);
    for (const Kind kind : kAllKinds) {
      const Aggregate aggregate = random_aggregate(random, kind);
      SlidingWindow window;
      for (std::size_t i = 0; i < readings.size(); ++i) {
        window.add(aggregate, kForever, readings[i].time, readings[i].result());
        window.keep_last(aggregate, count);
        if (random() % 3 != 0) continue;
        const List in = part(readings, i + 1 > count ? i + 1 - count : 0, i + 1);
        ASSERT_NO_FATAL_FAILURE(expect_same(say(aggregate, window, kLongAgo, readings[i].time),
                                            obvious(aggregate, {}, in, kLongAgo, readings[i].time),
                                            where(kind, static_cast<int>(count), i)));
      }
    }
  }
}

TEST(SlidingWindowProperty, PanesSayWhatAListSays) {
  std::mt19937 random(3);
  for (int round = 0; round < 10; ++round) {
    const List readings = random_readings(random, 100);
    const Nanoseconds every = static_cast<Nanoseconds>(random() % 3'000 + 1) * kMillisecond;
    const Nanoseconds size = every * (random() % 40 + 1);
    for (const Kind kind : kAllKinds) {
      const Aggregate aggregate = random_aggregate(random, kind);
      SlidingWindow window;
      Accumulator pane;
      std::size_t next = 0, first = 0;
      for (Timestamp end = kStart + every; end < readings.back().time + size; end += every) {
        for (; next < readings.size() && readings[next].time < end; ++next)
          add(aggregate, pane, readings[next].time, readings[next].result());
        Accumulator following = next_window(aggregate, pane, end);
        if (!pane.empty()) window.add(aggregate, end, std::move(pane));
        pane = std::move(following);
        window.drop_until(aggregate, end - size);
        while (first < next && readings[first].time < end - size) ++first;
        ASSERT_NO_FATAL_FAILURE(
            expect_same(say(aggregate, window, end - size, end),
                        obvious(aggregate, part(readings, 0, first), part(readings, first, next), end - size, end),
                        where(kind, round, next)));
      }
    }
  }
}

// However many come: few stretches, and a window that begins at most 1/64 of its length early.
TEST(SlidingWindow, StaysSmallAndBeginsLittleTooEarly) {
  std::mt19937 random(4);
  const Nanoseconds span = kHour;
  const Aggregate aggregate = aggregate_of(Kind::count);
  SlidingWindow window;
  std::vector<Timestamp> times;
  Timestamp time = kStart;
  std::size_t exact_begin = 0, early_begin = 0;
  for (int i = 0; i < 50'000; ++i) {
    time += static_cast<Timestamp>(random() % 1'000) * (i % 10'000 < 100 ? 500 : 1) * kMillisecond;
    times.push_back(time);
    window.add(aggregate, span, time, {1, nullptr, 0, true});
    ASSERT_LE(window.stretches(), kMostStretches);
    while (times[exact_begin] <= time - span) ++exact_begin;
    while (times[early_begin] <= time - span - span / 64) ++early_begin;
    const double count = say(aggregate, window, time - span, time).number;
    ASSERT_GE(count, static_cast<double>(times.size() - exact_begin)) << i;
    ASSERT_LE(count, static_cast<double>(times.size() - early_begin)) << i;
  }
  EXPECT_LT(window.bytes(), 50'000U);
}

TEST(SlidingWindow, IsExactAgainWhenThereAreFew) {
  const Aggregate aggregate = aggregate_of(Kind::count);
  SlidingWindow window;
  Timestamp time = kStart;
  for (int i = 0; i < 10'000; ++i) window.add(aggregate, kMinute, time += 10 * kMillisecond, {1, nullptr, 0, true});
  for (int i = 0; i < 100; ++i) window.add(aggregate, kMinute, time += kSecond, {1, nullptr, 0, true});
  EXPECT_EQ(say(aggregate, window, time - kMinute, time).number, 60);
  EXPECT_EQ(window.stretches(), 60U);
}

TEST(SlidingWindow, OfTexts) {
  const std::vector<std::string> texts = {"a", "b", "b", "c", "a", "a", "b"};
  const auto after = [&](Kind kind, std::size_t count) {
    Aggregate aggregate = aggregate_of(kind);
    aggregate.of_text = true;
    SlidingWindow window, again;
    for (std::size_t i = 0; i < texts.size(); ++i)
      window.add(aggregate, kForever, kStart + static_cast<Timestamp>(i), {0, &texts[i], 0, true});
    window.keep_last(aggregate, count);
    const std::string bytes = saved(aggregate, window);
    ByteReader in(bytes);
    EXPECT_TRUE(again.restore(aggregate, in) && in.at_end());
    const Result3 said = say(aggregate, again, kLongAgo, kStart + 10);
    return said.text ? *said.text : std::to_string(static_cast<int>(said.number));
  };
  EXPECT_EQ(after(Kind::first, 3), "a");
  EXPECT_EQ(after(Kind::last, 3), "b");
  EXPECT_EQ(after(Kind::mode, 3), "a");
  EXPECT_EQ(after(Kind::mode, 6), "b");  // as often as a? no: b, b, c, a, a, b
  EXPECT_EQ(after(Kind::distinct, 3), "2");
  EXPECT_EQ(after(Kind::distinct, 4), "3");
}

TEST(SlidingWindowProperty, IsTheSameBitForBitHoweverOftenItIsRestored) {
  std::mt19937 random(5);
  for (int round = 0; round < 4; ++round) {
    const List readings = random_readings(random, 1'000);
    const bool last = round % 2 == 0;
    const Nanoseconds span = last ? kForever : (readings.back().time - readings.front().time) / (round == 1 ? 2 : 20);
    for (const Kind kind : kAllKinds) {
      const Aggregate aggregate = random_aggregate(random, kind);
      SlidingWindow through, stopped;
      for (const Came& one : readings) {
        const Result3 value{one.value * static_cast<double>(random() % 1000), nullptr, one.quality, one.known};
        for (SlidingWindow* window : {&through, &stopped}) {
          window->add(aggregate, span, one.time, value);
          if (last) window->keep_last(aggregate, 300);
        }
        if (random() % 40 != 0) continue;
        const std::string bytes = saved(aggregate, stopped);
        ASSERT_TRUE(bytes == saved(aggregate, through)) << to_text(kind);
        ByteReader in(bytes);
        ASSERT_TRUE(stopped.restore(aggregate, in) && in.at_end()) << to_text(kind);
        const Timestamp begin = last ? kLongAgo : one.time - span;
        ASSERT_EQ(std::bit_cast<std::uint64_t>(say(aggregate, stopped, begin, one.time).number),
                  std::bit_cast<std::uint64_t>(say(aggregate, through, begin, one.time).number))
            << to_text(kind);
      }
    }
  }
}

TEST(SlidingWindow, DamagedStateIsRefusedOrHarmless) {
  SlidingWindow more_turned_than_there_is;
  ByteReader nothing(std::string_view("\0\5", 2));
  EXPECT_FALSE(more_turned_than_there_is.restore(aggregate_of(Kind::sum), nothing));
  std::mt19937 random(6);
  for (const Kind kind : kAllKinds) {
    const Aggregate aggregate = aggregate_of(kind, kSecond);
    SlidingWindow window;
    Timestamp time = kStart;
    for (int i = 0; i < 300; ++i)
      window.add(aggregate, kMinute, time += 200 * kMillisecond,
                 {static_cast<double>(random() % 500), nullptr, 0, i % 7 != 0});
    const std::string good = saved(aggregate, window);
    for (std::size_t size = 0; size < good.size(); size += 1 + good.size() / 200) {
      SlidingWindow again;
      ByteReader in(std::string_view(good).substr(0, size));
      ASSERT_FALSE(again.restore(aggregate, in)) << to_text(kind) << " of " << size;
    }
    for (int i = 0; i < 100; ++i) {
      std::string bytes = good;
      for (unsigned flips = random() % 4 + 1; flips > 0; --flips)
        bytes[random() % (random() % 2 == 0 ? 40 : bytes.size())] = static_cast<char>(random());
      SlidingWindow again;
      ByteReader in(bytes);
      if (!again.restore(aggregate, in)) continue;
      for (int k = 0; k < 100; ++k) {
        again.add(aggregate, kMinute, time + k * kSecond, {1, nullptr, 0, k % 3 != 0});
        say(aggregate, again, time + k * kSecond - kMinute, time + k * kSecond);
      }
      again.keep_last(aggregate, 0);
      say(aggregate, again, kLongAgo, time + kHour);
    }
  }
}

// What was added by itself goes as part of many: none of it may stay.
TEST(SlidingWindow, QuantilesForgetALevelThatIsOver) {
  for (const double q : {0.02, 0.5, 0.98}) {
    const Aggregate aggregate{AggregateKind::quantile, {}, {}, q, kForever, false, false};
    SlidingWindow window;
    std::uint64_t arithmetic = 0;
    for (int i = 0; i < 4 * 18'000; ++i) {
      const double value = (i < 18'000 ? 1'000 : 1'500) + static_cast<double>(i * 7'919 % 2'000) / 100;
      window.add(aggregate, kHour, i * 200 * kMillisecond, {value, nullptr, 0, true});
    }
    const Timestamp end = 4 * kHour;
    EXPECT_NEAR(window.finish(aggregate, end - kHour, end, arithmetic).number, 1'500 + 20 * q, 4) << q;
  }
}

}  // namespace
}  // namespace weir::rules
