// Joins, and the life of alerts: see reference.h.
#include "reference.h"

#include <optional>
#include <set>

namespace weir::rules {
namespace {

TEST(Reference, JoinsAsOfEachInstant) {
  for (unsigned seed = 1; seed <= seeds(80); ++seed) {
    std::mt19937 random(seed);
    const Nanoseconds within = static_cast<Nanoseconds>(1 + random() % 5) * kSecond;
    const std::string yaml =
        "rules:\n  - name: r\n    from: {a: \"d/a\", b: \"d/b\"}\n    within: " + duration_text(within) +
        "\n    lateness: 3s\n    emit: {d/sum: a + b, d/known: \"if good(a) then 1 else 0\", "
        "d/or: \"or_else(b, -1)\"}\n";
    Driven driven(yaml, random);
    driven.define(1, "d/a");
    driven.define(2, "d/b");
    std::vector<Arrival> both = arriving(random, 1, 120, kSecond, 2 * kSecond);
    std::ranges::copy(arriving(random, 2, 120, kSecond, 2 * kSecond), std::back_inserter(both));
    in_order_of_arrival(both);
    for (const Arrival& one : both) driven.reading(one);
    driven.settle(20 * kSecond);

    const auto a = in_order(both, 1), b = in_order(both, 2);
    std::set<Timestamp> times;
    for (const Arrival& one : both) times.insert(one.reading.time);
    const auto as_of = [&](const std::vector<Reading>& all, Timestamp time) {
      std::optional<Reading> found;
      for (const Reading& one : all)
        if (one.time <= time) found = one;
      if (found && (found->quality.bad() || time - found->time > within)) found.reset();
      return found;
    };
    Said expected;
    for (const Timestamp time : times) {
      const auto x = as_of(a, time), y = as_of(b, time);
      const auto worse = [](std::uint32_t p, std::uint32_t q) { return (q >> 30) > (p >> 30) ? q : p; };
      expected[{"d/sum", time}] =
          x && y ? Result3{x->value + y->value, nullptr, worse(x->quality.code, y->quality.code), true}
                 : Result3{0, nullptr, model::kBad.code, false};
      expected[{"d/known", time}] = {x && x->quality.good() ? 1.0 : 0.0, nullptr, 0, true};
      expected[{"d/or", time}] =
          y ? Result3{y->value, nullptr, y->quality.code, true} : Result3{-1, nullptr, 0, true};
    }
    EXPECT_EQ(driven.counters().late, 0U) << seed;
    compare(driven.said(), expected, yaml, seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST(Reference, AlertsWithDelaysAndHysteresis) {
  for (unsigned seed = 1; seed <= seeds(150); ++seed) {
    std::mt19937 random(seed);
    const Nanoseconds hold = static_cast<Nanoseconds>(random() % 4) * kSecond,
                      clear_hold = static_cast<Nanoseconds>(random() % 4) * kSecond;
    const std::string yaml =
        "rules:\n  - name: r\n    from: {x: \"d/x\"}\n    when: x > 12\n    clear: x < 8\n    for: " +
        duration_text(hold) + "\n    clear_for: " + duration_text(clear_hold) + "\n    alert: {severity: info}\n";
    const auto readings = arriving(random, 1, 250, kSecond, 0);
    Driven driven(yaml, random);
    driven.define(1, "d/x");
    for (const Arrival& one : readings) driven.reading(one);
    std::vector<Judged> judged;
    for (const Reading& one : in_order(readings)) {
      const bool known = !one.quality.bad();
      judged.push_back({one.time,
                        {one.value > 12 ? 1.0 : 0.0, nullptr, one.quality.code, known},
                        {one.value < 8 ? 1.0 : 0.0, nullptr, one.quality.code, known}});
    }
    const Timestamp until = newest_of(readings);
    ASSERT_EQ(driven.alerts("r", until), expected_alerts(judged, hold, clear_hold, until)) << yaml << "seed " << seed;
  }
}

}  // namespace
}  // namespace weir::rules
