#include "sdk/command_line.h"

#include <cstdlib>
#include <exception>
#include <unordered_set>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/text.h"
#include "model/path.h"
#include "sdk/options.h"

namespace weir::sdk {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string example(const Kind& kind) {
  const std::string program = "weir-driver-" + kind.name;
  return "Examples:\n"
         "  " +
         program +
         " --schema > options.schema.json\n"
         "  " +
         program +
         " --check < options.json && echo fine\n"
         "  WEIR_BUS_PASSWORD=… " +
         program + " --name " + kind.name + "-1 --bus mqtt://localhost:1883 < options.json\n";
}

// The bus and the store rest on unique, well-formed paths; a driver that breaks that is not started.
void check_signals(const Driver& driver, Diagnostics& diagnostics) {
  std::unordered_set<std::string> seen;
  for (const model::Signal& signal : driver.signals()) {
    if (auto ok = model::check_path(signal.path); !ok)
      diagnostics.push_back(problem({}, ok.error().what, ok.error().hint));
    else if (!seen.insert(lower(signal.path)).second)
      diagnostics.push_back(problem({}, "the signal '" + signal.path + "' is there twice",
                                    "give each a path of its own; upper and lower case do not make a difference"));
  }
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv, const Kind& kind) {
  CommandLine out;
  CLI::App app(kind.description, "weir-driver-" + kind.name);
  app.footer(example(kind));
  app.set_version_flag("--version", std::string("weir-driver-") + kind.name + " " WEIR_VERSION);
  bool schema = false, check = false;
  std::size_t queue_kib = 8 << 10;
  auto* schema_flag = app.add_flag("--schema", schema, "Print the JSON Schema of the options");
  auto* check_flag = app.add_flag("--check", check, "Check the options (JSON on standard input)");
  auto* name = app.add_option("--name", out.name, "Run under this name (options as JSON on standard input)");
  auto* bus = app.add_option("--bus", out.bus,
                             "The bus: mqtt://host:port. Username and password are taken from "
                             "WEIR_BUS_USERNAME (or else --name) and WEIR_BUS_PASSWORD");
  app.add_option("--queue", queue_kib, "KiB of readings to keep while the agent is away")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{64}, std::size_t{4} << 20));
  out.log_level = "info";
  app.add_option("--log", out.log_level, "How much to say on standard error")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  schema_flag->excludes(check_flag)->excludes(name);
  check_flag->excludes(name);
  name->needs(bus);
  bus->needs(name);
  try {
    app.parse(argc, argv);
    if (!schema && !check && out.name.empty()) throw CLI::CallForHelp();
  } catch (const CLI::ParseError& error) {
    out.exit_code = app.exit(error);
    if (argc <= 1) out.exit_code = 2;
    return out;
  }
  if (!schema && !check)
    if (auto ok = model::check_name(out.name); !ok) {
      std::fprintf(stderr, "--name: %s\n", ok.error().text().c_str());
      out.exit_code = 2;
      return out;
    }
  out.task = schema ? CommandLine::Task::schema : check ? CommandLine::Task::check : CommandLine::Task::run;
  out.queue_bytes = queue_kib << 10;
  out.username = environment("WEIR_BUS_USERNAME");
  if (out.username.empty()) out.username = out.name;
  out.password = environment("WEIR_BUS_PASSWORD");
  out.ca = environment("WEIR_BUS_CA");
  out.certificate = environment("WEIR_BUS_CERTIFICATE");
  out.key = environment("WEIR_BUS_KEY");
  return out;
}

Result<Node> read_options(std::FILE* input) {
  constexpr std::size_t kMost = 16 << 20;
  std::string text;
  char block[16 << 10];
  while (const std::size_t count = std::fread(block, 1, sizeof block, input)) {
    text.append(block, count);
    if (text.size() > kMost) return fail("the options are larger than " + bytes_text(kMost));
  }
  if (std::ferror(input)) return fail("cannot read the options from standard input");
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) text = "{}";
  auto options = parse_json(text);
  if (!options) return context("the options on standard input", options.error());
  return options;
}

std::string check_line(const Diagnostic& diagnostic) {
  const auto member = [](std::string key, std::string value) {
    Node::Member out;
    out.key = std::move(key);
    out.value.data = std::move(value);
    return out;
  };
  Node::Map line;
  line.push_back(member("severity", diagnostic.severity == Diagnostic::Severity::error ? "error" : "warning"));
  line.push_back(member("at", diagnostic.position.file ? *diagnostic.position.file : std::string()));
  line.push_back(member("message", diagnostic.message));
  line.push_back(member("hint", diagnostic.hint));
  return to_json(Node(std::move(line), {}));
}

std::unique_ptr<Driver> configure(const Kind& kind, const Node& options, Diagnostics& diagnostics) {
  std::unique_ptr<Driver> driver;
  try {
    driver = kind.configure(options, diagnostics);
    if (driver != nullptr) check_signals(*driver, diagnostics);
  } catch (const std::exception& error) {
    diagnostics.push_back(problem({}, std::string("the options cannot be used: ") + error.what()));
  }
  if (driver == nullptr && !has_errors(diagnostics))
    diagnostics.push_back(problem({}, "the driver does not start with these options"));
  if (has_errors(diagnostics)) return nullptr;
  return driver;
}

}  // namespace weir::sdk
