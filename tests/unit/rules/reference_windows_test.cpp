// Every kind of window, with all aggregates, over readings that come in any order: see reference.h.
#include "reference.h"

namespace weir::rules {
namespace {

struct Column {
  const char* call;  // as written
  AggregateKind kind;
  bool of_condition;
};
const Column kColumns[] = {{"count(x)", AggregateKind::count, false},
                           {"count(x > 5)", AggregateKind::count_true, true},
                           {"count_good(x)", AggregateKind::count_good, false},
                           {"sum(x)", AggregateKind::sum, false},
                           {"mean(x)", AggregateKind::mean, false},
                           {"min(x)", AggregateKind::min, false},
                           {"max(x)", AggregateKind::max, false},
                           {"first(x)", AggregateKind::first, false},
                           {"last(x)", AggregateKind::last, false},
                           {"stddev(x)", AggregateKind::stddev, false},
                           {"variance(x)", AggregateKind::variance, false},
                           {"median(x)", AggregateKind::median, false},
                           {"quantile(x, 0.9)", AggregateKind::quantile, false},
                           {"mode(x)", AggregateKind::mode, false},
                           {"distinct(x)", AggregateKind::distinct, false},
                           {"slope(x)", AggregateKind::slope, false},
                           {"span(x) / 1s", AggregateKind::span, false},
                           {"increase(x)", AggregateKind::increase, false},
                           {"integral(x)", AggregateKind::integral, false},
                           {"duration_of(x > 5) / 1s", AggregateKind::duration_of, true},
                           {"time_mean(x)", AggregateKind::time_mean, false}};

struct Made {
  std::string yaml;
  std::vector<Column> columns;
  std::string window;
  Nanoseconds size = 0, every = 0;
  bool where = false;
  std::size_t last = 0;
};

Made random_window_rule(std::mt19937& random, Nanoseconds lateness) {
  Made made;
  switch (random() % 6) {
    case 0:
      made.size = pick(random, std::array{5, 7, 10, 60}) * kSecond;
      made.window = duration_text(made.size);
      break;
    case 1:
      made.every = pick(random, std::array{2, 5}) * kSecond;
      made.size = made.every * pick(random, std::array{2, 3, 6});
      made.window = "{size: " + duration_text(made.size) + ", every: " + duration_text(made.every) + "}";
      break;
    case 2:
      made.size = pick(random, std::array{2, 4}) * kSecond;
      made.window = "{session: " + duration_text(made.size) + "}";
      break;
    case 3:
      made.last = pick(random, std::array{2, 3, 10});
      made.window = "{last: " + std::to_string(made.last) + "}";
      break;
    case 4:
      made.size = kHour;
      made.window = "{calendar: hour}";
      break;
    default: made.window = "{since: reset}";
  }
  made.where = random() % 3 == 0;
  std::string emits;
  for (const Column& column : kColumns) {
    if (random() % 3 != 0) continue;
    emits += "      d/c" + std::to_string(made.columns.size()) + ": \"" + column.call + "\"\n";
    made.columns.push_back(column);
  }
  if (made.columns.empty()) {
    made.columns.push_back(kColumns[4]);
    emits = "      d/c0: mean(x)\n";
  }
  made.yaml = "rules:\n  - name: r\n    from: {x: \"d/x\"}\n    window: " + made.window + "\n" +
              (lateness > 0 ? "    lateness: " + duration_text(lateness) + "\n" : "") +
              (made.where ? "    where: x > 0\n" : "") + "    emit:\n" + emits;
  return made;
}

std::vector<Came> came(const std::vector<Reading>& readings, bool of_condition) {
  std::vector<Came> out;
  for (const Reading& one : readings)
    out.push_back(
        {one.time, of_condition ? (one.value > 5 ? 1.0 : 0.0) : one.value, one.quality.code, !one.quality.bad()});
  return out;
}

// What all windows say: those in which something came, and those after it as long as something holds.
Said expected_windows(const Made& made, const std::vector<Reading>& readings, Timestamp until) {
  std::vector<Reading> taken;
  for (const Reading& one : readings)
    if (!made.where || (!one.quality.bad() && one.value > 0)) taken.push_back(one);
  std::vector<std::pair<Timestamp, Timestamp>> windows;  // begin (kLongAgo: from the first on) and end
  const bool last = made.last > 0, since = made.window == "{since: reset}",
             session = made.window.starts_with("{session");
  if (taken.empty()) return {};
  if (last || since) {
    for (std::size_t i = last ? made.last - 1 : 0; i < taken.size(); ++i)
      windows.emplace_back(kLongAgo, taken[i].time);
  } else if (session) {
    for (std::size_t i = 0; i < taken.size(); ++i)
      if (i + 1 == taken.size() || taken[i + 1].time >= taken[i].time + made.size) {
        std::size_t first = i;
        while (first > 0 && taken[first].time < taken[first - 1].time + made.size) --first;
        windows.emplace_back(taken[first].time, taken[i].time + made.size);
      }
  } else {
    const Nanoseconds step = made.every > 0 ? made.every : made.size;
    for (Timestamp end = taken.front().time / step * step + step; end <= until; end += step)
      windows.emplace_back(end - made.size, end);
  }
  Said out;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const auto [begin, end] = windows[w];
    std::vector<Reading> before, in;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const bool inside = last ? taken[i].time <= end &&
                                     taken[i + made.last < taken.size() ? i + made.last : taken.size() - 1].time > end
                          : since ? taken[i].time <= end
                                  : taken[i].time >= begin && taken[i].time < end;
      if (inside) in.push_back(taken[i]);
      else if (taken[i].time < begin && !session) before.push_back(taken[i]);
    }
    if (last) {
      in.clear();
      std::size_t at = 0;
      while (taken[at].time != end) ++at;
      in.assign(taken.begin() + static_cast<std::ptrdiff_t>(at + 1 - made.last),
                taken.begin() + static_cast<std::ptrdiff_t>(at + 1));
    }
    bool holds = false;
    std::vector<Result3> results;
    for (const Column& column : made.columns) {
      Aggregate aggregate = aggregate_of(column.kind);
      if (column.kind == AggregateKind::quantile) aggregate.parameter = 0.9;
      const auto all_before = came(before, column.of_condition), all_in = came(in, column.of_condition);
      results.push_back(obvious(aggregate, last || since || session ? std::vector<Came>{} : all_before, all_in,
                                last || since || session ? kLongAgo : begin, end));
      holds = holds || (carries(column.kind) && !all_before.empty() && all_before.back().known);
    }
    if (in.empty() && !holds) continue;
    for (std::size_t c = 0; c < results.size(); ++c) {
      Result3 result = results[c];
      if (!result.known) result.quality = model::kBad.code;
      out[{"d/c" + std::to_string(c), end}] = result;
    }
  }
  return out;
}

TEST(Reference, EveryWindowOverWhatComesInAnyOrder) {
  for (unsigned seed = 1; seed <= seeds(150); ++seed) {
    std::mt19937 random(seed);
    const Nanoseconds lateness = random() % 3 == 0 ? 0 : 4 * kSecond;
    const Made made = random_window_rule(random, lateness);
    const auto readings = arriving(random, 1, 200, kSecond, lateness);
    Driven driven(made.yaml, random);
    driven.define(1, "d/x");
    for (const Arrival& one : readings) driven.reading(one);
    const Timestamp newest = newest_of(readings);
    driven.settle(30 * kSecond);
    EXPECT_EQ(driven.counters().late, 0U) << seed;
    // What speaks after the last reading depends on how far the ticks went; it is looked at up to there.
    Said got = driven.said();
    Said expected = expected_windows(made, in_order(readings), newest + 20 * kSecond);
    std::erase_if(got, [&](const auto& one) { return one.first.second > newest + 20 * kSecond; });
    std::erase_if(expected, [&](const auto& one) { return one.first.second > newest + 20 * kSecond; });
    compare(got, expected, made.yaml, seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// Whatever order they come in: in the end it says what it would have said in order.
TEST(Reference, RevisionsEndWhereOrderWouldHaveLed) {
  for (unsigned seed = 1; seed <= seeds(60); ++seed) {
    std::mt19937 random(seed);
    Made made;
    made.size = 10 * kSecond;
    for (const Column& column : kColumns)
      if (random() % 3 == 0) made.columns.push_back(column);
    if (made.columns.empty()) continue;
    made.yaml = "rules:\n  - name: r\n    from: {x: \"d/x\"}\n    window: 10s\n    late: revise\n    emit:\n";
    for (std::size_t c = 0; c < made.columns.size(); ++c)
      made.yaml += "      d/c" + std::to_string(c) + ": \"" + made.columns[c].call + "\"\n";
    const auto readings = arriving(random, 1, 150, kSecond, 40 * kSecond);
    Driven driven(made.yaml, random);
    driven.define(1, "d/x");
    for (const Arrival& one : readings) driven.reading(one);
    const Timestamp newest = newest_of(readings), first = readings.front().reading.time;
    driven.settle(30 * kSecond);
    // What came before the first window that was opened is late for good.
    std::vector<Arrival> kept;
    for (const Arrival& one : readings)
      if (one.reading.time >= first / made.size * made.size) kept.push_back(one);
    Said got = driven.said(), expected = expected_windows(made, in_order(kept), newest + 15 * kSecond);
    std::erase_if(got, [&](const auto& one) { return one.first.second > newest; });
    std::erase_if(expected, [&](const auto& one) { return one.first.second > newest; });
    compare(got, expected, made.yaml, seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace weir::rules
