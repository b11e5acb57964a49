// Writes of rules to a driver that the test plays.
#include "agent/rule_writes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include "weir/v1/bus.pb.h"
#include "wire/wire.h"

namespace weir {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class Writes : public testing::Test {
 protected:
  Writes() {
    clock_.set(1'000 * kSecond);
    const auto add = [&](const std::string& path, model::ValueType type, bool writable, const char* driver) {
      model::Signal signal;
      signal.path = path;
      signal.type = type;
      signal.writable = writable;
      EXPECT_TRUE(signals_.define(signal, driver, false));
    };
    add("pump-1/enable", model::ValueType::boolean, true, "plc");
    add("pump-1/speed", model::ValueType::integer, true, "plc");
    add("pump-1/flow", model::ValueType::real, false, "plc");
    add("pump-1/other", model::ValueType::real, true, "plc");
    add("pump-1/mean", model::ValueType::real, false, "");
    std::map<std::string, std::vector<model::PathPattern>> writable;
    for (const char* path : {"pump-{n}/enable", "pump-{n}/speed", "pump-{n}/flow"})
      writable["plc"].push_back(*model::PathPattern::parse(path));
    devices_.allow(std::move(writable));
    writes_.enable(true);
  }

  rules::WriteRequest want(const std::string& path, model::Value value) {
    rules::WriteRequest out;
    out.id = "id" + std::to_string(++last_id_);
    out.rule = "dry-run";
    out.path = path;
    out.value = std::move(value);
    out.time = clock_.now();
    out.max_age = 5 * kSecond;
    return out;
  }

  void answer(const v1::Write& write, v1::Outcome outcome, const char* reason = "") {
    v1::Written written;
    written.set_id(write.id());
    written.set_signal(write.signal());
    written.set_outcome(outcome);
    written.set_reason(reason);
    *written.mutable_read_back() = write.value();
    devices_.answered("weir/v1/written/plc", written.SerializeAsString());
  }

  const RuleWrites::Counters& counters() const { return writes_.counters(); }

  boost::asio::io_context io_;
  ManualClock clock_;
  model::SignalTable signals_;
  std::vector<v1::Write> sent_;
  DeviceAccess devices_{io_.get_executor(), clock_, [this](const std::string& topic, const std::string& payload) {
                          EXPECT_EQ(topic, "weir/v1/write/plc");
                          EXPECT_TRUE(sent_.emplace_back().ParseFromString(payload));
                        }};
  RuleWrites writes_{clock_, devices_};
  int last_id_ = 0;
};

TEST_F(Writes, GoToTheDriverWithDeadlineLeaseAndFallback) {
  auto write = want("pump-1/enable", false);
  write.lease = 30 * kSecond;
  write.fallback = true;
  writes_.ask(signals_, {write, want("pump-1/speed", 40.0)});
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(sent_[0].id(), "id1");
  EXPECT_EQ(sent_[0].deadline(), 1'005 * kSecond);
  EXPECT_EQ(sent_[0].lease_ms(), 30'000U);
  EXPECT_FALSE(sent_[0].value().bool_value());
  EXPECT_TRUE(sent_[0].fallback().bool_value());
  EXPECT_EQ(sent_[1].value().int_value(), 40);  // rules compute with doubles
  EXPECT_EQ(sent_[1].lease_ms(), 0U);
  answer(sent_[0], v1::DONE);
  answer(sent_[1], v1::FAILED, "no answer from 10.0.0.7");
  EXPECT_EQ(counters().asked, 2U);
  EXPECT_EQ(counters().done, 1U);
  EXPECT_EQ(counters().refused, 1U);
  EXPECT_THAT(counters().last_refusal, HasSubstr("dry-run, pump-1/speed: "));
  EXPECT_THAT(counters().last_refusal, HasSubstr("no answer from 10.0.0.7"));
  EXPECT_EQ(counters().last_refused, clock_.now());
}

TEST_F(Writes, AreNotSentUnlessTheyMay) {
  const auto refused = [&](rules::WriteRequest write) {
    writes_.ask(signals_, {std::move(write)});
    return counters().last_refusal;
  };
  EXPECT_THAT(refused(want("pump-2/enable", true)), HasSubstr("there is no signal 'pump-2/enable'"));
  EXPECT_THAT(refused(want("pump-1/flow", 1.0)), HasSubstr("not writable"));
  EXPECT_THAT(refused(want("pump-1/other", 1.0)), HasSubstr("list it in weir.yaml"));
  EXPECT_THAT(refused(want("pump-1/mean", 1.0)), HasSubstr("the output of a rule"));
  EXPECT_THAT(refused(want("pump-1/speed", 0.5)), HasSubstr("'pump-1/speed' is of type int, and "));
  EXPECT_THAT(refused(want("pump-1/speed", 1e300)), HasSubstr("'pump-1/speed' is of type int, and "));
  EXPECT_THAT(refused(want("pump-1/enable", 1.0)), HasSubstr("'pump-1/enable' is of type bool, and "));
  auto bad_fallback = want("pump-1/enable", false);
  bad_fallback.lease = kSecond;
  bad_fallback.fallback = std::string("on");
  EXPECT_THAT(refused(bad_fallback), HasSubstr("'pump-1/enable' is of type bool, and "));
  auto old = want("pump-1/enable", true);
  old.time -= 6 * kSecond;
  EXPECT_THAT(refused(old), HasSubstr("older than 5s"));
  writes_.enable(false);
  EXPECT_THAT(refused(want("pump-1/enable", true)), HasSubstr("writes: enabled"));
  EXPECT_THAT(sent_, SizeIs(0));
  EXPECT_EQ(counters().refused, 10U);
  EXPECT_EQ(counters().asked, 10U);
}

TEST_F(Writes, TheSameOneIsSentOnce) {
  const auto write = want("pump-1/enable", true);
  writes_.ask(signals_, {write, write});
  EXPECT_THAT(sent_, SizeIs(1));
  EXPECT_THAT(counters().last_refusal, HasSubstr("under way already"));
}

// A driver has 64 requests at most, and what waits behind them gets old.
TEST_F(Writes, FewAreUnderWayAndWhatWaitedTooLongIsNotDone) {
  std::vector<rules::WriteRequest> many;
  for (int i = 0; i < 50; ++i) many.push_back(want("pump-1/speed", static_cast<double>(i)));
  writes_.ask(signals_, many);
  ASSERT_THAT(sent_, SizeIs(32));
  answer(sent_[0], v1::DONE);
  ASSERT_THAT(sent_, SizeIs(33));
  EXPECT_EQ(sent_[32].value().int_value(), 32);
  clock_.advance(6 * kSecond);
  answer(sent_[1], v1::DONE);
  EXPECT_THAT(sent_, SizeIs(33));
  EXPECT_EQ(counters().refused, 17U);
  EXPECT_THAT(counters().last_refusal, HasSubstr("older than 5s"));
}

}  // namespace
}  // namespace weir
