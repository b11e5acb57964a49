// Any text as a series and as a file of tests: it is read or refused with a place; what is read prints to what reads
// the same, runs, and is judged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/config.h"
#include "rule_test/judge.h"
#include "rule_test/notation.h"
#include "rule_test/read.h"
#include "rule_test/run.h"

namespace {

using namespace weir;

void require(bool what) {
  if (!what) std::abort();
}

void check_notation(std::string_view text) {
  std::vector<rule_test::Item> items, again;
  rule_test::Fault fault;
  if (!rule_test::parse_notation(text, items, fault))
    return require(!fault.message.empty() && fault.offset <= text.size() && fault.length <= text.size() + 1);
  const std::string printed = rule_test::print(items);
  require(rule_test::parse_notation(printed, again, fault) && rule_test::print(again) == printed);
}

constexpr const char* kRules =
    "rules:\n"
    "  - {name: hot, from: {t: \"b-{n}/t\"}, when: t > 90, for: 3s, alert: {severity: info}}\n"
    "  - {name: mean, from: {t: \"b-{n}/t\"}, window: 10s, emit: {\"b-{n}/m\": mean(t)}}\n";

void run_tests(const std::string& text) {
  const config::Parsed parsed = config::parse_yaml({"a.test.yaml", text});
  if (has_errors(parsed.diagnostics)) return;
  Diagnostics diagnostics;
  // In a folder that is not there: no recording is read.
  const rule_test::Suite suite = rule_test::read_suite(parsed.root, "/nonexistent/a.test.yaml", diagnostics);
  for (const Diagnostic& diagnostic : diagnostics) require(!diagnostic.message.empty());
  if (has_errors(diagnostics)) return;
  static const auto rules = [] {
    const config::Parsed of_rules = config::parse_yaml({"a.yaml", kRules});
    return rule_test::compile({&of_rules.root, 1}, {}).rules;
  }();
  for (const rule_test::Test& test : suite.tests) {
    if (test.end - test.start > kDay || test.arrivals.size() > 10'000) continue;
    rule_test::judge(test, rule_test::run(rules, test).outputs);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_notation(text);
  run_tests(text);
  return 0;
}
