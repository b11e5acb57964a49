// The engine against a slow and obvious reference: collect everything, sort, compute. Rules are made at random;
// readings come shuffled, late, twice and bad; the engine is stopped, saved and restored at random points.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "plant.h"
#include "readings.h"

namespace weir::rules {
namespace {

constexpr Timestamp kBegin = 1'796'000'400LL * kSecond;  // on the hour

struct Reading {
  Timestamp time;
  double value;
  model::Quality quality;
};

// In the order in which they come; none comes more than `lateness` behind the newest.
std::vector<Reading> shuffled(std::mt19937& random, std::size_t count, Nanoseconds step, Nanoseconds lateness) {
  std::vector<std::pair<Timestamp, Reading>> all;
  Timestamp time = kBegin + static_cast<Timestamp>(random() % 1000) * kMillisecond;
  for (std::size_t i = 0; i < count; ++i) {
    time += static_cast<Timestamp>(random() % 1000 + 1) * (step / 500);
    if (random() % 40 == 0) time += 8 * step;
    const model::Quality quality = random() % 9 == 0   ? model::kBad
                                   : random() % 9 == 0 ? model::kUncertain
                                                       : model::kGood;
    const Reading reading{time, static_cast<double>(random() % 50) / 2 - 3, quality};
    const auto delay = [&] { return lateness == 0 ? 0 : static_cast<Timestamp>(random()) % lateness; };
    all.emplace_back(time + delay(), reading);
    if (random() % 7 == 0) all.emplace_back(time + delay(), reading);
  }
  std::ranges::stable_sort(all, {}, &std::pair<Timestamp, Reading>::first);
  std::vector<Reading> out;
  for (const auto& one : all) out.push_back(one.second);
  return out;
}

// Sorted, each instant once.
std::vector<Reading> in_order(std::vector<Reading> readings) {
  std::ranges::stable_sort(readings, {}, &Reading::time);
  const auto rest = std::ranges::unique(readings, {}, &Reading::time);
  readings.erase(rest.begin(), rest.end());
  return readings;
}

// What went out: by name and time.
using Said = std::map<std::pair<std::string, Timestamp>, Result3>;

// Drives an engine through readings, and now and then puts another in its place that goes on from what was saved.
class Driven {
 public:
  Driven(const std::string& rules, std::mt19937& random) : compiled_(compile_yaml(rules)), random_(random) {
    EXPECT_TRUE(compiled_.rules) << rules << all(compiled_.diagnostics);
    if (compiled_.rules) begin();
  }

  void define(model::SignalId id, const std::string& path) {
    signals_.push_back({id, path});
    engine_->define(id, make_signal(path));
  }

  void reading(model::SignalId id, const Reading& reading) {
    newest_ = std::max(newest_, reading.time);
    model::Series series;
    series.signal = id;
    series.append({reading.time, reading.value, reading.quality});
    engine_->readings(newest_, series, outputs);
    if (random_() % 6 == 0) engine_->tick(newest_, outputs);
    if (random_() % 50 == 0) restart();
  }

  void settle(Nanoseconds time) {
    for (const Timestamp end = newest_ + time; newest_ < end;) engine_->tick(newest_ += kSecond, outputs);
  }

  Said said() const {
    Said out;
    for (const Emitted& one : outputs.emitted) {
      const double* number = std::get_if<double>(&one.reading.value);
      const bool known = !one.reading.quality.bad();
      const auto [at, is_new] =
          out.try_emplace({one.path, one.reading.time},
                          Result3{number != nullptr ? *number : 0, nullptr, one.reading.quality.code, known});
      EXPECT_TRUE(is_new || one.revision) << one.path << " twice at " << one.reading.time;
      at->second = {number != nullptr ? *number : 0, nullptr, one.reading.quality.code, known};
    }
    return out;
  }

  const Counters& counters() const { return engine_->counters(); }
  Outputs outputs;

 private:
  void begin() {
    engine_ = std::make_unique<Engine>();
    engine_->install(compiled_.rules);
  }
  void restart() {
    const std::string state = engine_->save();
    begin();
    for (const auto& [id, path] : signals_) engine_->define(id, make_signal(path));
    EXPECT_TRUE(engine_->restore(state));
    EXPECT_TRUE(engine_->save() == state);
  }

  Compiled compiled_;
  std::mt19937& random_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::pair<model::SignalId, std::string>> signals_;
  Timestamp newest_ = 0;
};

void compare(const Said& got, const Said& expected, const std::string& rule, unsigned seed) {
  std::size_t shown = 0;
  const auto show = [&](const char* what, const auto& key, const Result3* a, const Result3* b) {
    if (++shown > 4) return;
    const auto text = [](const Result3* r) {
      return r == nullptr ? std::string("nothing")
                          : (r->known ? std::to_string(r->number) : "unknown") + " quality " +
                                std::to_string(r->quality >> 30);
    };
    ADD_FAILURE() << "seed " << seed << ": " << what << " " << key.first << " at " << (key.second - kBegin) / 1e9
                  << ": " << text(a) << ", expected " << text(b) << "\n"
                  << rule;
  };
  for (const auto& [key, value] : expected) {
    const auto found = got.find(key);
    if (found == got.end()) {
      show("missing", key, nullptr, &value);
      continue;
    }
    const Result3& other = found->second;
    const bool same =
        other.known == value.known && other.quality >> 30 == value.quality >> 30 &&
        (!value.known || std::abs(other.number - value.number) <= 1e-9 * std::max(1.0, std::abs(value.number)));
    if (!same) show("different", key, &other, &value);
  }
  for (const auto& [key, value] : got)
    if (!expected.contains(key)) show("too much", key, &value, nullptr);
  ASSERT_EQ(shown, 0U) << rule;
}

// --- windows ---------------------------------------------------------------------------------------

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
  const auto pick = [&](auto&& of) { return of[random() % std::size(of)]; };
  switch (random() % 6) {
    case 0:
      made.size = pick(std::array{5, 7, 10, 60}) * kSecond;
      made.window = weir::to_text(std::chrono::nanoseconds(made.size));
      break;
    case 1:
      made.every = pick(std::array{2, 5}) * kSecond;
      made.size = made.every * pick(std::array{2, 3, 6});
      made.window = "{size: " + weir::to_text(std::chrono::nanoseconds(made.size)) +
                    ", every: " + weir::to_text(std::chrono::nanoseconds(made.every)) + "}";
      break;
    case 2:
      made.size = pick(std::array{2, 4}) * kSecond;
      made.window = "{session: " + weir::to_text(std::chrono::nanoseconds(made.size)) + "}";
      break;
    case 3:
      made.last = pick(std::array{2, 3, 10});
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
              (lateness > 0 ? "    lateness: " + weir::to_text(std::chrono::nanoseconds(lateness)) + "\n" : "") +
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
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const Nanoseconds lateness = random() % 3 == 0 ? 0 : 4 * kSecond;
    const Made made = random_window_rule(random, lateness);
    const auto readings = shuffled(random, 200, kSecond, lateness);
    Driven driven(made.yaml, random);
    driven.define(1, "d/x");
    for (const Reading& one : readings) driven.reading(1, one);
    Timestamp newest = 0;
    for (const Reading& one : readings) newest = std::max(newest, one.time);
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
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    Made made;
    made.size = 10 * kSecond;
    for (const Column& column : kColumns)
      if (random() % 3 == 0) made.columns.push_back(column);
    if (made.columns.empty()) continue;
    made.yaml = "rules:\n  - name: r\n    from: {x: \"d/x\"}\n    window: 10s\n    late: revise\n    emit:\n";
    for (std::size_t c = 0; c < made.columns.size(); ++c)
      made.yaml += "      d/c" + std::to_string(c) + ": \"" + made.columns[c].call + "\"\n";
    const auto readings = shuffled(random, 150, kSecond, 40 * kSecond);
    Driven driven(made.yaml, random);
    driven.define(1, "d/x");
    for (const Reading& one : readings) driven.reading(1, one);
    Timestamp newest = 0, first = readings.front().time;
    for (const Reading& one : readings) newest = std::max(newest, one.time);
    driven.settle(30 * kSecond);
    // What came before the first window that was opened is late for good.
    std::vector<Reading> kept;
    for (const Reading& one : readings)
      if (one.time >= first / made.size * made.size) kept.push_back(one);
    Said got = driven.said(), expected = expected_windows(made, in_order(kept), newest + 15 * kSecond);
    std::erase_if(got, [&](const auto& one) { return one.first.second > newest; });
    std::erase_if(expected, [&](const auto& one) { return one.first.second > newest; });
    compare(got, expected, made.yaml, seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// --- joins -----------------------------------------------------------------------------------------

TEST(Reference, JoinsAsOfEachInstant) {
  for (unsigned seed = 1; seed <= 80; ++seed) {
    std::mt19937 random(seed);
    const Nanoseconds within = static_cast<Nanoseconds>(1 + random() % 5) * kSecond;
    const std::string yaml = "rules:\n  - name: r\n    from: {a: \"d/a\", b: \"d/b\"}\n    within: " +
                             weir::to_text(std::chrono::nanoseconds(within)) +
                             "\n    lateness: 3s\n    emit: {d/sum: a + b, d/known: \"if good(a) then 1 else 0\", "
                             "d/or: \"or_else(b, -1)\"}\n";
    Driven driven(yaml, random);
    driven.define(1, "d/a");
    driven.define(2, "d/b");
    const auto a = shuffled(random, 120, kSecond, 2 * kSecond), b = shuffled(random, 120, kSecond, 2 * kSecond);
    // One stream, as both arrive: neither is ahead of the other by more than they are out of order.
    std::vector<std::pair<model::SignalId, Reading>> both;
    std::size_t i = 0, j = 0;
    Timestamp newest_a = 0, newest_b = 0;
    while (i < a.size() || j < b.size()) {
      const bool first =
          j >= b.size() || (i < a.size() && std::max(newest_a, a[i].time) <= std::max(newest_b, b[j].time));
      if (first) newest_a = std::max(newest_a, a[i].time);
      else newest_b = std::max(newest_b, b[j].time);
      both.emplace_back(first ? 1 : 2, first ? a[i++] : b[j++]);
    }
    for (const auto& [id, one] : both) driven.reading(id, one);
    driven.settle(20 * kSecond);

    const auto sorted_a = in_order(a), sorted_b = in_order(b);
    std::set<Timestamp> times;
    for (const Reading& one : sorted_a) times.insert(one.time);
    for (const Reading& one : sorted_b) times.insert(one.time);
    const auto as_of = [&](const std::vector<Reading>& all, Timestamp time) {
      std::optional<Reading> found;
      for (const Reading& one : all)
        if (one.time <= time) found = one;
      if (found && (found->quality.bad() || time - found->time > within)) found.reset();
      return found;
    };
    Said expected;
    for (const Timestamp time : times) {
      const auto x = as_of(sorted_a, time), y = as_of(sorted_b, time);
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

// --- alerts ----------------------------------------------------------------------------------------

// The life of an alert over readings in order, each holding until the next.
std::vector<std::string> expected_alerts(const std::vector<Reading>& readings, Nanoseconds hold,
                                         Nanoseconds clear_hold) {
  std::vector<std::string> out;
  enum { idle, pending, active } phase = idle;
  Timestamp since = 0, clearing = -1;
  bool uncertain = false;
  const auto say = [&](const char* what, Timestamp at) {
    out.push_back(std::string(what) + " " + std::to_string(at - kBegin) + " since " + std::to_string(since - kBegin));
  };
  const auto pass = [&](Timestamp until, bool inclusive) {
    const auto due = [&](Timestamp at) { return inclusive ? at <= until : at < until; };
    if (phase == pending && due(since + hold)) {
      phase = active;
      uncertain = false;
      clearing = -1;
      say("raised", since + hold);
    }
    if (phase == active && clearing >= 0 && due(clearing + clear_hold)) {
      phase = idle;
      say("cleared", clearing + clear_hold);
    }
  };
  for (const Reading& one : readings) {
    pass(one.time, false);
    const bool known = !one.quality.bad();
    if (phase == idle && known && one.value > 12) {
      phase = pending;
      since = one.time;
    } else if (phase == pending && !(known && one.value > 12)) {
      phase = idle;
    } else if (phase == active) {
      if (!(known && one.value < 8)) clearing = -1;
      else if (clearing < 0) clearing = one.time;
      if (clearing == one.time && clear_hold == 0) uncertain = false;  // cleared at this instant
      if (uncertain == known) {
        uncertain = !known;
        say(uncertain ? "uncertain" : "certain", one.time);
      }
    }
    pass(one.time, true);
  }
  return out;
}

TEST(Reference, AlertsWithDelaysAndHysteresis) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const Nanoseconds hold = static_cast<Nanoseconds>(random() % 4) * kSecond,
                      clear_hold = static_cast<Nanoseconds>(random() % 4) * kSecond;
    std::string yaml = "rules:\n  - name: r\n    from: {x: \"d/x\"}\n    when: x > 12\n    clear: x < 8\n    for: " +
                       weir::to_text(std::chrono::nanoseconds(hold)) +
                       "\n    clear_for: " + weir::to_text(std::chrono::nanoseconds(clear_hold)) +
                       "\n    alert: {severity: info}\n";
    const auto readings = in_order(shuffled(random, 250, kSecond, 0));
    Driven driven(yaml, random);
    driven.define(1, "d/x");
    for (const Reading& one : readings) driven.reading(1, one);
    std::vector<std::string> got;
    for (const AlertEvent& one : driven.outputs.alerts)
      got.push_back(one.change + " " + std::to_string(one.time - kBegin) + " since " +
                    std::to_string(one.since - kBegin));
    ASSERT_EQ(got, expected_alerts(readings, hold, clear_hold)) << yaml << "seed " << seed;
  }
}

}  // namespace
}  // namespace weir::rules
