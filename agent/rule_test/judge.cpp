#include "rule_test/judge.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "rule_test/expectation.h"
#include "rule_test/happening.h"

namespace weir::rule_test {
namespace {

constexpr double kNineDigits = 5e-9;  // what is shown, and copied into a test, is equal

bool as_number(const model::Value& value, double& out) {
  const auto* whole = std::get_if<std::int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  if (whole != nullptr) out = static_cast<double>(*whole);
  if (real != nullptr) out = *real;
  return whole != nullptr || real != nullptr;
}

bool equal(const model::Value& expected, const model::Value& actual, double within) {
  double a = 0, b = 0;
  if (!as_number(expected, a) || !as_number(actual, b)) return expected == actual;
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;  // infinities, too
  // A tolerance is meant in decimals: 90.6 is within 0.1 of 90.5, though their doubles are not.
  const double size = kNineDigits * std::max(std::fabs(a), std::fabs(b));
  return std::fabs(a - b) <= (within < 0 ? size : within + size);
}

bool equal(const Expectation& expectation, const Expectation::Field& field,
           const std::optional<model::Value>& actual) {
  return actual && equal(field.value, *actual, field.key == "value" ? expectation.within : -1);
}

bool in_time(const Expectation& expectation, Timestamp time) {
  return time >= expectation.begin && time < expectation.end;
}

// Whether a field is seen in the line of a happening, without a line of its own.
bool is_in_line(std::string_view key) {
  return key == "value" || key == "quality" || key == "change" || key.starts_with("group.");
}

class Judge {
 public:
  Judge(const Test& test, const rules::Outputs& outputs)
      : test_(test), happenings_(happenings(outputs)), used_(happenings_.size()) {
    for (std::size_t i = 0; i < happenings_.size(); ++i)
      by_name_[key(happenings_[i].kind(), happenings_[i].name())].push_back(i);
  }

  Verdict run() {
    std::vector<const Expectation*> order;
    for (const Expectation& expectation : test_.expectations)
      if (!expectation.nothing) order.push_back(&expectation);
    // What leaves the least choice first: the earliest end, then what says more.
    std::ranges::stable_sort(order, [](const Expectation* a, const Expectation* b) {
      if (a->end != b->end) return a->end < b->end;
      return a->fields.size() > b->fields.size();
    });
    std::erase_if(order, [this](const Expectation* expectation) { return meet(*expectation); });
    for (const Expectation* expectation : order) miss(*expectation);
    for (const Expectation& expectation : test_.expectations)
      if (expectation.nothing) forbid(expectation);
    if (test_.exact) refuse_the_rest();
    std::ranges::stable_sort(verdict_.rows, {}, &Row::time);
    return std::move(verdict_);
  }

 private:
  static std::string key(Kind kind, const std::string& name) {
    return static_cast<char>('0' + static_cast<int>(kind)) + name;
  }

  const std::vector<std::size_t>& candidates(const Expectation& expectation) const {
    static const std::vector<std::size_t> none;
    const auto found = by_name_.find(key(*expectation.kind, expectation.name));
    return found != by_name_.end() ? found->second : none;
  }

  // From the first that is in time; the others are before it.
  std::vector<std::size_t>::const_iterator first_in_time(const Expectation& expectation) const {
    return std::ranges::lower_bound(candidates(expectation), expectation.begin, {},
                                    [this](std::size_t i) { return happenings_[i].time(); });
  }

  std::size_t differing(const Expectation& expectation, const Happening& happening, bool groups_only = false) const {
    return static_cast<std::size_t>(std::ranges::count_if(expectation.fields, [&](const Expectation::Field& field) {
      return (!groups_only || field.key.starts_with("group.")) &&
             !equal(expectation, field, happening.field(field.key));
    }));
  }

  bool meet(const Expectation& expectation) {
    for (auto at = first_in_time(expectation); at != candidates(expectation).end(); ++at) {
      if (!in_time(expectation, happenings_[*at].time())) return false;
      if (used_[*at] || differing(expectation, happenings_[*at]) > 0) continue;
      used_[*at] = true;
      ++verdict_.met;
      return true;
    }
    return false;
  }

  // Beside what it was most likely meant for: of its group, in time, alike, near.
  void miss(const Expectation& expectation) {
    std::size_t best = happenings_.size();
    std::tuple<std::size_t, bool, std::size_t, Nanoseconds> least;
    const auto& all = candidates(expectation);
    // A value of another time is another value.
    const bool same_time = expectation.kind == Kind::emit;
    for (auto at = same_time ? first_in_time(expectation) : all.begin(); at != all.end(); ++at) {
      const std::size_t i = *at;
      const Happening& happening = happenings_[i];
      if (same_time && !in_time(expectation, happening.time())) break;
      if (used_[i]) continue;
      const std::tuple cost(differing(expectation, happening, true), !in_time(expectation, happening.time()),
                            differing(expectation, happening), std::abs(happening.time() - expectation.begin));
      if (best != happenings_.size() && cost >= least) continue;
      best = i;
      least = cost;
    }
    Row row;
    row.time = expectation.begin;
    row.position = expectation.position;
    row.expected = side(expectation);
    if (best != happenings_.size()) {
      used_[best] = true;
      row.actual = side(happenings_[best], std::get<0>(least) == 0);
      for (const Expectation::Field& field : expectation.fields) {
        const auto actual = happenings_[best].field(field.key);
        if (!is_in_line(field.key) && !equal(expectation, field, actual))
          row.differences.push_back({field.key, shown(field.value), actual ? shown(*actual) : "none"});
      }
    } else {
      row.actual.what = "nothing" + nearest(expectation);
    }
    verdict_.rows.push_back(std::move(row));
  }

  // What is emitted there at another time; empty if nothing is.
  std::string nearest(const Expectation& expectation) const {
    const auto& all = candidates(expectation);
    if (all.empty()) return {};
    auto at = first_in_time(expectation);
    if (at == all.end() || (at != all.begin() && expectation.begin - happenings_[*(at - 1)].time() <
                                                     happenings_[*at].time() - expectation.begin))
      --at;
    return "; at " + since_start(happenings_[*at].time()) + " " + happenings_[*at].what();
  }

  void forbid(const Expectation& expectation) {
    bool met = true;
    const auto first = std::ranges::lower_bound(happenings_, expectation.begin, {}, &Happening::time);
    for (auto i = static_cast<std::size_t>(first - happenings_.begin()); i < happenings_.size(); ++i) {
      const Happening& happening = happenings_[i];
      if (!in_time(expectation, happening.time()) || happening.time() > test_.end) break;
      if (expectation.kind && (*expectation.kind != happening.kind() || expectation.name != happening.name()))
        continue;
      if (differing(expectation, happening) > 0) continue;
      met = false;
      used_[i] = true;
      verdict_.rows.push_back({happening.time(), expectation.position, side(expectation), side(happening), {}});
    }
    verdict_.met += met ? 1 : 0;
  }

  void refuse_the_rest() {
    std::unordered_map<std::string, const Happening*> last;  // of each name
    for (std::size_t i = 0; i < happenings_.size(); ++i) {
      const Happening& happening = happenings_[i];
      if (happening.time() > test_.end) break;
      if (happening.kind() == Kind::emit) continue;
      const Happening* before = std::exchange(last[key(happening.kind(), happening.name())], &happening);
      if (used_[i] || happening.again(before)) continue;
      verdict_.rows.push_back({happening.time(), {}, {"", "nothing"}, side(happening), {}});
    }
  }

  std::string since_start(Timestamp time) const {
    return weir::to_text(std::chrono::nanoseconds(time - test_.start));
  }

  Row::Side side(const Expectation& expectation) const {
    Row::Side out{since_start(expectation.begin), to_text(expectation)};
    const bool open = expectation.end > test_.end + 1;
    if (expectation.end == expectation.begin + 1) return out;
    const std::string end = since_start(expectation.nothing ? expectation.end : expectation.end - 1);
    if (expectation.begin == test_.start) out.time = open ? "ever" : "until " + end;
    else out.time = open ? "from " + out.time : out.time + " to " + end;
    return out;
  }

  // Beside an expectation of the same thing, its name need not be said again.
  Row::Side side(const Happening& happening, bool of_the_same = false) const {
    const std::string group = happening.group();
    const std::string name = of_the_same ? "" : happening.name() + (group.empty() ? "" : " " + group) + " ";
    return {since_start(happening.time()), name + happening.what()};
  }

  const Test& test_;
  std::vector<Happening> happenings_;
  std::vector<bool> used_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_name_;
  Verdict verdict_;
};

}  // namespace

Verdict judge(const Test& test, const rules::Outputs& outputs) { return Judge(test, outputs).run(); }

}  // namespace weir::rule_test
