#include <gmock/gmock.h>

#include "plant.h"

namespace weir::rules {
namespace {

// "line:column+length message | hint" of each.
std::vector<std::string> faults(const std::string& text, std::span<const model::Signal> announced = {}) {
  std::vector<std::string> out;
  for (const Diagnostic& d : compile_yaml(text, announced).diagnostics)
    out.push_back(std::to_string(d.position.line) + ":" + std::to_string(d.position.column) + "+" + std::to_string(d.length) + " " +
                  d.message + (d.hint.empty() ? "" : " | " + d.hint));
  return out;
}

// One rule, its keys from the third line on.
std::vector<std::string> of_rule(const std::string& keys) { return faults("rules:\n  - name: r\n" + keys); }

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kFrom = "    from: {t: \"b-{n}/t\"}\n";
constexpr const char* kAlert = "    when: t > 1\n    alert: {severity: info}\n";

TEST(Compile, PointsIntoTheExpression) {
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: t > 90 and tt < 3\n    alert: {severity: info}\n"),
              ElementsAre("4:22+2 there is no input 'tt' | did you mean 't'?"));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: \"t >\"\n    alert: {severity: info}\n"),
              ElementsAre("4:15+1 the expression ends where a value should be"));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: t > 1\n    alert: {severity: info, message: \"at {tt:.1f}\"}\n"),
              ElementsAre("5:43+2 there is no input 'tt' | did you mean 't'?"));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: t > 1\n    alert: {severity: info, message: \"at {t:.1x}\"}\n"),
              ElementsAre(HasSubstr("5:45+3 '.1x' is no format")));
}

TEST(Compile, SaysWhatIsMissingAndWhatIsTooMuch) {
  EXPECT_THAT(faults("rules:\n  - {}\n"), testing::IsSupersetOf({std::string("2:5+1 a rule without a name | add name: …")}));
  EXPECT_THAT(of_rule(""), Contains(HasSubstr("a rule without inputs")));
  EXPECT_THAT(of_rule(kFrom), ElementsAre(HasSubstr("a rule that does nothing")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: t > 1\n"), ElementsAre("4:11+5 when: without alert: | add alert: {severity: warning}"));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    alert: {severity: info}\n"), ElementsAre(HasSubstr("alert: without when:")));
  EXPECT_THAT(of_rule(std::string(kFrom) + kAlert + "    fro: 5\n"), ElementsAre("6:5+3 a rule has no 'fro' | did you mean 'from'?"));
  EXPECT_THAT(of_rule(std::string(kFrom) + kAlert + "    for: 5\n"), ElementsAre(HasSubstr("6:10+1 this is no duration, but a whole number")));
  EXPECT_THAT(of_rule(std::string(kFrom) + kAlert + "    for: soon\n"), ElementsAre(HasSubstr("6:10+4 this is no duration: 'soon'")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: t > 1\n    alert: {severity: bad}\n"), ElementsAre(HasSubstr("5:23+3 this is no severity")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: t > 1\n    alert: {}\n"), ElementsAre(HasSubstr("an alert without a severity")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    when: [1]\n    alert: {severity: info}\n"), ElementsAre(HasSubstr("4:11+1 an expression belongs here, not a list")));
  EXPECT_THAT(of_rule("    from: {and: \"a/b\"}\n    emit: {\"a/c\": 1}\n"), ElementsAre(HasSubstr("3:12+3 'and' cannot be the name of an input")));
  EXPECT_THAT(of_rule("    from: {t: \"a\"}\n    emit: {\"a/c\": t}\n"), Contains(HasSubstr("3:16+1 'a' is not a path")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    emit: {\"x-{n}/c\": t > 'a'}\n"), ElementsAre(HasSubstr("a text where a number belongs")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    emit: {\"x/c\": t}\n"), ElementsAre("4:13+3 without {n} this path is the same for several groups | put {n} into it"));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    emit: {\"x-{m}/c\": t}\n"), Contains(HasSubstr("4:15+3 '{m}' is no capture of this rule | did you mean 'n'?")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    emit: {\"x-{n}/c\": 1h}\n"), ElementsAre(HasSubstr("a duration cannot be emitted")));
  EXPECT_THAT(of_rule("    from: {a: \"a/a\", b: \"a/b\"}\n    emit: {\"a/c\": a + b}\n"), ElementsAre(HasSubstr("nothing says how old 'a' may be | add within: 5s, or within: forever")));
  EXPECT_THAT(of_rule("    from: {a: \"a-{n}/a\", b: \"a-{k}/b\"}\n    within: 1s\n    emit: {\"a-{n}-{k}/c\": a + b}\n"), Contains(HasSubstr("no input has all captures of the rule")));
  EXPECT_THAT(of_rule(std::string(kFrom) + "    window: 1m\n    emit: {\"x-{n}/c\": t}\n"),
              ElementsAre("5:23+1 in a rule with a window, 't' alone is not one value | say which: last(t), mean(t)"));
}

TEST(Compile, NamesWhatALaterVersionWillDo) {
  for (const char* key : {"detect: {}", "missing: 5m", "across: k", "by: n", "write: {\"a/b\": false}", "late: revise", "let: {}", "repeat: 1h"})
    EXPECT_THAT(of_rule(std::string(kFrom) + kAlert + "    " + key + "\n"), ElementsAre(HasSubstr("is not supported yet by this version"))) << key;
  for (const char* window : {"{size: 5m, every: 1m}", "{session: 30s}", "{last: 100}", "{calendar: shift}", "{since: reset}"})
    EXPECT_THAT(of_rule(std::string(kFrom) + "    window: " + window + "\n    emit: {\"x-{n}/c\": mean(t)}\n"), Contains(HasSubstr("are not supported yet by this version"))) << window;
}

TEST(Compile, AllErrorsOfAllFilesAtOnce) {
  const auto one = config::parse_yaml({"one.yaml", "rules: [{name: a, from: {t: \"a/b\"}, emit: {\"a/c\": u}}]"});
  const auto two = config::parse_yaml({"two.yaml", "rulez: []\nrules: [{name: a, from: {t: \"a/b\"}, emit: {\"a/d\": v, \"a/e\": w}}]"});
  const std::vector<Node> files{one.root, two.root};
  const Compiled compiled = compile(files);
  EXPECT_FALSE(compiled.rules);
  EXPECT_EQ(all(compiled.diagnostics),
            "one.yaml:1:51: error: there is no input 'u'\n  did you mean 't'?\n"
            "two.yaml:1:1: error: a file of rules has no 'rulez'\n  did you mean 'rules'?\n"
            "two.yaml:2:16: error: there is a rule 'a' already\n  give each rule a name of its own; the first is at one.yaml:1\n"
            "two.yaml:2:51: error: there is no input 'v'\n  did you mean 't'?\n"
            "two.yaml:2:61: error: there is no input 'w'\n  did you mean 't'?\n");
}

TEST(Compile, RefusesTwoWritersAndCircles) {
  EXPECT_THAT(faults("rules:\n"
                     "  - {name: a, from: {t: \"b-{n}/t\"}, emit: {\"b-{n}/m\": t}}\n"
                     "  - {name: b, from: {t: \"{d}/s\"}, emit: {\"{d}/m\": t}}\n"),
              ElementsAre("3:43+5 rule 'a' may emit the same path as b-{n}/m | give each output a path of its own"));
  EXPECT_THAT(faults("rules:\n  - {name: a, from: {t: \"{d}/{s}\"}, emit: {\"{d}/{s}_mean\": t}}\n"),
              ElementsAre(HasSubstr("rule 'a' may read what it emits itself")));
  EXPECT_THAT(faults("rules:\n"
                     "  - {name: a, from: {t: \"x/1\"}, emit: {\"x/2\": t}}\n"
                     "  - {name: b, from: {t: \"x/2\"}, emit: {\"x/3\": t}}\n"
                     "  - {name: c, from: {t: \"x/3\"}, emit: {\"x/1\": t}}\n"),
              ElementsAre(HasSubstr("in a circle: 'a' → 'b' → 'c' → 'a'")));
  EXPECT_THAT(faults("rules:\n  - {name: a, from: {t: \"{d}/{s}\"}, emit: {\"{d}/{s}/mean\": t}}\n"), IsEmpty());
}

TEST(Compile, WarnsOfWhatDoesNotFitTheSignals) {
  std::vector<model::Signal> signals{make_signal("b-1/t"), make_signal("b-1/state")};
  signals[1].type = model::ValueType::string;
  EXPECT_THAT(faults("rules:\n  - {name: a, from: {t: \"c-{n}/t\"}, emit: {\"c-{n}/m\": t}}\n", signals),
              ElementsAre(HasSubstr("no signal that is known matches c-{n}/t")));
  EXPECT_THAT(faults("rules:\n  - {name: a, from: {t: \"b-{n}/state\"}, emit: {\"c-{n}/m\": t + 1}}\n", signals),
              ElementsAre(HasSubstr("'t' is used as a number, but b-1/state is a text")));
  EXPECT_THAT(faults("rules:\n  - {name: a, from: {t: \"b-{n}/t\"}, emit: {\"c-{n}/m\": t}}\n  - {name: b, from: {m: \"c-{n}/m\"}, emit: {\"c-{n}/k\": m}}\n", signals), IsEmpty());
}

TEST(Compile, TakesEmptyFiles) {
  EXPECT_THAT(faults(""), IsEmpty());
  EXPECT_THAT(faults("rules:\n"), IsEmpty());
  EXPECT_THAT(faults("rules: []\n"), IsEmpty());
  EXPECT_THAT(faults("rules: 5\n"), ElementsAre(HasSubstr("rules: is a list, not a whole number")));
}

TEST(Compile, TypesComeFromAnyUse) {
  EXPECT_THAT(of_rule("    from: {a: \"x/a\", b: \"x/b\"}\n    within: 1s\n    when: a == b and b == 'on'\n    alert: {severity: info, message: \"{a}\"}\n"), IsEmpty());
  EXPECT_THAT(of_rule("    from: {a: \"x/a\", b: \"x/b\"}\n    within: 1s\n    when: a == b and b and a > 3\n    alert: {severity: info}\n"),
              Contains(HasSubstr("where")));
}

}  // namespace
}  // namespace weir::rules
