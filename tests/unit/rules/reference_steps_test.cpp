// Functions with a memory, trailing windows, three-valued logic, `let` and `where`, in random expressions over three
// inputs that are joined, judged and emitted: see reference.h.
#include "reference_expressions.h"

namespace weir::rules {
namespace {

constexpr std::size_t kNumbers = 2, kTruth = 2;  // inputs a and b are numbers, c is true or false

// Expressions over inputs of one group. Two ways to compute the same may differ in the last bit, which a comparison
// of equals, a change or a step down of a counter would make much of: there only what is exact is looked at.
class Grammar {
 public:
  Grammar(std::mt19937& random, std::size_t numbers) : random_(random), numbers_(numbers) {}

  Tree number(int depth, bool exact = false) {
    if (depth <= 0 || random_() % 8 == 0) return make_input(random_() % numbers_);
    switch (random_() % (exact ? 8 : 14)) {
      case 0: return make_constant(static_cast<double>(random_() % 9) - 2);
      case 1:
        return make(pick(random_, std::array{"+", "-", "*"}), {number(depth - 1, exact), number(depth - 1, exact)});
      case 2:
        return make(pick(random_, std::array{"min", "max"}), {number(depth - 1, exact), number(depth - 1, exact)});
      case 3: return make("or_else", {number(depth - 1, exact), number(depth - 1, exact)});
      case 4: return make("choice", {truth(depth - 1), number(depth - 1, exact), number(depth - 1, exact)});
      case 5: return make("abs", {number(depth - 1, exact)});
      case 6: return make(pick(random_, std::array{"prev", "delta"}), {changing(depth - 1, exact)});
      case 7: return make("increase", {changing(depth - 1, true)});
      case 8: return make("/", {number(depth - 1), number(0)});
      case 9: return make("rate", {changing(depth - 1, false)});
      case 10: return make("since", {condition(depth - 1)});
      case 11: return make("age", {make_input(random_() % 3)});
      case 12: {
        const auto* call = pick(random_, std::array{"count", "count_true", "duration_of"});
        return make(call, {condition(depth - 1)}, span());
      }
      default: return aggregate(depth);
    }
  }

  Tree truth(int depth) {
    if (depth <= 0) return random_() % 2 == 0 ? make_input(kTruth) : compared(0);
    switch (random_() % 9) {
      case 0: return make_input(kTruth);
      case 1: return make("not", {truth(depth - 1)});
      case 2:
      case 3: return make(pick(random_, std::array{"and", "or"}), {truth(depth - 1), truth(depth - 1)});
      case 4: return make("good", {number(depth - 1)});
      case 5: return make(pick(random_, std::array{"rising", "falling"}), {condition(depth - 1)});
      case 6: return make("changed", {changing(depth - 1, true)});
      case 7: return make("<", {number(depth - 1, true), number(depth - 1, true)});
      default: return compared(depth);
    }
  }

 private:
  Nanoseconds span() { return pick(random_, std::array{1, 3, 5, 20}) * kSecond; }

  // With a limit that no computation meets to the last bit.
  Tree compared(int depth) {
    return make(pick(random_, std::array{"<", ">"}),
                {number(depth - 1), make_constant(static_cast<double>(random_() % 12) - 1.9371)});
  }

  // What remembers must look at an input.
  Tree changing(int depth, bool exact) {
    const Tree out = number(depth, exact);
    return inputs_of(out).empty() ? make_input(random_() % numbers_) : out;
  }
  Tree condition(int depth) {
    Tree out = truth(depth);
    return inputs_of(out).empty() || out->call == "input" ? compared(0) : out;
  }

  Tree aggregate(int depth) {
    static constexpr const char* kOfNumbers[] = {"count",    "count_good", "sum",    "mean",     "min",    "max",
                                                 "first",    "last",       "stddev", "variance", "median", "quantile",
                                                 "integral", "time_mean",  "slope",  "span"};
    static constexpr const char* kOfExact[] = {"mode", "distinct", "increase"};
    const bool exact = random_() % 4 == 0;
    return make(exact ? pick(random_, kOfExact) : pick(random_, kOfNumbers), {changing(depth - 1, exact)}, span());
  }

  std::mt19937& random_;
  std::size_t numbers_;
};

// Some parts of the expressions as names, each used where it stands; the inner ones first.
std::string name_parts(std::mt19937& random, const std::vector<Tree>& trees, const std::vector<std::string>& inputs,
                       std::map<const Expression*, std::string>& lets) {
  std::string out;
  const auto visit = [&](const auto& self, const Tree& tree) -> void {
    for (const Tree& child : tree->of) self(self, child);
    const bool plain = tree->call == "constant" || tree->call == "input";
    if (plain || random() % 5 != 0 || lets.contains(tree.get())) return;
    const std::string text = print(tree, inputs, lets);
    const std::string name = "n" + std::to_string(lets.size());
    lets[tree.get()] = name;
    out += "      " + name + ": \"" + text + "\"\n";
  };
  for (const Tree& tree : trees) visit(visit, tree);
  return out.empty() ? out : "    let:\n" + out;
}

TEST(Reference, WhatExpressionsRememberAndWhatAlertsMakeOfIt) {
  const std::vector<std::string> names = {"a", "b", "c"};
  for (unsigned seed = 1; seed <= seeds(200); ++seed) {
    std::mt19937 random(seed);
    Grammar grammar(random, kNumbers);
    const Nanoseconds lateness = random() % 2 == 0 ? 0 : 3 * kSecond;
    const Nanoseconds hold = static_cast<Nanoseconds>(random() % 4) * kSecond,
                      clear_hold = static_cast<Nanoseconds>(random() % 4) * kSecond;
    World world;
    std::string from, yaml;
    for (const std::string& name : names) {
      const Nanoseconds within = random() % 3 == 0 ? kForever : static_cast<Nanoseconds>(1 + random() % 6) * kSecond;
      world.inputs.push_back({name, within, false, {}});
      from += "      " + name + ": {path: d/" + name +
              ", within: " + (within == kForever ? "forever" : duration_text(within)) + "}\n";
    }
    std::vector<Tree> emits;
    for (int i = 0; i < 3; ++i) emits.push_back(grammar.number(4));
    const Tree when = grammar.truth(4), clear = random() % 2 == 0 ? grammar.truth(3) : make("not", {when});
    const Tree where = random() % 3 == 0 ? grammar.truth(2) : nullptr;
    // Each input is one, whatever the expressions make of it.
    std::vector<Tree> all = emits;
    all.insert(all.end(), {when, clear, make("+", {make_input(0), make_input(1)}), make("not", {make_input(2)})});
    std::map<const Expression*, std::string> lets;
    yaml = "rules:\n  - name: r\n    from:\n" + from;
    if (random() % 3 == 0) yaml += name_parts(random, all, names, lets);
    if (lateness > 0) yaml += "    lateness: " + duration_text(lateness) + "\n";
    if (where) yaml += "    where: \"" + print(where, names) + "\"\n";
    yaml += "    when: \"" + print(when, names, lets) + "\"\n";
    if (clear->call != "not" || clear->of[0] != when) yaml += "    clear: \"" + print(clear, names, lets) + "\"\n";
    yaml += "    for: " + duration_text(hold) + "\n    clear_for: " + duration_text(clear_hold) +
            "\n    alert: {severity: info}\n    emit:\n      d/types: \"if c then a else b\"\n";
    for (std::size_t i = 0; i < emits.size(); ++i)
      yaml += "      d/e" + std::to_string(i) + ": \"" + print(emits[i], names, lets) + "\"\n";

    Driven driven(yaml, random);
    ASSERT_TRUE(driven.runs()) << "seed " << seed;
    std::vector<Arrival> arrivals;
    for (model::SignalId id = 1; id <= names.size(); ++id) {
      driven.define(id, "d/" + names[id - 1]);
      for (Arrival one : arriving(random, id, 60, kSecond, lateness > 0 ? lateness - kSecond : 0)) {
        if (id == kTruth + 1) one.reading.value = one.reading.value > 6 ? 1 : 0;
        arrivals.push_back(one);
      }
    }
    in_order_of_arrival(arrivals);
    for (const Arrival& one : arrivals) driven.reading(one);
    driven.settle(20 * kSecond);
    EXPECT_EQ(driven.counters().late, 0U) << seed;

    for (model::SignalId id = 1; id <= names.size(); ++id)
      world.inputs[id - 1].sources = {{in_order(arrivals, id), 0}};
    Evaluation evaluation(world, where);
    emits.push_back(make("choice", {make_input(2), make_input(0), make_input(1)}));
    Said expected;
    for (const Timestamp time : evaluation.taken())
      for (std::size_t i = 0; i < emits.size(); ++i)
        expected[{i == 3 ? "d/types" : "d/e" + std::to_string(i), time}] = evaluation.evaluate(emits[i], time);
    compare(driven.said(), expected, yaml, seed);
    const Timestamp until = newest_of(arrivals);
    const auto alerts = expected_alerts(judged(world, evaluation, when, clear, until), hold, clear_hold, until);
    EXPECT_EQ(driven.alerts("r", until), alerts) << yaml << "seed " << seed;
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace weir::rules
