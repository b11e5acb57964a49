// weir-bench rules: nanoseconds per reading that the rule engine takes, and bytes per group.
//
// The floor: a loop over the decoded column that compares each value, as a rule written by hand would.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "bench.h"
#include "rules/engine.h"

namespace weir::bench {
namespace {

constexpr std::size_t kBatch = 1'000;
constexpr int kWindows = 9;

std::shared_ptr<const rules::RuleSet> compile_json(const std::string& text) {
  const auto document = parse_json(text);
  if (!document) return nullptr;
  return rules::compile({&*document, 1}, {}).rules;
}

std::string alert_rule(const std::string& name, const std::string& path, const std::string& when) {
  return R"({"name":")" + name + R"(","from":{"t":")" + path + R"("},"when":")" + when +
         R"(","alert":{"severity":"info"}})";
}

void define(rules::Engine& engine, model::SignalId id, const std::string& path) {
  model::Signal signal;
  signal.path = path;
  engine.define(id, signal);
}

model::Series batch(model::SignalId id, std::size_t count) {
  model::Series out;
  out.signal = id;
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i % 80));
  out.times.resize(count);
  out.values = std::move(values);
  return out;
}

// Gives the series the next times, each a millisecond after the one before.
void move_on(model::Series& series, Timestamp& clock) {
  for (Timestamp& time : series.times) time = clock += kMillisecond;
}

double nanoseconds_in_batches(rules::Engine& engine) {
  constexpr int kBatches = 200;
  model::Series series = batch(1, kBatch);
  rules::Outputs outputs;
  Timestamp clock = kDay;
  return best_of(kWindows,
                 [&] {
                   for (int i = 0; i < kBatches; ++i) {
                     move_on(series, clock);
                     engine.readings(clock, series, outputs);
                     outputs.clear();
                   }
                 }) /
         (kBatches * kBatch);
}

double nanoseconds_of_a_loop() {
  constexpr int kBatches = 200;
  model::Series series = batch(1, kBatch);
  Timestamp clock = kDay;
  volatile std::size_t sink = 0;
  return best_of(kWindows,
                 [&] {
                   for (int i = 0; i < kBatches; ++i) {
                     move_on(series, clock);
                     std::size_t over = 0;
                     for (const double value : std::get<std::vector<double>>(series.values))
                       over += value > 90 ? 1 : 0;
                     sink = sink + over;
                   }
                 }) /
         (kBatches * kBatch);
}

void one_rule(Report& report) {
  rules::Engine engine;
  engine.install(compile_json(R"({"rules":[)" + alert_rule("hot", "b-{n}/t", "t > 90") + "]}"));
  define(engine, 1, "b-1/t");
  report.add("one rule over matching readings", "ns/reading", nanoseconds_in_batches(engine),
             nanoseconds_of_a_loop());
}

// What the parts of the language take, each in a rule of its own over one signal.
void kinds_of_rules(Report& report) {
  const double floor = nanoseconds_of_a_loop();
  const auto row = [&](const std::string& what, const std::string& keys) {
    rules::Engine engine;
    engine.install(compile_json(R"Y({"rules":[{"name":"r","from":{"t":"b-{n}/t"},)Y" + keys + "}]}"));
    define(engine, 1, "b-1/t");
    report.add(what, "ns/reading", nanoseconds_in_batches(engine), floor);
  };
  const std::string alert = R"Y(,"alert":{"severity":"info"})Y";
  row("a condition of three comparisons", R"Y("when":"t > 90 and t < 200 or t < -5")Y" + alert);
  row("abs(t - 20) > 100", R"Y("when":"abs(t - 20) > 100")Y" + alert);
  row("t > 90, for 10 s, with hysteresis",
      R"Y("when":"t > 90","for":"10s","clear":"t < 85","clear_for":"10s")Y" + alert);
  row("the same while it is raised", R"Y("when":"t >= 0","for":"1s","clear":"t < 0","clear_for":"10s")Y" + alert);
  row("rate(t) > 100000", R"Y("when":"rate(t) > 100000")Y" + alert);
  row("mean of windows of 1 s", R"Y("window":"1s","emit":{"b-{n}/mean":"mean(t)"})Y");
  row("mean, min, max, stddev of windows of 1 s",
      R"Y("window":"1s","emit":{"b-{n}/a":"mean(t)","b-{n}/b":"min(t)","b-{n}/c":"max(t)","b-{n}/d":"stddev(t)"})Y");
  row("the same with a lateness of 100 ms",
      R"Y("window":"1s","lateness":"100ms","emit":{"b-{n}/a":"mean(t)","b-{n}/b":"min(t)","b-{n}/c":"max(t)","b-{n}/d":"stddev(t)"})Y");
  row("p99 of windows of 10 s", R"Y("window":"10s","emit":{"b-{n}/p":"quantile(t, 0.99)"})Y");
  row("mean of a window of 10 s, every second",
      R"Y("window":{"size":"10s","every":"1s"},"emit":{"b-{n}/mean":"mean(t)"})Y");
  row("a trailing stddev(t, 10s)", R"Y("when":"stddev(t, 10s) > 100")Y" + alert);
  row("a change: delta(t) > 90", R"Y("when":"delta(t) > 90")Y" + alert);
  row("detect: {}", R"Y("detect":{})Y" + alert);
}

// Rules whose groups have many members, each of which says something once a second.
void across_members(Report& report) {
  const double floor = nanoseconds_of_a_loop();
  const auto row = [&](const std::string& what, const std::string& keys, model::SignalId members, Nanoseconds apart) {
    rules::Engine engine;
    engine.install(compile_json(R"Y({"rules":[{"name":"r","from":{"t":"b/t-{k}"},"across":"k",)Y" + keys + "}]}"));
    for (model::SignalId id = 1; id <= members; ++id) define(engine, id, "b/t-" + std::to_string(id));
    model::Series series = batch(1, 1);
    rules::Outputs outputs;
    Timestamp clock = kDay;
    const model::SignalId rounds = 10'000 / members;
    const double ns = best_of(3, [&] {
      for (model::SignalId round = 0; round < rounds; ++round) {
        clock += kSecond;
        for (model::SignalId id = 1; id <= members; ++id) {
          series.signal = id;
          series.times[0] = clock + apart * id / members;
          engine.readings(series.times[0], series, outputs);
          outputs.clear();
        }
      }
    });
    report.add(what + std::to_string(members) + " members", "ns/reading", ns / (rounds * members), floor);
  };
  for (const model::SignalId members : {10, 100, 1'000}) {
    const std::string when = R"Y("within":"5s","when":"count_true(t > 90) >= 2","alert":{"severity":"info"})Y";
    row("two of many over 90, of one instant, ", when, members, 0);
    row("two of many over 90, each at its instant, ", when, members, kSecond);
    row("mean of all in 10 s, each at its instant, ", R"Y("window":"10s","emit":{"b/mean":"mean(t)"})Y", members,
        kSecond);
  }
}

// Readings that wait for their order, given from the newest to the oldest.
void backwards(Report& report, std::size_t count) {
  rules::Engine engine;
  engine.install(compile_json(
      R"Y({"rules":[{"name":"r","from":{"t":"b-{n}/t"},"window":"1s","lateness":"10m","emit":{"b-{n}/mean":"mean(t)"}}]})Y"));
  define(engine, 1, "b-1/t");
  model::Series series = batch(1, count);
  rules::Outputs outputs;
  Timestamp clock = kDay;
  const double ns = best_of(3, [&] {
    move_on(series, clock);
    std::ranges::reverse(series.times);
    engine.readings(clock, series, outputs);
    outputs.clear();
    clock += kHour;
  });
  report.add(std::to_string(count) + " readings backwards within the lateness", "ns/reading",
             ns / static_cast<double>(count), nanoseconds_of_a_loop());
}

void many_rules(Report& report, std::size_t count) {
  const std::string matching = alert_rule("hot", "b-{n}/t", "t > 90");
  std::string all = R"({"rules":[)" + matching;
  for (std::size_t i = 0; i < count; ++i)
    all += "," + alert_rule("r" + std::to_string(i),
                            i % 2 == 0 ? "x" + std::to_string(i) + "-{n}/t" : "{d}/s" + std::to_string(i), "t > 90");
  rules::Engine one, many;
  one.install(compile_json(R"({"rules":[)" + matching + "]}"));
  many.install(compile_json(all + "]}"));
  define(one, 1, "b-1/t");
  define(many, 1, "b-1/t");
  report.add(std::to_string(count) + " rules loaded, one matching", "ns/reading", nanoseconds_in_batches(many),
             nanoseconds_in_batches(one));
}

void round_robin(Report& report, model::SignalId signals) {
  rules::Engine engine;
  engine.install(compile_json(R"({"rules":[)" + alert_rule("hot", "b-{n}/t", "t > 90") + "]}"));
  for (model::SignalId id = 1; id <= signals; ++id) define(engine, id, "b-" + std::to_string(id) + "/t");
  model::Series series = batch(1, 1);
  rules::Outputs outputs;
  Timestamp clock = kDay;
  const double ns = best_of(kWindows, [&] {
    for (model::SignalId id = 1; id <= signals; ++id) {
      series.signal = id;
      move_on(series, clock);
      engine.readings(clock, series, outputs);
    }
  });
  report.add(std::to_string(signals) + " signals round-robin", "ns/reading", ns / signals, nanoseconds_of_a_loop());
}

std::size_t heap() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void bytes_per_group(Report& report, model::SignalId signals) {
  const auto compiled = compile_json(
      R"Y({"rules":[{"name":"mean","from":{"t":"b-{n}/t"},"window":"1m","emit":{"b-{n}/mean":"mean(t)"}}]})Y");
  const std::size_t before = heap();
  rules::Engine engine;
  engine.install(compiled);
  rules::Outputs outputs;
  model::Series series = batch(1, 1);
  for (model::SignalId id = 1; id <= signals; ++id) {
    define(engine, id, "b-" + std::to_string(id) + "/t");
    series.signal = id;
    series.times = {kDay};
    engine.readings(kDay, series, outputs);
  }
  report.add("state of a windowed rule, " + std::to_string(signals) + " groups", "bytes/group",
             static_cast<double>(heap() - before) / signals, 0);
}

}  // namespace

void add_rules(CLI::App& app, Report& report) {
  CLI::App* sub = app.add_subcommand("rules", "What the rule engine takes for each reading and each group");
  auto signals = std::make_shared<model::SignalId>(100'000);
  auto loaded = std::make_shared<std::size_t>(10'000);
  sub->add_option("--signals", *signals, "Signals in the round-robin and for the memory")
      ->check(CLI::Range(1, 10'000'000));
  sub->add_option("--rules", *loaded, "Rules beside the one that matches")->check(CLI::Range(1, 99'000));
  sub->callback([&report, signals, loaded] {
    one_rule(report);
    kinds_of_rules(report);
    across_members(report);
    backwards(report, 60'000);
    many_rules(report, *loaded);
    round_robin(report, *signals);
    bytes_per_group(report, *signals);
  });
}

}  // namespace weir::bench
