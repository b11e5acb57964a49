// What the reference tests share. The engine is held against something slow and obvious, written from the manual:
// collect everything, sort, compute. Rules are made at random; readings come shuffled, late, twice and bad; the
// engine is stopped, saved and restored at random points. WEIR_MODEL_SEEDS runs more seeds than usual.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "plant.h"
#include "readings.h"

namespace weir::rules {

inline constexpr Timestamp kBegin = 1'796'000'400LL * kSecond;  // on the hour

inline unsigned seeds(unsigned usual) {
  const char* more = std::getenv("WEIR_MODEL_SEEDS");
  return more != nullptr ? std::max(static_cast<unsigned>(std::strtoul(more, nullptr, 10)), usual) : usual;
}

template <class Of>
auto pick(std::mt19937& random, const Of& of) {
  return of[random() % std::size(of)];
}

inline std::string duration_text(Nanoseconds duration) { return weir::to_text(std::chrono::nanoseconds(duration)); }

struct Reading {
  Timestamp time;
  double value;
  model::Quality quality;
};

struct Arrival {
  Timestamp at;  // only their order counts
  model::SignalId signal;
  Reading reading;
};

inline void in_order_of_arrival(std::vector<Arrival>& all) { std::ranges::stable_sort(all, {}, &Arrival::at); }

// Of one signal, in the order in which they come; none comes more than `lateness` behind the newest.
inline std::vector<Arrival> arriving(std::mt19937& random, model::SignalId signal, std::size_t count,
                                     Nanoseconds step, Nanoseconds lateness, Timestamp begin = kBegin) {
  std::vector<Arrival> all;
  Timestamp time = begin + static_cast<Timestamp>(random() % 1000) * kMillisecond;
  for (std::size_t i = 0; i < count; ++i) {
    time += static_cast<Timestamp>(random() % 1000 + 1) * (step / 500);
    if (random() % 40 == 0) time += 8 * step;
    const model::Quality quality = random() % 9 == 0   ? model::kBad
                                   : random() % 9 == 0 ? model::kUncertain
                                                       : model::kGood;
    const Reading reading{time, static_cast<double>(random() % 50) / 2 - 3, quality};
    const auto delay = [&] { return lateness == 0 ? 0 : static_cast<Timestamp>(random()) % lateness; };
    all.push_back({time + delay(), signal, reading});
    if (random() % 7 == 0) all.push_back({time + delay(), signal, reading});
  }
  in_order_of_arrival(all);
  return all;
}

// Of one signal: sorted, each instant once.
inline std::vector<Reading> in_order(const std::vector<Arrival>& all, model::SignalId signal = 1) {
  std::vector<Reading> out;
  for (const Arrival& one : all)
    if (one.signal == signal) out.push_back(one.reading);
  std::ranges::stable_sort(out, {}, &Reading::time);
  const auto rest = std::ranges::unique(out, {}, &Reading::time);
  out.erase(rest.begin(), rest.end());
  return out;
}

inline Timestamp newest_of(const std::vector<Arrival>& all) {
  return std::ranges::max_element(all, {}, [](const Arrival& one) { return one.reading.time; })->reading.time;
}

// What went out: by name and time.
using Said = std::map<std::pair<std::string, Timestamp>, Result3>;

inline constexpr Result3 kNotKnown{0, nullptr, model::kBad.code, false};

// Drives an engine through readings, and now and then puts another in its place that goes on from what was saved.
class Driven {
 public:
  Driven(const std::string& rules, std::mt19937& random) : compiled_(compile_yaml(rules)), random_(random) {
    EXPECT_TRUE(compiled_.rules) << rules << all(compiled_.diagnostics);
    if (compiled_.rules) begin();
  }

  bool runs() const { return engine_ != nullptr; }

  void define(model::SignalId id, const std::string& path) {
    signals_.push_back({id, path});
    engine_->define(id, make_signal(path));
  }

  void reading(const Arrival& one) {
    newest_ = std::max(newest_, one.reading.time);
    model::Series series;
    series.signal = one.signal;
    series.append({one.reading.time, one.reading.value, one.reading.quality});
    engine_->validate(series);
    marked = series.quality(0);
    engine_->readings(newest_, series, outputs);
    if (random_() % 6 == 0) engine_->tick(newest_, outputs);
    if (random_() % 50 == 0) restart();
  }

  // Ticks let the time pass.
  void settle(Nanoseconds time) {
    for (const Timestamp end = newest_ + time; newest_ < end;) engine_->tick(newest_ += kSecond, outputs);
  }

  Said said() const {
    Said out;
    for (const Emitted& one : outputs.emitted) {
      const double number = std::visit(
          []<class T>(const T& value) {
            if constexpr (std::is_arithmetic_v<T>) return static_cast<double>(value);
            else return 0.0;
          },
          one.reading.value);
      const bool known = !one.reading.quality.bad();
      const auto [at, is_new] = out.try_emplace({one.path, one.reading.time});
      EXPECT_TRUE(is_new || one.revision) << one.path << " twice at " << one.reading.time;
      at->second = {number, nullptr, one.reading.quality.code, known};
    }
    return out;
  }

  // "raised 12.5 since 10", in seconds from kBegin, of the target, up to `until`.
  std::vector<std::string> alerts(const std::string& target, Timestamp until) const {
    std::vector<std::string> out;
    for (const AlertEvent& one : outputs.alerts)
      if (one.target == target && one.time <= until) out.push_back(alert_text(one.change, one.time, one.since));
    return out;
  }

  static std::string alert_text(const std::string& change, Timestamp time, Timestamp since) {
    return change + " " + Plant::stamp(time - kBegin) + " since " + Plant::stamp(since - kBegin);
  }

  Timestamp now() const { return newest_; }
  const Counters& counters() const { return engine_->counters(); }
  Outputs outputs;
  model::Quality marked;  // the quality of the last reading, as `valid:` left it

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

inline void compare(const Said& got, const Said& expected, const std::string& rule, unsigned seed) {
  std::size_t shown = 0;
  const auto show = [&](const char* what, const auto& key, const Result3* a, const Result3* b) {
    if (++shown > 4) return;
    const auto text = [](const Result3* r) {
      return r == nullptr ? std::string("nothing")
                          : (r->known ? std::to_string(r->number) : "unknown") + " quality " +
                                std::to_string(r->quality >> 30);
    };
    ADD_FAILURE() << "seed " << seed << ": " << what << " " << key.first << " at "
                  << Plant::stamp(key.second - kBegin) << ": " << text(a) << ", expected " << text(b) << "\n"
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

// What stands of an alert's condition, at an instant at which it is judged.
struct Judged {
  Timestamp time;
  Result3 raises, clears;
  bool reading = true;  // one came; else only time has passed
  bool dull = false;    // nothing but that an input got too old, which makes nothing true that was not
};

// The life of an alert, each judgement holding until the next.
inline std::vector<std::string> expected_alerts(const std::vector<Judged>& all, Nanoseconds hold,
                                                Nanoseconds clear_hold, Timestamp until) {
  std::vector<std::string> out;
  enum { idle, pending, active } phase = idle;
  Timestamp since = 0, clearing = -1;
  bool uncertain = false;
  const auto say = [&](const char* what, Timestamp at) { out.push_back(Driven::alert_text(what, at, since)); };
  Timestamp last = 0;  // when a delay ran out
  const auto pass = [&](Timestamp to, bool inclusive) {
    const auto due = [&](Timestamp at) { return inclusive ? at <= to : at < to; };
    if (phase == pending && due(since + hold)) {
      phase = active;
      uncertain = false;
      clearing = -1;
      say("raised", last = since + hold);
    }
    if (phase == active && clearing >= 0 && due(clearing + clear_hold)) {
      phase = idle;
      say("cleared", last = clearing + clear_hold);
    }
  };
  for (const Judged& one : all) {
    // What a reading says at the very end of a delay comes before it. Where nothing comes, the end of the delay is
    // all that happens at its instant; of that, the manual says nothing.
    pass(one.time, !one.reading);
    if (!one.reading && last == one.time) continue;
    if (one.dull && phase == idle) continue;
    const bool raises = is_true(one.raises), clears = is_true(one.clears);
    if (phase == idle && raises) {
      phase = pending;
      since = one.time;
    } else if (phase == pending && !raises) {
      phase = idle;
    } else if (phase == active) {
      if (!clears) clearing = -1;
      else if (clearing < 0) clearing = one.time;
      if (clearing == one.time && clear_hold == 0) uncertain = false;  // cleared at this instant
      if (uncertain == one.clears.known) {
        uncertain = !one.clears.known;
        say(uncertain ? "uncertain" : "certain", one.time);
      }
    }
    pass(one.time, true);
  }
  pass(until, true);
  return out;
}

}  // namespace weir::rules
