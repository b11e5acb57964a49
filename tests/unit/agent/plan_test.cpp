// From a config to what the rules are told of their site, through the log and back.
#include "agent/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::plan {
namespace {

using testing::HasSubstr;

config::Loaded load(const std::string& site, const std::string& rules) {
  return config::load({"weir.yaml", "version: 1\nsite: " + site + "\n"}, {{"rules.d/a.yaml", rules}}, "/etc/weir");
}

constexpr const char* kSite =
    "{name: hall, timezone: Europe/Berlin, shifts: {night: 22:00-06:00, day: 06:00-22:00}, constants: {limit: 90}}";
constexpr const char* kShiftRule =
    "rules:\n  - {name: a, from: {t: \"x/t\"}, window: {calendar: shift}, emit: {\"x/n\": \"count_true(t > "
    "site.limit)\"}}\n";

TEST(Plan, TheSiteGoesThroughTheLog) {
  const config::Loaded loaded = load(kSite, kShiftRule);
  ASSERT_TRUE(loaded.config) << render(loaded);
  const rules::Site here = site(loaded.config->site);
  EXPECT_EQ(here.timezone, "Europe/Berlin");
  EXPECT_THAT(here.shifts, testing::ElementsAre(calendar::Shift{"day", 6 * kHour, 22 * kHour},  // as the day goes
                                                calendar::Shift{"night", 22 * kHour, 6 * kHour}));
  const v1::RulesChanged logged = rule_files(*loaded.config);
  EXPECT_EQ(logged.site().timezone(), "Europe/Berlin");
  const rules::Compiled compiled = compile(logged);
  ASSERT_TRUE(compiled.rules) << (compiled.diagnostics.empty() ? "" : weir::render(compiled.diagnostics.front()));

  // Another site is another RulesChanged, so that a reload installs them anew.
  const config::Loaded other =
      load("{name: hall, timezone: UTC, shifts: {all: 06:00-06:00}, constants: {limit: 90}}", kShiftRule);
  EXPECT_NE(rule_files(*other.config).SerializeAsString(), logged.SerializeAsString());
}

// A log from before there were sites.
TEST(Plan, WithoutASiteItIsUtcAndNothing) {
  const config::Loaded loaded =
      load("hall", "rules:\n  - {name: a, from: {t: \"x/t\"}, when: t > 1, alert: {severity: info}}\n");
  const v1::RulesChanged logged = rule_files(*loaded.config);
  EXPECT_FALSE(logged.has_site());
  EXPECT_TRUE(compile(logged).rules);
  v1::RulesChanged shifts = logged;
  shifts.mutable_files(0)->set_text(kShiftRule);
  EXPECT_FALSE(compile(shifts).rules);
}

TEST(Plan, SaysWhereTheSiteIsWrong) {
  const Checked checked =
      check(load("{name: hall, timezone: Europe/Berln, shifts: {a: 06:00-14:00, b: 13:00-22:00},\n"
                 "       constants: {limit: 90}}",
                 kShiftRule + std::string("  - {name: b, from: {t: \"x/t\"}, when: t >}\n")),
            {});
  EXPECT_FALSE(checked.good());
  const std::string said = render(checked.loaded);
  EXPECT_THAT(said, HasSubstr("weir.yaml:2:30"));
  EXPECT_THAT(said, HasSubstr("site: the box knows no time zone 'Europe/Berln'"));
  EXPECT_THAT(said, HasSubstr("did you mean 'Europe/Berlin'"));
  EXPECT_THAT(said, HasSubstr("site: shift 'a' (to 14:00) overlaps 'b' (from 13:00)"));
  EXPECT_THAT(said, HasSubstr("rules.d/a.yaml:3"));                // what is wrong with the rules is said as well
  EXPECT_THAT(said, testing::Not(HasSubstr("rules.d/a.yaml:2")));  // and nothing that is right
}

TEST(Plan, WarnsOfRulesThatWriteAndMayNot) {
  const std::string rule =
      "rules:\n"
      "  - name: dry\n"
      "    from: {f: \"p/f\"}\n"
      "    when: f < 1\n"
      "    write: {\"p/enable\": false}\n"
      "    on_clear: {\"p/enable\": true}\n";
  const Checked warned = check(load("hall", rule), {});
  EXPECT_TRUE(warned.good());
  EXPECT_THAT(render(warned.loaded), HasSubstr("rules.d/a.yaml:5:14: warning: rule 'dry' writes, and rules may not"));
  EXPECT_THAT(render(warned.loaded), HasSubstr("rules.d/a.yaml:6:17: warning"));
  EXPECT_THAT(render(warned.loaded), HasSubstr("add `writes: enabled` to weir.yaml"));
  EXPECT_THAT(render(check(load("hall\nwrites: enabled", rule), {}).loaded), testing::IsEmpty());
}

TEST(Plan, WhatOnlyAStartCanChangeStaysAsItIs) {
  config::Config running, next;
  running.store.commit_interval = kSecond;
  next.store.commit_interval = 2 * kSecond;
  next.bus.username = "panel";
  next.site.name = "another";
  EXPECT_THAT(keep_until_restart(next, running), testing::ElementsAre("store: commit_interval", "bus"));
  EXPECT_EQ(next.store.commit_interval, kSecond);
  EXPECT_EQ(next.bus, running.bus);
  EXPECT_EQ(next.site.name, "another");
  EXPECT_THAT(keep_until_restart(next, running), testing::IsEmpty());
}

}  // namespace
}  // namespace weir::plan
