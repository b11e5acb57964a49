// Any text as an expression and as a file of rules: it parses or is refused, what parses prints to what
// parses to the same again, and what compiles runs, saves and restores.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/config.h"
#include "rules/ast.h"
#include "rules/engine.h"
#include "rules/parser.h"

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
  run_rules(text);
  return 0;
}
