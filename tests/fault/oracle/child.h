// A process that the harness starts, kills and starts again. It dies with the harness.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace weir::oracle {

class Child {
 public:
  struct Command {
    std::filesystem::path executable;
    std::vector<std::string> arguments = {};
    std::vector<std::pair<std::string, std::string>> environment = {};  // on top of ours
    std::filesystem::path input = "/dev/null";
    std::filesystem::path output = "/dev/null";  // of all its lives, one after the other
  };

  explicit Child(Command command) : command_(std::move(command)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  void start();
  pid_t pid() const { return pid_; }
  bool running();  // false once it has ended, by whatever
  std::string how_it_ended() const;
  int end(int signal);  // sends it, and waits for the end; the status as of wait(2)
  int wait();           // for an end that somebody else sees to
  const std::filesystem::path& output() const { return command_.output; }

 private:
  Command command_;
  pid_t pid_ = -1;
  int status_ = 0;  // as of wait(2)
};

}  // namespace weir::oracle
