// weir read, weir write: single signals by hand, past intervals and batches.
#include <cstdio>
#include <cstdlib>

#include <pwd.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

void print(const Node& answer, std::string_view value_key, std::string_view quality) {
  const Paint paint(stdout);
  Timestamp time = 0;
  parse_iso(text_of(answer, "time"), time);
  const std::string unit = text_of(answer, "unit");
  std::printf("%s = %s%s  %s  %s\n", printable(text_of(answer, "path")).c_str(),
              printable(text_of(answer, value_key)).c_str(), unit.empty() ? "" : (" " + printable(unit)).c_str(),
              paint(colour_of(quality), printable(quality)).c_str(), time_text(time).c_str());
  if (const std::string raw = text_of(answer, "raw"); !raw.empty()) std::printf("raw: %s\n", printable(raw).c_str());
}

}  // namespace

std::string who() {
  if (const char* before_sudo = std::getenv("SUDO_USER"); before_sudo != nullptr && ::geteuid() == 0)
    return before_sudo;
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : "uid " + std::to_string(::getuid());
}

void add_read(CLI::App& app, Context& context) {
  struct Given {
    std::string path;
    bool json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* read = app.add_subcommand("read", "Read one signal from its device, now, with the raw registers shown");
  read->footer("Example: weir read boiler-1/temperature");
  read->add_option("path", given->path, "device/signal; weir drivers --signals lists them")->required();
  read->add_flag("--json", given->json, "As a document");
  read->callback([given, &context] {
    const auto answer = ask(context, Node::object().set("do", "read").set("path", given->path));
    if (!answer) return failed(context, answer.error());
    if (given->json) std::puts(to_json(*answer).c_str());
    else print(*answer, "value", text_of(*answer, "quality"));
    if (!text_of(*answer, "quality").starts_with("good")) context.exit_code = 1;
  });
}

void add_write(CLI::App& app, Context& context) {
  struct Given {
    std::string path, value;
    bool json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* write =
      app.add_subcommand("write", "Write one signal of a device, and show what the device says it is then");
  write->footer(
      "Example: weir write boiler-1/setpoint 65.5\n"
      "The signal must be writable, and weir.yaml must list it under its driver's `writes:`.");
  write->add_option("path", given->path, "device/signal")->required();
  write->add_option("value", given->value, "true or false, a number or a text, as the signal's type has it")
      ->required();
  write->add_flag("--json", given->json, "As a document");
  write->callback([given, &context] {
    Node request = Node::object();
    request.set("do", "write").set("path", given->path).set("value", given->value).set("who", who());
    const auto answer = ask(context, request);
    if (!answer) return failed(context, answer.error());
    if (given->json) std::puts(to_json(*answer).c_str());
    else print(*answer, "read_back", "written");
  });
}

}  // namespace weir::cli
