#include "rule_test/read.h"

#include <algorithm>
#include <map>

#include "config/description.h"
#include "config/reader.h"
#include "rule_test/command.h"
#include "rule_test/expectation.h"
#include "rule_test/input.h"
#include "rule_test/map_reader.h"

namespace weir::rule_test {
namespace {

constexpr Timestamp kLatestStart = 4'102'444'800 * kSecond;  // 2100

// As `site:` in weir.yaml, but for the names.
void read_site(const Node& node, const std::filesystem::path& folder, rules::Site& out, Diagnostics& diagnostics) {
  config::Site site;
  config::Reader reader(node, "site:", folder, diagnostics);
  config::describe_surroundings(reader, site);
  reader.finish();
  for (const config::Shift& shift : site.shifts) out.shifts.push_back({shift.name, shift.begin, shift.end});
  const auto complain_at = [&](const Position& at, const Error& error) {
    diagnostics.push_back({Diagnostic::Severity::error, at, "site: " + error.what, error.hint, 1});
  };
  if (const auto zone = calendar::Calendar::make(site.timezone, {}); zone) out.timezone = site.timezone;
  else complain_at(site.timezone_place, zone.error());
  if (const auto fit = calendar::Calendar::make("UTC", out.shifts); !fit) complain_at(site.shifts_place, fit.error());
  out.constants = std::move(site.constants);
}

// True if it is given; the usual start is in `out` if it is wrong, which is said.
bool read_start(MapReader& map, Timestamp& out) {
  std::string text;
  if (!map.text("start", text)) return false;
  Timestamp time = 0;
  if (!parse_iso(text, time))
    map.error(*map.node().find("start"), "start: wants a time", "write 2026-03-29T00:00:00Z");
  else if (time < 0 || time > kLatestStart)
    map.error(*map.node().find("start"), "start: is out of range", "1970 to 2100");
  else out = time;
  return true;
}

void read_rules(MapReader& map, const std::filesystem::path& file, Suite& suite) {
  const auto add = [&](const std::string& name, const Position& position) {
    suite.rules.push_back({(file.parent_path() / name).lexically_normal(), position});
  };
  const Node* node = map.find("rules");
  if (node == nullptr) {
    // overheat.test.yaml tests overheat.yaml.
    const std::string name = file.filename().string();
    if (map.is_map() && map.node().find("rules") == nullptr) {
      if (name.ends_with(kTestSuffix))
        add(name.substr(0, name.size() - kTestSuffix.size()) + ".yaml", map.node().position);
      else map.error(map.node(), "which rules?", "write rules: [overheat.yaml]");
    }
    return;
  }
  if (const std::string* one = node->as_string()) return add(*one, node->position);
  const Node::List* list = node->as_list();
  if (list == nullptr || list->empty())
    return map.error(*node, "rules: is a list of files and folders", "write rules: [overheat.yaml]");
  for (const Node& item : *list) {
    if (const std::string* name = item.as_string()) add(*name, item.position);
    else
      map.error(item, "rules: wants names of files, not " + std::string(item.kind()), "write rules: [overheat.yaml]");
  }
}

Test read_test(const Node& node, const std::filesystem::path& folder, Diagnostics& diagnostics) {
  Test test;
  test.position = node.position;
  MapReader map(node, "a test", diagnostics);
  map.require("name", "write name: what it shows");
  map.text("name", test.name);
  const bool start_is_given = read_start(map, test.start);
  read_input(map, folder, start_is_given, test, diagnostics);
  map.flag("exact", test.exact);
  if (const Node* commands = map.find("commands")) {
    if (const Node::List* list = commands->as_list())
      for (const Node& command : *list) read_command(command, test, diagnostics);
    else
      map.error(*commands, std::string("commands: is a list, not ") + commands->kind(),
                "write - {at: 40s, …}, a line each");
  }
  std::ranges::stable_sort(test.commands, {}, &Command::at);
  const Node* expect = map.require("expect", "write expect: and a list; [] if nothing is to happen");
  if (expect != nullptr) {
    if (const Node::List* list = expect->as_list())
      for (const Node& expectation : *list) read_expectation(expectation, test, diagnostics);
    else
      map.error(*expect, std::string("expect: is a list, not ") + expect->kind(),
                "write - {at: 60s, …}, a line each");
  }

  test.end = test.start;
  for (const Arrival& arrival : test.arrivals) test.end = std::max({test.end, arrival.at, arrival.reading.time});
  for (const Command& command : test.commands) test.end = std::max(test.end, command.at);
  for (const Expectation& expectation : test.expectations) {
    test.end = std::max(test.end, expectation.begin);
    if (expectation.end - 1 <= test.start + kLongestTest) test.end = std::max(test.end, expectation.end - 1);
  }
  if (Nanoseconds run_for = 0; map.duration("run_for", run_for, 0, kLongestTest)) {
    if (test.start + run_for < test.end)
      map.error(*node.find("run_for"), "run_for: ends before the input or the expectations do",
                weir::to_text(std::chrono::nanoseconds(test.end - test.start)) + " at least");
    test.end = std::max(test.end, test.start + run_for);
  }
  map.finish();
  return test;
}

}  // namespace

Suite read_suite(const Node& document, const std::filesystem::path& file, Diagnostics& diagnostics) {
  Suite suite;
  MapReader map(document, "a file of tests", diagnostics);
  read_rules(map, file, suite);
  if (const Node* site = map.find("site")) read_site(*site, file.parent_path(), suite.site, diagnostics);
  const Node* tests = map.require("tests", "write tests: and a list");
  const Node::List* list = tests != nullptr ? tests->as_list() : nullptr;
  if (tests != nullptr && list == nullptr)
    map.error(*tests, std::string("tests: is a list, not ") + tests->kind(), "write - name: …, a test each");
  if (list != nullptr && list->size() > kMostTests)
    map.error(*tests, "more than " + std::to_string(kMostTests) + " tests in one file", "make several files");
  else if (list != nullptr) {
    std::map<std::string, int> lines;
    for (const Node& node : *list) {
      suite.tests.push_back(read_test(node, file.parent_path(), diagnostics));
      const auto [before, is_new] = lines.try_emplace(suite.tests.back().name, node.position.line);
      if (!is_new && node.find("name") != nullptr)
        map.error(*node.find("name"), "another test has this name",
                  "it is in line " + std::to_string(before->second));
    }
  }
  map.finish();
  return suite;
}

}  // namespace weir::rule_test
