#include "agent/alert_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace weir {
namespace {

using testing::HasSubstr;

constexpr Timestamp kNow = 1'700'000'000 * kSecond;

Result<v1::Command> read(std::string_view json) {
  const auto request = alert_request(json);
  return request ? alert_command(*request, kNow) : Result<v1::Command>(std::unexpected(request.error()));
}

std::string refusal(std::string_view json) {
  const auto command = read(json);
  return command ? "taken" : command.error().text();
}

TEST(AlertCommand, SaysWhatIsToBeDone) {
  const auto shelve =
      read(R"({"verb":"shelve","target":"overheat/1","who":"eve","why":"sensor","for":"8h","id":"17"})");
  ASSERT_TRUE(shelve) << shelve.error().text();
  EXPECT_EQ(shelve->verb(), "shelve");
  EXPECT_EQ(shelve->target(), "overheat/1");
  EXPECT_EQ(shelve->who(), "eve");
  EXPECT_EQ(shelve->why(), "sensor");
  EXPECT_EQ(shelve->until(), kNow + 8 * kHour);
  for (const char* verb : {"acknowledge", "unshelve", "reset"}) {
    const auto command = read(std::string(R"({"verb":")") + verb + R"(","target":"a","who":"eve"})");
    ASSERT_TRUE(command) << verb;
    EXPECT_EQ(command->verb(), verb);
    EXPECT_EQ(command->until(), 0);
  }
}

TEST(AlertCommand, RefusesWhatIsNotRight) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the command"},
      {"acknowledge", "the command"},
      {"[]", "a command is a map, and this is a list"},
      {"{}", "nothing can be done to an alert that is called ''"},
      {R"({"verb":"ack","target":"a","who":"eve"})", "acknowledge"},
      {R"({"verb":"write","target":"a","who":"eve"})", "nothing can be done"},
      {R"({"verb":"acknowledge","who":"eve"})", "acknowledge what?"},
      {R"({"verb":"acknowledge","target":"a"})", "who says so?"},
      {R"({"verb":"acknowledge","targte":"a","who":"eve"})", "did you mean 'target'?"},
      {R"({"verb":"acknowledge","target":7,"who":"eve"})", "'target' is a whole number"},
      {R"({"verb":"acknowledge","target":null,"who":"eve"})", "'target' is"},
      {R"({"verb":"acknowledge","target":"a\u0000b","who":"eve"})", "control characters"},
      {R"({"verb":"acknowledge","target":"a","who":"eve","for":"1h"})", "'for' is only of shelve"},
      {R"({"verb":"shelve","target":"a","who":"eve","why":"x"})", "for how long?"},
      {R"({"verb":"shelve","target":"a","who":"eve","why":"x","for":"soon"})", "is no duration"},
      {R"({"verb":"shelve","target":"a","who":"eve","why":"x","for":"31d"})", "1s to 30d"},
      {R"({"verb":"shelve","target":"a","who":"eve","why":"x","for":"0s"})", "1s to 30d"},
      {R"({"verb":"shelve","target":"a","who":"eve","for":"1h"})", "shelve why?"},
  };
  for (const auto& [json, said] : cases) EXPECT_THAT(refusal(json), HasSubstr(said)) << json;
  EXPECT_THAT(refusal(std::string(5'000, ' ')), HasSubstr("a command of 5000 bytes"));
  EXPECT_THAT(refusal("{\"verb\":\"acknowledge\",\"target\":\"" + std::string(800, 'a') + "\",\"who\":\"eve\"}"),
              HasSubstr("'target' has 800 bytes"));
  EXPECT_THAT(refusal(std::string(4'000, '[')), HasSubstr("the command"));
  EXPECT_THAT(refusal("{\"verb\":\"\xff\"}"), testing::AnyOf(HasSubstr("UTF-8"), HasSubstr("the command")));
}

TEST(AlertCommand, SaysWhyNothingCameOfIt) {
  const config::Parsed parsed = config::parse_yaml({"a.yaml", R"Y(
rules:
  - {name: overheat, from: {t: "boiler-{n}/t"}, when: t > 90, alert: {severity: critical}}
  - {name: silent, from: {t: "boiler-{n}/t"}, missing: 5m, alert: {severity: warning}}
)Y"});
  const Node files[] = {parsed.root};
  rules::Compiled compiled = rules::compile(files, {});
  ASSERT_TRUE(compiled.rules);
  rules::Engine engine;
  engine.install(compiled.rules);
  model::Signal signal;
  signal.path = "boiler-1/t";
  engine.define(1, signal);
  rules::Outputs outputs;
  model::Series series;
  series.signal = 1;
  series.append({kNow, 95.0, {}});
  engine.readings(kNow, series, outputs);
  ASSERT_EQ(engine.active_alerts().size(), 1U);
  const auto why = [&](const char* verb, const std::string& target) {
    v1::Command command;
    command.set_verb(verb);
    command.set_target(target);
    return nothing_to_change(engine, command).text();
  };
  EXPECT_THAT(why("unshelve", "overheat/1"), HasSubstr("nothing there is shelved"));
  EXPECT_THAT(why("acknowledge", "silent"), HasSubstr("nothing there is active or latched"));
  EXPECT_THAT(why("acknowledge", "overhaet/1"), HasSubstr("did you mean 'overheat/1'?"));
  EXPECT_THAT(why("acknowledge", "sillent"), HasSubstr("did you mean 'silent'?"));
  EXPECT_THAT(why("acknowledge", "overheat/everything-else"), HasSubstr("the rule has no group"));
  EXPECT_THAT(why("acknowledge", "zzz"), HasSubstr("no alert and no rule is called 'zzz'"));
}

}  // namespace
}  // namespace weir
