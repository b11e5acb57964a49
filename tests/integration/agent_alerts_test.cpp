// Alerts on a real bus, by people's hands and over restarts; and what rules write to a real driver.
#include <algorithm>
#include <csignal>
#include <map>

#include "base/json.h"
#include "weir_test.h"

namespace weir {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class AlertsTest : public LiveTest {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    if (IsSkipped()) return;
    bus_.emplace();
    panel_ = connect(bus_->url(), "panel", {"weir/v1/alerts/#", "weir/v1/alert/answer"},
                     [this](const mqtt::Message& message) { heard(message); });
  }
  void TearDown() override { EXPECT_TRUE(agent_.stop()); }

  void heard(const mqtt::Message& message) {
    if (message.topic == "weir/v1/alert/answer") answers_.push_back(message.payload);
    else if (message.topic == "weir/v1/alerts") return;  // the agent's own marker
    else if (message.payload.empty()) shown_.erase(message.topic);
    else shown_[message.topic] = message.payload;
  }

  std::string answer_to(const std::string& command) {
    answers_.clear();
    publish(*panel_, {"weir/v1/alert", command});
    EXPECT_TRUE(agent_.until([&] { return !answers_.empty(); })) << command;
    return answers_.empty() ? "" : answers_.front();
  }

  bool shows(const std::string& topic, const std::string& part) const {
    const auto found = shown_.find(topic);
    return found != shown_.end() && found->second.find(part) != std::string::npos;
  }

  std::optional<test::Mosquitto> bus_;
  std::unique_ptr<mqtt::Client> panel_;
  std::map<std::string, std::string> shown_;  // what a panel would show, by topic
  std::vector<std::string> answers_;
};

TEST_F(AlertsTest, ArePublishedHandledAndReconciled) {
  const auto configure = [&](const std::string& temperature) {
    write("weir.yaml",
          "version: 1\nsite: hall\nbus: {url: \"" + bus_->url() +
              "\"}\nstore: {path: weir.db, commit_interval: 50ms}\ndrivers:\n  sim:\n    kind: simulator\n"
              "    options: {signals: {box-1/temperature: {wave: constant, offset: " +
              temperature + ", interval: 50ms}}}\n");
  };
  configure("95");
  write("rules.d/a.yaml",
        "rules:\n"
        "  - name: too hot\n"
        "    from: {t: \"{box}/temperature\"}\n"
        "    when: t > 90\n"
        "    alert: {severity: critical, message: \"{box} is at {t:.1f} °C\"}\n"
        "  - name: smoke\n"
        "    from: {t: \"{box}/temperature\"}\n"
        "    when: t > 92\n"
        "    alert: {severity: warning, latch: true}\n");
  agent_.start();
  const std::string hot = "weir/v1/alerts/too%20hot/box-1", smoke = "weir/v1/alerts/smoke/box-1";
  ASSERT_TRUE(agent_.until([&] { return shown_.contains(hot) && shown_.contains(smoke); })) << agent_.said();
  const auto document = parse_json(shown_[hot]);
  ASSERT_TRUE(document) << shown_[hot];
  EXPECT_EQ(*document->find("message")->as_string(), "box-1 is at 95.0 °C");
  EXPECT_EQ(*document->find("target")->as_string(), "too hot/box-1");
  EXPECT_EQ(*document->find("group")->find("box")->as_string(), "box-1");
  EXPECT_TRUE(*document->find("active")->as_bool());
  EXPECT_EQ(*document->find("change")->as_string(), "raised");
  EXPECT_EQ(agent_.number({"rules", "alerts", "critical"}), 1);

  // Over the bus.
  EXPECT_THAT(answer_to(R"({"verb":"acknowledge","target":"too hot/box-1","who":"panel","why":"seen","id":"17"})"),
              HasSubstr(R"("alerts":1,"id":"17")"));
  EXPECT_TRUE(agent_.until([&] { return shows(hot, R"("acknowledged":true)"); }));
  EXPECT_TRUE(shows(hot, R"("who":"panel","why":"seen")"));
  EXPECT_THAT(answer_to(R"({"verb":"acknowledge","target":"too hot/box-1","who":"panel"})"),
              HasSubstr("there is nothing to acknowledge"));
  for (const std::string& odd : {std::string("x"), std::string(20'000, '{'), std::string("\xff\xfe"),
                                 std::string("{}"), std::string(R"({"verb":"reset","target":["a"],"who":"panel"})")})
    EXPECT_THAT(answer_to(odd), HasSubstr(R"({"error":")")) << odd.substr(0, 40);

  // By hand.
  EXPECT_THAT(done({"alerts"}),
              AllOf(HasSubstr("too hot/box-1"), HasSubstr("active, acknowledged"), HasSubstr("box-1 is at 95.0 °C")));
  refused({"alerts", "shelve", "too hot/box-1", "--for", "8h"}, 2);
  done({"alerts", "shelve", "too hot/box-1", "--for", "8h", "--why", "the sensor is changed"});
  EXPECT_TRUE(agent_.until([&] { return shows(hot, R"("shelved":true)"); }));
  EXPECT_THAT(done({"alerts"}), AllOf(Not(HasSubstr("too hot")), HasSubstr("1 more, latched or shelved")));
  EXPECT_THAT(done({"alerts", "--all"}), AllOf(HasSubstr("too hot"), HasSubstr("the sensor is changed")));
  EXPECT_THAT(refused({"alerts", "reset", "smok/box-1"}), HasSubstr("did you mean 'smoke/box-1'?"));
  EXPECT_THAT(refused({"alerts", "acknowledge", "too hot"}), HasSubstr("there is nothing to acknowledge"));
  EXPECT_THAT(refused({"alerts", "unshelve", "smoke"}), HasSubstr("nothing there is shelved"));
  EXPECT_THAT(refused({"alerts", "shelve", "smoke", "--for", "31d", "--why", "x"}), HasSubstr("1s to 30d"));
  EXPECT_THAT(refused({"alerts", "shelve", "smoke", "--for", "1h", "--why", ""}), HasSubstr("say why"));
  done({"alerts", "unshelve", "too hot/box-1"});
  EXPECT_TRUE(agent_.until([&] { return shows(hot, R"("shelved":false)"); }));
  EXPECT_THAT(done({"status"}), AllOf(HasSubstr("Active alerts: 1 critical, 1 warning"), HasSubstr("too hot/box-1")));

  // Killed while it is active; what is retained stays, also what nobody says any more.
  agent_.stop(SIGKILL);
  publish(*panel_, {"weir/v1/alerts/gone/7", R"({"id":"0","rule":"gone"})", 1, true});
  publish(*panel_, {smoke, "", 1, true});
  EXPECT_TRUE(shows(hot, R"("active":true)"));
  configure("20");
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return !shown_.contains(hot) && !shown_.contains("weir/v1/alerts/gone/7"); }))
      << agent_.said();
  ASSERT_TRUE(agent_.until([&] { return shows(smoke, R"("active":false)"); }));
  EXPECT_TRUE(shows(smoke, R"("latched":true)"));
  EXPECT_THAT(done({"alerts", "--all", "--json"}), HasSubstr(R"("target":"smoke/box-1")"));
  done({"alerts", "reset", "smoke", "--why", "looked"});
  EXPECT_TRUE(agent_.until([&] { return shown_.empty(); }));

  // A rule that is gone leaves nothing behind.
  configure("95");
  ASSERT_NE(agent_.ask("reload").find("done"), nullptr);
  ASSERT_TRUE(agent_.until([&] { return shown_.contains(hot) && shown_.contains(smoke); }));
  write("rules.d/a.yaml", "rules: []\n");
  ASSERT_NE(agent_.ask("reload").find("done"), nullptr);
  EXPECT_TRUE(agent_.until([&] { return shown_.empty(); }));
  EXPECT_TRUE(agent_.logged("too hot/box-1 forgotten"));
}

TEST_F(AlertsTest, ABrokerThatLostThemIsToldAgain) {
  write("weir.yaml",
        "version: 1\nsite: hall\nbus: {url: \"" + bus_->url() +
            "\"}\nstore: {path: weir.db, commit_interval: 50ms}\ndrivers:\n  sim:\n    kind: simulator\n"
            "    options: {signals: {box-1/temperature: {wave: constant, offset: 95, interval: 50ms}}}\n");
  write("rules.d/a.yaml",
        "rules: [{name: hot, from: {t: \"{box}/temperature\"}, when: t > 90, alert: {severity: critical}}]\n");
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return shown_.contains("weir/v1/alerts/hot/box-1"); }));
  bus_->kill();
  shown_.clear();
  bus_->start();
  EXPECT_TRUE(agent_.until([&] { return shown_.contains("weir/v1/alerts/hot/box-1"); })) << agent_.said();
}

TEST_F(AlertsTest, RulesWriteAndTheDriverFallsBackWithoutThem) {
  const auto configure = [&](const std::string& writes) {
    write("weir.yaml", "version: 1\nsite: hall\nbus: {url: \"" + bus_->url() + "\"}\n" + writes +
                           "store: {path: weir.db, commit_interval: 50ms}\n"
                           "drivers: {sim: {external: true, writes: [\"pump-{n}/enable\", pump-1/flow]}}\n");
  };
  write("rules.d/a.yaml",
        "rules:\n"
        "  - name: dry-run\n"
        "    from: {flow: \"pump-{n}/flow\"}\n"
        "    when: flow < 1\n"
        "    alert: {severity: critical}\n"
        "    write: {\"pump-{n}/enable\": {value: false, lease: 2s, fallback: true}}\n"
        "    on_clear: {\"pump-{n}/enable\": true}\n");
  configure("");
  EXPECT_THAT(done({"check"}),
              AllOf(HasSubstr("rule 'dry-run' writes, and rules may not"), HasSubstr("writes: enabled")));
  configure("writes: enabled\n");
  EXPECT_THAT(done({"check"}), Not(HasSubstr("warning")));

  // Not the agent's child: it lives on when the agent is killed.
  std::vector<std::string> said;
  process::Command command;
  command.executable = std::filesystem::path(WEIR_BIN) / "weir-driver-simulator";
  command.arguments = {"--name", "sim", "--bus", bus_->url()};
  command.input =
      R"({"signals": {"pump-1/flow": {"wave": "constant", "offset": 5, "writable": true, "interval": "50ms"},
      "pump-1/enable": {"wave": "constant", "type": "bool", "offset": 1, "writable": true, "interval": "50ms"}}})";
  const auto note = [&](std::string_view line) { said.emplace_back(line); };
  auto driver = process::Process::start(io_.get_executor(), command, {.out = note, .error = note});
  ASSERT_TRUE(driver) << driver.error().text();
  const auto driver_said = [&](std::string_view part) {
    return std::ranges::any_of(said, [&](const std::string& line) { return line.find(part) != line.npos; });
  };

  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 5; })) << agent_.said();
  done({"write", "pump-1/flow", "0"});
  ASSERT_TRUE(agent_.until([&] { return agent_.number({"rules", "writes", "done"}) >= 1; })) << agent_.said();
  EXPECT_THAT(done({"read", "pump-1/enable"}), HasSubstr("pump-1/enable = false"));
  EXPECT_TRUE(shown_.contains("weir/v1/alerts/dry-run/1"));

  // Renewed for longer than it lasts.
  ASSERT_TRUE(agent_.until([&] { return agent_.number({"rules", "writes", "done"}) >= 5; }))
      << to_json(agent_.status());
  EXPECT_FALSE(driver_said("has run out"));
  EXPECT_THAT(done({"read", "pump-1/enable"}), HasSubstr("pump-1/enable = false"));

  agent_.stop(SIGKILL);
  EXPECT_TRUE(agent_.until([&] {
    return driver_said("the lease of 'pump-1/enable' has run out: wrote its fallback, true");
  })) << join(said, "\n");

  // Without leave nothing moves, and it is said.
  configure("");
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.number({"rules", "writes", "refused"}) >= 1; }))
      << to_json(agent_.status());
  EXPECT_EQ(agent_.number({"rules", "writes", "done"}), 0);
  EXPECT_THAT(join(weir({"status"}).out, "\n"),
              AllOf(HasSubstr("a write of a rule was not done"), HasSubstr("add `writes: enabled` to weir.yaml")));
  EXPECT_THAT(done({"read", "pump-1/enable"}), HasSubstr("pump-1/enable = true"));

  // Cleared: the rule lets go.
  configure("writes: enabled\n");
  ASSERT_NE(agent_.ask("reload").find("done"), nullptr);
  ASSERT_TRUE(agent_.until([&] { return agent_.number({"rules", "writes", "done"}) >= 1; }));
  done({"write", "pump-1/flow", "5"});
  EXPECT_TRUE(agent_.until([&] { return shown_.empty(); })) << agent_.said();
  EXPECT_TRUE(agent_.until([&] { return agent_.logged("rule dry-run wrote pump-1/enable = true"); }))
      << agent_.said();
}

}  // namespace
}  // namespace weir
