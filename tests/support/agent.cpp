#include "test_support/agent.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "control/client.h"

namespace weir::test {

using namespace std::chrono_literals;

void Agent::write(const std::filesystem::path& name, const std::string& text) const {
  std::filesystem::create_directories((folder_ / name).parent_path());
  std::ofstream(folder_ / name) << text;
}

process::Command Agent::command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.end(),
                   {"--config", (folder_ / "weir.yaml").string(), "--runtime-dir", (folder_ / "run").string()});
  return {.executable = bin_ / "weir", .arguments = std::move(arguments)};
}

process::Output Agent::run(std::vector<std::string> arguments) const {
  auto output = process::run(command(std::move(arguments)), 60s);
  if (!output) throw std::runtime_error(output.error().text());
  return std::move(*output);
}

void Agent::start() {
  process::Handlers handlers;
  handlers.error = [this](std::string_view line) { log_.emplace_back(line); };
  handlers.exited = [this](process::Exit exit) { exit_ = exit; };
  exit_.reset();
  auto started = process::Process::start(io_.get_executor(), command({"run"}), std::move(handlers));
  if (!started) throw std::runtime_error(started.error().text());
  process_ = std::move(*started);
}

bool Agent::stop(int number) {
  if (!running()) return true;
  signal(number);
  return until([&] { return exit_.has_value(); });
}

bool Agent::until(const std::function<bool()>& happened, std::chrono::seconds most) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!happened()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    io_.restart();
    io_.run_for(20ms);
  }
  return true;
}

Node Agent::ask(const std::string& verb) const {
  const auto answer = control::ask(folder_ / "run" / "control.sock", Node::object().set("do", verb), 10s);
  return answer ? *answer : Node();
}

std::int64_t Agent::number(std::initializer_list<std::string_view> path) const {
  const Node now = status();
  const Node* at = &now;
  for (const std::string_view key : path)
    if (at = at->find(key); at == nullptr) return 0;
  return at->as_int() != nullptr ? *at->as_int() : 0;
}

std::int64_t Agent::of_driver(std::string_view member) const {
  const Node now = status();
  const Node* drivers = now.find("drivers");
  if (drivers == nullptr || drivers->as_list() == nullptr || drivers->as_list()->empty()) return 0;
  const Node* value = drivers->as_list()->front().find(member);
  return value != nullptr && value->as_int() != nullptr ? *value->as_int() : 0;
}

std::string Agent::said() const {
  std::string out;
  for (const std::string& line : log_) out += line + "\n";
  return out;
}

bool Agent::logged(std::string_view part) const {
  return std::ranges::any_of(log_, [&](const std::string& line) { return line.find(part) != line.npos; });
}

}  // namespace weir::test
