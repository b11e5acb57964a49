#include <gmock/gmock.h>

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
}

TEST(Parser, PrintedTextParsesToItself) {
  for (const char* text : {"1 + not a == b", "- - 5", "a == not b", "if if a then b else c then d else e",
                           "clamp(x, -1, 1) % 2", "x / (y / z)", "not not a", "a - b - c", "pow(2, -x)", "1e300 * 1e-7"}) {
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
      {"site.limit > 3", "fault at 0: 'site.…' is not supported yet by this version"},
      {"1e999", "fault at 0: '1e999' is not a number that can be represented"},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(printed(text), expected) << text;
}

TEST(Parser, BoundsLengthAndDepth) {
  EXPECT_THAT(printed(std::string(5000, '1')), testing::HasSubstr("an expression of 5000 bytes"));
  EXPECT_THAT(printed(std::string(2000, '(') + "1" + std::string(2000, ')')), testing::HasSubstr("nested too deeply"));
  std::string chain = "a";
  for (int i = 0; i < 500; ++i) chain += "+a";
  EXPECT_THAT(printed(chain), testing::HasSubstr("nested too deeply"));
  EXPECT_THAT(printed(std::string(3000, '-') + "1"), testing::HasSubstr("nested too deeply"));
}

// Evaluates with the inputs x = 4 (good), y = 2.5 (uncertain), u unknown, b true, s "on".
class Evaluation : public testing::Test {
 protected:
  struct Outcome {
    std::string value;
    std::string fault;
    std::uint64_t arithmetic = 0;
  };

  Outcome evaluate(std::string_view text) {
    Outcome out;
    Fault fault;
    const auto expr = parse_expression(text, fault);
    if (!expr) return {"", fault.message, 0};
    std::vector<InputName> inputs{{"x", Type::number}, {"y", Type::number}, {"u", Type::any}, {"b", Type::truth}, {"s", Type::text}};
    Scope scope{inputs, captures_, nullptr};
    while (infer(*expr, Type::any, scope)) {}
    const Program program = compile_expression(*expr, Type::any, scope, [&](Fault f) {
      out.fault += std::to_string(f.offset) + "+" + std::to_string(f.length) + ": " + f.message;
    });
    if (program.empty()) return out;
    Slot slots[5];
    const double numbers[5] = {4, 2.5, 0, 1, 0};
    for (int i = 0; i < 5; ++i) {
      slots[i].time = 100;
      slots[i].number = numbers[i];
      slots[i].quality = i == 1 ? model::kUncertain.code : i == 2 ? model::kBad.code : 0;
    }
    const std::string texts[5] = {"", "", "", "", "on"};
    const Nanoseconds within[5] = {kForever, kForever, kForever, kForever, 0};
    const Scene scene{slots, texts, within, nullptr, 100, &out.arithmetic};
    const Result3 result = run(program, scene);
    if (!result.known) out.value = "unknown";
    else if (program.type == Type::text) out.value = *result.text;
    else if (program.type == Type::truth) out.value = result.number != 0 ? "true" : "false";
    else out.value = model::to_text(model::Value(result.number));
    if (result.known && !model::Quality{result.quality}.good()) out.value += " (uncertain)";
    return out;
  }

  std::vector<std::string> captures_{"n"};
};

TEST_F(Evaluation, Computes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"x + 1", "5"}, {"x - 1 - 1", "2"}, {"x * 2 + 1", "9"}, {"x / 8", "0.5"}, {"x % 3", "1"}, {"-x", "-4"},
      {"abs(-x)", "4"}, {"min(x, 3, 5)", "3"}, {"max(x, 3, 5)", "5"}, {"round(2.5)", "3"}, {"round(2.345, 1)", "2.3"},
      {"clamp(x, 0, 3)", "3"}, {"sqrt(x)", "2"}, {"pow(x, 2)", "16"}, {"floor(2.7)", "2"}, {"ceil(2.1)", "3"},
      {"sign(-x)", "-1"}, {"exp(0)", "1"}, {"log(1)", "0"}, {"x > 3", "true"}, {"x >= 4", "true"}, {"x < 4", "false"},
      {"x <= 4", "true"}, {"x == 4", "true"}, {"x != 4", "false"}, {"3 < x", "true"}, {"b", "true"}, {"not b", "false"},
      {"b == true", "true"}, {"s == \"on\"", "true"}, {"s != 'on'", "false"}, {"if x > 3 then 1 else 2", "1"},
      {"if b then s else 'x'", "on"}, {"1h / 1m", "60"}, {"90s > 1m", "true"}, {"1h * 2 > 119m", "true"}, {"1h + 1m > 1h", "true"}, {"min(1h, 2h) / 1h", "1"},
  };
  for (const auto& [text, expected] : kCases) {
    const Outcome outcome = evaluate(text);
    EXPECT_EQ(outcome.value, expected) << text << ": " << outcome.fault;
    EXPECT_EQ(outcome.arithmetic, 0U) << text;
  }
}

TEST_F(Evaluation, KnowsWhatItDoesNotKnow) {
  const std::pair<const char*, const char*> kCases[] = {
      {"u + 1", "unknown"}, {"u > 1", "unknown"}, {"not u", "unknown"}, {"u and false", "false"}, {"false and u", "false"},
      {"u and true", "unknown"}, {"u or true", "true"}, {"true or u", "true"}, {"u or false", "unknown"},
      {"good(u)", "false"}, {"good(x)", "true"}, {"good(y)", "false"}, {"or_else(u, 7)", "7"}, {"or_else(x, 7)", "4"},
      {"if u then 1 else 2", "unknown"}, {"if b then 1 else u", "1"}, {"u == 0", "unknown"}, {"clamp(u, 1, 2)", "unknown"},
      {"y + 1", "3.5 (uncertain)"}, {"y > 1 and b", "true (uncertain)"}, {"y < 1 and u", "false (uncertain)"},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(evaluate(text).value, expected) << text << evaluate(text).fault;
}

TEST_F(Evaluation, CountsWhatHasNoResult) {
  for (const char* text : {"x / 0", "0 / 0", "x % 0", "sqrt(-x)", "log(0)", "pow(10, 400)", "exp(1000)", "1e308 * 10", "clamp(x, 3, 1)"}) {
    const Outcome outcome = evaluate(text);
    EXPECT_EQ(outcome.value, "unknown") << text;
    EXPECT_EQ(outcome.arithmetic, 1U) << text;
  }
  EXPECT_EQ(evaluate("or_else(x / 0, 1)").value, "1");
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
      {"mean(x, 5m)", "0+11: trailing windows as in mean(x, 5m) are not supported yet by this version"},
      {"rate(x)", "0+7: 'rate' is not supported yet by this version"},
      {"x + 1h", "0+6: a duration and a number do not add"},
      {"1h * 1h", "0+7: a duration times a duration is nothing that a rule can use"},
      {"round(x, y)", "9+1: the places of round() are a whole number from 0 to 12"},
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

}  // namespace
}  // namespace weir::rules
