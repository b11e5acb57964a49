#include "cli/cli.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <sstream>

#include <CLI/CLI.hpp>

#include "agent/agent.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/table.h"
#include "control/client.h"

namespace weir::cli {
namespace {

void say(const Error& error) {
  std::fprintf(stderr, "weir: %s\n", printable(error.what, kLines).c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "      %s\n", printable(error.hint, kLines).c_str());
}

const std::string* not_utf8(const Node& node) {
  if (const std::string* text = node.as_string()) return is_utf8(*text) ? nullptr : text;
  if (const Node::Map* map = node.as_map())
    for (const Node::Member& member : *map)
      if (const std::string* text = not_utf8(member.value)) return text;
  return nullptr;
}

// What is given and empty, as --junit "$UNSET", would count as not given where that is allowed.
void refuse_empty(CLI::App& command) {
  for (CLI::Option* option : command.get_options())
    if (option->get_items_expected_max() > 0 && !option->get_required())
      option->check(
          [](const std::string& value) { return value.empty() ? std::string("it is empty") : std::string(); });
  for (CLI::App* below : command.get_subcommands({})) refuse_empty(*below);
}

// The first word that no command takes; CLI11 says neither who did not expect it nor what is like it.
Error not_expected(const CLI::App& app, const std::string& word) {
  const CLI::App* command = &app;
  std::string name;
  std::vector<std::string> known;
  const auto know_options = [&] {
    for (const CLI::Option* option : command->get_options())
      for (const std::string& one : option->get_lnames()) known.push_back("--" + one);
  };
  for (know_options(); !command->get_subcommands().empty(); know_options()) {
    command = command->get_subcommands().front();
    name += (name.empty() ? "" : " ") + command->get_name();
  }
  std::vector<std::string> below;
  for (const CLI::App* one : command->get_subcommands([](const CLI::App*) { return true; }))
    below.push_back(one->get_name());
  known.insert(known.end(), below.begin(), below.end());
  std::string hint = did_you_mean(word, std::vector<std::string_view>(known.begin(), known.end()));
  if (hint.empty())
    hint = below.empty() || word.starts_with('-')
               ? "weir " + name + (name.empty() ? "" : " ") + "--help shows what it takes"
               : "there are: " + join(below, ", ");
  return {(name.empty() ? "" : name + ": ") + "'" + word + "' is not expected here", hint};
}

int refuse(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> words = app.remaining(true);
  const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                     dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (extra && !words.empty()) {
    say(not_expected(app, words.front()));
    return 2;
  }
  std::ostringstream out, why;
  const int code = app.exit(error, out, why);
  std::fputs(out.str().c_str(), stdout);
  std::fputs(printable(why.str(), kLines).c_str(), stderr);
  return code == 0 ? 0 : 2;
}

// Whoever reads us has read enough and is gone.
bool is_left(std::FILE* stream) {
  pollfd pipe{::fileno(stream), 0, 0};
  return ::poll(&pipe, 1, 0) == 1 && (pipe.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

void failed(Context& context, const Error& error) {
  say(error);
  context.exit_code = context.failure;
}

Result<bool> has_config(const Context& context) {
  if (::access(context.config.c_str(), R_OK) == 0) return true;
  const int why = errno;
  if (why == ENOENT || why == ENOTDIR) return false;
  Error error = file_error("cannot read " + context.config.string(), why);
  if (why == EACCES) error.hint = "run it with sudo, or as the user weir; or name another with --config";
  return std::unexpected(std::move(error));
}

Result<Node> ask(const Context& context, const Node& request, std::chrono::milliseconds timeout) {
  if (const std::string* text = not_utf8(request))
    return fail("'" + to_utf8(*text) + "' is not UTF-8", "write it as UTF-8; is the terminal set to that?");
  return control::ask(control_socket(context.runtime_dir), request, timeout);
}

int main(int argc, char** argv) {
  CLI::App app("Weir: an IoT edge gateway agent. Readings from devices, through rules, into a store, to the cloud.");
  app.name("weir");
  app.set_version_flag("--version", std::string("weir ") + WEIR_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  Context context;
  app.add_option("--config,-c", context.config, "weir.yaml; rules.d/ is beside it")->capture_default_str();
  app.add_option("--runtime-dir", context.runtime_dir, "Where the agent keeps its socket and status file")
      ->capture_default_str();
  // In the order in which help shows them.
  for (const auto add : {add_run, add_check, add_test, add_replay, add_status, add_alerts, add_tap, add_history,
                         add_detect, add_queue, add_drivers, add_read, add_write, add_explain, add_reload})
    add(app, context);
  refuse_empty(app);
  std::error_code error;
  static_cast<void>(std::filesystem::current_path(error));
  if (error) {
    failed(context, {"the folder that this was started in is gone", "cd to one that is there"});
    return context.exit_code;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& why) {
    context.exit_code = refuse(app, why);
  }
  if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && !is_left(stdout))
    failed(context, {"cannot write to standard output: what it was to show is not whole",
                     "is there room where it goes, and may it be written to?"});
  return context.exit_code;
}

}  // namespace weir::cli
