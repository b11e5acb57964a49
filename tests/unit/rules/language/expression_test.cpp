#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <random>

#include "model/value.h"
#include "rules/language/check.h"
#include "rules/language/parser.h"
#include "rules/language/program.h"

namespace weir::rules {
namespace {

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
    const auto calendar = calendar::Calendar::make("Europe/Berlin", site_.shifts);
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

// A tree, computed the obvious way; nothing is unknown.
using Known = std::optional<double>;

Known obvious(const Expr& expr, const std::map<std::string, Known>& inputs) {
  const auto at = [&](std::size_t i) { return obvious(*expr.children[i], inputs); };
  const auto checked = [](double x) { return std::isfinite(x) ? Known(x) : std::nullopt; };
  const auto both = [&](auto f) {
    const Known a = at(0), b = at(1);
    return a && b ? checked(f(*a, *b)) : std::nullopt;
  };
  // As soon as one decides, the others do not matter.
  const auto decided = [](const std::vector<Known>& parts, double by) {
    bool known = true;
    for (const Known& part : parts) {
      if (part == by) return part;
      known = known && part;
    }
    return known ? Known(1 - by) : std::nullopt;
  };
  const auto not_less = [](const Known& a, const Known& b) { return a && b ? Known(*a >= *b) : std::nullopt; };
  switch (expr.kind) {
    case ExprKind::number: return expr.number;
    case ExprKind::truth: return expr.truth;
    case ExprKind::name: return inputs.at(expr.text);
    case ExprKind::negate: return at(0) ? Known(-*at(0)) : std::nullopt;
    case ExprKind::logical_not: return at(0) ? Known(1 - *at(0)) : std::nullopt;
    case ExprKind::add: return both([](double a, double b) { return a + b; });
    case ExprKind::subtract: return both([](double a, double b) { return a - b; });
    case ExprKind::multiply: return both([](double a, double b) { return a * b; });
    case ExprKind::divide: return both([](double a, double b) { return b == 0 ? NAN : a / b; });
    case ExprKind::less: return both([](double a, double b) { return a < b; });
    case ExprKind::less_equal: return both([](double a, double b) { return a <= b; });
    case ExprKind::greater: return both([](double a, double b) { return a > b; });
    case ExprKind::greater_equal: return both([](double a, double b) { return a >= b; });
    case ExprKind::equal: return both([](double a, double b) { return a == b; });
    case ExprKind::not_equal: return both([](double a, double b) { return a != b; });
    case ExprKind::logical_and: return decided({at(0), at(1)}, 0);
    case ExprKind::logical_or: return decided({at(0), at(1)}, 1);
    case ExprKind::between: return decided({not_less(at(0), at(1)), not_less(at(2), at(0))}, 0);
    case ExprKind::choice: return !at(0) ? std::nullopt : at(*at(0) != 0 ? 1 : 2);
    case ExprKind::one_of: {
      std::vector<Known> equal;
      for (std::size_t i = 1; i < expr.children.size(); ++i)
        equal.push_back(at(0) && at(i) ? Known(*at(0) == *at(i)) : std::nullopt);
      return decided(equal, 1);
    }
    default: break;
  }
  if (expr.text == "or_else") return at(0) ? at(0) : at(1);
  Known best = at(0);
  for (std::size_t i = 1; i < expr.children.size(); ++i)
    best =
        best && at(i) ? Known(expr.text == "min" ? std::min(*best, *at(i)) : std::max(*best, *at(i))) : std::nullopt;
  return best;
}

std::string random_truth(std::mt19937& random, int depth);

std::string random_number(std::mt19937& random, int depth) {
  const auto number = [&] { return "(" + random_number(random, depth - 1) + ")"; };
  if (depth == 0) return std::array{"x", "y", "u", "w", "-2", "0", "4", "2.5"}[random() % 8];
  switch (random() % 6) {
    case 0: return "-" + number();
    case 1:
    case 2: return number() + std::array{" + ", " - ", " * ", " / "}[random() % 4] + number();
    case 3: return std::array{"min(", "max("}[random() % 2] + number() + ", " + number() + ", " + number() + ")";
    case 4: return "or_else(" + number() + ", " + number() + ")";
    default: return "if " + random_truth(random, depth - 1) + " then " + number() + " else " + number();
  }
}

std::string random_truth(std::mt19937& random, int depth) {
  const auto number = [&] { return "(" + random_number(random, depth - 1) + ")"; };
  const auto truth = [&] { return "(" + random_truth(random, depth - 1) + ")"; };
  if (depth == 0) return std::array{"b", "c", "true", "false", "x > 3", "u < 1"}[random() % 6];
  switch (random() % 7) {
    case 0: return "not " + truth();
    case 1: return truth() + std::array{" and ", " or "}[random() % 2] + truth();
    case 2: return number() + std::array{" < ", " <= ", " > ", " >= ", " == ", " != "}[random() % 6] + number();
    case 3: return number() + (random() % 2 == 0 ? " in (" : " not in (") + number() + ", " + number() + ")";
    case 4: return number() + " between " + number() + " and " + number();
    case 5: return truth() + " in (" + truth() + ")";
    default: return "if " + truth() + " then " + truth() + " else " + truth();
  }
}

TEST(Reference, ProgramsComputeWhatTheirTreesSay) {
  const std::vector<std::string> names{"x", "y", "u", "w", "b", "c"};
  const std::vector<Known> values{4, 2.5, std::nullopt, 1e308, 1, std::nullopt};
  std::map<std::string, Known> known;
  std::vector<InputName> inputs;
  std::vector<Slot> slots;
  const std::vector<Nanoseconds> within(names.size(), kForever);
  for (std::size_t i = 0; i < names.size(); ++i) {
    known[names[i]] = values[i];
    inputs.push_back({names[i], i < 4 ? Type::number : Type::truth});
    slots.push_back({.time = 0, .number = values[i].value_or(0), .quality = values[i] ? 0 : model::kBad.code});
  }
  std::mt19937 random(1);
  int unknown = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = i % 2 == 0 ? random_number(random, i % 5) : random_truth(random, i % 5);
    Fault fault;
    const auto tree = parse_expression(text, fault);
    ASSERT_TRUE(tree) << text << ": " << fault.message;
    Scope scope{.inputs = inputs, .captures = {}};
    const Program program = compile_expression(*tree, Type::any, scope, [&](const Fault& f) { fault = f; });
    ASSERT_FALSE(program.empty()) << text << ": " << fault.message;
    std::uint64_t arithmetic = 0;
    const Result3 result = run(program, {slots.data(), nullptr, within.data(), nullptr, 0, &arithmetic});
    const Known expected = obvious(*tree, known);
    ASSERT_EQ(result.known ? Known(result.number) : std::nullopt, expected) << text;
    unknown += expected ? 0 : 1;
  }
  EXPECT_GT(unknown, 200);
  EXPECT_LT(unknown, 1800);
}

}  // namespace
}  // namespace weir::rules
