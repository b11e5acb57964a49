// What the bus holds of the alerts, with a broker that does what it is told.
#include "agent/alert_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace weir {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

rules::AlertEvent alert(const std::string& rule, const std::string& captures, bool active = true) {
  rules::AlertEvent out;
  out.id = "id-" + rule + captures;
  out.rule = rule;
  out.target = captures.empty() ? rule : rule + "/" + captures;
  if (!captures.empty()) out.group["n"] = captures;
  out.severity = "warning";
  out.active = active;
  out.since = out.time = 1'700'000'000 * kSecond;
  out.message = "boiler \"" + captures + "\" is hot";
  out.change = active ? "raised" : "cleared";
  return out;
}

class Board : public testing::Test {
 protected:
  void make(const std::vector<rules::AlertEvent>& standing) {
    board_ = std::make_unique<AlertBoard>(standing, [this](mqtt::Message message, mqtt::Done done) {
      if (!message.retained) marker_ = message.payload;
      else if (message.payload.empty()) retained_.erase(message.topic);
      else retained_[message.topic] = message.payload;
      ++published_;
      if (holds_) done_.push_back(std::move(done));
      else done({});
    });
  }

  // As a broker answers a subscription: what it retained, then what comes.
  void connect() {
    const auto before = retained_;
    board_->connected();
    published_ = 0;
    for (const auto& [topic, payload] : before) board_->heard({topic, payload, 1, true});
    board_->heard({"weir/v1/alerts", marker_, 1, false});
  }

  std::vector<std::string> topics() const {
    std::vector<std::string> out;
    for (const auto& [topic, payload] : retained_) out.push_back(topic);
    return out;
  }

  Node document(const std::string& topic) const {
    const auto found = retained_.find(topic);
    const auto node = found != retained_.end() ? parse_json(found->second) : Result<Node>(Node());
    return node ? *node : Node();
  }

  std::unique_ptr<AlertBoard> board_;
  std::map<std::string, std::string> retained_;
  std::string marker_;
  int published_ = 0;
  bool holds_ = false;
  std::vector<mqtt::Done> done_;
};

TEST(AlertTopic, HoldsWhateverANameHolds) {
  EXPECT_EQ(alert_topic(alert("overheat", "")), "weir/v1/alerts/overheat");
  EXPECT_EQ(alert_topic(alert("overheat", "1/left")), "weir/v1/alerts/overheat/1/left");
  EXPECT_EQ(alert_topic(alert("a/b+c#d%e f", "x")), "weir/v1/alerts/a%2Fb%2Bc%23d%25e%20f/x");
  EXPECT_EQ(alert_topic(alert("zu heiß", "\x01")), "weir/v1/alerts/zu%20heiß/%01");
}

TEST_F(Board, ShowsWhatStandsAndClearsWhatIsOver) {
  make({});
  connect();
  auto event = alert("overheat", "1");
  event.uncertain = true;
  board_->changed({event});
  const Node shown = document("weir/v1/alerts/overheat/1");
  EXPECT_EQ(to_json(shown),
            R"({"id":"id-overheat1","rule":"overheat","group":{"n":"1"},"target":"overheat/1","severity":"warning",)"
            R"("message":"boiler \"1\" is hot","active":true,"acknowledged":false,"latched":false,"shelved":false,)"
            R"("suppressed":false,"uncertain":true,"since":"2023-11-14T22:13:20Z","time":"2023-11-14T22:13:20Z",)"
            R"("change":"raised"})");

  event.acknowledged = true;
  event.change = "acknowledged";
  event.who = "eve";
  event.why = "on my way";
  board_->changed({event});
  event.who.clear();
  event.why.clear();
  event.change = "certain";
  board_->changed({event});
  const Node later = document("weir/v1/alerts/overheat/1");
  ASSERT_NE(later.find("who"), nullptr);
  EXPECT_EQ(*later.find("who")->as_string(), "eve");

  event.active = false;
  event.latched = true;
  board_->changed({event});
  EXPECT_THAT(topics(), ElementsAre("weir/v1/alerts/overheat/1"));
  event.latched = false;
  event.shelved = true;
  event.shelved_until = 1'700'000'100 * kSecond;
  board_->changed({event});
  EXPECT_EQ(*document("weir/v1/alerts/overheat/1").find("shelved_until")->as_string(), "2023-11-14T22:15:00Z");
  event.shelved = false;
  board_->changed({event});
  EXPECT_THAT(retained_, IsEmpty());
}

TEST_F(Board, ReconcilesWhatIsRetainedWithWhatIsTrue) {
  auto standing = alert("overheat", "1"), other = alert("overheat", "2"), third = alert("silent", "");
  make({standing, other, third});
  retained_["weir/v1/alerts/gone/7"] = to_json(alert_document(alert("gone", "7")));
  retained_["weir/v1/alerts"] = "a stranger's";
  retained_["weir/v1/alerts/overheat/2/deeper"] = "{}";
  standing.change = "certain";  // is not kept over a restart, and is no reason to say it again
  retained_["weir/v1/alerts/overheat/1"] = to_json(alert_document(standing));
  other.message = "an older one";
  retained_["weir/v1/alerts/overheat/2"] = to_json(alert_document(other));
  connect();
  EXPECT_THAT(topics(),
              ElementsAre("weir/v1/alerts/overheat/1", "weir/v1/alerts/overheat/2", "weir/v1/alerts/silent"));
  EXPECT_EQ(*document("weir/v1/alerts/overheat/1").find("change")->as_string(), "certain");
  EXPECT_EQ(*document("weir/v1/alerts/overheat/2").find("message")->as_string(), "boiler \"2\" is hot");
  EXPECT_EQ(published_, 5);  // three cleared, one mended, one missing

  // Nothing is to be done the next time; and a broker that forgot everything gets everything.
  connect();
  EXPECT_EQ(published_, 0);
  retained_.clear();
  connect();
  EXPECT_EQ(published_, 3);
}

TEST_F(Board, WhatCannotBeReadIsReplaced) {
  make({alert("overheat", "1")});
  for (const std::string& payload :
       {std::string("x"), std::string("[]"), std::string(100'000, '['), std::string("\xff\0", 2)}) {
    retained_["weir/v1/alerts/overheat/1"] = payload;
    connect();
    EXPECT_EQ(*document("weir/v1/alerts/overheat/1").find("rule")->as_string(), "overheat");
  }
}

TEST_F(Board, WhatComesBeforeTheMarkerIsNotOverwritten) {
  make({alert("overheat", "1")});
  retained_["weir/v1/alerts/overheat/1"] = to_json(alert_document(alert("overheat", "1")));
  board_->connected();
  board_->changed({alert("overheat", "1", false)});
  EXPECT_THAT(retained_, IsEmpty());
  board_->heard({"weir/v1/alerts/overheat/1", to_json(alert_document(alert("overheat", "1"))), 1, true});
  board_->heard({"weir/v1/alerts", marker_, 1, false});
  EXPECT_THAT(retained_, IsEmpty());
}

TEST_F(Board, FewAreUnderWayAndTheNewestCounts) {
  make({});
  connect();
  holds_ = true;
  published_ = 0;
  for (int round = 0; round < 3; ++round)
    for (int n = 0; n < 50; ++n) board_->changed({alert("overheat", std::to_string(n), round != 1 || n % 2 == 0)});
  EXPECT_EQ(published_, 8);
  while (!done_.empty()) {
    auto done = std::move(done_);
    done_.clear();
    for (const mqtt::Done& one : done) one({});
  }
  EXPECT_EQ(retained_.size(), 50U);
  EXPECT_LE(published_, 60);  // not each of the 150 changes

  // Answers of a connection that is gone say nothing about this one.
  board_->changed({alert("late", "1")});
  const auto old = std::move(done_);
  done_.clear();
  holds_ = false;
  connect();
  for (const mqtt::Done& one : old) one(fail("gone"));
  board_->changed({alert("later", "1")});
  EXPECT_EQ(retained_.count("weir/v1/alerts/later/1"), 1U);
}

}  // namespace
}  // namespace weir
