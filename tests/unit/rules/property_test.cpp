// The engine against an obvious reference, and against itself, interrupted at every point.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>

#include "plant.h"

namespace weir::rules {
namespace {

struct Came {
  double time;
  double value;
  bool bad = false;
};

std::vector<Came> shuffled_within(std::mt19937& random, double lateness) {
  std::vector<std::pair<double, Came>> readings;
  double time = 100;
  for (int i = 0; i < 300; ++i) {
    time += 0.25 * static_cast<double>(random() % 20);
    const Came reading{time, static_cast<double>(random() % 1000) / 8, random() % 10 == 0};
    // Whole quarters, less than the lateness late: in order of these, none is behind the watermark.
    readings.emplace_back(time + 0.25 * static_cast<double>(random() % static_cast<unsigned>(lateness * 4)), reading);
    if (random() % 8 == 0)
      readings.emplace_back(time + 0.25 * static_cast<double>(random() % static_cast<unsigned>(lateness * 4)),
                            reading);
  }
  std::ranges::stable_sort(readings, {}, &std::pair<double, Came>::first);
  std::vector<Came> out;
  for (auto& [order, reading] : readings) out.push_back(reading);
  return out;
}

// Collect everything, sort, leave out what came twice, compute window by window.
std::vector<std::string> expected_windows(std::vector<Came> readings, double size) {
  std::ranges::stable_sort(readings, {}, &Came::time);
  std::map<double, std::vector<Came>> windows;
  double last = -1e9;
  for (const Came& reading : readings) {
    if (reading.time == last) continue;
    last = reading.time;
    windows[std::floor(reading.time / size) * size + size].push_back(reading);
  }
  std::vector<std::string> out;
  for (const auto& [end, in] : windows) {
    std::vector<double> values;
    for (const Came& reading : in)
      if (!reading.bad) values.push_back(reading.value);
    const bool left_out = values.size() < in.size();
    const auto say = [&](const char* name, double value, bool always = false) {
      std::string line = Plant::stamp(Plant::seconds(end)) + " d/" + name + " = ";
      if (values.empty() && !always) line += "nan [bad]";
      else
        line +=
            model::to_text(model::Value(value)) + (left_out ? " [" + to_text(model::kUncertainSubNormal) + "]" : "");
      out.push_back(line);
    };
    double sum = 0, squares = 0;
    for (const double value : values) sum += value;
    const double mean = values.empty() ? 0 : sum / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    const bool some = !values.empty();
    say("count", static_cast<double>(values.size()), true);
    say("sum", sum);
    say("mean", mean);
    say("min", some ? *std::ranges::min_element(values) : 0);
    say("max", some ? *std::ranges::max_element(values) : 0);
    say("first", some ? values.front() : 0);
    say("last", some ? values.back() : 0);
    say("stddev",
        values.size() < 2 ? 0 : std::round(std::sqrt(squares / static_cast<double>(values.size() - 1)) * 1e6) / 1e6);
  }
  return out;
}

constexpr const char* kWindow = R"Y(
rules:
  - name: r
    from: {t: "d/t"}
    window: 10s
    lateness: 4s
    emit:
      d/count: count(t)
      d/sum: sum(t)
      d/mean: mean(t)
      d/min: min(t)
      d/max: max(t)
      d/first: first(t)
      d/last: last(t)
      d/stddev: round(stddev(t), 6)
)Y";

TEST(Reference, WindowsOverShuffledRepeatedAndBadReadings) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    const std::vector<Came> readings = shuffled_within(random, 4);
    Plant plant(kWindow);
    double newest = 0;
    for (const Came& reading : readings) {
      newest = std::max(newest, reading.time);
      plant.at(reading.time, "d/t", reading.value, reading.bad ? model::kBad : model::kGood, newest);
      if (random() % 5 == 0) plant.engine.tick(Plant::seconds(newest), plant.out);
    }
    plant.tick_to(newest + 30);
    ASSERT_EQ(plant.said(), expected_windows(readings, 10)) << "seed " << seed;
    EXPECT_EQ(plant.engine.counters().late, 0U);
    EXPECT_FALSE(plant.engine.waits_for_time());
  }
}

// `t > 60` alone is quick over what does not meet it; `t > 60 + 0` takes the common way.
TEST(Reference, QuietReadingsAreNoDifferent) {
  const std::string rule =
      "rules: [{name: r, from: {t: \"d/t\"}, when: t > 60, for: 1s, alert: {severity: info, message: \"{t}\"}}]";
  std::string common = rule;
  common.insert(common.find("60") + 2, " + 0");
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    Plant quick(rule), slow(common);
    Timestamp time = 100 * kSecond;
    for (int i = 0; i < 10; ++i) {
      model::Series series;
      for (unsigned k = random() % 12; k > 0; --k) {
        time += (static_cast<Timestamp>(random() % 10) - 2) * 200 * kMillisecond;
        const double value = random() % 20 == 0 ? std::nan("") : static_cast<double>(random() % 80);
        series.append({time, value, random() % 15 == 0 ? model::kBad : model::kGood});
      }
      if (series.size() == 0) continue;
      for (Plant* plant : {&quick, &slow}) {
        series.signal = plant->signal("d/t");
        plant->engine.readings(time, series, plant->out);
        if (i % 3 == 0) plant->engine.tick(time + 2 * kSecond, plant->out);
      }
      ASSERT_EQ(quick.said(), slow.said()) << seed;
      EXPECT_EQ(quick.engine.counters().late, slow.engine.counters().late) << seed;
      EXPECT_EQ(quick.engine.counters().duplicate, slow.engine.counters().duplicate) << seed;
      EXPECT_EQ(quick.engine.counters().arithmetic, slow.engine.counters().arithmetic) << seed;
      EXPECT_EQ(quick.engine.waits_for_time(), slow.engine.waits_for_time()) << seed;
    }
  }
}

const std::string kValid = R"Y(
valid:
  - device: "b-{n}"
    signals:
      level: {range: [0, 80], rate: 30 / 1s, stuck: 5s, repair: hold}
      flow: {range: [0, 80], likely: [5, 70], repair: interpolate}
      state: {type: text, allowed: [run, idle], repair: hold}
)Y";

// Of every kind of state at least one.
const std::string kMixed = R"Y(
rules:
  - name: hot
    from: {t: "d-{n}/t"}
    when: t > 60
    for: 3s
    clear: t < 50
    clear_for: 2s
    alert: {severity: warning, message: "{n}: {t:.2f}"}
  - name: expiring
    from: {t: {path: "d-{n}/t", within: 4s}, mode: {path: "d-{n}/mode", within: forever}}
    where: mode != "off"
    when: t > 40 and mode == "run"
    for: 2s
    alert: {severity: info, message: "{n} {mode}"}
  - name: window
    from: {t: "d-{n}/t", limit: "site/limit"}
    within: forever
    window: 5s
    lateness: 2s
    emit: {"d-{n}/mean": mean(t), "d-{n}/over": count_true(t > limit)}
    when: mean(t) > 45
    for: 5s
    alert: {severity: info, message: "mean {mean(t):.3f}"}
  - name: derived
    from: {m: "d-{n}/mean", o: "d-{n}/over"}
    within: 20s
    emit: {"d-{n}/product": m * o}
  - name: members
    from: {p: "d-{n}/p_{k}"}
    across: k
    within: 4s
    when: count_true(p > 50) >= 2 or count_good(p) < 2
    for: 1s
    alert: {severity: critical, latch: true, repeat: 10s, message: "{mean(p):.2f}"}
    emit: {"d-{n}/p": median(p)}
  - name: of-members
    from: {p: "d-{n}/p_{k}"}
    by: n
    window: {size: 6s, every: 2s}
    emit: {"d-{n}/slope": slope(p), "d-{n}/most": "quantile(p, 0.9)"}
  - name: revised
    from: {t: "d-{n}/t"}
    window: 2s
    late: revise
    emit: {"d-{n}/up": increase(t), "d-{n}/often": mode(t), "d-{n}/held": time_mean(t)}
  - name: unusual
    from: {t: "d-{n}/t"}
    detect: {sensitivity: high}
    emit: {"d-{n}/score": score}
    alert: {severity: warning}
  - name: texts
    from: {mode: "d-{n}/mode", t: "d-{n}/t"}
    within: forever
    let: {went: "changed(mode) and prev(mode) == 'run'"}
    emit: {"d-{n}/before": prev(mode), "d-{n}/went": "count(went, 9s)"}
    when: since(mode == "run") > 2s and age(t) < 1m and stddev(t, 20s) > 3
    for: 1s
    alert: {severity: info, message: "{prev(mode)} {rate(t):.3f}"}
    write: {"d-{n}/enable": {value: false, lease: 6s, fallback: true}}
    on_clear: {"d-{n}/enable": true}
    write_limit: 3s
  - name: session
    from: {t: "d-{n}/t"}
    window: {session: 2s}
    emit: {"d-{n}/span": span(t) / 1s, "d-{n}/distinct": distinct(t)}
  - name: last
    from: {mode: "d-{n}/mode"}
    window: {last: 3}
    emit: {"d-{n}/first": first(mode), "d-{n}/common": mode(mode)}
  - name: hours
    from: {t: "d-{n}/t"}
    window: {since: reset, every: 4s}
    emit: {"d-{n}/hours": duration_of(t > 50) / 1s}
  - name: silent
    from: {t: "d-{n}/t"}
    missing: 3s
    alert: {severity: warning}
  - name: repaired
    from: {l: "b-{n}/level_repaired", f: "b-{n}/flow_repaired"}
    within: 3s
    emit: {"b-{n}/both": l + f}
)Y";

struct Step {
  bool tick;
  Timestamp arrival;
  model::SignalId signal;
  model::Reading reading;
};

const std::vector<std::string> kPaths = {"d-1/t",    "d-1/mode",  "d-2/t",     "d-2/mode", "d-3/t",    "site/limit",
                                         "d-1/p_a",  "d-1/p_b",   "d-1/p_c",   "d-2/p_a",  "d-2/p_b",  "b-1/level",
                                         "b-1/flow", "b-1/state", "b-2/level", "b-2/flow", "b-2/state"};

std::vector<Step> random_steps(std::mt19937& random, int count) {
  std::vector<Step> out;
  Timestamp now = 1000 * kSecond;
  for (int i = 0; i < count; ++i) {
    now += static_cast<Timestamp>(random() % 700) * kMillisecond;
    Step step{random() % 3 == 0, now, static_cast<model::SignalId>(1 + random() % kPaths.size()), {}};
    step.reading.time = now - static_cast<Timestamp>(random() % 4) * 700 * kMillisecond;
    if (kPaths[step.signal - 1].ends_with("mode") || kPaths[step.signal - 1].ends_with("state"))
      step.reading.value = std::string(std::array{"run", "off", "idle"}[random() % 3]);
    // Often the same again, so that it may be stuck.
    else step.reading.value = static_cast<double>(random() % 3 == 0 ? random() % 100 : 60);
    if (random() % 9 == 0) step.reading.quality = random() % 2 == 0 ? model::kBad : model::kUncertain;
    out.push_back(std::move(step));
  }
  return out;
}

void define_all(Engine& engine) {
  for (std::size_t i = 0; i < kPaths.size(); ++i)
    engine.define(static_cast<model::SignalId>(i + 1), make_signal(kPaths[i], "u"));
}

std::string apply(Engine& engine, const Step& step) {
  Outputs out;
  if (step.tick) {
    engine.tick(step.arrival, out);
  } else {
    model::Series series;
    series.signal = step.signal;
    series.append(step.reading);
    engine.validate(series);
    engine.readings(step.arrival, series, out);
  }
  std::string text;
  for (const Emitted& e : out.emitted)
    text += std::to_string(e.reading.time) + e.path + model::to_text(e.reading.value) + e.unit +
            to_text(e.reading.quality) + "\n";
  for (const AlertEvent& a : out.alerts)
    text += std::to_string(a.time) + a.id + a.change + a.message + a.severity + (a.uncertain ? "?" : "") + "\n";
  for (const WriteRequest& w : out.writes)
    text += std::to_string(w.time) + w.id + w.path + model::to_text(w.value) + std::to_string(w.lease) + "\n";
  return text;
}

TEST(Restore, AtEveryPointChangesNothing) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    // What `valid:` remembers goes on only of signals that are known by then.
    const bool valid = seed % 2 == 0;
    const auto rules = compile_yaml(valid ? kValid + kMixed : kMixed);
    ASSERT_TRUE(rules.rules) << all(rules.diagnostics);
    std::mt19937 random(seed);
    const auto steps = random_steps(random, 250);
    Engine whole;
    whole.install(rules.rules);
    define_all(whole);
    auto part = std::make_unique<Engine>();
    part->install(rules.rules);
    define_all(*part);
    std::size_t said = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::string expected = apply(whole, steps[i]);
      said += expected.size();
      ASSERT_EQ(apply(*part, steps[i]), expected) << "seed " << seed << ", step " << i;
      const std::string state = part->save();
      ASSERT_EQ(state, whole.save()) << "seed " << seed << ", step " << i;
      auto next = std::make_unique<Engine>();
      next->install(rules.rules);
      // Before or after the signals are known.
      if (valid || i % 2 == 0) define_all(*next);
      ASSERT_TRUE(next->restore(state));
      if (!valid && i % 2 == 1) define_all(*next);
      ASSERT_TRUE(next->save() == state) << "seed " << seed << ", step " << i;
      ASSERT_EQ(next->waits_for_time(), part->waits_for_time());
      ASSERT_EQ(next->active_alerts().size(), part->active_alerts().size());
      part = std::move(next);
    }
    EXPECT_GT(said, 1000U);
  }
}

std::unique_ptr<Engine> engine_of(const Compiled& rules) {
  auto out = std::make_unique<Engine>();
  out->install(rules.rules);
  define_all(*out);
  return out;
}

// Flipped, cut, put in, or taken from elsewhere; now and then a number as large as there is.
std::string damaged(std::mt19937& random, std::string state) {
  for (unsigned times = random() % 3 + 1; times > 0 && !state.empty(); --times) {
    const std::size_t at = random() % state.size(), some = random() % 12 + 1;
    switch (random() % 6) {
      case 0: state[at] = static_cast<char>(random()); break;
      case 1: state[at] = static_cast<char>(state[at] ^ (1 << random() % 8)); break;
      case 2: state.erase(at, some); break;
      case 3: state.insert(at, some, static_cast<char>(random())); break;
      case 4: state.replace(at, some, state.substr(random() % state.size(), some)); break;
      default: state.replace(at, some, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"); break;
    }
  }
  return state;
}

TEST(Restore, RefusesWhatIsCutShortAndSkipsWhatItDoesNotKnow) {
  const auto rules = compile_yaml(kValid + kMixed);
  const auto engine = engine_of(rules);
  std::mt19937 random(7);
  for (const Step& step : random_steps(random, 150)) apply(*engine, step);
  const std::string state = engine->save();
  for (std::size_t size = 0; size < state.size(); size += 1 + state.size() / 3000)
    ASSERT_FALSE(engine_of(rules)->restore(state.substr(0, size))) << size;
  Engine empty;
  EXPECT_TRUE(empty.restore(state));
  EXPECT_EQ(empty.groups(), 0U);
}

// What passes for a state after any damage is one: the engine goes on with it, and what it then saves is one, too.
// WEIR_MODEL_SEEDS damages more.
TEST(Restore, GoesOnAfterDamageThatItDoesNotSee) {
  const auto rules = compile_yaml(kValid + kMixed);
  const char* more = std::getenv("WEIR_MODEL_SEEDS");
  const unsigned seeds = std::max(1000U, more != nullptr ? static_cast<unsigned>(std::atoi(more)) : 0);
  std::mt19937 steps_random(1);
  const std::vector<Step> all = random_steps(steps_random, 240);
  std::vector<std::string> states;
  const auto engine = engine_of(rules);
  for (std::size_t i = 0; i < 200; ++i) {
    apply(*engine, all[i]);
    if (i % 20 == 19) states.push_back(engine->save());
  }
  std::size_t taken = 0;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    std::mt19937 random(seed);
    const auto other = engine_of(rules);
    if (!other->restore(damaged(random, states[seed % states.size()]))) continue;
    ++taken;
    const auto begin = std::chrono::steady_clock::now();
    std::size_t said = 0;
    for (std::size_t i = 200; i < all.size(); ++i) said += apply(*other, all[i]).size();
    Outputs out;
    other->command(all.back().arrival, {AlertCommand::Verb::reset, "hours", "eve", "because", 0}, out);
    for (const std::string& rule : other->rules()) EXPECT_TRUE(other->report(rule, 3));
    ASSERT_LT(said, 50'000'000U) << "seed " << seed;
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << "seed " << seed;
    const std::string again = other->save();
    ASSERT_LT(again.size(), 10'000'000U) << "seed " << seed;
    const auto last = engine_of(rules);
    const auto restored = last->restore(again);
    ASSERT_TRUE(restored) << "seed " << seed << ": " << restored.error().text();
    ASSERT_TRUE(last->save() == again) << "seed " << seed;
  }
  EXPECT_GT(taken, seeds / 50) << "else nothing but refusals is tested";
}

}  // namespace
}  // namespace weir::rules
