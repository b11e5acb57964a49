// A file of tests of rules, as it was read: what comes in, and what is to come of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/document.h"
#include "model/series.h"
#include "model/signal.h"
#include "rules/engine.h"

namespace weir::rule_test {

inline constexpr std::string_view kTestSuffix = ".test.yaml";

// 2026-01-01T00:00:00Z, where a test says nothing else.
inline constexpr Timestamp kUsualStart = 1'767'225'600 * kSecond;
inline constexpr Nanoseconds kLongestTest = 366 * kDay;

// One reading as the agent gets it.
struct Arrival {
  Timestamp at = 0;          // when it comes; its own time is when it was
  std::uint32_t signal = 0;  // index into the test's
  model::Reading reading;
};

// What a person does of the alerts.
struct Command {
  Timestamp at = 0;
  rules::AlertCommand command;
};

enum class Kind : std::uint8_t { emit, alert, write };

// Something that is to happen, or that is not to.
struct Expectation {
  // What is said of it by name: value, quality, severity, "group.n", … Whatever is not named may be anything.
  struct Field {
    std::string key;
    model::Value value;
  };

  bool nothing = false;
  std::optional<Kind> kind;  // none: nothing at all is to happen
  std::string name;          // the path of an emit or write, the rule of an alert; empty: any
  std::vector<Field> fields;
  double within = -1;            // of a value; negative: as near as nine digits
  Timestamp begin = 0, end = 0;  // it happens at `begin` or later, before `end`
  Position position;
};

struct Test {
  std::string name;
  Position position;
  Timestamp start = kUsualStart;
  Timestamp end = kUsualStart;  // what happens later is not judged
  std::vector<model::Signal> signals;
  std::vector<Arrival> arrivals;  // ascending
  std::vector<Command> commands;  // ascending
  std::vector<Expectation> expectations;
  bool exact = true;  // alerts and writes that are not expected fail
};

struct Suite {
  struct RuleFile {
    std::filesystem::path path;  // of a file or a folder
    Position position;
  };
  std::vector<RuleFile> rules;
  rules::Site site;  // that the rules are for
  std::vector<Test> tests;
};

}  // namespace weir::rule_test
