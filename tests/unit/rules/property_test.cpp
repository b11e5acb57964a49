// The engine against an obvious reference, and against itself, interrupted at every point.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
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

constexpr const char* kMixed = R"Y(
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
)Y";

struct Step {
  bool tick;
  Timestamp arrival;
  model::SignalId signal;
  model::Reading reading;
};

const std::vector<std::string> kPaths = {"d-1/t", "d-1/mode", "d-2/t", "d-2/mode", "d-3/t", "site/limit"};

std::vector<Step> random_steps(std::mt19937& random, int count) {
  std::vector<Step> out;
  Timestamp now = 1000 * kSecond;
  for (int i = 0; i < count; ++i) {
    now += static_cast<Timestamp>(random() % 1500) * kMillisecond;
    Step step{random() % 3 == 0, now, static_cast<model::SignalId>(1 + random() % kPaths.size()), {}};
    step.reading.time = now - static_cast<Timestamp>(random() % 4) * 700 * kMillisecond;
    if (kPaths[step.signal - 1].ends_with("mode"))
      step.reading.value = std::string(std::array{"run", "off", "idle"}[random() % 3]);
    else step.reading.value = static_cast<double>(random() % 100);
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
    engine.readings(step.arrival, series, out);
  }
  std::string text;
  for (const Emitted& e : out.emitted)
    text += std::to_string(e.reading.time) + e.path + model::to_text(e.reading.value) + e.unit +
            to_text(e.reading.quality) + "\n";
  for (const AlertEvent& a : out.alerts)
    text += std::to_string(a.time) + a.id + a.change + a.message + a.severity + (a.uncertain ? "?" : "") + "\n";
  return text;
}

TEST(Restore, AtEveryPointChangesNothing) {
  const auto rules = compile_yaml(kMixed);
  ASSERT_TRUE(rules.rules) << all(rules.diagnostics);
  for (unsigned seed = 1; seed <= 3; ++seed) {
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
      if (i % 2 == 0) define_all(*next);
      ASSERT_TRUE(next->restore(state));
      if (i % 2 == 1) define_all(*next);
      ASSERT_TRUE(next->save() == state);
      ASSERT_EQ(next->waits_for_time(), part->waits_for_time());
      ASSERT_EQ(next->active_alerts().size(), part->active_alerts().size());
      part = std::move(next);
    }
    EXPECT_GT(said, 1000U);
  }
}

TEST(Restore, RefusesDamageAndSkipsWhatItDoesNotKnow) {
  const auto rules = compile_yaml(kMixed);
  Engine engine;
  engine.install(rules.rules);
  define_all(engine);
  std::mt19937 random(7);
  for (const Step& step : random_steps(random, 100)) apply(engine, step);
  const std::string state = engine.save();
  for (std::size_t size = 0; size < state.size(); ++size) {
    Engine other;
    other.install(rules.rules);
    define_all(other);
    ASSERT_FALSE(other.restore(state.substr(0, size))) << size;
  }
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = state;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    Engine other;
    other.install(rules.rules);
    define_all(other);
    (void)other.restore(damaged);
    Outputs out;
    other.tick(2000 * kSecond, out);
  }
  Engine empty;
  EXPECT_TRUE(empty.restore(state));
  EXPECT_EQ(empty.groups(), 0U);
}

}  // namespace
}  // namespace weir::rules
