// Rules that look across members which come, go bad, get too old and join later; by `across` and by `by`: see
// reference.h.
#include "reference_expressions.h"

namespace weir::rules {
namespace {

// Inputs p and q are of each member, g is of the group.
constexpr std::size_t kOfMember = 2, kOfGroup = 2;

// Over what the members say now. As the manual has no order of members, and all are of one instant, nothing that asks
// for an order or a stretch of time.
class Grammar {
 public:
  Grammar(std::mt19937& random, bool remembers) : random_(random), remembers_(remembers) {}

  Tree number(int depth) {
    if (depth <= 0 || random_() % 4 == 0) return across();
    const unsigned which = random_() % 8;
    if (!remembers_ && (which == 5 || which == 6)) return across();
    switch (which) {
      case 0: return make_input(kOfGroup);
      case 1: return make_constant(static_cast<double>(random_() % 5));
      case 2: return make("or_else", {number(depth - 1), number(depth - 1)});
      case 3: return make("choice", {truth(depth - 1), number(depth - 1), number(depth - 1)});
      case 4:
        return make(pick(random_, std::array{"mean", "max", "count"}), {across()},
                    pick(random_, std::array{2, 6}) * kSecond);
      case 5: return make(pick(random_, std::array{"prev", "delta"}), {across()});
      case 6: return make("since", {compared(across())});
      default:
        return make(pick(random_, std::array{"+", "-", "*", "min", "max"}), {number(depth - 1), number(depth - 1)});
    }
  }

  Tree truth(int depth) {
    if (depth <= 0) return compared(across());
    switch (random_() % (remembers_ ? 5 : 4)) {
      case 0: return make(pick(random_, std::array{"and", "or"}), {truth(depth - 1), truth(depth - 1)});
      case 1: return make("not", {truth(depth - 1)});
      case 4: return make(pick(random_, std::array{"rising", "falling"}), {compared(across())});
      default: return compared(number(depth - 1));
    }
  }

 private:
  Tree compared(Tree tree) {
    return make(pick(random_, std::array{"<", ">"}),
                {std::move(tree), make_constant(static_cast<double>(random_() % 9) - 0.9371)});
  }

  Tree of_member(int depth) {
    if (depth <= 0) return make_input(random_() % kOfMember);
    switch (random_() % 5) {
      case 0: return make(pick(random_, std::array{"+", "-", "*"}), {of_member(depth - 1), of_member(depth - 1)});
      case 1: return make("-", {of_member(depth - 1), make_input(kOfGroup)});
      case 2: return make("or_else", {of_member(depth - 1), make_constant(1)});
      default: return of_member(0);
    }
  }

  Tree across() {
    static constexpr const char* kOfNumbers[] = {"count",  "count_good", "sum",    "mean",     "min",  "max",
                                                 "stddev", "variance",   "median", "quantile", "mode", "distinct"};
    static constexpr const char* kOfConditions[] = {"count", "count_true"};
    if (random_() % 3 == 0) return make(pick(random_, kOfConditions), {compared(of_member(1))});
    return make(pick(random_, kOfNumbers), {of_member(2)});
  }

  std::mt19937& random_;
  bool remembers_;
};

constexpr std::size_t kMembers = 4;

World world_of(std::mt19937& random) {
  World out;
  for (const char* name : {"p", "q", "g"}) {
    const bool of_member = *name != 'g';
    out.inputs.push_back({name, random() % 4 == 0 ? kForever : static_cast<Nanoseconds>(1 + random() % 6) * kSecond,
                          of_member, std::vector<World::Source>(of_member ? kMembers : 1)});
  }
  return out;
}

TEST(Reference, WhatIsSaidAcrossMembersThatComeAndGo) {
  const std::vector<std::string> names = {"p", "q", "g"};
  for (unsigned seed = 1; seed <= seeds(60); ++seed) {
    std::mt19937 random(seed);
    const bool alerts = random() % 2 == 0;
    Grammar grammar(random, true);
    const Nanoseconds hold = static_cast<Nanoseconds>(random() % 3) * kSecond,
                      clear_hold = static_cast<Nanoseconds>(random() % 3) * kSecond;
    const Nanoseconds lateness = random() % 2 == 0 ? 0 : 3 * kSecond;
    World first = world_of(random);
    std::string yaml = "rules:\n  - name: r\n    from:\n";
    for (const World::Input& input : first.inputs)
      yaml += "      " + input.name + ": {path: \"t-{n}/" + input.name + (input.of_member ? "_{k}" : "") +
              "\", within: " + (input.within == kForever ? "forever" : duration_text(input.within)) + "}\n";
    yaml += random() % 2 == 0 ? "    across: k\n" : "    by: n\n";
    if (lateness > 0) yaml += "    lateness: " + duration_text(lateness) + "\n";
    std::vector<Tree> emits;
    for (int i = 0; i < 4; ++i) emits.push_back(grammar.number(3));
    const Tree when = grammar.truth(3);
    if (alerts)
      yaml += "    when: \"" + print(when, names) + "\"\n    for: " + duration_text(hold) +
              "\n    clear_for: " + duration_text(clear_hold) + "\n    alert: {severity: info}\n";
    yaml += "    emit:\n";
    // Types are found out from how an input is used, and each has to be.
    emits.push_back(make("max", {make("+", {make("+", {make_input(0), make_input(1)}), make_input(2)})}));
    for (std::size_t i = 0; i < emits.size(); ++i)
      yaml += "      \"t-{n}/e" + std::to_string(i) + "\": \"" + print(emits[i], names) + "\"\n";

    Driven driven(yaml, random);
    ASSERT_TRUE(driven.runs()) << "seed " << seed;
    std::vector<World> worlds(2, first);
    std::vector<World::Source*> sources;
    const auto define = [&](std::size_t member, Timestamp since) {
      for (std::size_t n = 0; n < worlds.size(); ++n)
        for (World::Input& input : worlds[n].inputs) {
          if (!input.of_member && member > 0) continue;
          const std::string k = input.of_member ? std::string("_") + "abcd"[member] : "";
          input.sources[member].known_since = since;
          sources.push_back(&input.sources[member]);
          driven.define(static_cast<model::SignalId>(sources.size()),
                        "t-" + std::to_string(n + 1) + "/" + input.name + k);
        }
    };
    std::vector<Arrival> all;
    const auto drive = [&](Timestamp begin) {
      std::vector<Arrival> arrivals;
      for (model::SignalId id = 1; id <= sources.size(); ++id)
        // Some never send anything.
        if (random() % 8 != 0)
          std::ranges::copy(arriving(random, id, 12, kSecond, lateness > 0 ? lateness - kSecond : 0, begin),
                            std::back_inserter(arrivals));
      in_order_of_arrival(arrivals);
      for (const Arrival& one : arrivals) driven.reading(one);
      std::ranges::copy(arrivals, std::back_inserter(all));
      driven.settle(20 * kSecond);
    };
    // The last member joins in a pause: all before has been judged then, but for what ticks let wait.
    for (std::size_t member = 0; member + 1 < kMembers; ++member) define(member, 0);
    drive(kBegin);
    define(kMembers - 1, driven.now() - kSecond - lateness + 1);
    drive(driven.now());
    EXPECT_EQ(driven.counters().late, 0U) << seed;

    for (std::size_t i = 0; i < sources.size(); ++i)
      sources[i]->readings = in_order(all, static_cast<model::SignalId>(i + 1));
    Said expected;
    for (std::size_t n = 0; n < worlds.size(); ++n) {
      const std::string group = std::to_string(n + 1);
      Evaluation evaluation(worlds[n]);
      for (const Timestamp time : evaluation.taken())
        for (std::size_t i = 0; i < emits.size(); ++i)
          expected[{"t-" + group + "/e" + std::to_string(i), time}] = evaluation.evaluate(emits[i], time);
      if (!alerts) continue;
      const Timestamp until = evaluation.taken().back();
      EXPECT_EQ(
          driven.alerts("r/" + group, until),
          expected_alerts(judged(worlds[n], evaluation, when, make("not", {when}), until), hold, clear_hold, until))
          << yaml << "seed " << seed << " group " << group;
    }
    compare(driven.said(), expected, yaml, seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace weir::rules
