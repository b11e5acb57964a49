#include <gmock/gmock.h>

#include <cmath>
#include <deque>
#include <random>

#include "model/value.h"
#include "rules/check.h"
#include "rules/parser.h"
#include "rules/program.h"

namespace weir::rules {
namespace {

std::string printed(std::string_view text) {
  Fault fault;
  const auto expr = parse_expression(text, fault);
  return expr ? print(*expr) : "fault at " + std::to_string(fault.offset) + ": " + fault.message;
}

TEST(Parser, BindsAsOneExpects) {
  EXPECT_EQ(printed("1+2*3"), "1 + 2 * 3");
  EXPECT_EQ(printed("(1+2)*3"), "(1 + 2) * 3");
  EXPECT_EQ(printed("1-(2-3)"), "1 - (2 - 3)");
  EXPECT_EQ(printed("not a and b or c"), "not a and b or c");
  EXPECT_EQ(printed("a and (b or c)"), "a and (b or c)");
  EXPECT_EQ(printed("not (a and b)"), "not (a and b)");
  EXPECT_EQ(printed("-x * -2"), "-x * -2");
  EXPECT_EQ(printed("if a then 1 else 2 + 3"), "if a then 1 else 2 + 3");
  EXPECT_EQ(printed("(if a then 1 else 2) + 3"), "(if a then 1 else 2) + 3");
  EXPECT_EQ(printed("(a < b) == c"), "(a < b) == c");
  EXPECT_EQ(printed("90m > x"), "1h30m > x");
  EXPECT_EQ(printed(R"(s == 'it"s')"), R"(s == "it\"s")");
  EXPECT_EQ(printed("1e3 + .5"), "1000 + 0.5");
  EXPECT_EQ(printed("x+1 in (1,2 + 3) and b"), "x + 1 in (1, 2 + 3) and b");
  EXPECT_EQ(printed("not x in (1)"), "x not in (1)");
  EXPECT_EQ(printed("not (x not in (1))"), "not x not in (1)");
  EXPECT_EQ(printed("x between 1 and 2 and b"), "x between 1 and 2 and b");
  EXPECT_EQ(printed("x not between -y and y or b"), "x not between -y and y or b");
  EXPECT_EQ(printed("(x in (1)) == (y not in (2))"), "(x in (1)) == (y not in (2))");
  EXPECT_EQ(printed("x between (if a then 1 else 2) and (b or c)"), "x between (if a then 1 else 2) and (b or c)");
  EXPECT_EQ(printed("t > site.limit*2"), "t > site.limit * 2");
  EXPECT_EQ(printed("count( rising(run),1h )"), "count(rising(run), 1h)");
  EXPECT_EQ(printed("hour()"), "hour()");
}

TEST(Parser, PrintedTextParsesToItself) {
  for (const char* text :
       {"1 + not a == b", "- - 5", "a == not b", "if if a then b else c then d else e", "clamp(x, -1, 1) % 2",
        "x / (y / z)", "not not a", "a - b - c", "pow(2, -x)", "1e300 * 1e-7", "a in (b in (c, d), not e)",
        "not (not (a in (b)))", "- (a in (b))", "a between b and c", "not a between b and c",
        "(a between b and c) in (d)", "a == (b not in (c))", "-site.x"}) {
    const std::string once = printed(text);
    EXPECT_EQ(printed(once), once) << text;
  }
}

TEST(Parser, SaysWhereAndWhat) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "fault at 0: an empty expression"},
      {"t >", "fault at 3: the expression ends where a value should be"},
      {"t > > 3", "fault at 4: '>' stands where a value should be"},
      {"(t > 3", "fault at 6: the expression ends where ')' should be"},
      {"t > 3)", "fault at 5: ')' stands where an operator or the end should be"},
      {"a && b", "fault at 2: '&&' is not an operator"},
      {"a = b", "fault at 2: '=' is not an operator"},
      {"!a", "fault at 0: '!' is not an operator"},
      {"a < b < c", "fault at 6: comparisons do not chain"},
      {"5x", "fault at 0: '5x' is neither a number nor a duration"},
      {"1.5h", "fault at 0: '1.5h' is neither a number nor a duration"},
      {"s == 'abc", "fault at 5: a text without its closing quote"},
      {"s == 'a\\q'", "fault at 7: '\\q' is no escape"},
      {"max(1, 2", "fault at 8: the expression ends where ',' or ')' should be"},
      {"if a then b", "fault at 11: the expression ends where 'else' should be"},
      {"a ; b", "fault at 2: ';' does not belong into an expression"},
      {"pump.limit > 3", "fault at 0: 'pump.…' is nothing that a rule knows"},
      {"site. > 3", "fault at 6: '>' stands where the name of a constant should be"},
      {"site.5", "fault at 4: '.5' stands where an operator or the end should be"},
      {"x in 5", "fault at 5: '5' stands where '(' should be"},
      {"x in ()", "fault at 6: ')' stands where a value should be"},
      {"x in (1, 2", "fault at 10: the expression ends where ',' or ')' should be"},
      {"x in (1) in (2)", "fault at 9: comparisons do not chain"},
      {"x > 3 between 1 and 2", "fault at 6: comparisons do not chain"},
      {"x between 1, 2", "fault at 11: ',' stands where 'and' should be"},
      {"x between 1 and", "fault at 15: the expression ends where a value should be"},
      {"x not 5", "fault at 2: 'not' stands where an operator or the end should be"},
      {"in (1)", "fault at 0: 'in' stands where a value should be"},
      {"x ^ 2", "fault at 2: '^' is not an operator"},
      {"1e999", "fault at 0: '1e999' is not a number that can be represented"},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(printed(text), expected) << text;
}

// A random tree, and its text in our spelling.
std::string random_expression(std::mt19937& random, int depth) {
  const auto inner = [&] { return "(" + random_expression(random, depth - 1) + ")"; };
  if (depth == 0) return std::array{"x", "3.5", "1h30m", "'a'", "true", "site.c", "hour()"}[random() % 7];
  switch (random() % 12) {
    case 0: return "not " + inner();
    case 1: return "-" + inner();
    case 2: return inner() + " and " + inner();
    case 3: return inner() + " or " + inner();
    case 4: return inner() + std::array{" < ", " <= ", " == ", " != "}[random() % 4] + inner();
    case 5: return inner() + std::array{" + ", " - ", " * ", " / ", " % "}[random() % 5] + inner();
    case 6: return "if " + inner() + " then " + inner() + " else " + inner();
    case 7: return inner() + " in (" + inner() + ", " + inner() + ")";
    case 8: return inner() + " not in (" + inner() + ")";
    case 9: return inner() + " between " + inner() + " and " + inner();
    case 10: return inner() + " not between " + inner() + " and " + inner();
    default: return "max(" + inner() + ", " + inner() + ")";
  }
}

bool same(const Expr& a, const Expr& b) {
  return a.kind == b.kind && a.number == b.number && a.duration == b.duration && a.truth == b.truth &&
         a.text == b.text &&
         std::ranges::equal(a.children, b.children, [](const auto& x, const auto& y) { return same(*x, *y); });
}

TEST(Parser, PrintedTreesAreTheSameTrees) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random_expression(random, 1 + i % 4);
    Fault fault;
    const auto tree = parse_expression(text, fault);
    ASSERT_TRUE(tree) << text << ": " << fault.message;
    const auto again = parse_expression(print(*tree), fault);
    ASSERT_TRUE(again) << print(*tree) << ": " << fault.message;
    ASSERT_TRUE(same(*tree, *again)) << text << " → " << print(*tree);
  }
}

TEST(Parser, BoundsLengthAndDepth) {
  EXPECT_THAT(printed(std::string(5000, '1')), testing::HasSubstr("an expression of 5000 bytes"));
  EXPECT_THAT(printed(std::string(2000, '(') + "1" + std::string(2000, ')')),
              testing::HasSubstr("nested too deeply"));
  std::string chain = "a";
  for (int i = 0; i < 500; ++i) chain += "+a";
  EXPECT_THAT(printed(chain), testing::HasSubstr("nested too deeply"));
  EXPECT_THAT(printed(std::string(3000, '-') + "1"), testing::HasSubstr("nested too deeply"));
}

// Evaluates with the inputs x = 4 (good), y = 2.5 (uncertain), u unknown, b true, s "On", p expired, on a Saturday
// at 01:30 in Berlin.
class Evaluation : public testing::Test {
 protected:
  struct Outcome {
    std::string value;
    std::string fault;
    std::uint64_t arithmetic = 0;
  };

  static constexpr Timestamp kNow = 1'795'221'000 * kSecond;  // 2026-11-21T00:30:00Z

  Outcome evaluate(std::string_view text) {
    Outcome out;
    Fault fault;
    const auto expr = parse_expression(text, fault);
    if (!expr) return {"", fault.message, 0};
    std::vector<InputName> inputs{{"x", Type::number}, {"y", Type::number}, {"u", Type::any},
                                  {"b", Type::truth},  {"s", Type::text},   {"p", Type::number}};
    Scope scope{.inputs = inputs, .captures = captures_, .site = &site_};
    while (infer(*expr, Type::any, scope)) {
    }
    const Program program = compile_expression(*expr, Type::any, scope, [&](Fault f) {
      out.fault += std::to_string(f.offset) + "+" + std::to_string(f.length) + ": " + f.message;
    });
    if (program.empty()) return out;
    Slot slots[6];
    const double numbers[6] = {4, 2.5, 0, 1, 0, 7};
    for (int i = 0; i < 6; ++i) {
      slots[i].time = kNow - 90 * kSecond;
      slots[i].number = numbers[i];
      slots[i].quality = i == 1 ? model::kUncertain.code : i == 2 ? model::kBad.code : 0;
    }
    const std::string texts[6] = {"", "", "", "", "On", ""};
    const Nanoseconds within[6] = {kForever, kForever, kForever, kForever, kForever, kMinute};
    std::deque<std::string> made;
    const auto calendar = Calendar::make("Europe/Berlin", site_.shifts);
    EXPECT_TRUE(calendar);
    Scene scene{slots, texts, within, nullptr, kNow, &out.arithmetic};
    scene.calendar = calendar->get();
    scene.made = &made;
    const Result3 result = run(program, scene);
    if (!result.known) out.value = "unknown";
    else if (program.type == Type::text) out.value = *result.text;
    else if (program.type == Type::truth) out.value = result.number != 0 ? "true" : "false";
    else out.value = model::to_text(model::Value(result.number));
    if (result.known && !model::Quality{result.quality}.good()) out.value += " (uncertain)";
    return out;
  }

  std::vector<std::string> captures_{"n"};
  Site site_{"Europe/Berlin", {{"night", 22 * kHour, 6 * kHour}}, {{"limit", 80}, {"offset", -2.5}}};
};

TEST_F(Evaluation, Computes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"x + 1", "5"},
      {"x - 1 - 1", "2"},
      {"x * 2 + 1", "9"},
      {"x / 8", "0.5"},
      {"x % 3", "1"},
      {"-x", "-4"},
      {"abs(-x)", "4"},
      {"min(x, 3, 5)", "3"},
      {"max(x, 3, 5)", "5"},
      {"round(2.5)", "3"},
      {"round(2.345, 1)", "2.3"},
      {"clamp(x, 0, 3)", "3"},
      {"sqrt(x)", "2"},
      {"pow(x, 2)", "16"},
      {"floor(2.7)", "2"},
      {"ceil(2.1)", "3"},
      {"sign(-x)", "-1"},
      {"exp(0)", "1"},
      {"log(1)", "0"},
      {"x > 3", "true"},
      {"x >= 4", "true"},
      {"x < 4", "false"},
      {"x <= 4", "true"},
      {"x == 4", "true"},
      {"x != 4", "false"},
      {"3 < x", "true"},
      {"b", "true"},
      {"not b", "false"},
      {"b == true", "true"},
      {"s == \"On\"", "true"},
      {"s != 'On'", "false"},
      {"if x > 3 then 1 else 2", "1"},
      {"if b then s else 'x'", "On"},
      {"1h / 1m", "60"},
      {"90s > 1m", "true"},
      {"1h * 2 > 119m", "true"},
      {"1h + 1m > 1h", "true"},
      {"min(1h, 2h) / 1h", "1"},
      {"log10(1000)", "3"},
      {"site.limit + x", "84"},
      {"x > site.offset", "true"},
      {"-site.offset", "2.5"},
      {"x in (1, 2 * 2)", "true"},
      {"x in (1, 2)", "false"},
      {"x not in (1, 2)", "true"},
      {"s in ('off', 'On')", "true"},
      {"s not in ('off')", "true"},
      {"b in (true)", "true"},
      {"1h in (60m)", "true"},
      {"(x in (4)) in (x in (5), b)", "true"},
      {"x between 4 and 5", "true"},
      {"x between 3 and 4", "true"},
      {"x between 5 and 3", "false"},
      {"x not between 5 and 6", "true"},
      {"age(x) between 1m and 2m", "true"},
      {"age(x) / 1s", "90"},
      {"age(u) > 1m", "true"},
      {"age(p) / 1s", "90"},
      {"quality(x)", "good"},
      {"quality(y)", "uncertain"},
      {"quality(u)", "bad"},
      {"quality(p)", "bad"},
      {"interpolate(x, 0, 0, 8, 100)", "50"},
      {"interpolate(-x, -3, 1, 0, 2)", "1"},
      {"interpolate(x, 0, 5, 1, 10, 2, 20)", "20"},
      {"interpolate(x, 0, 0, 4, 10, 8, 0)", "10"},
      {"interpolate(x, 3, -1, 5, 1)", "0"},
      {"upper(s)", "ON"},
      {"lower(s) + '!'", "on!"},
      {"trim('  a b ')", "a b"},
      {"length('°C')", "2"},
      {"length(s)", "2"},
      {"contains(s, 'n')", "true"},
      {"starts_with(s, 'n')", "false"},
      {"ends_with(s, 'n')", "true"},
      {"number(' 4.5 ') + 1", "5.5"},
      {"text(x) + ' of ' + text(2.5)", "4 of 2.5"},
      {"number(text(x)) == x", "true"},
      {"number('1' + '2')", "12"},
      {"hour()", "1"},
      {"minute()", "30"},
      {"weekday()", "6"},
      {"time_of_day() == 90m", "true"},
      {"shift()", "night"},
      {"if weekday() in (6, 7) and hour() < 6 then 'quiet' else 'busy'", "quiet"},
      {"max(age(x), 5m) / 1m", "5"},
  };
  for (const auto& [text, expected] : kCases) {
    const Outcome outcome = evaluate(text);
    EXPECT_EQ(outcome.value, expected) << text << ": " << outcome.fault;
    EXPECT_EQ(outcome.arithmetic, 0U) << text;
  }
}

TEST_F(Evaluation, KnowsWhatItDoesNotKnow) {
  const std::pair<const char*, const char*> kCases[] = {
      {"u + 1", "unknown"},
      {"u > 1", "unknown"},
      {"not u", "unknown"},
      {"u and false", "false"},
      {"false and u", "false"},
      {"u and true", "unknown"},
      {"u or true", "true"},
      {"true or u", "true"},
      {"u or false", "unknown"},
      {"good(u)", "false"},
      {"good(x)", "true"},
      {"good(y)", "false"},
      {"or_else(u, 7)", "7"},
      {"or_else(x, 7)", "4"},
      {"if u then 1 else 2", "unknown"},
      {"if b then 1 else u", "1"},
      {"u == 0", "unknown"},
      {"clamp(u, 1, 2)", "unknown"},
      {"y + 1", "3.5 (uncertain)"},
      {"y > 1 and b", "true (uncertain)"},
      {"y < 1 and u", "false (uncertain)"},
      {"u in (1, 2)", "unknown"},
      {"x in (u, 4)", "true"},
      {"x in (u, 5)", "unknown"},
      {"x not in (u, 5)", "unknown"},
      {"u between 1 and 2", "unknown"},
      {"x between u and 3", "false"},
      {"x between u and 5", "unknown"},
      {"y in (2.5)", "true (uncertain)"},
      {"interpolate(u, 0, 0, 1, 1)", "unknown"},
      {"text(u) + 'a'", "unknown"},
      {"or_else(text(u), '?') + 'a'", "?a"},
      {"p", "unknown"},
      {"p > 1", "unknown"},
      {"or_else(p, 1)", "1"},
      {"text(y)", "2.5 (uncertain)"},
      {"contains(text(u), 'a')", "unknown"},
  };
  for (const auto& [text, expected] : kCases)
    EXPECT_EQ(evaluate(text).value, expected) << text << evaluate(text).fault;
}

TEST_F(Evaluation, CountsWhatHasNoResult) {
  for (const char* text :
       {"x / 0", "0 / 0", "x % 0", "sqrt(-x)", "log(0)", "pow(10, 400)", "exp(1000)", "1e308 * 10", "clamp(x, 3, 1)",
        "log10(-x)", "number('4 bar')", "number('')", "number('nan')", "number(s)"}) {
    const Outcome outcome = evaluate(text);
    EXPECT_EQ(outcome.value, "unknown") << text;
    EXPECT_EQ(outcome.arithmetic, 1U) << text;
  }
  EXPECT_EQ(evaluate("or_else(x / 0, 1)").value, "1");
  EXPECT_EQ(evaluate("quality(x / 0)").value, "bad");
  // A text that grows without end has no result either.
  std::string longer = "'" + std::string(1000, 'a') + "'";
  std::string doubled = "text(x)";
  for (int i = 0; i < 3; ++i) doubled += " + " + longer;
  EXPECT_EQ(evaluate("length(" + doubled + ")").value, "3001");
}

TEST_F(Evaluation, ChecksTypes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"x and b", "0+1: this is a number where true or false belongs"},
      {"b + 1", "0+1: this is true or false where a number belongs"},
      {"s > 3", "4+1: this is a number where a text belongs"},
      {"s < 'a'", "0+1: this is a text where a number belongs"},
      {"x == 'a'", "5+3: this is a text where a number belongs"},
      {"z > 3", "0+1: there is no input 'z'"},
      {"n > 3", "0+1: 'n' is a part of a path, not an input"},
      {"abs(x, 1)", "0+9: abs() takes 1 argument, not 2"},
      {"sqr(x)", "0+6: there is no function 'sqr'"},
      {"mean(x)", "0+7: 'mean' needs a window"},
      {"mean(x, 5m)", "0+11: 'mean' remembers what was, which cannot be done here"},
      {"rate(x)", "0+7: 'rate' remembers what was, which cannot be done here"},
      {"x > 90s", "4+3: this is a duration where a number belongs"},
      {"age(x) > 90", "9+2: this is a number where a duration belongs"},
      {"u > 90s", "4+3: this is a duration where a number belongs"},
      {"x in (1, 'a')", "9+3: this is a text where a number belongs"},
      {"s in ('a', 5)", "11+1: this is a number where a text belongs"},
      {"s between 'a' and 'b'", "0+1: this is a text where a number belongs"},
      {"b between 1 and 2",
       "10+1: this is a number where true or false belongs16+1: this is a number where true or false belongs"},
      {"s + 5", "4+1: this is a number where a text belongs"},
      {"5 + s", "0+1: this is a number where a text belongs"},
      {"s - s", "0+1: this is a text where a number belongs4+1: this is a text where a number belongs"},
      {"site.limt", "0+9: the site has no constant 'limt'"},
      {"site.limt + z", "0+9: the site has no constant 'limt'12+1: there is no input 'z'"},
      {"age(x + 1)", "4+5: age() is of an input, not of something computed"},
      {"age(z)", "4+1: there is no input 'z'"},
      {"hour(x)", "0+7: hour() takes no arguments, not 1"},
      {"hour > 5", "0+4: there is no input 'hour'"},
      {"contains(s)", "0+11: contains() takes 2 arguments, not 1"},
      {"upper(x)", "6+1: this is a number where a text belongs"},
      {"text(s)", "5+1: this is a text where a number belongs"},
      {"interpolate(x, 1, 2)", "0+20: interpolate() takes 5 to 129 arguments, not 3"},
      {"interpolate(x, 1, 2, 3, 4, 5)", "27+1: a point of interpolate() without its y"},
      {"interpolate(x, 1, 2, 1, 4)", "21+1: the x of interpolate() have to ascend"},
      {"interpolate(x, 1, 2, x, 4)", "21+1: this has to be a number that stands here, not one that changes"},
      {"x + 1h", "0+6: a duration and a number do not add"},
      {"1h * 1h", "0+7: a duration times a duration is nothing that a rule can use"},
      {"round(x, y)", "9+1: this has to be a number that stands here, not one that changes"},
      {"round(x, 1.5)", "9+3: the places of round() are a whole number from 0 to 12"},
      {"clamp(x, 1h, 2h)", "0+16: clamp() does not take durations and numbers together"},
      {"if b then 1 else 'a'", "17+3: this is a text where a number belongs"},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(evaluate(text).fault, expected) << text;
}

TEST_F(Evaluation, DeepestExpressionFitsTheStack) {
  std::string text = "1";
  for (unsigned i = 0; i < kDeepestExpression; ++i) text = "clamp(0, 0, " + text + ")";
  EXPECT_EQ(evaluate(text).fault, "an expression nested too deeply");
  text = "1";
  for (unsigned i = 1; i < kDeepestExpression; ++i) text = "clamp(0, 0, " + text + ")";
  EXPECT_EQ(evaluate(text).value, "0");
}

// What a rule with the inputs t, run (of any type), p (of a member, if it has members) and out (5 s) has to remember.
class Memory : public testing::Test {
 protected:
  enum { kWindow = 1, kMembers = 2, kWhere = 4, kDetects = 8 };

  // "[stage] step; … | aggregate; …", or what is wrong. `t` 5 s, `run` forever.
  std::string remembered(std::string_view text, int what = 0) {
    Fault fault;
    const auto expr = parse_expression(text, fault);
    if (!expr) return fault.message;
    inputs_ = {
        {"t", Type::any, false, 5 * kSecond}, {"run", Type::any}, {"p", Type::any, (what & kMembers) != 0, kMinute}};
    steps_.clear();
    aggregates_.clear();
    const bool where = (what & kWhere) != 0;
    Scope scope{.inputs = inputs_,
                .captures = {},
                .site = &site_,
                .lets = lets_,
                .stage = where ? Stage::where : Stage::result,
                .window = (what & kWindow) != 0 && !where,
                .members = (what & kMembers) != 0,
                .aggregates = (what & (kWindow | kMembers)) != 0 && !where ? &aggregates_ : nullptr,
                .steps = &steps_,
                .detects = (what & kDetects) != 0};
    while (infer(*expr, Type::any, scope)) {
    }
    EXPECT_TRUE(steps_.empty() && aggregates_.empty());
    std::string out;
    program_ = compile_expression(*expr, Type::any, scope, [&](const Fault& f) {
      out += std::to_string(f.offset) + "+" + std::to_string(f.length) + ": " + f.message +
             (f.hint.empty() ? "" : " | " + f.hint);
    });
    if (!out.empty()) return out;
    for (const Step& step : steps_)
      out += (out.empty() ? "[" : "; [") +
             std::string(std::array{"where", "reading", "result"}[static_cast<int>(step.stage)]) + "] " + step.source;
    for (std::size_t i = 0; i < aggregates_.size(); ++i) out += (i == 0 ? " | " : "; ") + aggregates_[i].source;
    return out;
  }

  void let(const char* name, std::string_view text) {
    Fault fault;
    lets_.push_back({name, parse_expression(text, fault)});
    ASSERT_TRUE(lets_.back().value) << fault.message;
  }

  std::vector<InputName> inputs_;
  std::vector<LetName> lets_;
  std::vector<Step> steps_;
  std::vector<Aggregate> aggregates_;
  Program program_;
  Site site_{"UTC", {}, {{"limit", 80}}};
};

TEST_F(Memory, StepsStandInTheOrderInWhichTheyAreTaken) {
  EXPECT_EQ(remembered("t - prev(t) > delta(t)"), "[result] prev(t); [result] delta(t)");
  EXPECT_EQ(remembered("rate(t) > 2 * rate( t )"), "[result] rate(t)");
  EXPECT_EQ(remembered("count(rising(run), 1h) > 6"), "[result] rising(run); [result] count(rising(run), 1h)");
  EXPECT_EQ(remembered("since(run and delta(t) > 1) > 5m"),
            "[result] delta(t); [result] since(run and delta(t) > 1)");
  EXPECT_EQ(remembered("stddev(t, 10s) > 2 * stddev(t, 1d)"), "[result] stddev(t, 10s); [result] stddev(t, 1d)");
  EXPECT_EQ(remembered("changed(t)", kWhere), "[where] changed(t)");
  EXPECT_EQ(remembered("increase(t)"), "[result] increase(t)");
  EXPECT_EQ(remembered("increase(t, 1h)"), "[result] increase(t, 1h)");
  EXPECT_EQ(remembered("quantile(t, 0.9, 5m)"), "[result] quantile(t, 0.9, 5m)");
  EXPECT_EQ(steps_[0].aggregate.parameter, 0.9);
  EXPECT_EQ(steps_[0].span, 5 * kMinute);
  EXPECT_EQ(remembered("max(t, 5m)"), "[result] max(t, 5m)");
  EXPECT_EQ(remembered("max(t, run, 5)"), "");
  EXPECT_EQ(remembered("max(age(t), 5m) > 1h"), "");
  EXPECT_EQ(remembered("max(since(run), 5m) > 1h"), "[result] since(run)");
  EXPECT_EQ(remembered("min(-age(t) * 2, 5m) > 1h"), "");
}

TEST_F(Memory, WindowsTakeReadingsOrResults) {
  EXPECT_EQ(remembered("mean(t) > 5 and max(t) > 9", kWindow), " | mean(t); max(t)");
  EXPECT_EQ(remembered("mean(t) > 5 and 2 * mean(t) > 9", kWindow), " | mean(t)");
  EXPECT_EQ(remembered("mean(delta(t))", kWindow), "[reading] delta(t) | mean(delta(t))");
  EXPECT_EQ(remembered("delta(mean(t))", kWindow), "[result] delta(mean(t)) | mean(t)");
  EXPECT_EQ(remembered("rising(mean(delta(t)) > delta(max(t)))", kWindow),
            "[reading] delta(t); [result] delta(max(t)); [result] rising(mean(delta(t)) > delta(max(t))) | "
            "mean(delta(t)); max(t)");
  EXPECT_EQ(remembered("increase(t)", kWindow), " | increase(t)");
  EXPECT_EQ(remembered("increase(max(t))", kWindow), "[result] increase(max(t)) | max(t)");
  EXPECT_EQ(remembered("mean(t) > 2 * mean(t, 1d)", kWindow), "[reading] mean(t, 1d) | mean(t)");
  EXPECT_EQ(remembered("mean(mean(t), 1d)", kWindow), "[result] mean(mean(t), 1d) | mean(t)");
  EXPECT_EQ(remembered("count(rising(run), 1d) + count(run)", kWindow),
            "[reading] rising(run); [reading] count(rising(run), 1d) | count(run)");
  EXPECT_EQ(remembered("age(t) > 5m", kWindow), "");
}

TEST_F(Memory, MembersAreLookedAcross) {
  EXPECT_EQ(remembered("count_true(p > 8) >= 2 or count_good(p) < 3", kMembers),
            " | count_true(p > 8); count_good(p)");
  EXPECT_EQ(program_.inputs, 4U);
  EXPECT_EQ(aggregates_[0].argument.code[0].op, Op::member);
  EXPECT_EQ(remembered("max(p) > t", kMembers), " | max(p)");
  EXPECT_EQ(remembered("delta(max(p - t))", kMembers), "[result] delta(max(p - t)) | max(p - t)");
  EXPECT_EQ(remembered("max(age(p)) > 1m", kMembers), " | max(age(p))");
  EXPECT_TRUE(program_.watches_time);
  EXPECT_EQ(aggregates_[0].argument.code[0].index, 1U);
}

TEST_F(Memory, KnowsWhatAnAggregateIsOf) {
  remembered("count(run) + count(run and t > 5) + count_true(t > run)", kWindow);
  EXPECT_FALSE(aggregates_[0].of_truth);
  EXPECT_TRUE(aggregates_[1].of_truth);
  EXPECT_EQ(aggregates_[0].hold, kForever);
  EXPECT_EQ(aggregates_[1].hold, 5 * kSecond);
  remembered("if last(run) == 'on' then 1 else mode(p)", kWindow);
  EXPECT_TRUE(aggregates_[0].of_text);
  EXPECT_EQ(inputs_[1].type, Type::text);
  EXPECT_EQ(inputs_[2].type, Type::number);
  remembered("quantile(t, 1 / 4)", kWindow);
  EXPECT_EQ(aggregates_[0].parameter, 0.25);
  remembered("duration_of(delta(t) > 5 or p > 3)", kWindow);
  EXPECT_EQ(program_.type, Type::duration);
  EXPECT_EQ(program_.inputs, 5U);  // t through a step
  EXPECT_EQ(aggregates_[0].hold, 5 * kSecond);
  remembered("prev(run) == 'on'");
  EXPECT_EQ(steps_[0].argument.type, Type::text);
  remembered("mean(age(t), 1h)");
  EXPECT_EQ(program_.type, Type::duration);
}

TEST_F(Memory, TypesComeThroughFunctions) {
  remembered("prev(run) and or_else(t, 5) > 1 and last(p, 5m) == 'a'");
  EXPECT_EQ(inputs_[0].type, Type::number);
  EXPECT_EQ(inputs_[1].type, Type::truth);
  EXPECT_EQ(inputs_[2].type, Type::text);
  remembered("t in ('a', 'b') and run between 1 and p");
  EXPECT_EQ(inputs_[0].type, Type::text);
  EXPECT_EQ(inputs_[1].type, Type::number);
  EXPECT_EQ(inputs_[2].type, Type::number);
  remembered("t + 'a' == run and 'b' + p == 'c'");
  for (const InputName& input : inputs_) EXPECT_EQ(input.type, Type::text) << input.name;
}

TEST_F(Memory, ThresholdsAreOneInstruction) {
  for (const char* text : {"t > 5", "t < -5", "t >= site.limit - 10", "t <= 1h / 1m"}) {
    remembered(text);
    EXPECT_EQ(program_.code.size(), 1U) << text;
    EXPECT_GE(program_.code[0].op, Op::slot_less) << text;
  }
  remembered("t > site.limit - 10");
  EXPECT_EQ(program_.constants[program_.code[0].index], 70);
  remembered("count_true(p > 5)", kMembers);
  EXPECT_EQ(aggregates_[0].argument.code.size(), 3U);
}

TEST_F(Memory, KnowsWhatTimeChanges) {
  for (const char* text : {"t > 5", "delta(t) > 5", "rising(run)", "rate(t)", "good(t)"}) {
    remembered(text);
    EXPECT_FALSE(program_.watches_time) << text;
  }
  for (const char* text : {"age(t) > 5m", "since(run) > 5m", "mean(t, 5m) > 5", "t > 5 and hour() in (1, 2)",
                           "time_of_day() > 5h", "weekday() == 1"}) {
    remembered(text);
    EXPECT_TRUE(program_.watches_time) << text;
  }
}

TEST_F(Memory, NamesStandForWhatIsUnderLet) {
  let("warm", "t > site.limit");
  let("starts", "count(rising(run and warm), 1h)");
  EXPECT_EQ(remembered("starts > 6 or starts > 5 and warm"),
            "[result] rising(run and t > 80); [result] count(rising(run and t > 80), 1h)");
  EXPECT_EQ(program_.source,
            "count(rising(run and t > 80), 1h) > 6 or count(rising(run and t > 80), 1h) > 5 and t > 80");
  EXPECT_EQ(remembered("count(warm)", kWindow), " | count(t > 80)");
  EXPECT_EQ(remembered("warmer"), "0+6: there is no input 'warmer' | did you mean 'warm'?");
  let("later", "soon + 1");
  let("soon", "t");
  EXPECT_EQ(remembered("later"), "0+4: 'soon' is not known yet | under let: a name may speak of those above it");
  lets_.clear();
  let("a0", "t + t");
  for (int i = 1; i < 40; ++i)
    let(("a" + std::to_string(i)).c_str(), "a" + std::to_string(i - 1) + " + a" + std::to_string(i - 1));
  EXPECT_THAT(remembered("a39 > 5"),
              testing::HasSubstr("with what its names under let: stand for, this expression is too large"));
}

TEST_F(Memory, DetectorsHaveNames) {
  EXPECT_EQ(remembered("if score > 0.9 then reason else ''", kDetects), "");
  EXPECT_EQ(program_.inputs, 1U);
  EXPECT_EQ(program_.type, Type::text);
  EXPECT_EQ(remembered("mean(score, 5m)", kDetects), "[result] mean(score, 5m)");
  EXPECT_EQ(remembered("score"), "0+5: there is no input 'score'");
}

TEST_F(Memory, SaysWhatCannotBeRemembered) {
  struct Case {
    const char* text;
    int what;
    const char* expected;
  };
  const Case kCases[] = {
      {"mean(t)", 0, "0+7: 'mean' needs a window | write mean(x, 5m), or add window: 1m to the rule"},
      {"mean(t) > 5", kWhere | kWindow,
       "0+7: 'mean' speaks of a window, but where: filters single readings | write mean(x, 5m), or put it into "
       "when:"},
      {"t > 5", kWindow, "0+1: in a rule with a window, 't' alone is not one value | say which: last(t), mean(t)"},
      {"delta(t) > 5", kWindow,
       "6+1: in a rule with a window, 't' alone is not one value | say which: last(t), mean(t)"},
      {"mean(max(t))", kWindow,
       "5+6: an aggregate inside an aggregate | use two rules, one reading what the other emits"},
      {"mean(max(t) - t, 5m)", kWindow,
       "14+1: in a rule with a window, 't' alone is not one value | say which: last(t), mean(t)"},
      {"p > 5", kMembers,
       "0+1: there is a 'p' of each member of the group | say which: max(p), or how many: count_true(p > …)"},
      {"mean(p, 5m)", kMembers,
       "5+1: there is a 'p' of each member of the group | say which: max(p), or how many: count_true(p > …)"},
      {"max(delta(p))", kMembers,
       "4+8: 'delta' remembers, but members of a group have no memory of their own | use two rules: one for each "
       "member, which emits, and one across them"},
      {"age(p) > 5s", kMembers, "4+1: there is a 'p' of each member of the group | say which: max(age(p))"},
      {"mean(t, 5)", 0, "0+10: mean() takes 1 argument, not 2 | over a trailing window: mean(x, 5m)"},
      {"quantile(t, 5m)", 0,
       "0+15: 'quantile' needs a window | write quantile(x, 0.99, 5m), or add window: 1m to the rule"},
      {"quantile(t, 5m)", kWindow, "12+2: quantile() takes the share before the time | write quantile(x, 0.99, 5m)"},
      {"quantile(t, 99)", kWindow, "12+2: a quantile is from 0 to 1 | 99 of 100 is 0.99"},
      {"quantile(t, t)", kWindow, "12+1: this has to be a number that stands here, not one that changes"},
      {"mean(t, 0s)", 0, "8+2: a trailing window is 1ms to 366d long"},
      {"mean(t, 400d)", 0, "8+4: a trailing window is 1ms to 366d long"},
      {"mean(5)", kWindow, "5+1: this does not change with any input | name an input in it"},
      {"changed(hour())", 0, "8+6: this does not change with any input | name an input in it"},
      {"rising(t + 1)", 0, "7+5: this is a number where true or false belongs | compare it: … > 0"},
      {"delta(t, 5)", 0, "0+11: delta() takes 1 argument, not 2"},
      {"increase(t, 5)", 0, "0+14: increase() takes 1 argument, not 2 | over a trailing window: increase(x, 5m)"},
      {"slope(age(t), 1h)", 0, "6+6: slope() does not take a duration | divide it: … / 1s"},
      {"mean(t > 5, 1h)", 0, "5+5: this is true or false where a number belongs | write: if … then 1 else 0"},
      {"avg(t)", kWindow, "0+6: there is no function 'avg' | did you mean 'mean'?"},
      {"quantil(t)", kWindow, "0+10: there is no function 'quantil' | did you mean 'quantile'?"},
      {"risng(run)", 0, "0+10: there is no function 'risng' | did you mean 'rising'?"},
      {"shift() == 'a'", 0, "0+7: the site has no shifts | name them under site: shifts:"},
  };
  for (const auto& [text, what, expected] : kCases) EXPECT_EQ(remembered(text, what), expected) << text;
}

TEST_F(Memory, IsBounded) {
  std::string text = "0";
  for (int i = 1; i <= 65; ++i) {
    if (i == 65) {
      EXPECT_THAT(remembered(text), testing::Not(testing::HasSubstr("more than"))) << text;
    }
    text = "max(" + text + ", delta(t + " + std::to_string(i) + "))";
  }
  EXPECT_THAT(remembered(text), testing::HasSubstr("more than 64 functions with a memory in one rule"));
}

// What doubles its work with each level would not come to an end here.
TEST_F(Memory, NestingCostsNoMoreThanItsSize) {
  std::string maxima = "t", choices = "t", steps = "t", lists = "t";
  for (unsigned i = 2; i < kDeepestExpression / 2; ++i) {
    maxima = "max(" + maxima + ", 5m)";
    choices = "if t in (1, " + choices + ") then t else " + (i % 2 == 0 ? "run" : "1");
    steps = "increase(" + steps + ")";
    lists = "if t in (run, 1, or_else(t, run)) then " + lists + " else run";
  }
  for (const std::string& text : {maxima, choices, steps, lists}) {
    EXPECT_THAT(remembered(text), testing::AnyOf("", testing::StartsWith("["))) << text;
    remembered(text, kWindow);
  }
}

}  // namespace
}  // namespace weir::rules
