#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <random>

#include "rules/language/ast.h"
#include "rules/language/parser.h"

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
  for (int i = 0; i < 1000; ++i) {
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

}  // namespace
}  // namespace weir::rules
