// Tests of rules given as texts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "config/config.h"
#include "rule_test/judge.h"
#include "rule_test/read.h"
#include "rule_test/run.h"

namespace weir::rule_test {

struct Read {
  Suite suite;
  std::vector<std::string> wrong;  // "3:5 what is wrong (what would be right)"
};

inline Read read(const std::string& text, const std::filesystem::path& file = "a.test.yaml") {
  const config::Parsed parsed = config::parse_yaml({file.string(), text});
  Diagnostics diagnostics = parsed.diagnostics;
  Read out;
  out.suite = read_suite(parsed.root, file, diagnostics);
  for (const Diagnostic& d : diagnostics)
    out.wrong.push_back(std::to_string(d.position.line) + ":" + std::to_string(d.position.column) + " " + d.message +
                        (d.hint.empty() ? "" : " (" + d.hint + ")"));
  return out;
}

// A test without its frame: its keys, from column 1 on.
inline Read read_test(const std::string& keys) {
  std::string text = "tests:\n- name: it\n";
  for (std::size_t at = 0; at < keys.size();) {
    const std::size_t end = std::min(keys.find('\n', at), keys.size());
    text += "  " + keys.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return read(text);
}

inline std::shared_ptr<const rules::RuleSet> rules_of(const std::string& text) {
  const config::Parsed parsed = config::parse_yaml({"rules.yaml", text});
  const rules::Compiled compiled = compile({&parsed.root, 1}, {});
  EXPECT_TRUE(compiled.rules) << (compiled.diagnostics.empty() ? text : render(compiled.diagnostics.front(), text));
  return compiled.rules;
}

}  // namespace weir::rule_test
