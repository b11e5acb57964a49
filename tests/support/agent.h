// The built agent in a folder of a test's own: its files, its log and its status. It ends with the test.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/document.h"
#include "process/process.h"
#include "test_support/temp_dir.h"

namespace weir::test {

class Agent {
 public:
  // `bin`: where the executable weir is, and the drivers. Nothing runs yet.
  Agent(boost::asio::io_context& io, std::filesystem::path bin) : io_(io), bin_(std::move(bin)) {}

  std::filesystem::path operator/(const std::filesystem::path& name) const { return folder_ / name; }
  void write(const std::filesystem::path& name, const std::string& text) const;  // a file of its folder

  // weir with these arguments, as its users run it beside this agent, to its end; throws if it cannot be run.
  process::Output run(std::vector<std::string> arguments) const;

  void start();  // with weir.yaml; throws if it cannot be run
  void signal(int number) { process_->signal(number); }
  bool stop(int signal = SIGTERM);  // whether it is gone, also if it never ran
  bool running() const { return process_ && process_->running(); }
  const std::optional<process::Exit>& exit() const { return exit_; }  // of the last life; none: it lives

  // Runs the io_context, and asks every few milliseconds: what happens in another process is not heard of.
  bool until(const std::function<bool()>& happened, std::chrono::seconds most = std::chrono::seconds(20));

  Node ask(const std::string& verb) const;  // over the control socket; null: no answer
  Node status() const { return ask("status"); }
  std::int64_t number(std::initializer_list<std::string_view> path) const;  // of the status; 0 if it is not there yet
  std::int64_t of_driver(std::string_view member) const;  // of the first one's status; 0 if there is none yet

  const std::vector<std::string>& log() const { return log_; }
  std::string said() const;  // all of it
  bool logged(std::string_view part) const;
  void forget_log() { log_.clear(); }

 private:
  process::Command command(std::vector<std::string> arguments) const;

  boost::asio::io_context& io_;
  std::filesystem::path bin_;
  TempDir folder_;
  std::unique_ptr<process::Process> process_;
  std::optional<process::Exit> exit_;
  std::vector<std::string> log_;
};

}  // namespace weir::test
