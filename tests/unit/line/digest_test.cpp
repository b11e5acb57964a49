#include "line/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "codec/codec.h"
#include "line/gaps.h"
#include "line/thinning.h"
#include "weir/v1/uplink.pb.h"

namespace weir::line {
namespace {

using store::Replaced;
using store::Stream;
using testing::ElementsAre;

const std::string kLife = "0123456789abcdef";
constexpr Timestamp kNow = 1'763'683'200 * kSecond;  // a multiple of a day

std::string body(const std::vector<model::Series>& series, const std::vector<v1::Gap>& gaps = {}) {
  v1::RawRecord raw;
  v1::BatchTaken& batch = *raw.add_batches();
  batch.set_driver("modbus");
  batch.set_series(static_cast<std::uint32_t>(series.size()));
  for (const v1::Gap& gap : gaps) *raw.add_gaps() = gap;
  if (!series.empty()) codec::encode(series, *raw.mutable_readings());
  return raw.SerializeAsString();
}

// Records of a stream, numbered from `first`.
struct Records {
  Stream stream = Stream::raw;
  std::vector<store::Record> records = {};
  store::StreamSeq first = 1;

  void add(std::string text) { records.push_back({stream, first + records.size(), std::move(text)}); }
  Replaced replaced() const { return {stream, kLife, first, first + records.size() - 1, records}; }
  std::size_t bytes() const {
    std::size_t out = 0;
    for (const store::Record& record : records) out += record.body.size();
    return out;
  }
};

v1::RawRecord parsed(const std::string& text) {
  v1::RawRecord out;
  EXPECT_TRUE(out.ParseFromString(text));
  return out;
}

std::vector<model::Series> decoded(const std::string& block) {
  if (block.empty()) return {};
  auto out = codec::decode(block);
  EXPECT_TRUE(out);
  return out ? std::move(*out) : std::vector<model::Series>();
}

// "raw 1-3: 3 records, 12 readings, 5..9, thinned" or "modbus: 4 readings, 5..9, driver-restarted".
std::string text_of(const v1::Gap& gap) {
  std::string out = gap.driver();
  if (gap.stream() != v1::STREAM_UNSPECIFIED) {
    out += store::to_text(static_cast<Stream>(gap.stream()));
    out += " " + std::to_string(gap.first()) + "-" + std::to_string(gap.last()) + ": " +
           std::to_string(gap.records()) + " records";
    EXPECT_EQ(gap.incarnation(), kLife);
  }
  return out + ", " + std::to_string(gap.count()) + " readings, " + std::to_string(gap.from()) + ".." +
         std::to_string(gap.to()) + ", " + gap.reason();
}

std::vector<std::string> gaps_of(const std::string& text) {
  std::vector<std::string> out;
  const v1::RawRecord record = parsed(text);
  for (const v1::Gap& gap : record.gaps()) out.push_back(text_of(gap));
  return out;
}

v1::Gap driver_gap(const std::string& driver, std::uint64_t count, Timestamp from, Timestamp to) {
  v1::Gap gap;
  gap.set_driver(driver);
  gap.set_reason("driver-restarted");
  gap.set_count(count);
  gap.set_from(from);
  gap.set_to(to);
  return gap;
}

// Of all summaries together.
std::int64_t total_of(const v1::RawRecord& thinned) {
  const std::vector<model::Series> series = decoded(thinned.readings());
  std::int64_t total = 0;
  for (std::size_t i = 3; i < series.size(); i += 4)
    for (const std::int64_t count : std::get<std::vector<std::int64_t>>(series[i].values)) total += count;
  return total;
}

// A signal at 1 Hz for so many seconds from kNow on.
model::Series second_by_second(model::SignalId id, int count, Timestamp from = kNow) {
  model::Series out;
  out.signal = id;
  for (int i = 0; i < count; ++i)
    out.append({from + i * kSecond, 20 + std::round(100 * std::sin(i * 0.7)) / 10, model::kGood});
  return out;
}

// What the digest is to say, computed in the slow and obvious way: each reading is put into its interval, and all
// of an interval are looked at together.
class Reference {
 public:
  void add(const std::vector<model::Series>& series) {
    for (const model::Series& one : series)
      for (std::size_t i = 0; i < one.size(); ++i) readings_[one.signal].push_back(one.reading(i));
  }

  // Each signal is there in one form, and that form says what its readings were.
  void compare(const v1::RawRecord& thinned) {
    const std::vector<model::Series> series = decoded(thinned.readings());
    std::size_t at = 0;
    std::map<model::SignalId, int> seen;
    for (const v1::Thinned& head : thinned.thinned()) {
      for (unsigned k = 0; k < head.signals(); ++k) {
        ASSERT_LT(at, series.size());
        const model::SignalId id = series[at].signal;
        SCOPED_TRACE("signal " + std::to_string(id));
        ++seen[id];
        switch (head.form()) {
          case v1::Thinned::SUMMARY:
            summary(id, head.interval(), std::span(series).subspan(at, 4));
            at += 4;
            break;
          case v1::Thinned::LATEST:
            latest(id, head.interval(), std::span(series).subspan(at, 2));
            at += 2;
            break;
          default: original(id, series[at]); at += 1;
        }
        ++forms[head.form()];
        longest = std::max(longest, head.interval());
      }
    }
    EXPECT_EQ(at, series.size());
    EXPECT_EQ(seen.size(), readings_.size());
    for (const auto& [id, times] : seen) EXPECT_EQ(times, 1) << "signal " << id;
  }

  std::map<int, int> forms;  // how often each was seen
  Nanoseconds longest = 0;

 private:
  static Timestamp begin_of(Timestamp time, Nanoseconds interval) {
    constexpr auto kLeast = std::numeric_limits<Timestamp>::min();
    const Timestamp number = time / interval - (time % interval < 0 ? 1 : 0);
    return number < kLeast / interval ? kLeast : number * interval;
  }
  std::map<Timestamp, std::vector<model::Reading>> divided(model::SignalId id, Nanoseconds interval) {
    std::map<Timestamp, std::vector<model::Reading>> out;
    for (const model::Reading& reading : readings_[id]) out[begin_of(reading.time, interval)].push_back(reading);
    return out;
  }
  static long double number(const model::Value& value) {
    if (const auto* it = std::get_if<bool>(&value)) return *it ? 1 : 0;
    if (const auto* it = std::get_if<std::int64_t>(&value)) return static_cast<double>(*it);
    return std::get<double>(value);
  }
  static unsigned severity(model::Quality quality) { return quality.bad() ? 2 : quality.uncertain() ? 1 : 0; }

  void summary(model::SignalId id, Nanoseconds interval, std::span<const model::Series> series) {
    const auto expected = divided(id, interval);
    for (const model::Series& one : series) {
      ASSERT_EQ(one.size(), expected.size());
      ASSERT_EQ(one.signal, id);
    }
    std::size_t i = 0;
    for (const auto& [begin, readings] : expected) {
      long double least = std::numeric_limits<long double>::infinity(), most = -least, sum = 0, size = 0;
      std::int64_t count = 0;
      unsigned worst = 0, worst_counted = 0;
      for (const model::Reading& reading : readings) {
        const long double value = number(reading.value);
        const bool usable = !reading.quality.bad() && std::isfinite(value);
        worst = std::max(worst, usable ? severity(reading.quality) : 2);
        if (!usable) continue;
        worst_counted = std::max(worst_counted, severity(reading.quality));
        least = std::min(least, value);
        most = std::max(most, value);
        sum += value;
        size += std::fabs(value);
        ++count;
      }
      for (const model::Series& one : series) ASSERT_EQ(one.times[i], begin);
      ASSERT_EQ(std::get<std::int64_t>(series[3].value(i)), count);
      EXPECT_EQ(severity(series[3].quality(i)), worst);
      for (int k = 0; k < 3; ++k) EXPECT_EQ(severity(series[k].quality(i)), count > 0 ? worst_counted : 2U);
      const double min = std::get<double>(series[0].value(i)), mean = std::get<double>(series[1].value(i)),
                   max = std::get<double>(series[2].value(i));
      if (count == 0) {
        EXPECT_EQ(min, 0);
        EXPECT_EQ(mean, 0);
        EXPECT_EQ(max, 0);
      } else {
        EXPECT_EQ(min, static_cast<double>(least));
        EXPECT_EQ(max, static_cast<double>(most));
        EXPECT_LE(min, mean);
        EXPECT_LE(mean, max);
        // The readings have one digit or all of them: a mean has three more.
        EXPECT_NEAR(mean, static_cast<double>(sum / count), rounding + 1e-15 * static_cast<double>(size / count));
      }
      ++i;
    }
  }

  void latest(model::SignalId id, Nanoseconds interval, std::span<const model::Series> series) {
    const auto expected = divided(id, interval);
    ASSERT_EQ(series[0].size(), expected.size());
    ASSERT_EQ(series[1].times, series[0].times);
    std::size_t i = 0;
    for (const auto& [begin, readings] : expected) {
      const model::Reading* last = nullptr;
      unsigned worst = 0;
      for (const model::Reading& reading : readings) {
        worst = std::max(worst, severity(reading.quality));
        const bool better = last == nullptr || (last->quality.bad() && !reading.quality.bad());
        const bool worse = last != nullptr && !last->quality.bad() && reading.quality.bad();
        if (better || (!worse && reading.time >= last->time)) last = &reading;
      }
      EXPECT_EQ(series[0].times[i], begin);
      if (exactly_latest) {
        EXPECT_EQ(series[0].value(i), last->value);
        EXPECT_EQ(series[0].quality(i), last->quality);
      } else {
        EXPECT_TRUE(std::ranges::any_of(readings, [&](const model::Reading& reading) {
          return reading.value == series[0].value(i) && reading.quality == series[0].quality(i) &&
                 reading.quality.bad() == last->quality.bad();
        }));
      }
      EXPECT_EQ(std::get<std::int64_t>(series[1].value(i)), static_cast<std::int64_t>(readings.size()));
      EXPECT_EQ(severity(series[1].quality(i)), worst);
      ++i;
    }
  }

  void original(model::SignalId id, const model::Series& series) {
    const std::vector<model::Reading>& expected = readings_[id];
    ASSERT_EQ(series.size(), expected.size());
    for (std::size_t i = 0; i < series.size(); ++i) {
      EXPECT_EQ(series.times[i], expected[i].time);
      EXPECT_EQ(series.quality(i), expected[i].quality);
      const auto* x = std::get_if<double>(&expected[i].value);
      if (x != nullptr && std::isnan(*x)) {
        EXPECT_TRUE(std::isnan(std::get<double>(series.value(i))));
      } else {
        EXPECT_EQ(series.value(i), expected[i].value);
      }
    }
  }

 public:
  bool exactly_latest = true;             // else within what intervals were before
  double rounding = 0.5e-3 * (1 + 1e-6);  // of a whole number's mean

 private:
  std::map<model::SignalId, std::vector<model::Reading>> readings_;
};

// Signals of all kinds: steady ones, rare ones, ones that jump in time, change their type, go bad.
class Plant {
 public:
  explicit Plant(unsigned seed) : random_(seed) {}

  std::vector<model::Series> batch() {
    std::vector<model::Series> out;
    now_ += kSecond * (random_() % 50 == 0 ? 100'000 : 20);
    for (model::SignalId id = 1; id <= 12; ++id) {
      const bool rare = id % 4 == 0;
      if (rare && random_() % 20 != 0) continue;
      const int series = random_() % 10 == 0 ? 2 : 1;
      for (int k = 0; k < series; ++k) {
        model::Series one;
        one.signal = id;
        const std::size_t count = rare ? 1 : 20 + random_() % 20;
        const bool text = id == 5 || id == 8, bytes = id == 6;
        one.values =
            model::make_column(text       ? model::ValueType::string
                               : bytes    ? model::ValueType::bytes
                               : id == 2  ? model::ValueType::boolean
                               : id == 3  ? model::ValueType::integer
                               : id == 10 ? (random_() % 2 ? model::ValueType::integer : model::ValueType::real)
                                          : model::ValueType::real);
        for (std::size_t i = 0; i < count; ++i) one.append({time(i), value(one.type(), id), quality(id)});
        out.push_back(std::move(one));
      }
    }
    return out;
  }

 private:
  Timestamp time(std::size_t i) {
    if (random_() % 200 == 0) {
      constexpr Timestamp kEnds[] = {std::numeric_limits<Timestamp>::min(), std::numeric_limits<Timestamp>::min() + 1,
                                     -1, 0, std::numeric_limits<Timestamp>::max()};
      return kEnds[random_() % std::size(kEnds)];
    }
    if (random_() % 30 == 0) return now_ - static_cast<Timestamp>(random_() % 1000) * kSecond;
    return now_ + static_cast<Timestamp>(i) * kSecond;
  }
  model::Value value(model::ValueType type, model::SignalId id) {
    switch (type) {
      case model::ValueType::boolean: return random_() % 2 == 0;
      case model::ValueType::integer: return static_cast<std::int64_t>(random_() % 1000) - 500;
      case model::ValueType::real: {
        if (id == 7) return random_() % 9 == 0 ? std::numeric_limits<double>::quiet_NaN() : 1.5;
        if (id == 9) return std::ldexp(static_cast<double>(random_()) - 2e9, static_cast<int>(random_() % 60));
        if (id == 11) return random_() % 5 == 0 ? std::numeric_limits<double>::infinity() : -0.0;
        return static_cast<double>(random_() % 1000) / 10;
      }
      case model::ValueType::string: return "state " + std::to_string(random_() % 5);
      case model::ValueType::bytes: return model::Bytes{std::string(random_() % 4, 'x')};
    }
    return false;
  }
  model::Quality quality(model::SignalId id) {
    if (id != 1 && random_() % 10 == 0) return random_() % 2 == 0 ? model::kBadTimeout : model::kUncertainLastUsable;
    return model::kGood;
  }

  std::mt19937 random_;
  Timestamp now_ = kNow;
};

TEST(Digest, SaysWhatTheReadingsWere) {
  std::map<int, int> forms;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Plant plant(seed);
    Reference reference;
    Records run;
    for (unsigned i = 0; i < 20 + seed; ++i) {
      const auto series = plant.batch();
      reference.add(series);
      run.add(body(series));
    }
    const auto thin = Digest().thin(run.replaced());
    ASSERT_TRUE(thin);
    EXPECT_LE(thin->size(), run.bytes() / 2);
    reference.compare(parsed(*thin));
    for (const auto& [form, count] : reference.forms) forms[form] += count;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(forms.size(), 3U);  // each was seen
}

TEST(Digest, ThinsWhatItThinnedUntilThereIsNothingCoarser) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Plant plant(seed);
    Reference reference;
    Records thinned{.stream = Stream::backfill};
    for (int part = 0; part < 6; ++part) {
      Records run{.first = thinned.records.size() * 40 + 1};
      for (int i = 0; i < 40; ++i) {
        const auto series = plant.batch();
        reference.add(series);
        run.add(body(series));
      }
      const auto thin = Digest().thin(run.replaced());
      ASSERT_TRUE(thin);
      thinned.add(*thin);
    }
    reference.exactly_latest = false;
    reference.rounding *= 6;  // at each step again
    for (int step = 0;; ++step) {
      const auto thin = Digest().thin(thinned.replaced());
      if (!thin) {
        EXPECT_GE(step, 1);
        break;
      }
      EXPECT_LE(thin->size(), thinned.bytes() / 2);
      reference.compare(parsed(*thin));
      if (testing::Test::HasFailure()) return;
      ASSERT_EQ(parsed(*thin).gaps_size(), 1);
      EXPECT_EQ(parsed(*thin).gaps(0).first(), 1U);
      EXPECT_EQ(parsed(*thin).gaps(0).last(), 240U);
      EXPECT_EQ(parsed(*thin).gaps(0).records(), 240U);
      thinned = {.stream = Stream::backfill};
      thinned.add(*thin);
    }
  }
}

TEST(Digest, TakesTheShortestIntervalThatHalves) {
  const auto thinned = [](Stream stream, const std::string& text) {
    Records run{.stream = stream};
    run.add(text);
    return Digest().thin(run.replaced());
  };
  const auto every_second = thinned(Stream::raw, body({second_by_second(1, 6000)}));
  ASSERT_TRUE(every_second);
  EXPECT_EQ(parsed(*every_second).thinned(0).interval(), 10 * kSecond);
  const auto coarser = thinned(Stream::backfill, *every_second);
  ASSERT_TRUE(coarser);
  EXPECT_EQ(parsed(*coarser).thinned(0).interval(), kMinute);

  // Of three readings a minute there is nothing to gain by minutes.
  model::Series slow = second_by_second(1, 6000);
  for (Timestamp& time : slow.times) time = kNow + (time - kNow) * 20;
  const auto ten_minutes = thinned(Stream::raw, body({slow}));
  ASSERT_TRUE(ten_minutes);
  EXPECT_EQ(parsed(*ten_minutes).thinned(0).interval(), 10 * kMinute);
}

TEST(Digest, MixesBodiesOfDifferentIntervals) {
  Records fine;
  for (int i = 0; i < 10; ++i) fine.add(body({second_by_second(1, 600, kNow + i * 600 * kSecond)}));
  Records coarse{.stream = Stream::backfill};
  coarse.add(*Digest().thin(fine.replaced()));
  Records mixed{.stream = Stream::backfill};
  mixed.add(*Digest().thin(coarse.replaced()));
  mixed.add(*Digest().thin(fine.replaced()));
  const auto thin = Digest().thin(mixed.replaced());
  ASSERT_TRUE(thin);
  const auto series = decoded(parsed(*thin).readings());
  ASSERT_EQ(series.size(), 4U);
  EXPECT_EQ(series[0].size(), 10U);
  for (const std::int64_t count : std::get<std::vector<std::int64_t>>(series[3].values)) EXPECT_EQ(count, 1200);
}

TEST(Digest, NothingIfItCannotBeHalved) {
  Records run;
  model::Series one;
  one.signal = 1;
  one.append({kNow, 0.123456789, model::kGood});
  run.add(body({one}));
  EXPECT_FALSE(Digest().thin(run.replaced()));
}

TEST(Digest, SumsAreExactForLargeValuesAndDoNotOverflow) {
  Thinning thinning;
  const auto mean_of = [](const std::vector<double>& values) {
    Thinning one;
    model::Series series;
    series.signal = 1;
    for (int repeat = 0; repeat < 100; ++repeat)
      for (const double value : values) series.append({kNow + repeat, value, model::kGood});
    EXPECT_TRUE(one.add(series));
    v1::RawRecord out;
    one.put(out);
    const auto decoded_series = decoded(out.readings());
    return decoded_series.size() == 4 ? std::get<double>(decoded_series[1].value(0)) : std::nan("");
  };
  const double most = std::numeric_limits<double>::max();
  EXPECT_EQ(mean_of({most, most}), most);
  EXPECT_EQ(mean_of({most, -most}), 0);
  EXPECT_EQ(mean_of({1e17, 1, -1e17, 1}), 0.5);
  EXPECT_EQ(mean_of({1e300, 0.25, -1e300, 0.75}), 0.25);
  EXPECT_DOUBLE_EQ(mean_of({9007199254740992.0, 9007199254740996.0}), 9007199254740994.0);
}

TEST(Digest, WhatCannotBeReadIsSaidAndTheRestIsKept) {
  Records run;
  run.first = 11;
  for (int i = 0; i < 6; ++i) run.add(body({second_by_second(1, 600, kNow + i * 600 * kSecond)}));
  run.records[1].body.resize(run.records[1].body.size() / 2);
  run.records[2] = {Stream::raw, 13, {}, true};
  const auto thin = Digest().thin(run.replaced());
  ASSERT_TRUE(thin);
  EXPECT_THAT(gaps_of(*thin), ElementsAre("raw 11-16: 4 records, 2400 readings, " + std::to_string(kNow) + ".." +
                                              std::to_string(kNow + 3599 * kSecond) + ", thinned",
                                          "raw 12-13: 2 records, 0 readings, 0..0, damaged"));
  EXPECT_EQ(total_of(parsed(*thin)), 2400);
}

TEST(Digest, AllDamagedIsNothingToThin) {
  Records run;
  run.add("\xff\xff rubbish");
  EXPECT_FALSE(Digest().thin(run.replaced()));
  EXPECT_THAT(gaps_of(Digest().gap(run.replaced(), "quota", {})),
              ElementsAre("raw 1-1: 1 records, 0 readings, 0..0, damaged"));
}

TEST(Digest, HeadsThatDoNotFitAreDamage) {
  Records good;
  good.add(body({second_by_second(1, 6000)}));
  const std::string sound = *Digest().thin(good.replaced());
  using Change = void (*)(v1::RawRecord&);
  const Change changes[] = {
      [](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_signals(2); },
      [](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_signals(0xffffffff); },
      [](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_form(v1::Thinned::LATEST); },
      [](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_form(v1::Thinned::FORM_UNSPECIFIED); },
      [](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_interval(7); },
      [](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_interval(-kMinute); },
      [](v1::RawRecord& raw) { *raw.add_thinned() = raw.thinned(0); },
      [](v1::RawRecord& raw) {
        auto series = decoded(raw.readings());
        std::get<std::vector<std::int64_t>>(series[3].values)[0] = -1;
        raw.clear_readings();
        codec::encode(series, *raw.mutable_readings());
      },
      [](v1::RawRecord& raw) {
        auto series = decoded(raw.readings());
        std::get<std::vector<double>>(series[1].values)[0] = std::nan("");
        raw.clear_readings();
        codec::encode(series, *raw.mutable_readings());
      },
      [](v1::RawRecord& raw) {
        auto series = decoded(raw.readings());
        series[2].signal = 2;
        raw.clear_readings();
        codec::encode(series, *raw.mutable_readings());
      },
  };
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    SCOPED_TRACE(i);
    v1::RawRecord raw = parsed(sound);
    changes[i](raw);
    Records run{.stream = Stream::backfill};
    run.add(raw.SerializeAsString());
    EXPECT_FALSE(Digest().thin(run.replaced()));
    run.add(sound);
    const auto thin = Digest().thin(run.replaced());
    ASSERT_TRUE(thin);
    EXPECT_EQ(gaps_of(*thin).back(), "backfill 1-1: 1 records, 0 readings, 0..0, damaged");
  }
}

TEST(Digest, MemoryIsBoundedByLongerIntervals) {
  Thinning thinning;
  // One reading in each ten seconds of 40 days, the newest first: as many intervals as readings.
  for (model::SignalId id = 1; id <= 4; ++id) {
    model::Series one;
    one.signal = id;
    for (int i = 0; i < 345'600; ++i) one.append({kNow - i * 10 * kSecond, true, model::kGood});
    ASSERT_TRUE(thinning.add(one));
  }
  v1::RawRecord out;
  thinning.put(out);
  ASSERT_EQ(out.thinned_size(), 1);
  EXPECT_GE(out.thinned(0).interval(), 10 * kMinute);
  EXPECT_EQ(total_of(out), 4 * 345'600);

  // That many signals cannot be said in less.
  Thinning crowd;
  bool held = true;
  for (model::SignalId id = 1; id <= 100'000 && held; ++id) held = crowd.add(second_by_second(id, 1));
  EXPECT_FALSE(held);
}

TEST(Digest, CarriesOverGapsAndWhatWasOnlyInMemory) {
  Records run;
  for (int i = 0; i < 4; ++i)
    run.add(body({second_by_second(1, 600, kNow + i * 600 * kSecond)}, {driver_gap(i < 2 ? "a" : "b", 3, i, i + 5)}));
  v1::RawRecord suspended = parsed(run.records[2].body);
  suspended.set_suspended(true);
  run.records[2].body = suspended.SerializeAsString();
  const auto thin = Digest().thin(run.replaced());
  ASSERT_TRUE(thin);
  EXPECT_TRUE(parsed(*thin).suspended());
  EXPECT_THAT(gaps_of(*thin),
              ElementsAre("a, 3 readings, 0..5, driver-restarted", "a, 3 readings, 1..6, driver-restarted",
                          "b, 3 readings, 2..7, driver-restarted", "b, 3 readings, 3..8, driver-restarted",
                          testing::StartsWith("raw 1-4: 4 records, 2400 readings")));
}

TEST(Digest, ManyGapsBecomeFew) {
  Gaps gaps;
  for (int i = 1; i <= 1000; ++i) gaps.add(driver_gap(i % 2 == 0 ? "a" : "b", 1, i, i + 1));
  v1::RawRecord out;
  gaps.put(out);
  EXPECT_LE(static_cast<std::size_t>(out.gaps_size()), kMostGaps);
  std::map<std::string, std::uint64_t> counts;
  for (const v1::Gap& gap : out.gaps()) counts[gap.driver()] += gap.count();
  EXPECT_EQ(counts, (std::map<std::string, std::uint64_t>{{"a", 500}, {"b", 500}}));
  EXPECT_EQ(out.gaps(0).from(), 1);

  for (int i = 1; i <= 1000; ++i) gaps.add(driver_gap("driver " + std::to_string(i), 1, i, i + 1));
  gaps.put(out);
  EXPECT_LE(static_cast<std::size_t>(out.gaps_size()), kMostGaps);
  std::uint64_t total = 0;
  for (const v1::Gap& gap : out.gaps()) total += gap.count();
  EXPECT_EQ(total, 2000U);
}

TEST(DigestGap, OfRaw) {
  Records run;
  run.first = 5;
  for (int i = 0; i < 3; ++i)
    run.add(body({second_by_second(1, 10, kNow - i * kMinute)}, {driver_gap("a", 2, 3, 4)}));
  const std::string first = Digest().gap(run.replaced(), "quota", {});
  const std::string range = ", " + std::to_string(kNow - 2 * kMinute) + ".." + std::to_string(kNow + 9 * kSecond);
  EXPECT_THAT(
      gaps_of(first),
      ElementsAre("a, 2 readings, 3..4, driver-restarted", "a, 2 readings, 3..4, driver-restarted",
                  "a, 2 readings, 3..4, driver-restarted", "raw 5-7: 3 records, 30 readings" + range + ", quota"));
  EXPECT_TRUE(parsed(first).readings().empty());

  // What comes right behind becomes one with it; another reason, another stream or a hole between do not.
  Records next{.first = 8};
  next.add(body({second_by_second(1, 10, kNow)}));
  EXPECT_EQ(gaps_of(Digest().gap(next.replaced(), "quota", first)).back(),
            "raw 5-8: 4 records, 40 readings" + range + ", quota");
  EXPECT_EQ(gaps_of(Digest().gap(next.replaced(), "age", first)).size(), 5U);
  next.first = next.records[0].seq = 9;
  EXPECT_EQ(gaps_of(Digest().gap(next.replaced(), "quota", first)).size(), 5U);
  EXPECT_EQ(parsed(Digest().gap(next.replaced(), "quota", "\xff rubbish")).gaps_size(), 2);
}

TEST(DigestGap, OfDerivedAndAlerts) {
  Records run{.stream = Stream::derived};
  v1::DerivedRecord derived;
  codec::encode(std::vector{second_by_second(7, 3)}, *derived.mutable_readings());
  run.add(derived.SerializeAsString());
  run.add("\xff");
  run.add(derived.SerializeAsString());
  EXPECT_THAT(gaps_of(Digest().gap(run.replaced(), "age", {})),
              ElementsAre("derived 1-3: 2 records, 6 readings, " + std::to_string(kNow) + ".." +
                              std::to_string(kNow + 2 * kSecond) + ", age",
                          "derived 2-2: 1 records, 0 readings, 0..0, damaged"));
  Records alerts{.stream = Stream::alerts};
  v1::AlertRecord record;
  record.add_events()->set_time(9);
  record.add_events()->set_time(4);
  alerts.add(record.SerializeAsString());
  EXPECT_THAT(gaps_of(Digest().gap(alerts.replaced(), "age", {})),
              ElementsAre("alerts 1-1: 1 records, 2 readings, 4..9, age"));
}

TEST(DigestGap, OfBackfillIsOfWhatItSpokeOf) {
  Records raw;
  for (int i = 0; i < 4; ++i)
    raw.add(body({second_by_second(1, 600, kNow + i * 600 * kSecond)}, {driver_gap("a", 2, 3, 4)}));
  Records thinned{.stream = Stream::backfill};
  thinned.add(*Digest().thin(raw.replaced()));
  const std::string gone = Digest().gap(thinned.replaced(), "quota", {});
  EXPECT_EQ(gaps_of(gone).size(), 5U);
  EXPECT_THAT(gaps_of(gone).back(), testing::MatchesRegex("raw 1-4: 4 records, 2400 readings, .*, quota"));
  EXPECT_TRUE(parsed(gone).readings().empty());
  EXPECT_EQ(parsed(gone).thinned_size(), 0);
}

TEST(DigestGap, OfRecordsThatNobodyHas) {
  Replaced replaced{Stream::raw, kLife, 4, 9, {}};
  EXPECT_THAT(gaps_of(Digest().gap(replaced, "damaged", {})),
              ElementsAre("raw 4-9: 6 records, 0 readings, 0..0, damaged"));
  replaced.stream = Stream::backfill;
  EXPECT_THAT(gaps_of(Digest().gap(replaced, "damaged", {})),
              ElementsAre("backfill 4-9: 6 records, 0 readings, 0..0, damaged"));
}

TEST(Digest, AnyDamageToABodyIsSurvived) {
  Records good;
  Plant plant(1);
  for (int i = 0; i < 30; ++i) good.add(body(plant.batch()));
  Records bodies{.stream = Stream::backfill};
  bodies.add(*Digest().thin(good.replaced()));
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    Records run = bodies;
    std::string& text = run.records[0].body;
    for (unsigned flips = 1 + random() % 3; flips > 0; --flips)
      text[random() % text.size()] ^= static_cast<char>(1 << random() % 8);
    if (random() % 4 == 0) text.resize(random() % text.size());
    if (const auto thin = Digest().thin(run.replaced())) {
      EXPECT_LE(thin->size(), text.size() / 2);
    }
    EXPECT_FALSE(Digest().gap(run.replaced(), "quota", text).empty());
  }
}

}  // namespace
}  // namespace weir::line
