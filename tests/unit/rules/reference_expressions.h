// Random expressions, and what they say: each time worked out from all readings since the beginning.
#pragma once

#include <set>

#include "reference.h"

namespace weir::rules {

struct Expression {
  std::string call;  // an operator, a function, "constant", "input" or "choice"
  std::vector<std::shared_ptr<const Expression>> of;
  double constant = 0;
  std::size_t input = 0;
  Nanoseconds span = 0;  // of an aggregate over a trailing window; 0: across the members
};
using Tree = std::shared_ptr<const Expression>;

inline Tree make(std::string call, std::vector<Tree> of, Nanoseconds span = 0) {
  return std::make_shared<const Expression>(Expression{std::move(call), std::move(of), 0, 0, span});
}
inline Tree make_constant(double value) {
  return std::make_shared<const Expression>(Expression{"constant", {}, value});
}
inline Tree make_input(std::size_t input) {
  return std::make_shared<const Expression>(Expression{"input", {}, 0, input});
}

inline bool is_operator(const std::string& call) {
  return std::set<std::string>{"+", "-", "*", "/", "<", ">", "and", "or"}.contains(call);
}
inline bool is_condition(const std::string& call) {
  return std::set<std::string>{"<", ">", "and", "or", "not", "good", "rising", "falling", "changed"}.contains(call);
}
// Those that give a duration are written by the second: since(c) / 1s.
inline bool gives_duration(const std::string& call) {
  return std::set<std::string>{"since", "age", "span", "duration_of"}.contains(call);
}

// Those that remember, but for aggregates over a trailing window.
inline bool is_step(const Tree& tree) {
  static const std::set<std::string> kSteps = {"prev",   "delta",   "rate",    "increase",
                                               "rising", "falling", "changed", "since"};
  return kSteps.contains(tree->call) && tree->span == 0;
}

// All that is in it, itself too.
template <class Visit>
void each(const Tree& tree, Visit&& visit) {
  visit(*tree);
  for (const Tree& child : tree->of) each(child, visit);
}

inline std::set<std::size_t> inputs_of(const Tree& tree) {
  std::set<std::size_t> out;
  each(tree, [&](const Expression& one) {
    if (one.call == "input") out.insert(one.input);
  });
  return out;
}

// Whether it says something else while nothing comes. Known to differ from the manual: the engine judges a rule not
// each second for a trailing window inside of prev(x) and its like, which looks at x only when something comes.
inline bool watches_time(const Tree& tree) {
  if (tree->span > 0 || tree->call == "since" || tree->call == "age") return true;
  if (is_step(tree)) return false;
  return std::ranges::any_of(tree->of, [](const Tree& child) { return watches_time(child); });
}

// Whether it may be known while an input is not.
inline bool knows_absence(const Tree& tree) {
  if (tree->call == "good" || tree->call == "or_else") return true;
  if (is_step(tree) || tree->span > 0) return false;
  return std::ranges::any_of(tree->of, [](const Tree& child) { return knows_absence(child); });
}

// As a rule has it. What is in `lets` goes by its name.
inline std::string print(const Tree& tree, const std::vector<std::string>& inputs,
                         const std::map<const Expression*, std::string>& lets = {}) {
  if (const auto found = lets.find(tree.get()); found != lets.end()) return found->second;
  const auto of = [&](std::size_t i) { return print(tree->of[i], inputs, lets); };
  if (tree->call == "constant") return model::to_text(model::Value(tree->constant));
  if (tree->call == "input") return inputs[tree->input];
  if (tree->call == "choice") return "(if " + of(0) + " then " + of(1) + " else " + of(2) + ")";
  if (tree->call == "not") return "(not " + of(0) + ")";
  if (is_operator(tree->call)) return "(" + of(0) + " " + tree->call + " " + of(1) + ")";
  std::string out = tree->call + "(" + of(0);
  for (std::size_t i = 1; i < tree->of.size(); ++i) out += ", " + of(i);
  if (tree->call == "quantile") out += ", 0.9";
  if (tree->span > 0) out += ", " + duration_text(tree->span);
  out += ")";
  return gives_duration(tree->call) ? "(" + out + " / 1s)" : out;
}

// One group with all that ever came to it.
struct World {
  struct Source {
    std::vector<Reading> readings;  // in order
    Timestamp known_since = 0;      // before, there is no such member
  };
  struct Input {
    std::string name;
    Nanoseconds within = kForever;
    bool of_member = false;
    std::vector<Source> sources;  // one; of members one each, by their names
  };
  std::vector<Input> inputs;

  // At which something came, of one input and of any.
  std::set<Timestamp> instants(std::size_t input) const {
    std::set<Timestamp> out;
    for (const Source& source : inputs[input].sources)
      for (const Reading& one : source.readings) out.insert(one.time);
    return out;
  }
  std::set<Timestamp> instants() const {
    std::set<Timestamp> out;
    for (std::size_t input = 0; input < inputs.size(); ++input) out.merge(instants(input));
    return out;
  }
};

class Evaluation {
 public:
  explicit Evaluation(const World& world, const Tree& where = nullptr) : world_(world), where_(where) {
    // What `where` itself remembers, it remembers of all that came.
    if (where_) unfiltered_ = std::make_unique<Evaluation>(world_);
    for (const Timestamp time : world_.instants())
      if (holds_where(time)) taken_.push_back(time);
  }

  // The instants at which something came that `where` let through.
  const std::vector<Timestamp>& taken() const { return taken_; }
  bool holds_where(Timestamp time) { return !where_ || is_true(unfiltered_->evaluate(where_, time)); }

  // `member`: of which the inputs are looked at, inside of an aggregate across the members.
  Result3 evaluate(const Tree& tree, Timestamp time, std::size_t member = 0) {
    const std::string& call = tree->call;
    const auto of = [&](std::size_t i) { return evaluate(tree->of[i], time, member); };
    if (call == "constant") return {tree->constant, nullptr, 0, true};
    if (call == "input") return input(tree->input, time, member);
    if (call == "age") {
      const Reading* last = newest(tree->of[0]->input, time, member);
      return last == nullptr ? kNotKnown : Result3{static_cast<double>(time - last->time) / 1e9, nullptr, 0, true};
    }
    if (is_step(tree)) return remembered(tree, time);
    if (tree->span > 0) return trailing(tree, time);
    if (find_aggregate(call) != nullptr && tree->of.size() == 1) return across(tree, time);
    const Result3 a = of(0);
    if (call == "good") return {a.known && a.quality >> 30 == 0 ? 1.0 : 0.0, nullptr, 0, true};
    if (call == "not") return a.known ? Result3{1 - a.number, nullptr, a.quality, true} : kNotKnown;
    if (call == "abs") return a.known ? Result3{std::fabs(a.number), nullptr, a.quality, true} : kNotKnown;
    const Result3 b = of(1);
    if (call == "or_else") return a.known ? a : b;
    if (call == "and" || call == "or") {
      const double decides = call == "or" ? 1 : 0;
      if (!a.known && b.known && b.number == decides) return b;
      if (!b.known && a.known && a.number == decides) return a;
      if (!a.known || !b.known) return kNotKnown;
      return known(a.number == decides || b.number == decides ? decides : 1 - decides, {a, b});
    }
    if (call == "choice") {
      const Result3 chosen = a.number != 0 ? b : of(2);
      return a.known && chosen.known ? known(chosen.number, {a, chosen}) : kNotKnown;
    }
    if (!a.known || !b.known) return kNotKnown;
    if (call == "+") return known(a.number + b.number, {a, b});
    if (call == "-") return known(a.number - b.number, {a, b});
    if (call == "*") return known(a.number * b.number, {a, b});
    if (call == "/") return b.number == 0 ? kNotKnown : known(a.number / b.number, {a, b});
    if (call == "<") return known(a.number < b.number ? 1 : 0, {a, b});
    if (call == ">") return known(a.number > b.number ? 1 : 0, {a, b});
    if (call == "min") return known(std::min(a.number, b.number), {a, b});
    if (call == "max") return known(std::max(a.number, b.number), {a, b});
    ADD_FAILURE() << "what is " << call << "?";
    return kNotKnown;
  }

 private:
  static double seconds(Nanoseconds time) { return static_cast<double>(time) / 1e9; }

  static Result3 known(double number, const std::vector<Result3>& of) {
    std::uint32_t quality = 0;
    for (const Result3& one : of)
      if (one.quality >> 30 > quality >> 30) quality = one.quality;
    return std::isfinite(number) ? Result3{number, nullptr, quality, true} : kNotKnown;
  }

  const Reading* newest(std::size_t input, Timestamp time, std::size_t member) const {
    const Reading* found = nullptr;
    const World::Input& of = world_.inputs[input];
    for (const Reading& one : of.sources[of.of_member ? member : 0].readings)
      if (one.time <= time) found = &one;
    return found;
  }

  Result3 input(std::size_t input, Timestamp time, std::size_t member) const {
    const Reading* found = newest(input, time, member);
    const Nanoseconds within = world_.inputs[input].within;
    if (found == nullptr || found->quality.bad() || (within != kForever && time - found->time > within))
      return kNotKnown;
    return {found->value, nullptr, found->quality.code, true};
  }

  // What the argument was at each instant at which one of its inputs had a reading, up to `time`.
  std::vector<Came> history(const Tree& argument, Timestamp time) {
    const auto [found, is_new] = histories_.try_emplace(argument.get());
    if (is_new) {
      std::set<Timestamp> came;
      for (const std::size_t input : inputs_of(argument)) came.merge(world_.instants(input));
      std::vector<Came> all;
      for (const Timestamp one : taken_)
        if (came.contains(one)) {
          const Result3 value = evaluate(argument, one);
          all.push_back({one, value.number, value.quality, value.known});
        }
      histories_[argument.get()] = std::move(all);
    }
    std::vector<Came> out;
    for (const Came& one : histories_[argument.get()])
      if (one.time <= time) out.push_back(one);
    return out;
  }

  Result3 remembered(const Tree& tree, Timestamp time) {
    const Tree& argument = tree->of[0];
    const std::vector<Came> all = history(argument, time);
    // A bad reading in between is no break, but while it is unknown, so is what is told of it.
    if (all.empty() || !all.back().known || !evaluate(argument, time).known) return kNotKnown;
    std::vector<Came> values;
    for (const Came& one : all)
      if (one.known) values.push_back(one);
    const Came& x = values.back();
    if (tree->call == "since") {
      std::size_t first = values.size();
      while (first > 0 && values[first - 1].value != 0) --first;
      return {first < values.size() ? seconds(time - values[first].time) : 0, nullptr, x.quality, true};
    }
    const bool happens = tree->call == "rising" || tree->call == "falling" || tree->call == "changed";
    if (values.size() == 1) return happens ? Result3{0, nullptr, x.quality, true} : kNotKnown;
    const Came& before = values[values.size() - 2];
    if (tree->call == "prev") return known(before.value, {before.result()});
    const auto tell = [&](double number) { return known(number, {before.result(), x.result()}); };
    if (happens && x.time < time) return tell(0);  // nothing came
    if (tree->call == "delta") return tell(x.value - before.value);
    if (tree->call == "rate") return tell((x.value - before.value) / seconds(x.time - before.time));
    if (tree->call == "increase")
      return tell(x.value >= before.value ? x.value - before.value : std::max(x.value, 0.0));
    if (tree->call == "rising") return tell(before.value == 0 && x.value != 0 ? 1 : 0);
    if (tree->call == "falling") return tell(before.value != 0 && x.value == 0 ? 1 : 0);
    return tell(before.value != x.value ? 1 : 0);
  }

  static Aggregate aggregate(const Tree& tree) {
    Aggregate out = aggregate_of(*find_aggregate(tree->call));
    out.of_truth = is_condition(tree->of[0]->call);
    return out;
  }

  Result3 trailing(const Tree& tree, Timestamp time) {
    Aggregate of = aggregate(tree);
    for (const std::size_t input : inputs_of(tree)) of.hold = std::min(of.hold, world_.inputs[input].within);
    std::vector<Came> before, in;
    for (const Came& one : history(tree->of[0], time)) (one.time <= time - tree->span ? before : in).push_back(one);
    const Result3 out = obvious(of, before, in, time - tree->span, time);
    return out.known ? out : kNotKnown;
  }

  Result3 across(const Tree& tree, Timestamp time) {
    std::vector<Came> values;
    const auto any = std::ranges::find_if(world_.inputs, &World::Input::of_member);
    for (std::size_t member = 0; member < any->sources.size(); ++member) {
      if (any->sources[member].known_since > time) continue;
      const Result3 value = evaluate(tree->of[0], time, member);
      values.push_back({time, value.number, value.quality, value.known});
    }
    const Result3 out = obvious(aggregate(tree), {}, values, kLongAgo, time);
    return out.known ? out : kNotKnown;
  }

  const World& world_;
  Tree where_;
  std::unique_ptr<Evaluation> unfiltered_;
  std::vector<Timestamp> taken_;
  std::map<const Expression*, std::vector<Came>> histories_;
};

// What an alert is judged by: at each instant at which something came; where time matters each second, too; and when
// an input that it reads gets too old.
inline std::vector<Judged> judged(const World& world, Evaluation& evaluation, const Tree& when, const Tree& clear,
                                  Timestamp until) {
  const std::set<Timestamp> readings(evaluation.taken().begin(), evaluation.taken().end());
  std::set<Timestamp> seconds, expiries;
  if (watches_time(when) || watches_time(clear))
    for (Timestamp time = *world.instants().begin() / kSecond * kSecond + kSecond; time <= until; time += kSecond)
      seconds.insert(time);
  std::set<std::size_t> read = inputs_of(when);
  read.merge(inputs_of(clear));
  for (const std::size_t input : read)
    if (world.inputs[input].within != kForever)
      for (const World::Source& source : world.inputs[input].sources)
        for (std::size_t i = 0; i < source.readings.size(); ++i) {
          const Timestamp end = source.readings[i].time + world.inputs[input].within + 1;
          const bool lasts = i + 1 == source.readings.size() || source.readings[i + 1].time > end;
          if (lasts && !source.readings[i].quality.bad() && end <= until) expiries.insert(end);
        }
  std::set<Timestamp> all = readings;
  all.insert(seconds.begin(), seconds.end());
  all.insert(expiries.begin(), expiries.end());
  const bool absence_tells =
      knows_absence(when) || knows_absence(clear) || std::ranges::any_of(world.inputs, &World::Input::of_member);
  std::vector<Judged> out;
  for (const Timestamp time : all) {
    if (!evaluation.holds_where(time)) continue;
    Judged one{time, evaluation.evaluate(when, time), evaluation.evaluate(clear, time)};
    one.reading = readings.contains(time);
    one.dull = !one.reading && !seconds.contains(time) && !absence_tells;
    out.push_back(one);
  }
  return out;
}

}  // namespace weir::rules
