// Any text as an expression and as a file of rules: it parses or is refused, what parses prints to what
// parses to the same again, and what compiles runs, saves and restores.
//
// Of an expression, the lines before the last are names under `let:`, each for what comes after it: n0, n1 and so on.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "config/config.h"
#include "rules/engine.h"
#include "rules/language/ast.h"
#include "rules/language/check.h"
#include "rules/language/parser.h"
#include "rules/language/program.h"

namespace {

using namespace weir;

void require(bool what) {
  if (!what) std::abort();
}

void check_expression(std::string_view text) {
  rules::Fault fault;
  const auto expr = rules::parse_expression(text, fault);
  if (!expr) return require(!fault.message.empty() && fault.offset <= text.size());
  const std::string printed = rules::print(*expr);
  if (printed.size() > rules::kLongestExpression) return;  // a spelling of ours may be longer
  const auto again = rules::parse_expression(printed, fault);
  require(again != nullptr && rules::print(*again) == printed);
}

// What a program looks at: inputs that are known, uncertain, unknown and too old, and steps and aggregates of both
// kinds.
struct Sight {
  explicit Sight(const calendar::Calendar& calendar) {
    for (int i = 0; i < 4; ++i) {
      slots[i].time = 1'000 * kSecond - i * kSecond;
      slots[i].number = 1.5 * i - 2;
      slots[i].quality = i == 1 ? model::kUncertain.code : i == 2 ? model::kBad.code : 0;
    }
    for (std::size_t i = 0; i < 64; ++i) remembered[i] = {0.5 * static_cast<double>(i), &texts[i % 4], 0, i % 5 != 4};
    scene.calendar = &calendar;
    scene.steps = remembered;
    scene.member = slots;
    scene.member_texts = texts;
    scene.made = &made;
  }

  void run(const rules::Program& program) {
    if (program.empty()) return;
    made.clear();
    const rules::Result3 result = rules::run(program, scene);
    require(!result.known ||
            (program.type == rules::Type::text ? result.text != nullptr : std::isfinite(result.number)));
  }

  rules::Slot slots[4];
  std::string texts[4] = {"on", "", "12.5", "\xC2\xB0"};
  Nanoseconds within[4] = {rules::kForever, rules::kForever, rules::kForever, kSecond};
  rules::Result3 remembered[64];
  std::uint64_t arithmetic = 0;
  std::deque<std::string> made;
  rules::Scene scene{slots, texts, within, remembered, 1'000 * kSecond, &arithmetic};
};

enum class Around { nothing, window, members, where, detector };

void evaluate(std::string_view text, Around around) {
  static const rules::Site site{
      "Europe/Berlin", {{"early", 6 * kHour, 14 * kHour}, {"late", 14 * kHour, 22 * kHour}}, {{"c", -4}}};
  static const auto calendar = calendar::Calendar::make("UTC", site.shifts).value();
  rules::Fault fault;
  std::vector<rules::LetName> lets;
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i + 1 < lines.size() && i < 64; ++i)
    if (auto tree = rules::parse_expression(lines[i], fault))
      lets.push_back({"n" + std::to_string(i), std::move(tree)});
  const auto tree = rules::parse_expression(lines.back(), fault);
  if (!tree) return;
  std::vector<rules::InputName> inputs;
  for (const char* name : {"t", "s", "u", "p"})
    inputs.push_back({name, rules::Type::any, *name == 'p' && around == Around::members});
  std::vector<rules::Aggregate> aggregates;
  std::vector<rules::Step> steps;
  rules::Scope scope{.inputs = inputs,
                     .captures = {},
                     .site = &site,
                     .lets = lets,
                     .stage = around == Around::where ? rules::Stage::where : rules::Stage::result,
                     .window = around == Around::window,
                     .members = around == Around::members,
                     .aggregates = around == Around::window || around == Around::members ? &aggregates : nullptr,
                     .steps = &steps,
                     .detects = around == Around::detector};
  for (int i = 0; rules::infer(*tree, rules::Type::any, scope); ++i) require(i < 4);  // each time an input is learned
  bool faulty = false;
  const rules::Program program =
      rules::compile_expression(*tree, rules::Type::any, scope, [&](const rules::Fault& f) {
        require(!f.message.empty());
        faulty = true;
      });
  require(program.empty() == faulty);
  if (faulty) return;
  if (program.source.size() <= rules::kLongestExpression) {
    const auto again = rules::parse_expression(program.source, fault);
    require(again != nullptr && rules::print(*again) == program.source);
  }
  require(steps.size() <= 64 && aggregates.size() <= 64);
  Sight sight(*calendar);
  for (const rules::Step& step : steps) sight.run(step.argument);
  for (const rules::Aggregate& aggregate : aggregates) sight.run(aggregate.argument);
  sight.run(program);
}

void run_rules(const std::string& text) {
  const config::Parsed parsed = config::parse_yaml({"fuzz.yaml", text});
  if (has_errors(parsed.diagnostics)) return;
  const rules::Compiled compiled = rules::compile({&parsed.root, 1}, {});
  require((compiled.rules != nullptr) != has_errors(compiled.diagnostics));
  if (!compiled.rules) return;
  rules::Engine engine, other;
  rules::Outputs outputs;
  engine.install(compiled.rules);
  other.install(compiled.rules);
  const char* paths[] = {"b-1/t", "b-2/t", "b-1/s", "d/t", "site/x"};
  for (model::SignalId id = 1; id <= 5; ++id)
    for (rules::Engine* e : {&engine, &other}) {
      model::Signal signal;
      signal.path = paths[id - 1];
      e->define(id, signal);
    }
  Timestamp now = 1'000 * kSecond;
  for (int i = 0; i < 20; ++i) {
    now += 700 * kMillisecond;
    model::Series series;
    series.signal = static_cast<model::SignalId>(1 + i % 5);
    if (i % 7 == 3) series.append({now, std::string("on"), model::kGood});
    else series.append({now - (i % 3) * kSecond, 10.0 * i - 50, i % 6 == 5 ? model::kBad : model::kGood});
    engine.readings(now, series, outputs);
    if (i % 4 == 0) engine.tick(now, outputs);
  }
  const std::string state = engine.save();
  require(other.restore(state).has_value());
  require(other.save() == state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_expression(text);
  for (const Around around : {Around::nothing, Around::window, Around::members, Around::where, Around::detector})
    evaluate(text, around);
  run_rules(text);
  return 0;
}
