// What is wrong with a rule, where, and what would be right: each message once.
#include <gmock/gmock.h>

#include "../plant.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// A rule of these keys, one a line. Of each thing that is wrong with it: "when `t >`: message | hint", where the
// first word is the line's key, and what is between the marks is what would be underlined.
std::vector<std::string> wrong_with(const std::string& keys, std::span<const model::Signal> announced = {}) {
  std::string text = "rules:\n  - name: r\n";
  for (const std::string& line : lines_of(keys)) text += "    " + line + "\n";
  const auto lines = lines_of(text);
  std::vector<std::string> out;
  for (const Diagnostic& d : compile_yaml(text, announced, Site{}).diagnostics) {
    const std::string& line = lines.at(static_cast<std::size_t>(d.position.line) - 1);
    const std::size_t key = line.find_first_not_of(" -");
    out.push_back((d.severity == Diagnostic::Severity::warning ? "warning: " : "") +
                  line.substr(key, line.find(':') - key) + " `" +
                  line.substr(static_cast<std::size_t>(d.position.column) - 1, static_cast<std::size_t>(d.length)) +
                  "`: " + d.message + (d.hint.empty() ? "" : " | " + d.hint));
  }
  return out;
}

struct Wrong {
  const char* keys;
  const char* said;
};

void expect_all(std::span<const Wrong> cases, const std::string& before = {},
                std::span<const model::Signal> announced = {}) {
  for (const Wrong& one : cases)
    EXPECT_THAT(wrong_with(before + one.keys, announced), ElementsAre(one.said)) << one.keys;
}

const std::string kFrom = "from: {t: \"b-{n}/t\"}\n";
const std::string kRule = kFrom + "when: t > 1\nalert: {severity: info}\n";
const std::string kWindow = kFrom + "emit: {\"b-{n}/m\": mean(t)}\n";

TEST(Read, Keys) {
  const Wrong cases[] = {
      {"fro: 5", "fro `fro`: a rule has no 'fro' | did you mean 'from'?"},
      {"expr: t > 5", "expr `expr`: a rule has no 'expr' | write when: and a condition"},
      {"severity: info",
       "severity `severity`: a rule has no 'severity' | it belongs into alert: {severity: warning}"},
      {"enabled: false",
       "enabled `enabled`: a rule has no 'enabled' | to switch a rule off, take it out, or put # before its lines"},
  };
  expect_all(cases, kRule);
}

TEST(Read, Names) {
  const auto named = [](const std::string& name) {
    const Compiled compiled = compile_yaml("rules:\n  - {" + name + "from: {t: \"a/b\"}, emit: {\"a/c\": t}}\n");
    return compiled.diagnostics.empty() ? "" : compiled.diagnostics[0].message + " | " + compiled.diagnostics[0].hint;
  };
  EXPECT_EQ(named(""), "a rule without a name | add name: …");
  EXPECT_EQ(named("name: 5, "), "a name is a text, not a whole number | put it in quotes");
  EXPECT_EQ(named("name: [a], "), "a name is a text, not a list | write it on one line");
  EXPECT_EQ(named("name: \"\", "), "a name has 1 to 128 bytes | write a shorter one");
  EXPECT_EQ(named("name: \"a\\tb\", "), "a name with a control character in it | use printable characters");
  EXPECT_EQ(named("name: fine, "), "");
}

TEST(Read, Durations) {
  const Wrong cases[] = {
      {"for: 5", "for `5`: this is no duration, but a whole number | say the unit: 5s, 5m or 5h"},
      {"for: 10min", "for `10min`: this is no duration: '10min' | write 10m"},
      {"for: 1.5h", "for `1.5h`: this is no duration: '1.5h' | write 1h30m"},
      {"for: 2 Hours 5 secs", "for `2 Hours 5 secs`: this is no duration: '2 Hours 5 secs' | write 2h5s"},
      {"for: soon", "for `soon`: this is no duration: 'soon' | write 30s, 5m or 1h30m"},
      {"for: [5s]", "for `[`: this is no duration, but a list | write 30s, 5m or 1h30m"},
      {"for: 4000d", "for `4000d`: 4000d is too long | 0s to 3660d is allowed"},
      {"forget: 3s", "forget `3s`: 3s is too short | 1m to 3660d, or forever, is allowed"},
      {"within: 1mo", "within `1mo`: this is no duration: '1mo' | write 5s, 1h30m or forever"},
  };
  expect_all(cases, kRule);
}

TEST(Read, WhatGoesTogether) {
  const Wrong cases[] = {
      {"", "name `n`: a rule that does nothing | add when: and alert:, or emit:"},
      {"when: t > 1", "when `when`: when: without alert: or write: or on_clear: | add alert: {severity: warning}"},
      {"alert: {severity: info}", "alert `alert`: alert: without when: or missing: or detect: | add when: … > …"},
      {"emit: {\"b-{n}/m\": t}\nfor: 5s",
       "for `for`: for: without when: | add when: … > …; of what detect: finds, emit the score and let another rule "
       "judge it"},
      {"emit: {\"b-{n}/m\": t}\nclear: t < 5", "clear `clear`: clear: without when: | add when: … > …"},
      {"emit: {\"b-{n}/m\": t}\nclear_for: 5s",
       "clear_for `clear_for`: clear_for: without when: or detect: | add when: … > …"},
      {"emit: {\"b-{n}/m\": t}\nwrite: {\"b-{n}/x\": true}",
       "write `write`: write: without when: or missing: | add when: the condition at whose beginning it is written"},
      {"emit: {\"b-{n}/m\": t}\nmax_age: 5s",
       "max_age `max_age`: max_age: without write: or on_clear: | leave it out; how old an input may be says "
       "within:"},
      {"emit: {\"b-{n}/m\": t}\nlate: drop",
       "late `late`: late: without window: | add window: 1m; without one, older readings are counted and left out"},
      {"window: 1m\nlateness: 10s\nwhen: mean(t) > 5\nwrite: {\"b-{n}/x\": true}",
       "lateness `lateness`: what has waited so long is older than max_age:, and would never be written | write "
       "max_age: and a longer "
       "time, or let another rule write"},
      {"missing: 5m",
       "missing `missing`: missing: without alert: or write: or on_clear: | add alert: {severity: warning}"},
      {"detect: {}", "detect `detect`: detect: without alert: or emit: | add alert: {severity: warning}"},
      {"missing: 5m\nwhen: t > 5\nalert: {severity: info}",
       "when `when`: missing: does not go with when: | let another rule do that"},
      {"detect: {}\nwindow: 5m\nalert: {severity: info}",
       "window `window`: detect: does not go with window: | emit the score, and let another rule judge it: emit: "
       "{\"{device}/score\": score}"},
      {"when: t > 1\nalert: {severity: info}\nlateness: 5s",
       "lateness `lateness`: without a window, when: is judged as each reading comes, and waits for none that is "
       "late | leave it "
       "out, or gather first: window: 1m"},
  };
  expect_all(cases, kFrom);
}

TEST(Read, Inputs) {
  const Wrong cases[] = {
      {"", "name `n`: a rule without inputs | add from: {t: \"device/signal\"}"},
      {"from: b-1/t", "from `b-1/t`: from: is a map of inputs, not a text | write from: {t: \"device/signal\"}"},
      {"from: {}", "from `{`: a rule has 1 to 32 inputs, not 0"},
      {"from: {and: \"a/b\"}",
       "from `and`: 'and' cannot be the name of an input | letters, digits and _, beginning with a letter; not a "
       "word of the language"},
      {"from: {t: {within: 5s}}", "from `t`: an input without a path | add path: \"device/signal\""},
      {"from: {t: 5}", "from `5`: the path of an input is a text, not a whole number | put it in quotes"},
      {"from: {t: \"a\"}", "from `a`: 'a' is not a path | write device/signal"},
      {"from: {t: \"+/temperature\"}",
       "from `+/temperature`: '+/temperature' holds an MQTT wildcard | write {name} instead of + or #"},
      {"from: {t: {path: \"a/b\", topic: x}}",
       "from `topic`: an input has no 'topic' | write path: \"device/signal\""},
      {"from: {t: {path: \"a/b\", unti: kPa}}", "from `unti`: an input has no 'unti' | did you mean 'unit'?"},
      {"from: {n: \"b-{n}/t\"}", "from `{`: 'n' is an input and a part of a path | give one of them another name"},
      {"from: {a: \"a/a\", b: \"a/b\"}",
       "from `a/a`: several inputs, and nothing says how old 'a' may be | add within: 5s, or within: forever"},
      {"from: {a: \"a-{n}/a\", b: \"a-{k}/b\"}\nwithin: 1s",
       "from `{`: no input has all captures of the rule, so that they do not join | let one path hold each of {n}, "
       "{k}"},
  };
  for (const Wrong& one : cases) {
    const bool empty = std::string_view(one.keys).empty();
    EXPECT_THAT(wrong_with(std::string(one.keys) + (empty ? "" : "\n") + "emit: {\"x-{n}/c\": 1}"),
                testing::Contains(one.said))
        << one.keys;
  }
}

TEST(Read, Groups) {
  const std::string from = "from: {p: \"tank-{n}/p_{k}\"}\nwithin: 5s\nwhen: max(p) > 5\nalert: {severity: info}\n";
  const Wrong cases[] = {
      {"across: pressure",
       "across `pressure`: 'pressure' is no capture of this rule | a capture is a part of a path in from: k in "
       "\"tank-1/pressure_{k}\""},
      {"across: [k, 5]", "across `5`: a capture is a text, not a whole number | put it in quotes"},
      {"across: []",
       "across `across`: across: names nothing | name a capture: across: k; or by: [] for one group of all"},
      {"across: k\nby: n",
       "by `by`: across: and by: say the same in two ways | across: names the members, by: the groups; keep one"},
  };
  expect_all(cases, from);
  EXPECT_THAT(
      wrong_with("from: {p: \"tank-{n}/p_{k}\", x: \"pump/x_{k}\"}\nwithin: 5s\nacross: k\nwhen: max(p) > "
                 "max(x)\nalert: {severity: info}"),
      ElementsAre(
          "from `pump/x_{k}`: 'x' belongs to members, but does not say to which: its path has not all of {n}, {k} | "
          "let it have all of them, or only {n}"));
  EXPECT_THAT(wrong_with("from: {p: \"tank-{n}/p_{k}\"}\nacross: k\nwhen: max(p) > 5\nalert: {severity: info}"),
              ElementsAre("from `tank-{n}/p_{k}`: several members, and nothing says how old 'p' may be | add within: "
                          "5s, or within: forever"));
  EXPECT_THAT(wrong_with(from + "across: k\nemit: {\"tank-{n}/max_{k}\": max(p)}"),
              ElementsAre("emit `tank-{n}/max_{k}`: {k} names one member of the group, and this is said of all "
                          "together | leave it out of the path"));
  EXPECT_THAT(wrong_with("from: {p: \"tank-{n}/p_{k}\"}\nwithin: 5s\nacross: k\nwhen: max(p) > 5\nalert: {severity: "
                         "info, message: \"{n} {k}\"}"),
              ElementsAre("alert `k`: '{k}' names one member of the group, and the message speaks of all | leave it "
                          "out, or do not look across it"));
}

TEST(Read, Windows) {
  const Wrong cases[] = {
      {"window: 5", "window `5`: this is no duration, but a whole number | say the unit: 5s, 5m or 5h"},
      {"window: 0s", "window `0s`: 0s is too short | 1ms to 366d is allowed"},
      {"window: day", "window `day`: this is no duration: 'day' | write window: {calendar: day}"},
      {"window: {size: 5m, slide: 1m}", "window `slide`: a window has no 'slide' | write every: how often it speaks"},
      {"window: {every: 5m}",
       "window `window`: a window without its kind | write window: 1m, {size: 5m, every: 1m}, {session: 30s}, {last: "
       "100}, {calendar: "
       "shift} or {since: reset}"},
      {"window: {tumbling: 5m}", "window `tumbling`: a window has no 'tumbling' | write window: 5m"},
      {"window: {size: 5m, last: 100}", "window `last`: a window has one kind: size: or last: | keep one of them"},
      {"window: {session: 5m, every: 1m}",
       "window `every`: a window of this kind speaks when it ends, and has no every: | leave it out"},
      {"window: {size: 5m, every: 10m}",
       "window `10m`: every: 10m would leave time between windows of 5m | every: is at most the size"},
      {"window: {size: 5m, every: 70s}", "window `70s`: every: has to divide the size of 5m | write 1m or 1m15s"},
      {"window: {size: 100ms, every: 30ms}",
       "window `30ms`: every: has to divide the size of 100ms | write 25ms or 50ms"},
      {"window: {size: 30d, every: 1s}", "window `1s`: more than 20000 steps to a window | write 2m9s600ms or more"},
      {"window: {last: 1}", "window `1`: 1 is too few | 2 to 100000 is allowed"},
      {"window: {last: 1m}", "window `1m`: this is a text where a whole number belongs | 2 to 100000 is allowed"},
      {"window: {last: 100, every: 30}", "window `30`: every: has to divide the last 100 | write 25 or 50"},
      {"window: {calendar: year}",
       "window `year`: 'year' is no window of the calendar | write hour, day, week, month or shift"},
      {"window: {calendar: shift}",
       "window `shift`: the site has no shifts | add shifts: {early: \"06:00-14:00\", …} below site: in weir.yaml"},
      {"window: {since: start}", "window `start`: 'start' is no beginning of a window | write reset"},
      {"window: {since: reset, every: 1ms}", "window `1ms`: 1ms is too short | 1s to 366d is allowed"},
      {"window: 1m\nlate: later", "late `later`: 'later' is no way with late readings | write drop, revise or side"},
      {"window: {session: 1m}\nlate: revise",
       "late `revise`: only windows that the clock begins and ends can be revised | write late: drop or side; or a "
       "window such as 1h "
       "or {calendar: shift}"},
      {"window: 1m\nlate: {}",
       "late `{`: late: without what becomes of late readings | write late: drop, revise or side"},
      {"window: 1m\nlate: {side: \"b/late\"}",
       "late `b/late`: without {n} this path is the same for several signals | put it into the path"},
  };
  expect_all(cases, kWindow);
  EXPECT_THAT(wrong_with("from: {a: \"x/a\", b: \"x/b\"}\nwithin: 1s\nwindow: 1m\nlate: {side: \"x/late\"}\nemit: "
                         "{\"x/c\": mean(a + b)}"),
              ElementsAre("late `x/late`: one path for the late readings of several inputs | write late: side, and "
                          "each gets its own"));
}

TEST(Read, Alerts) {
  const Wrong cases[] = {
      {"alert: TooHot",
       "alert `TooHot`: alert: says how loud it is and what is said; a text alone does not | write alert: {severity: "
       "warning, message: "
       "\"…\"}; the rule's name stands under name:"},
      {"alert: {}", "alert `alert`: an alert without a severity | add severity: info, warning or critical"},
      {"alert: {severity: page}", "alert `page`: 'page' is no severity | write info, warning or critical"},
      {"alert: {severity: info, summary: hot}", "alert `summary`: an alert has no 'summary' | write message: \"…\""},
      {"alert: {severity: info, latch: 1}",
       "alert `1`: this is a whole number where true or false belongs | write true or false, without quotes"},
      {"alert: {severity: info, repeat: 5s}", "alert `5s`: 5s is too short | 10s to 3660d is allowed"},
      {"alert: {severity: info, message: 5}",
       "alert `5`: a message is a text, not a whole number | put it in quotes"},
      {"alert: {severity: info, message: \"at {tt:.1f}\"}", "alert `tt`: there is no input 'tt' | did you mean 't'?"},
      {"alert: {severity: info, message: \"at {t:.1x}\"}",
       "alert `.1x`: '.1x' is no format | .1f (one decimal), .3g (three digits), .2e or d (whole) are"},
      {"alert: {severity: info, message: \"at {{ $value }}\"}",
       "alert `{{ $`: this is another system's way to write a value | write {t:.1f} for an input, {n} for a capture"},
      {"alert: {severity: info, message: \"{n:d}\"}", "alert `n`: a part of a path takes no format | write {n}"},
      {"alert: {severity: info, suppress: t + 1}",
       "alert `t + 1`: this is a number where true or false belongs | compare it: … > 0"},
  };
  expect_all(cases, kFrom + "when: t > 1\n");
}

TEST(Read, Messages) {
  const std::string alert = kFrom + "when: t > 1\nalert: {severity: info, message: ";
  const std::string longest(1025, 'x');
  EXPECT_THAT(wrong_with(alert + "\"{n\"}"),
              ElementsAre("alert `{`: '{' without '}' | write {{ for a brace in the message"));
  EXPECT_THAT(wrong_with(alert + "\"n}\"}"),
              ElementsAre("alert `}`: '}' without '{' | write }} for a brace in the message"));
  EXPECT_THAT(wrong_with(alert + longest + "}"),
              ElementsAre("alert `x`: a message of 1025 bytes | 1024 are allowed"));
  EXPECT_THAT(wrong_with(alert + "\"{{{n}}} is at {t:.1f}, {hour():d} h\"}"), IsEmpty());
}

TEST(Read, Bounds) {
  std::string inputs = "within: 5s\nfrom:\n", lets = "let:\n";
  for (int i = 0; i < 33; ++i) inputs += "  t" + std::to_string(i) + ": \"d/t" + std::to_string(i) + "\"\n";
  for (int i = 0; i < 65; ++i) lets += "  x" + std::to_string(i) + ": t\n";
  EXPECT_THAT(wrong_with(inputs + "emit: {\"d/x\": t0}"), ElementsAre("t0 `t`: a rule has 1 to 32 inputs, not 33"));
  EXPECT_THAT(wrong_with(kRule + lets), ElementsAre("x0 `x`: 65 names under let: | 64 are allowed"));
  EXPECT_THAT(wrong_with(kFrom + "emit: {\"b-{n}/" + std::string(600, 'x') + "\": t}"), testing::SizeIs(1));
}

TEST(Read, Detectors) {
  const std::string alert = kFrom + "alert: {severity: info}\n";
  const Wrong cases[] = {
      {"detect: yes please",
       "detect `yes please`: detect: is a map, not a text | write detect: {}, or {sensitivity: high}"},
      {"detect: {sensitivity: extreme}", "detect `extreme`: 'extreme' is no sensitivity | write low, normal or high"},
      {"detect: {detector: mad}", "detect `detector`: detect: has no 'detector' | write method: zscore"},
      {"detect: {threshold: high}",
       "detect `high`: this is a text where a number belongs | write it as 3 or 3.5, without quotes"},
      {"detect: {method: magic}",
       "detect `magic`: 'magic' is no method | write default, zscore, ewma, mad, cusum, rate or flatline"},
      {"detect: {alpha: 0.1}", "detect `detect`: the detector default has no alpha | it takes: sensitivity"},
  };
  expect_all(cases, alert);
  EXPECT_THAT(wrong_with("from: {a: \"x/a\", b: \"x/b\"}\nwithin: 1s\ndetect: {}\nemit: {\"x/c\": score}"),
              ElementsAre("detect `detect`: detect: looks at one input, not 2 | write a rule for each; or let a rule "
                          "emit what they make "
                          "together, and detect on that"));
}

TEST(Read, Outputs) {
  const Wrong emits[] = {
      {"emit: t",
       "emit `t`: emit: is a map of path and value, not a text | write emit: {\"{device}/mean\": mean(t)}"},
      {"emit: {}",
       "emit `{`: emit: is a map of path and value, not an empty one | write emit: {\"{device}/mean\": mean(t)}"},
      {"emit: {\"x/c\": t}",
       "emit `x/c`: without {n} this path is the same for several groups | put {n} into it, or take all groups "
       "together: across: n"},
      {"emit: {\"x-{m}/c\": t}", "emit `{m}`: '{m}' is no capture of this rule | did you mean 'n'?"},
      {"emit: {\"x-{n\": t}", "emit `{`: '{' without '}' | close the capture: {n}"},
      {"emit: {\"x-{n}\": t}", "emit `x-{n}`: 'x-x' is not a path | write device/signal"},
      {"emit: {\"x-{n}/c\": [t]}", "emit `[`: an expression belongs here, not a list | write, for example, t > 90"},
      {"emit: {\"x-{n}/c\": 1h}", "emit `1h`: a duration cannot be emitted | divide it by its unit: … / 1s"},
  };
  expect_all(emits, kFrom);
  EXPECT_THAT(wrong_with("from: {t: \"b-{}/t\"}\nemit: {\"b/m\": t}"),
              ElementsAre("emit `b/m`: a path without a name for every {} would be the same for all groups | give it "
                          "a name: {device}"));
  const Wrong writes[] = {
      {"write: {\"x/c\": true}",
       "write `x/c`: without {n} this path is the same for several groups | put {n} into it, or take all groups "
       "together: across: n"},
      {"write: {\"x-{n}/c\": {lease: 5s, fallback: 1}}",
       "write `x-{n}/c`: a write without a value | add value: true"},
      {"write: {\"x-{n}/c\": {value: 1, timeout: 5s}}",
       "write `timeout`: a write has no 'timeout' | write lease: 30s"},
      {"write: {\"x-{n}/c\": {value: 1, lease: 5s}}",
       "write `x-{n}/c`: a lease without what holds when it runs out | add fallback: false"},
      {"write: {\"x-{n}/c\": {value: 1, fallback: 0}}",
       "write `x-{n}/c`: a fallback without the lease after which it holds | add lease: 30s"},
      {"write: {\"x-{n}/c\": {value: 1, lease: 5s, fallback: false}}",
       "write `x-{n}/c`: the value is a number, its fallback true or false | both go to one signal: let them be of "
       "one kind"},
      {"write: {\"x-{n}/c\": {value: 1, lease: 5ms, fallback: 0}}",
       "write `5ms`: 5ms is too short | 1s to 1d is allowed"},
      {"on_clear: {\"x-{n}/c\": 5s}", "on_clear `5s`: a duration cannot be written | divide it by its unit: … / 1s"},
  };
  expect_all(writes, kFrom + "when: t > 1\n");
  std::string many = "emit:\n";
  for (int i = 0; i < 65; ++i) many += "  \"b-{n}/m" + std::to_string(i) + "\": t\n";
  EXPECT_THAT(wrong_with(kFrom + many),
              ElementsAre("\"b-{n}/m0\" `\"`: 65 paths under emit: | 64 are allowed; split the rule"));
}

TEST(Read, Lets) {
  const std::string rule = kFrom + "alert: {severity: info}\n";
  const Wrong cases[] = {
      {"when: t > 1\nlet: t",
       "let `t`: let: is a map of names and expressions, not a text | write let: {rise: delta(t)}"},
      {"when: t > 1\nlet: {t: 5}", "let `t`: 't' is an input already | give one of them another name"},
      {"when: t > 1\nlet: {hot: t > 5}", "warning: let `hot`: nothing uses 'hot' | leave it out, or use it"},
      {"when: hot\nlet: {hot: t > 5, hot2: t >}", "let `}`: the expression ends where a value should be"},
      {"when: hot and not hot\nlet: {hot: t > tt}", "let `tt`: there is no input 'tt' | did you mean 't'?"},
      {"when: not hot\nlet: {more: t + uu, hot: more > 5}", "let `uu`: there is no input 'uu'"},
  };
  expect_all(cases, rule);
  EXPECT_THAT(
      wrong_with(kFrom + "when: t > 1\nlet: {hot: t + tt}\nalert: {severity: info, message: \"at last {hot}\"}"),
      ElementsAre("let `tt`: there is no input 'tt' | did you mean 't'?"));
}

TEST(Read, SaysAllAtOnce) {
  EXPECT_THAT(wrong_with("from: {t: \"b-{n}/t\"}\nwhen: tt > 1\nfor: 5\nalert: {severity: bad, repeat: "
                         "1s}\nlateness: soon\nemit: {\"b/m\": t}"),
              testing::SizeIs(7));
}

model::Signal signal(const char* path, const char* unit, model::ValueType type = model::ValueType::real,
                     bool writable = false) {
  model::Signal out = make_signal(path, unit);
  out.type = type;
  out.writable = writable;
  return out;
}

TEST(Read, WhatDriversAnnounced) {
  const std::vector<model::Signal> signals{
      signal("b-1/t", "Cel"),
      signal("b-1/state", "", model::ValueType::string),
      signal("b-1/blob", "", model::ValueType::bytes),
      signal("tank-1/p", "bar"),
      signal("tank-2/p", "kPa"),
      signal("tank-3/p", ""),
      signal("plc/enable", "", model::ValueType::boolean, true),
  };
  const Wrong cases[] = {
      {"from: {t: \"c-{n}/t\"}\nemit: {\"c-{n}/m\": t}",
       "warning: name `n`: rule 'r': no signal that is known matches c-{n}/t | the rule waits for one; compare with "
       "what the driver announces"},
      {"from: {t: \"b-{n}/state\"}\nemit: {\"c-{n}/m\": t + 1}",
       "warning: from `b-{n}/state`: 't' is used as a number, but b-1/state is a text | its readings will count as "
       "bad"},
      {"from: {t: \"b-{n}/blob\"}\nemit: {\"c-{n}/m\": t + 1}",
       "warning: from `b-{n}/blob`: 't' is used as a number, but b-1/blob is bytes | its readings will count as bad"},
      {"from: {p: {path: \"tank-3/p\", unit: kPa}}\nemit: {\"c/m\": p}",
       "warning: from `tank-3/p`: tank-3/p announces no unit | it is taken to be in kPa"},
      {"from: {p: {path: \"tank-1/p\", unit: Cel}}\nemit: {\"c/m\": p}",
       "from `tank-1/p`: tank-1/p is in bar, which cannot be converted to Cel | ask for a unit of the same kind"},
      {"from: {t: \"b-{n}/t\"}\nemit: {\"b-{n}/state\": t}",
       "warning: emit `b-{n}/state`: a driver sends b-1/state already | emit under another name, so that the two are "
       "not mixed"},
      {"from: {t: \"b-1/t\"}\nwhen: t > 1\nwrite: {\"plc/enable\": 1}",
       "warning: write `plc/enable`: plc/enable is true or false, and not a number | its driver will refuse the "
       "write"},
      {"from: {t: \"b-1/t\"}\nwhen: t > 1\nwrite: {\"b-1/t\": 1}",
       "warning: write `b-1/t`: b-1/t does not take writes | allow it with writes: of its driver in weir.yaml"},
      {"from: {t: \"b-1/t\"}\nwhen: t > 1\nwrite: {\"plc/disable\": true}",
       "warning: write `plc/disable`: no signal that is known matches plc/disable | compare with what the driver "
       "announces"},
  };
  expect_all(cases, {}, signals);
  EXPECT_THAT(wrong_with("from: {p: {path: \"tank-{n}/p\", unit: kPa}}\nemit: {\"tank-{n}/m\": p}",
                         std::span(signals).first(5)),
              IsEmpty());
  EXPECT_THAT(wrong_with("from: {p: {path: \"a/p\", unit: kiloPascal}}\nemit: {\"a/m\": p}"), testing::SizeIs(1));
  const std::vector<model::Signal> mixed{signal("tank-1/p", "bar"), signal("tank-2/p", "bar"),
                                         signal("tank-3/p", "Cel")};
  EXPECT_THAT(wrong_with("from: {p: {path: \"tank-{n}/p\", unit: kPa}}\nemit: {\"tank-{n}/m\": p}", mixed),
              ElementsAre("from `tank-{n}/p`: tank-3/p is in Cel, which cannot be converted to kPa | ask for a unit "
                          "of the same kind"));
  const std::vector<model::Signal> odd{signal("a/p", "hogshead")};
  EXPECT_THAT(
      wrong_with("from: {p: {path: \"a/p\", unit: kPa}}\nemit: {\"a/m\": p}", odd),
      ElementsAre(testing::StartsWith("from `a/p`: a/p is in hogshead, which cannot be converted to kPa | ")));
}

}  // namespace
}  // namespace weir::rules
