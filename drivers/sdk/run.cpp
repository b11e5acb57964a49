#include <cstdio>

#include "base/log.h"
#include "sdk/command_line.h"
#include "sdk/driver.h"

namespace weir::sdk {
namespace {

int check(const Kind& kind) {
  Diagnostics diagnostics;
  if (auto options = read_options(stdin); !options) {
    Diagnostic unreadable;
    unreadable.message = options.error().what;
    unreadable.hint = options.error().hint;
    diagnostics.push_back(std::move(unreadable));
  } else {
    configure(kind, *options, diagnostics);
  }
  for (const Diagnostic& diagnostic : diagnostics) std::printf("%s\n", check_line(diagnostic).c_str());
  return has_errors(diagnostics) ? 1 : 0;
}

}  // namespace

int run(int argc, char** argv, const Kind& kind) {
  const CommandLine line = parse_command_line(argc, argv, kind);
  switch (line.task) {
    case CommandLine::Task::done: return line.exit_code;
    case CommandLine::Task::schema: std::printf("%s\n", kind.schema.c_str()); return 0;
    case CommandLine::Task::check: return check(kind);
    case CommandLine::Task::run: break;
  }
  log::start(line.name, line.log_level);
  log::error("this version only checks options");
  return 1;
}

}  // namespace weir::sdk
