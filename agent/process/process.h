// A child process: started without a shell, read line by line, stopped in order, never outlived by it.
//
// Each child leads a process group of its own and dies with the thread that started it
// (PR_SET_PDEATHSIG), so also when the agent gets SIGKILL. That thread therefore must live as long as
// the child is wanted: the I/O thread. What a child started itself is killed when the child ends, but
// not when the agent is killed; under systemd the unit's cgroup takes care of that.
//
// Waiting is by pidfd (pidfd_open(2)): there is no SIGCHLD handler and nobody else's child is reaped.
//
// All functions are called, and all handlers run, on the executor that the process was started with.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/error.h"

namespace weir::process {

struct Command {
  std::filesystem::path executable;  // a path; PATH is not searched (see find_executable)
  std::vector<std::string> arguments = {};
  std::vector<std::pair<std::string, std::string>> environment = {};  // on top of ours
  std::string input = {};                                             // standard input; empty: /dev/null
  std::size_t longest_line = 4096;                                    // bytes; what is beyond is cut off
};

struct Exit {
  int status = 0;  // as wait(2) has it

  bool ok() const { return status == 0; }
  int code() const;          // exit code; -1 if a signal killed it
  std::string text() const;  // "exited with 3", "killed by SIGSEGV (segmentation fault)"
};

// A handler may not destroy the Process, except for `exited`, which may.
struct Handlers {
  std::function<void(std::string_view)> out = {};    // a line of standard output, without its end; control
  std::function<void(std::string_view)> error = {};  // characters are blanked. Unset: thrown away
  std::function<void(Exit)> exited = {};             // the last: all lines came before
};

class Process {
 public:
  // An error if there is no such executable or it cannot be executed; then no handler is called.
  static Result<std::unique_ptr<Process>> start(boost::asio::any_io_executor executor, const Command& command,
                                                Handlers handlers);

  // Kills it if it still runs; no handler is called after that.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const;
  bool running() const;  // false from just before `exited` on

  void signal(int number);                          // to the child alone, not to its group
  void terminate(std::chrono::milliseconds grace);  // SIGTERM to the group, after `grace` SIGKILL

 private:
  struct Life;
  explicit Process(std::shared_ptr<Life> life) : life_(std::move(life)) {}
  std::shared_ptr<Life> life_;
};

// What a short run of a command gave.
struct Output {
  Exit exit;
  std::vector<std::string> out;  // lines
  std::vector<std::string> error;
};

// Runs a command to its end and collects what it says, up to 1 MiB (the rest is thrown away). An error
// if it cannot be started or takes longer than `most`; then it is killed.
void run(boost::asio::any_io_executor executor, Command command, std::chrono::milliseconds most,
         std::function<void(Result<Output>)> done);

// The same, blocking, on the caller's thread.
Result<Output> run(Command command, std::chrono::milliseconds most);

// `name` in the folders of PATH and then in `more`; empty if there is none.
std::filesystem::path find_executable(std::string_view name, const std::vector<std::filesystem::path>& more = {});

}  // namespace weir::process
