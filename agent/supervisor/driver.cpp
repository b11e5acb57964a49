#include "supervisor/driver.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "process/process.h"

namespace weir::supervisor {
namespace {

constexpr std::string_view kPrefix = "weir-driver-";

std::string last_line(const process::Output& output) {
  return output.error.empty() ? "" : ": " + output.error.back();
}

Result<Finding> parse_finding(std::string_view line) {
  const auto node = parse_json(line);
  if (!node) return std::unexpected(node.error());
  const auto text = [&](std::string_view key) {
    const Node* value = node->find(key);
    const std::string* found = value != nullptr ? value->as_string() : nullptr;
    return found != nullptr ? *found : std::string();
  };
  Finding finding;
  const std::string severity = text("severity");
  if (severity != "error" && severity != "warning") return fail("its severity is neither error nor warning");
  finding.severity = severity == "error" ? Diagnostic::Severity::error : Diagnostic::Severity::warning;
  finding.at = text("at");
  finding.message = text("message");
  finding.hint = text("hint");
  if (finding.message.empty()) return fail("it has no message");
  return finding;
}

Result<std::vector<Finding>> findings_of(const std::string& about, const Result<process::Output>& output) {
  if (!output) return std::unexpected(output.error());
  std::vector<Finding> findings;
  bool errors = false;
  for (const std::string& line : output->out) {
    if (line.empty()) continue;
    auto finding = parse_finding(line);
    if (!finding)
      return fail(
          about + " wrote a line that is no finding: " + line.substr(0, 200) + " (" + finding.error().what + ")",
          R"(a finding is {"severity":"error","at":"/devices/0","message":"…","hint":"…"})");
    errors = errors || finding->severity == Diagnostic::Severity::error;
    findings.push_back(std::move(*finding));
  }
  const int code = output->exit.code();
  if (code == (errors ? 1 : 0)) return findings;
  return fail(about + " " + output->exit.text() + last_line(*output),
              errors ? "with errors among its findings it exits with 1"
                     : "it exits with 0, or with 1 after at least one error on standard output");
}

process::Command check_command(const std::filesystem::path& executable, const std::string& options) {
  process::Command command;
  command.executable = executable;
  command.arguments = {"--check"};
  command.input = options;
  return command;
}

std::string check_name(const std::filesystem::path& executable) { return executable.string() + " --check"; }

}  // namespace

std::vector<std::filesystem::path> driver_folders(const std::filesystem::path& given) {
  std::vector<std::filesystem::path> folders;
  if (!given.empty()) folders.push_back(given);
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (!failed) folders.push_back(self.parent_path());
  folders.emplace_back("/usr/lib/weir/drivers");
  return folders;
}

std::vector<std::string> driver_kinds(const std::vector<std::filesystem::path>& folders) {
  std::set<std::string> kinds;
  for (const std::filesystem::path& folder : folders) {
    std::error_code failed;
    for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
      const std::string name = at->path().filename().string();
      if (name.starts_with(kPrefix) && ::access(at->path().c_str(), X_OK) == 0)
        kinds.insert(name.substr(kPrefix.size()));
    }
  }
  return {kinds.begin(), kinds.end()};
}

Result<std::filesystem::path> find_driver(std::string_view kind, const std::vector<std::filesystem::path>& folders) {
  // It becomes part of a path.
  const bool plain = !kind.empty() && std::ranges::all_of(kind, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (plain) {
    for (const std::filesystem::path& folder : folders) {
      std::filesystem::path candidate = folder / (std::string(kPrefix) + std::string(kind));
      std::error_code ignored;
      if (std::filesystem::is_regular_file(candidate, ignored) && ::access(candidate.c_str(), X_OK) == 0)
        return candidate;
    }
  }
  const std::vector<std::string> kinds = driver_kinds(folders);
  const std::vector<std::string_view> views(kinds.begin(), kinds.end());
  std::vector<std::string> looked;
  for (const std::filesystem::path& folder : folders) looked.push_back(folder.string());
  std::string hint = did_you_mean(kind, views);
  hint = kinds.empty() ? "there are no drivers there"
                       : (hint.empty() ? "" : hint + " ") + "There are: " + join(kinds, ", ");
  return fail("there is no driver of kind '" + std::string(kind) + "' in " + join(looked, ", "), hint);
}

Result<std::vector<Finding>> check(const std::filesystem::path& executable, const std::string& options,
                                   std::chrono::milliseconds most) {
  return findings_of(check_name(executable), process::run(check_command(executable, options), most));
}

void check(boost::asio::any_io_executor executor, const std::filesystem::path& executable, const std::string& options,
           std::function<void(Result<std::vector<Finding>>)> done, std::chrono::milliseconds most) {
  process::run(std::move(executor), check_command(executable, options), most,
               [done = std::move(done), about = check_name(executable)](const Result<process::Output>& output) {
                 done(findings_of(about, output));
               });
}

Result<std::string> schema(const std::filesystem::path& executable, std::chrono::milliseconds most) {
  process::Command command;
  command.executable = executable;
  command.arguments = {"--schema"};
  const auto output = process::run(std::move(command), most);
  if (!output) return std::unexpected(output.error());
  const std::string about = executable.string() + " --schema";
  if (!output->exit.ok()) return fail(about + " " + output->exit.text() + last_line(*output));
  std::string text = join(output->out, "\n");
  if (const auto parsed = parse_json(text); !parsed) return fail(about + " printed no JSON: " + parsed.error().what);
  return text;
}

}  // namespace weir::supervisor
