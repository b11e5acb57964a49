// The command line: one file per subcommand, each adding itself.
//
// A subcommand parses its options with CLI11, does its work in a callback, and leaves its exit code in
// Context. 0: fine; 1: what was asked for failed; 2: the command line is wrong (CLI11's own is mapped).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/document.h"
#include "base/error.h"

namespace CLI {
class App;
}

namespace weir::cli {

struct Context {
  int exit_code = 0;
  int failure = 1;                                       // the exit code of what failed
  std::filesystem::path runtime_dir = "/run/weir";       // --runtime-dir
  std::filesystem::path config = "/etc/weir/weir.yaml";  // --config
};

// Prints "weir: …" and what to do, to stderr, and sets the exit code.
void failed(Context& context, const Error& error);

// Whether there is a configuration. An error if that cannot be told, or if it may not be read: what it says counts
// then, and is not known.
Result<bool> has_config(const Context& context);

// What the running agent answers.
Result<Node> ask(const Context& context, const Node& request,
                 std::chrono::milliseconds timeout = std::chrono::seconds(30));

// For the log: who pressed the button, not the root that sudo made of them.
std::string who();

void add_run(CLI::App& app, Context& context);
void add_check(CLI::App& app, Context& context);
void add_test(CLI::App& app, Context& context);
void add_replay(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_alerts(CLI::App& app, Context& context);
void add_tap(CLI::App& app, Context& context);
void add_history(CLI::App& app, Context& context);
void add_detect(CLI::App& app, Context& context);
void add_queue(CLI::App& app, Context& context);
void add_drivers(CLI::App& app, Context& context);
void add_read(CLI::App& app, Context& context);
void add_write(CLI::App& app, Context& context);
void add_explain(CLI::App& app, Context& context);
void add_reload(CLI::App& app, Context& context);

// The whole program.
int main(int argc, char** argv);

}  // namespace weir::cli
