// Files of rules as a whole, and what becomes of a rule that is right.
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "../plant.h"
#include "rules/pattern_index.h"
#include "rules/rule_set.h"
#include "rules/validity.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "line:column+length message | hint" of each.
std::vector<std::string> faults(const std::string& text, std::span<const model::Signal> announced = {}) {
  std::vector<std::string> out;
  for (const Diagnostic& d : compile_yaml(text, announced, Site{}).diagnostics)
    out.push_back(std::to_string(d.position.line) + ":" + std::to_string(d.position.column) + "+" +
                  std::to_string(d.length) + " " + d.message + (d.hint.empty() ? "" : " | " + d.hint));
  return out;
}

Compiled compile_at(const Site& site, const std::string& text) {
  const config::Parsed parsed = config::parse_yaml({"rules.yaml", text});
  return compile({&parsed.root, 1}, site);
}

// A rule of these keys, in flow style.
Rule rule_of(const std::string& keys, const Site& site = {}) {
  Compiled compiled = compile_at(site, "rules:\n  - {name: r, " + keys + "}\n");
  if (compiled.rules) return compiled.rules->rules.at(0);
  ADD_FAILURE() << keys << "\n" << all(compiled.diagnostics);
  return {};
}

Site with_shifts() {
  Site site;
  site.timezone = "Europe/Berlin";
  site.shifts = {
      {"early", 6 * kHour, 14 * kHour}, {"late", 14 * kHour, 22 * kHour}, {"night", 22 * kHour, 6 * kHour}};
  site.constants = {{"limit", 90}};
  return site;
}

TEST(Compile, AllErrorsOfAllFilesAtOnce) {
  const auto one = config::parse_yaml({"one.yaml", "rules: [{name: a, from: {t: \"a/b\"}, emit: {\"a/c\": u}}]"});
  const auto two = config::parse_yaml(
      {"two.yaml", "rulez: []\nrules: [{name: a, from: {t: \"a/b\"}, emit: {\"a/d\": v, \"a/e\": w}}]"});
  const std::vector<Node> files{one.root, two.root};
  const Compiled compiled = compile(files, Site{});
  EXPECT_FALSE(compiled.rules);
  EXPECT_EQ(all(compiled.diagnostics),
            "one.yaml:1:51: error: there is no input 'u'\n  did you mean 't'?\n"
            "two.yaml:1:1: error: a file of rules has no 'rulez'\n  did you mean 'rules'?\n"
            "two.yaml:2:16: error: there is a rule 'a' already\n  give each rule a name of its own; the first is at "
            "one.yaml:1\n"
            "two.yaml:2:51: error: there is no input 'v'\n  did you mean 't'?\n"
            "two.yaml:2:61: error: there is no input 'w'\n  did you mean 't'?\n");
}

TEST(Compile, Files) {
  EXPECT_THAT(faults(""), IsEmpty());
  EXPECT_THAT(faults("rules:\n"), IsEmpty());
  EXPECT_THAT(faults("rules: []\n"), IsEmpty());
  EXPECT_THAT(faults("rules: 5\n"),
              ElementsAre("1:8+1 rules: is a list, not a whole number | write - name: … for each rule"));
  EXPECT_THAT(faults("- name: r\n"),
              ElementsAre("1:1+1 a file of rules is a map, not a list | write rules: and each rule below it"));
  EXPECT_THAT(faults("groups: []\n"),
              ElementsAre("1:1+6 a file of rules has no 'groups' | write rules: and each rule below it"));
  EXPECT_THAT(faults("rules: [5]\n"),
              ElementsAre("1:9+1 a rule is a map, not a whole number | write - name: …, from: …"));
}

TEST(Compile, RefusesATimeZoneThatTheBoxDoesNotKnow) {
  Site site;
  site.timezone = "Europe/Atlantis";
  const Compiled compiled = compile_at(site, "rules: []");
  EXPECT_FALSE(compiled.rules);
  EXPECT_THAT(all(compiled.diagnostics), HasSubstr("Atlantis"));
}

TEST(Compile, RefusesTwoThatMakeOnePath) {
  EXPECT_THAT(faults("rules:\n"
                     "  - {name: a, from: {t: \"b-{n}/t\"}, emit: {\"b-{n}/m\": t}}\n"
                     "  - {name: b, from: {t: \"{d}/s\"}, emit: {\"{d}/M\": t}}\n"),
              ElementsAre("3:43+5 rule 'a' may emit the same path: b-{n}/m | give each output a path of its own"));
  EXPECT_THAT(faults("rules:\n"
                     "  - {name: a, from: {t: \"{d}/t\"}, window: 1m, late: side, emit: {\"{d}/m\": mean(t)}}\n"
                     "  - {name: b, from: {t: \"{d}/s\"}, emit: {\"{d}/t_late\": t}}\n"),
              ElementsAre("3:43+10 rule 'a' may put late readings under the same path: {d}/t_late | give each output "
                          "a path of its own"));
}

TEST(Compile, MissesNoTwoThatMakeOnePath) {
  std::mt19937 random(7);
  const auto level = [&] {
    static constexpr const char* kLevels[] = {"a", "b", "{}", "a{}", "{}b"};
    return std::string(kLevels[random() % std::size(kLevels)]);
  };
  int overlapping = 0;
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> paths;
    std::string text = "rules:\n";
    bool overlap = false;
    for (int i = 0; i < 4; ++i) {
      std::string path = level() + "/" + level();
      if (random() % 2 == 0) path += "/" + level();
      for (const std::string& other : paths) overlap = overlap || may_overlap(path, other);
      paths.push_back(path);
      const std::string rule = std::to_string(i);
      // Captures of one name, so that the path of the output can have them all.
      std::string named;
      for (const char c : path) named += c == '}' ? "c" + std::to_string(named.size()) + "}" : std::string(1, c);
      text +=
          "  - {name: \"" + rule + "\", from: {t: \"in" + rule + "/" + named + "\"}, emit: {\"" + named + "\": t}}\n";
    }
    overlapping += overlap ? 1 : 0;
    EXPECT_EQ(faults(text).empty(), !overlap) << text;
  }
  EXPECT_GT(overlapping, 100);
  EXPECT_LT(overlapping, 400);
}

TEST(Compile, RefusesWhatIsRepairedUnderThePathOfARule) {
  const std::string valid = "valid:\n  - device: \"b-{n}\"\n    signals: {t: {range: [0, 100], repair: hold}}\n";
  const Compiled fine = compile_yaml(valid);
  ASSERT_TRUE(fine.rules) << all(fine.diagnostics);
  const std::string path = fine.rules->validity->profiles.at(0).checks.at(0).repaired.text;
  EXPECT_THAT(faults(valid + "rules:\n  - {name: a, from: {t: \"x/t\"}, emit: {\"b-1/" +
                     path.substr(path.find('/') + 1) + "\": t}}\n"),
              ElementsAre(HasSubstr("what valid: repairs of b-{n}/t goes out under the same path: " + path +
                                    " | give this output another path")));
  const std::vector<model::Signal> signals{make_signal("b-1/t")};
  EXPECT_THAT(faults(valid + "rules:\n  - {name: a, from: {t: \"" + path + "\"}, emit: {\"b-{n}/m\": t}}\n", signals),
              IsEmpty())
      << "it is known";
}

TEST(Compile, RefusesTwoThatWriteToOneSignal) {
  const std::string two =
      "rules:\n"
      "  - {name: a, from: {t: \"x/1\"}, when: t > 1, write: {\"plc/a\": true}, on_clear: {\"plc/a\": false}}\n";
  EXPECT_THAT(faults(two), IsEmpty());
  EXPECT_THAT(faults(two + "  - {name: b, from: {t: \"x/2\"}, when: t > 1, write: {\"PLC/a\": true}}\n"),
              ElementsAre("3:55+5 rule 'a' may write to the same path: plc/a | one rule for each target: let it "
                          "judge what the others emit"));
  EXPECT_THAT(faults(two + "  - {name: b, from: {t: \"x/2\"}, emit: {\"plc/a\": t}}\n"),
              ElementsAre("3:41+5 rule 'a' may write to the same path: plc/a | signals of drivers are written, those "
                          "of rules emitted; "
                          "give one of them another name"));
  EXPECT_THAT(
      faults(
          "rules:\n  - {name: a, from: {t: \"x/1\"}, emit: {\"plc/a\": t}, when: t > 1, write: {\"plc/a\": true}}\n"),
      ElementsAre(HasSubstr("rule 'a' may emit the same path: plc/a")));
}

TEST(Compile, RefusesCircles) {
  EXPECT_THAT(
      faults("rules:\n  - {name: a, from: {t: \"{d}/{s}\"}, emit: {\"{d}/{s}_mean\": t}}\n"),
      ElementsAre(
          "2:45+12 rule 'a' may read what it emits itself | emit under another name, or with a further level: "
          "{d}/{s}_mean/mean"));
  EXPECT_THAT(faults("rules:\n"
                     "  - {name: a, from: {t: \"x/1\"}, emit: {\"x/2\": t}}\n"
                     "  - {name: b, from: {t: \"x/2\"}, emit: {\"x/3\": t}}\n"
                     "  - {name: c, from: {t: \"x/3\"}, emit: {\"x/1\": t}}\n"),
              ElementsAre(HasSubstr("in a circle: 'a' → 'b' → 'c' → 'a'")));
  EXPECT_THAT(faults("rules:\n  - {name: a, from: {t: \"{d}/{s}\"}, emit: {\"{d}/{s}/mean\": t}}\n"), IsEmpty());
}

TEST(Compile, PutsReadersBehindWhatTheyRead) {
  const std::vector<model::Signal> signals{make_signal("b-1/t")};
  const Compiled compiled = compile_yaml(
      "rules:\n"
      "  - {name: reader, from: {m: \"c-{n}/m\"}, emit: {\"c-{n}/k\": m}}\n"
      "  - {name: maker, from: {t: \"b-{n}/t\"}, emit: {\"c-{n}/m\": t}}\n",
      signals);
  ASSERT_TRUE(compiled.rules) << all(compiled.diagnostics);
  EXPECT_THAT(compiled.diagnostics, IsEmpty()) << "what another rule emits is no unknown signal";
  EXPECT_EQ(compiled.rules->rules[0].name, "maker");
  EXPECT_TRUE(compiled.rules->rules[0].has_readers);
  EXPECT_TRUE(compiled.rules->rules[0].emits[0].has_readers);
  EXPECT_FALSE(compiled.rules->rules[1].has_readers);
}

TEST(Compile, TypesComeFromAnyUse) {
  EXPECT_THAT(
      faults("rules:\n  - {name: r, from: {a: \"x/a\", b: \"x/b\"}, within: 1s, when: \"a == b and b == 'on'\", "
             "alert: {severity: info, message: \"{a}\"}}\n"),
      IsEmpty());
  EXPECT_THAT(faults("rules:\n  - {name: r, from: {a: \"x/a\", b: \"x/b\"}, within: 1s, when: a == b and b and a > "
                     "3, alert: {severity: info}}\n"),
              testing::Contains(HasSubstr("where")));
}

TEST(Compile, GroupsAndMembers) {
  const std::string from = "from: {p: \"{plant}/tank-{n}/p_{k}\", low: \"{plant}/low\"}, within: 5s, ";
  const auto of = [&](const std::string& keys) {
    return rule_of(from + keys + "when: max(p) > 5, alert: {severity: info}");
  };
  Rule rule = of("across: k, ");
  EXPECT_THAT(rule.captures, ElementsAre("plant", "n", "k"));
  EXPECT_THAT(rule.group_captures, ElementsAre(0, 1));
  EXPECT_TRUE(rule.members && rule.holds_back && rule.expires);
  EXPECT_TRUE(rule.inputs[0].whole && rule.inputs[0].of_member);
  EXPECT_FALSE(rule.inputs[1].whole || rule.inputs[1].of_member);

  rule = of("by: [n, plant], ");
  EXPECT_THAT(rule.captures, ElementsAre("plant", "n", "k"));
  EXPECT_THAT(rule.group_captures, ElementsAre(0, 1));

  // Those of the group go first; `low` belongs to no member, wherever its capture stood.
  rule = rule_of("from: {p: \"{k}/{n}/p\"}, within: 5s, across: k, when: max(p) > 5, alert: {severity: info}");
  EXPECT_THAT(rule.captures, ElementsAre("n", "k"));
  EXPECT_THAT(rule.inputs[0].captures, ElementsAre(1, 0));

  rule = rule_of("from: {p: \"{k}/{n}/p\"}, within: 5s, by: [], emit: {\"plant/p\": max(p)}");
  EXPECT_THAT(rule.group_captures, IsEmpty());
  EXPECT_TRUE(rule.members);

  rule = rule_of("from: {t: \"{d}/{}\"}, window: 1m, by: d, emit: {\"{d}/all/m\": max(t)}");
  EXPECT_THAT(rule.group_captures, ElementsAre(0));
}

TEST(Compile, Windows) {
  const auto window = [](const std::string& keys) {
    return rule_of("from: {t: \"a/t\"}, emit: {\"a/m\": mean(t)}, window: " + keys, with_shifts()).window;
  };
  EXPECT_EQ(window("1m").kind, Window::Kind::tumbling);
  EXPECT_EQ(window("1m").size, kMinute);
  EXPECT_EQ(window("{size: 5m, every: 5m}").kind, Window::Kind::tumbling);
  EXPECT_EQ(window("{size: 5m, every: 1m}").kind, Window::Kind::hopping);
  EXPECT_EQ(window("{size: 5m, every: 1m}").every, kMinute);
  EXPECT_EQ(window("{session: 30s}").kind, Window::Kind::session);
  EXPECT_EQ(window("{last: 100, every: 10}").count, 100);
  EXPECT_EQ(window("{last: 100, every: 10}").every_count, 10);
  EXPECT_EQ(window("{calendar: shift}").unit, calendar::Unit::shift);
  EXPECT_EQ(window("{calendar: month}").kind, Window::Kind::calendar);
  EXPECT_EQ(window("{since: reset}").kind, Window::Kind::since_reset);
  EXPECT_EQ(window("{since: reset, every: 1m}").every, kMinute);
}

TEST(Compile, LateReadingsHavePathsOfTheirOwn) {
  const Rule a = rule_of("from: {a: \"{}/a_{n}\"}, by: [], window: 1m, late: side, emit: {\"x/m\": mean(a)}");
  EXPECT_EQ(a.side.at(0).fill(std::vector<std::string_view>{"d", "7"}), "d/a_7_late");
  const Rule b = rule_of(
      "from: {b: \"b-{n}/{m}/x\"}, by: m, window: 1m, late: {side: \"late/{n}/{m}\"}, emit: {\"{m}/m\": mean(b)}");
  EXPECT_THAT(b.captures, ElementsAre("m", "n"));
  EXPECT_EQ(b.side.at(0).fill(std::vector<std::string_view>{"m", "n"}), "late/n/m");
}

TEST(Compile, UnitsOfOutputs) {
  const auto unit_of = [](const std::string& value) {
    return rule_of("from: {t: \"a/t\", u: \"a/u\"}, within: 1s, window: 1m, let: {half: u}, emit: {\"a/m\": \"" +
                   value + "\"}")
        .emits[0]
        .unit_of;
  };
  EXPECT_EQ(unit_of("mean(t)"), 0);
  EXPECT_EQ(unit_of("-round(max(half), 1)"), 1);
  EXPECT_EQ(unit_of("quantile(u, 0.9)"), 1);
  EXPECT_EQ(unit_of("or_else(last(u), 0)"), 1);
  EXPECT_EQ(unit_of("count(t)"), -1);
  EXPECT_EQ(unit_of("variance(t)"), -1);
  EXPECT_EQ(unit_of("integral(t)"), -1);
  EXPECT_EQ(unit_of("max(last(t), last(u))"), -1);
  EXPECT_EQ(unit_of("mean(t * 2)"), -1);
}

// As written, with its captures; "?" is a value.
std::string shown(const Rule& rule) {
  std::string out;
  for (const MessageTemplate::Part& part : rule.alert->message.parts) {
    out += part.literal;
    if (part.capture >= 0) out += "<" + rule.captures[static_cast<std::size_t>(part.capture)] + ">";
    if (!part.value.empty()) out += "{" + part.value.source + "}";
  }
  return out;
}

TEST(Compile, DefaultMessages) {
  const auto message = [](const std::string& keys) { return shown(rule_of(keys + ", alert: {severity: info}")); };
  EXPECT_EQ(message("from: {t: \"a/t\"}, when: t > 1"), "r");
  EXPECT_EQ(message("from: {t: \"{d}/t-{}\"}, when: t > 1"), "r (d = <d>, <>)");
  EXPECT_EQ(message("from: {t: \"{d}/t-{}\"}, missing: 5m"), "<d>/t-<>: nothing for 5m");
  EXPECT_EQ(message("from: {t: \"a-{n}/t\", u: \"a-{n}/u\"}, within: 1s, missing: 1h30m"),
            "r (n = <n>): nothing for 1h30m");
  EXPECT_EQ(message("from: {t: \"a/t\"}, detect: {}"), "a/t: {reason}");
}

TEST(Compile, WritesAlertsAndDetectors) {
  const Rule rule = rule_of(
      "from: {t: \"a-{n}/t\"}, when: t > 1, write: {\"plc/a_{n}\": {value: t + 1, lease: 30s, fallback: 0}}, "
      "on_clear: {\"plc/a_{n}\": 0}, write_limit: 10s, max_age: 1m, forget: forever, "
      "alert: {severity: critical, latch: true, repeat: 1h, suppress: t > 100}");
  ASSERT_EQ(rule.writes.size(), 1);
  EXPECT_EQ(rule.writes[0].lease, 30 * kSecond);
  EXPECT_EQ(rule.writes[0].value.source, "t + 1");
  EXPECT_EQ(rule.writes[0].fallback.source, "0");
  ASSERT_EQ(rule.clear_writes.size(), 1);
  EXPECT_TRUE(rule.clear_writes[0].fallback.empty());
  EXPECT_EQ(rule.write_limit, 10 * kSecond);
  EXPECT_EQ(rule.max_age, kMinute);
  EXPECT_EQ(rule.forget, kForever);
  EXPECT_EQ(rule.alert->severity, "critical");
  EXPECT_TRUE(rule.alert->latch);
  EXPECT_EQ(rule.alert->repeat, kHour);
  EXPECT_FALSE(rule.suppress.empty());
  EXPECT_EQ(rule_of("from: {t: \"a/t\"}, detect: {sensitivity: high}, emit: {\"a/s\": score}").detect->sensitivity,
            detect::Sensitivity::high);
}

TEST(Compile, KnowsWhichRulesWatchTheTime) {
  const auto watches = [](const std::string& keys) {
    return rule_of("from: {t: \"a/t\"}, alert: {severity: info}, " + keys).watches_time;
  };
  EXPECT_FALSE(watches("when: t > 1"));
  EXPECT_FALSE(watches("when: delta(t) > 1"));
  EXPECT_TRUE(watches("when: age(t) > 1m"));
  EXPECT_TRUE(watches("when: hour() > 6 and t > 1"));
  EXPECT_TRUE(watches("when: t > 1, clear: \"since(t < 5) > 1m\""));
  EXPECT_TRUE(watches("when: \"mean(t, 5m) > 1\""));
  EXPECT_TRUE(watches("let: {m: \"mean(t, 5m)\"}, when: m > 1"));
  EXPECT_FALSE(watches("window: 1m, when: mean(t) > 1 and hour() > 6")) << "judged at its end only";
}

TEST(Compile, TheKeyIsOfWhatComputesTheState) {
  const std::string from = "from: {t: \"a-{n}/t\"}, ";
  const auto key = [&](const std::string& keys, const Site& site = with_shifts()) {
    return rule_of(from + keys, site).key;
  };
  const std::string rule = "when: t > 90, alert: {severity: info, message: hot}";
  const char* same[] = {
      "when: \"(t) > 90\", alert: {severity: info, message: hot}",
      "when: t > 90, alert: {severity: critical, message: \"very hot, {t}\", latch: true, repeat: 1h, suppress: t > "
      "100}",
      "when: t > 90, alert: {severity: info}, write: {\"plc/{n}\": true}, write_limit: 1s, max_age: 1m, forget: 1d",
      "when: t > site.limit, alert: {severity: info}",
      "let: {hot: t > 90}, when: hot, alert: {severity: info}",
  };
  for (const char* other : same) EXPECT_EQ(key(rule), key(other)) << other;
  const char* different[] = {
      "when: t > 91, alert: {severity: info, message: hot}",
      "when: t > 90, for: 5s, alert: {severity: info, message: hot}",
      "when: t > 90, clear: t < 80, alert: {severity: info, message: hot}",
      "when: t > 90, within: 5s, alert: {severity: info, message: hot}",
      "when: t > 90, where: t < 200, alert: {severity: info, message: hot}",
      "when: t > 90, alert: {severity: info, message: \"{delta(t)}\"}",
      "when: t > 90, alert: {severity: info, message: hot}, emit: {\"a-{n}/m\": t}",
      "when: t > 90, alert: {severity: info, message: hot}, write: {\"plc/{n}\": \"prev(t)\"}",
      "missing: 5m, alert: {severity: info}",
      "detect: {}, alert: {severity: info}",
      "detect: {sensitivity: high}, alert: {severity: info}",
      "window: 1m, when: mean(t) > 90, alert: {severity: info}",
      "window: {last: 100}, when: mean(t) > 90, alert: {severity: info}",
      "window: {last: 100, every: 50}, when: mean(t) > 90, alert: {severity: info}",
      "window: {calendar: day}, when: mean(t) > 90, alert: {severity: info}",
      "window: {calendar: shift}, when: mean(t) > 90, alert: {severity: info}",
      "window: {calendar: shift}, late: revise, when: mean(t) > 90, alert: {severity: info}",
      "window: {calendar: shift}, by: [], when: mean(t) > 90, alert: {severity: info}",
  };
  std::set<Hash128> keys{key(rule)};
  for (const char* other : different) EXPECT_TRUE(keys.insert(key(other)).second) << other;

  Site moved = with_shifts();
  moved.constants[0].second = 95;
  EXPECT_NE(key("when: t > site.limit, alert: {severity: info}"),
            key("when: t > site.limit, alert: {severity: info}", moved));
  moved.shifts[0].end = moved.shifts[1].begin = 15 * kHour;
  const std::string shift = "window: {calendar: shift}, emit: {\"a-{n}/m\": mean(t)}",
                    day = "window: {calendar: day}, emit: {\"a-{n}/m\": mean(t)}";
  EXPECT_NE(key(shift), key(shift, moved));
  EXPECT_EQ(key(day), key(day, moved));
  moved.timezone = "Asia/Tokyo";
  EXPECT_NE(key(day), key(day, moved));
  EXPECT_EQ(key(rule), key(rule, moved));
}

// Those of the design: the language in ten rules.
constexpr const char* kTenRules = R"yaml(rules:
  - name: overheat
    from: {t: "boiler-{n}/temperature"}
    when: t > 90
    for: 30s                                  # on-delay
    clear: t < 85                             # hysteresis; left out: not (when)
    clear_for: 10s                            # off-delay
    alert: {severity: critical, message: "boiler {n} is at {t:.1f} °C"}

  - name: temperature-1m
    from: {t: "{device}/temperature"}
    window: 1m                                # {size: 5m, every: 1m}, {session: 30s}, {last: 100}, {calendar: shift}, {since: reset}
    lateness: 10s
    emit: {"{device}/temperature_1m": "mean(t)", "{device}/temperature_p99": "quantile(t, 0.99)"}

  - name: cavitation                          # a join: evaluated once per distinct event time, with the inputs as of then
    from: {v: "pump-{n}/vibration", s: "pump-{n}/suction", run: {path: "pump-{n}/run", within: forever}}
    within: 5s
    when: run and s < 0.3 and stddev(v, 10s) > 2 * stddev(v, 1d)
    for: 20s
    alert: {severity: warning}
    write: {"plc/pump_{n}_enable": false}     # on the transition to true; on_clear: for the other

  - name: short-cycling
    from: {run: "chiller-{n}/run"}
    when: count(rising(run), 1h) > 6
    alert: {severity: warning}

  - name: leak
    from: {h: "tank-{n}/level", out: "tank-{n}/outlet_open"}
    within: forever
    where: not out                            # filters readings; when judges the result
    window: {size: 2h, every: 10m}
    when: slope(h) < -0.5 / 1h and span(h) > 90m
    alert: {severity: warning}

  - name: energy-shift
    from: {e: "meter-{n}/energy"}
    window: {calendar: shift}                 # site.shifts, site.timezone, daylight saving included
    late: revise                              # or drop (counted), or side
    emit: {"meter-{n}/energy_shift": "increase(e)"}

  - name: run-hours
    from: {run: "motor-{n}/run"}
    window: {since: reset}
    emit: {"motor-{n}/run_hours": "duration_of(run) / 1h"}
    when: duration_of(run) > 4000h
    alert: {severity: info, message: "motor {n} is due for service"}

  - name: overpressure-2oo3                   # two out of three
    from: {p: "tank-{n}/pressure_{k}"}
    across: k
    within: 5s
    when: count_true(p > 8) >= 2 or (count_good(p) < 3 and count_true(p > 8) >= 1)
    alert: {severity: critical}

  - name: vibration
    from: {v: "pump-{n}/vibration"}
    detect: {sensitivity: normal}             # a score from 0 to 1 by one detector that needs no tuning
    alert: {severity: warning}

  - name: silent
    from: {t: "{device}/temperature"}
    missing: 5m
    alert: {severity: warning}
)yaml";

TEST(Compile, TheTenRulesOfTheDesign) {
  const Compiled compiled = compile_at(with_shifts(), kTenRules);
  ASSERT_TRUE(compiled.rules) << all(compiled.diagnostics);
  EXPECT_EQ(all(compiled.diagnostics), "");
  EXPECT_EQ(compiled.rules->rules.size(), 10);

  // Of a box with one boiler, it says for each of the others that nothing feeds it.
  const std::vector<model::Signal> signals{make_signal("boiler-1/temperature", "Cel")};
  const config::Parsed parsed = config::parse_yaml({"rules.yaml", kTenRules});
  const Compiled alone = compile({&parsed.root, 1}, with_shifts(), signals);
  ASSERT_TRUE(alone.rules) << all(alone.diagnostics);
  std::vector<std::string> messages;
  for (const Diagnostic& d : alone.diagnostics) messages.push_back(d.message);
  const auto silent = [](const char* rule, const char* path) {
    return "rule '" + std::string(rule) + "': no signal that is known matches " + path;
  };
  EXPECT_THAT(messages,
              testing::UnorderedElementsAre(
                  silent("cavitation", "pump-{n}/vibration"), silent("cavitation", "pump-{n}/suction"),
                  silent("cavitation", "pump-{n}/run"), "no signal that is known matches plc/pump_{n}_enable",
                  silent("short-cycling", "chiller-{n}/run"), silent("leak", "tank-{n}/level"),
                  silent("leak", "tank-{n}/outlet_open"), silent("energy-shift", "meter-{n}/energy"),
                  silent("run-hours", "motor-{n}/run"), silent("overpressure-2oo3", "tank-{n}/pressure_{k}"),
                  silent("vibration", "pump-{n}/vibration")));
}

TEST(Compile, WarnsOfAnInputThatIsUnknownBetweenItsReadings) {
  model::Signal slow = make_signal("oven-1/t"), quick = make_signal("oven-2/t");
  slow.type = quick.type = model::ValueType::real;
  slow.interval = std::chrono::seconds(10);
  quick.interval = std::chrono::seconds(1);
  const auto of = [&](const std::string& within) {
    return faults("rules:\n  - {name: r, from: {t: \"oven-{n}/t\"}, within: " + within +
                      ", when: t > 3, alert: {severity: info}}\n",
                  std::vector{quick, slow});
  };
  EXPECT_THAT(of("5s"),
              ElementsAre("2:26+10 oven-1/t comes every 10s, but counts for 5s only | between its readings it is "
                          "unknown; write within: 20s"));
  EXPECT_THAT(of("10s"), IsEmpty());
  EXPECT_THAT(of("forever"), IsEmpty());
}

TEST(Compile, WarnsOfAStarInAPath) {
  EXPECT_THAT(faults("rules:\n  - {name: r, from: {t: \"oven-*/t\"}, when: t > 3, alert: {severity: info}}\n"),
              ElementsAre("2:26+8 '*' is a character like others in a path | for any part of a name write {name}"));
}

}  // namespace
}  // namespace weir::rules
