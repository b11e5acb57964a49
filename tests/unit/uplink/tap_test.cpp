#include "uplink/tap.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/codec.h"
#include "fakes.h"
#include "test_support/wait.h"

namespace weir::uplink {
namespace {

using test::Broker;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kLife = "0123456789abcdef";
const std::string kOtherLife = "fedcba9876543210";

std::string birth(const std::string& incarnation = kLife) {
  v1::Birth out;
  out.set_agent("a");
  out.set_site("north");
  out.set_incarnation(incarnation);
  auto& defined = *out.add_signals();
  defined.set_id(1);
  defined.mutable_signal()->set_path("pump-1/flow");
  defined.mutable_signal()->set_unit("m3/h");
  return out.SerializeAsString();
}

std::string block(model::SignalId signal = 1) {
  model::Series series;
  series.signal = signal;
  series.append({10, 1.5, model::kGood});
  series.append({20, 2.5, model::kBadTimeout});
  std::string out;
  codec::encode(std::vector{series}, out);
  return out;
}

std::string record(std::uint64_t seq, v1::Stream stream, const std::string& body,
                   const std::string& incarnation = kLife) {
  v1::Record out;
  out.set_incarnation(incarnation);
  out.set_stream(stream);
  out.set_seq(seq);
  out.set_body(body);
  return out.SerializeAsString();
}

std::string raw(std::uint64_t seq, model::SignalId signal = 1, const std::string& incarnation = kLife) {
  v1::RawRecord body;
  body.set_readings(block(signal));
  return record(seq, v1::RAW, body.SerializeAsString(), incarnation);
}

class TapTest : public testing::Test {
 protected:
  TapTest() : tap(std::in_place, io.get_executor(), broker.maker(), mqtt::Options{}) {
    tap->start([this](const Seen& what) { seen.push_back(what); });
    broker.connect();
    weir::test::settle(io);
    seen.clear();
  }
  void arrive(const std::string& what, std::string payload) {
    broker.handlers.message({.topic = "weir/v1/up/" + what, .payload = std::move(payload)});
  }
  template <class What>
  std::vector<What> all() const {
    std::vector<What> out;
    for (const auto& one : seen) {
      if (const auto* it = std::get_if<What>(&one)) out.push_back(*it);
    }
    return out;
  }
  std::vector<std::string> problems() const {
    static constexpr const char* kKinds[] = {"gap", "late", "repeat"};
    std::vector<std::string> out;
    for (const auto& problem : all<seen::SequenceProblem>()) {
      out.push_back(std::string(kKinds[static_cast<int>(problem.kind)]) + " " + to_text(problem.stream) + " " +
                    std::to_string(problem.first) + "-" + std::to_string(problem.last));
    }
    return out;
  }

  boost::asio::io_context io;
  Broker broker{io};
  std::vector<Seen> seen;
  std::optional<Tap> tap;
};

TEST_F(TapTest, SubscribesAndShowsReadingsByTheirNames) {
  EXPECT_THAT(broker.subscribed, ElementsAre("weir/v1/up/#"));
  arrive("a/birth", birth());
  arrive("a/raw", raw(1));
  const auto readings = all<seen::Reading>();
  ASSERT_EQ(readings.size(), 2U);
  EXPECT_EQ(readings[0].agent, "a");
  EXPECT_EQ(readings[0].path, "pump-1/flow");
  EXPECT_EQ(readings[0].unit, "m3/h");
  EXPECT_EQ(readings[1].reading, (model::Reading{20, 2.5, model::kBadTimeout}));
  EXPECT_EQ(tap->counts().readings, 2U);
  EXPECT_EQ(all<seen::Birth>()[0].site, "north");
}

TEST_F(TapTest, UnknownIdsAndIdsOfAnotherLifeAreShownAsNumbers) {
  arrive("a/raw", raw(1));
  arrive("a/birth", birth());
  arrive("a/raw", raw(2, 7));
  arrive("a/raw", raw(1, 1, kOtherLife));
  const auto readings = all<seen::Reading>();
  ASSERT_EQ(readings.size(), 6U);
  EXPECT_EQ(readings[0].path, "#1");
  EXPECT_EQ(readings[2].path, "#7");
  EXPECT_EQ(readings[4].path, "#1");
}

TEST_F(TapTest, ChecksEachStreamOfEachLife) {
  arrive("a/birth", birth());
  for (const std::uint64_t seq : {5, 6, 9, 7, 6}) arrive("a/raw", raw(seq));
  arrive("a/raw", raw(1, 1, kOtherLife));
  arrive("b/raw", raw(100));
  v1::DerivedRecord derived;
  derived.set_readings(block());
  arrive("a/derived", record(1, v1::DERIVED, derived.SerializeAsString()));
  EXPECT_THAT(problems(), ElementsAre("gap raw 7-8", "late raw 7-7", "repeat raw 6-6"));
  EXPECT_EQ(tap->counts().missing, 1U);
  EXPECT_EQ(tap->counts().repeats, 1U);
  EXPECT_EQ(tap->counts().records, 7U);
  EXPECT_EQ(all<seen::Reading>().back().stream, Stream::derived);
}

TEST_F(TapTest, ShowsWhichValuesAreRevisions) {
  v1::DerivedRecord derived;
  std::vector<model::Series> series(2);
  series[0].signal = series[1].signal = 1;
  series[0].append({10, 1.5, model::kGood});
  series[1].append({10, 2.5, model::kGood});
  codec::encode(series, *derived.mutable_readings());
  derived.add_revisions(1);
  derived.add_revisions(4'000'000'000);  // no such series
  arrive("a/derived", record(1, v1::DERIVED, derived.SerializeAsString()));
  const auto readings = all<seen::Reading>();
  ASSERT_EQ(readings.size(), 2U);
  EXPECT_FALSE(readings[0].revision);
  EXPECT_TRUE(readings[1].revision);
  EXPECT_EQ(readings[1].reading.value, model::Value(2.5));
}

TEST_F(TapTest, ShowsAlertsGapsAndStates) {
  v1::AlertRecord alerts;
  auto& event = *alerts.add_events();
  event.set_rule("overheat");
  event.set_severity("critical");
  event.set_active(true);
  event.set_message("boiler 1 is at 91.0 °C");
  event.set_who("anna");
  event.set_why("known");
  event.set_shelved_until(7);
  (*event.mutable_group())["n"] = "1";
  arrive("a/alerts", record(1, v1::ALERTS, alerts.SerializeAsString()));
  ASSERT_EQ(all<seen::Alert>().size(), 1U);
  EXPECT_EQ(all<seen::Alert>()[0].rule, "overheat");
  EXPECT_EQ(all<seen::Alert>()[0].group.at("n"), "1");
  EXPECT_EQ(all<seen::Alert>()[0].who, "anna");
  EXPECT_EQ(all<seen::Alert>()[0].why, "known");
  EXPECT_EQ(all<seen::Alert>()[0].shelved_until, 7);

  v1::RawRecord body;
  auto& gap = *body.add_gaps();
  gap.set_driver("modbus");
  gap.set_reason("driver-restarted");
  gap.set_count(3);
  arrive("a/raw", record(1, v1::RAW, body.SerializeAsString()));
  ASSERT_EQ(all<seen::Gap>().size(), 1U);
  EXPECT_EQ(all<seen::Gap>()[0].reason, "driver-restarted");

  v1::AgentState state;
  state.set_reason("connection lost");
  arrive("a/state", state.SerializeAsString());
  ASSERT_EQ(all<seen::State>().size(), 1U);
  EXPECT_FALSE(all<seen::State>()[0].online);
}

// A body of backfill: the gap of some numbers of raw, and what stands for their readings.
v1::RawRecord thinned(std::uint64_t first, std::uint64_t last) {
  v1::RawRecord out;
  auto& gap = *out.add_gaps();
  gap.set_stream(v1::RAW);
  gap.set_first(first);
  gap.set_last(last);
  gap.set_records(last - first + 1);
  gap.set_incarnation(kLife);
  gap.set_reason("thinned");
  gap.set_count(60);
  std::vector<model::Series> series(7);
  for (int k = 0; k < 4; ++k) series[k].signal = 1;
  for (int k = 4; k < 6; ++k) series[k].signal = 2;
  const double values[] = {1.5, 2.5, 4.5};
  for (int k = 0; k < 3; ++k) series[k].append({kMinute, values[k], model::kUncertain});
  series[3].append({kMinute, std::int64_t{60}, model::kGood});
  series[4].append({0, std::string("running"), model::kGood});
  series[5].append({0, std::int64_t{7}, model::kGood});
  series[6].signal = 3;
  series[6].append({11, true, model::kGood});
  const std::pair<v1::Thinned::Form, Nanoseconds> heads[] = {
      {v1::Thinned::SUMMARY, kMinute}, {v1::Thinned::LATEST, kHour}, {v1::Thinned::ORIGINAL, 0}};
  for (const auto& [form, interval] : heads) {
    auto& head = *out.add_thinned();
    head.set_form(form);
    head.set_interval(interval);
    head.set_signals(1);
  }
  codec::encode(series, *out.mutable_readings());
  return out;
}

TEST_F(TapTest, ShowsWhatStandsForThinnedReadings) {
  arrive("a/birth", birth());
  arrive("a/backfill", record(1, v1::BACKFILL, thinned(2, 4).SerializeAsString()));
  const auto readings = all<seen::Reading>();
  ASSERT_EQ(readings.size(), 3U);
  EXPECT_EQ(readings[0].path, "pump-1/flow");
  EXPECT_EQ(readings[0].stream, Stream::backfill);
  EXPECT_EQ(readings[0].interval, kMinute);
  EXPECT_EQ(readings[0].reading, (model::Reading{kMinute, 2.5, model::kUncertain}));
  EXPECT_EQ(readings[0].min, 1.5);
  EXPECT_EQ(readings[0].max, 4.5);
  EXPECT_EQ(readings[0].count, 60U);
  EXPECT_EQ(readings[1].reading.value, model::Value(std::string("running")));
  EXPECT_EQ(readings[1].interval, kHour);
  EXPECT_EQ(readings[1].count, 7U);
  EXPECT_EQ(readings[2].interval, 0);
  EXPECT_EQ(readings[2].reading.value, model::Value(true));
}

TEST_F(TapTest, HeadsThatDoNotFitTheirSeriesCannotBeRead) {
  using Change = void (*)(v1::RawRecord&);
  const Change changes[] = {[](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_signals(0xffffffff); },
                            [](v1::RawRecord& raw) { raw.mutable_thinned(2)->set_form(v1::Thinned::LATEST); },
                            [](v1::RawRecord& raw) { raw.mutable_thinned(2)->clear_form(); },
                            [](v1::RawRecord& raw) { raw.mutable_thinned(0)->set_interval(0); },
                            [](v1::RawRecord& raw) { raw.mutable_thinned()->RemoveLast(); },
                            [](v1::RawRecord& raw) { raw.mutable_thinned()->SwapElements(0, 1); }};
  for (const Change change : changes) {
    v1::RawRecord raw = thinned(2, 4);
    change(raw);
    arrive("a/backfill", record(1, v1::BACKFILL, raw.SerializeAsString()));
  }
  EXPECT_EQ(tap->counts().malformed, std::size(changes));
  EXPECT_TRUE(all<seen::Reading>().empty());
  EXPECT_TRUE(all<seen::Gap>().empty());
}

TEST_F(TapTest, NumbersThatWereGivenUpAreNotMissing) {
  arrive("a/raw", raw(1));
  arrive("a/raw", raw(6));
  EXPECT_THAT(problems(), ElementsAre("gap raw 2-5"));
  EXPECT_EQ(tap->counts().missing, 4U);
  arrive("a/backfill", record(3, v1::BACKFILL, thinned(2, 4).SerializeAsString()));
  arrive("a/backfill", record(9, v1::BACKFILL, thinned(2, 4).SerializeAsString()));  // as another record: no news
  EXPECT_EQ(tap->counts().missing, 1U);
  const auto gaps = all<seen::Gap>();
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].stream, Stream::raw);
  EXPECT_EQ(gaps[0].first, 2U);
  EXPECT_EQ(gaps[0].last, 4U);
  EXPECT_EQ(gaps[0].records, 3U);

  // The other way round: what is known not to come is no gap.
  arrive("a/backfill", record(10, v1::BACKFILL, thinned(7, 9).SerializeAsString()));
  arrive("a/raw", raw(11));
  EXPECT_THAT(problems(), ElementsAre("gap raw 2-5", "gap raw 10-10"));
  EXPECT_EQ(tap->counts().missing, 2U);
  const auto streams = tap->streams();
  ASSERT_EQ(streams.size(), 2U);
  EXPECT_EQ(streams[0].given_up, 6U);
  EXPECT_EQ(streams[0].missing, 2U);
  EXPECT_EQ(streams[1].missing, 0U);  // backfill has holes by nature
}

TEST_F(TapTest, GapsOfAStreamThatWasNeverSeenAndGapsThatMakeNoSense) {
  v1::RawRecord raw = thinned(5, 4);
  arrive("a/backfill", record(1, v1::BACKFILL, raw.SerializeAsString()));
  EXPECT_EQ(tap->streams().size(), 1U);
  raw = thinned(1, std::numeric_limits<std::uint64_t>::max());
  arrive("a/backfill", record(2, v1::BACKFILL, raw.SerializeAsString()));
  const auto streams = tap->streams();
  ASSERT_EQ(streams.size(), 2U);
  EXPECT_EQ(streams[0].stream, Stream::raw);
  EXPECT_EQ(streams[0].last, 0U);
  EXPECT_EQ(tap->counts().missing, 0U);
}

TEST_F(TapTest, LivesThatTheBirthNamesKeepTheirNamesAndTheirNumbers) {
  v1::Birth born;
  ASSERT_TRUE(born.ParseFromString(birth(kOtherLife)));
  born.add_earlier(kLife);
  arrive("a/birth", born.SerializeAsString());
  arrive("a/raw", raw(7));
  arrive("a/raw", raw(9, 1, kOtherLife));
  arrive("a/raw", raw(8));
  arrive("a/raw", raw(10, 1, kOtherLife));
  for (const seen::Reading& reading : all<seen::Reading>()) EXPECT_EQ(reading.path, "pump-1/flow");
  EXPECT_THAT(problems(), testing::IsEmpty());
  EXPECT_EQ(tap->streams().size(), 2U);
}

TEST_F(TapTest, WhatCannotBeReadIsCountedAndIsNotSeenAsArrived) {
  v1::RawRecord rubbish;
  rubbish.set_readings("rubbish");
  const std::string payloads[][2] = {{"a/raw", "\xff\xff"},
                                     {"a/birth", "\xff\xff"},
                                     {"a/state", "\xff\xff"},
                                     {"a/alerts", record(1, v1::ALERTS, "\xff\xff")},
                                     {"a/raw", record(1, v1::RAW, "\xff\xff")},
                                     {"a/raw", record(1, v1::RAW, rubbish.SerializeAsString())},
                                     {"a/raw", record(0, v1::RAW, "")},
                                     {"a/raw", record(1, v1::DERIVED, "")},
                                     {"a/raw", record(1, v1::RAW, "", "short")},
                                     {"a/other", ""},
                                     {"a", ""},
                                     {"/raw", raw(1)},
                                     {"a/b/raw", raw(1)}};
  for (const auto& [topic, payload] : payloads) arrive(topic, payload);
  EXPECT_EQ(tap->counts().malformed, std::size(payloads));
  EXPECT_EQ(all<seen::Malformed>().size(), std::size(payloads));
  EXPECT_EQ(seen.size(), std::size(payloads));
  arrive("a/raw", raw(1));
  EXPECT_EQ(tap->counts().records, 1U);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_F(TapTest, TheHandlerMayDestroyIt) {
  std::optional<Tap> other;
  Broker cloud(io);
  int calls = 0;
  other.emplace(io.get_executor(), cloud.maker(), mqtt::Options{});
  other->start([&](const Seen&) {
    ++calls;
    other.reset();
  });
  cloud.connect();
  weir::test::settle(io);
  cloud.handlers.message({.topic = "weir/v1/up/a/raw", .payload = raw(1)});
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace weir::uplink
