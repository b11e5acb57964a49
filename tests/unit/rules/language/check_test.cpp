#include <gmock/gmock.h>

#include <array>

#include "rules/language/check.h"
#include "rules/language/parser.h"
#include "rules/language/program.h"

namespace weir::rules {
namespace {

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

TEST_F(Memory, OneStepForEachStage) {
  remembered("changed(t)", kWhere);
  Fault fault;
  const auto expr = parse_expression("changed(t) or changed( t )", fault);
  Scope scope{.inputs = inputs_, .captures = {}, .steps = &steps_};
  EXPECT_EQ(compile_expression(*expr, Type::truth, scope, {}).code[1].index, 1U);
  ASSERT_EQ(steps_.size(), 2U);
  EXPECT_EQ(steps_[0].stage, Stage::where);
  EXPECT_EQ(steps_[1].stage, Stage::result);
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
  remembered("prev(t) == prev(run)");  // nothing says what they are
  EXPECT_EQ(steps_[0].argument.type, Type::number);
  remembered("last(t) == last(run)", kWindow);
  EXPECT_EQ(aggregates_[0].argument.type, Type::number);
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
