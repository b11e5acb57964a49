// What measuring the whole agent takes: a folder on a real disk, the agent as a process, what a process
// costs, and a mosquitto set up as the managed one is.
//
// Whatever fails ends weir-bench with a word, and leaves nothing behind: half a measurement is none.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/document.h"
#include "base/error.h"
#include "bench.h"

namespace weir::bench {

struct GivenUp {
  std::string why;
};
[[noreturn]] void give_up(const std::string& why);  // throws GivenUp, for main()

template <class T>
T need(Result<T> result) {
  if (!result) give_up(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A folder that goes away. Says so if it is in memory: a commit there costs nothing.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& parent);
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Does `work` in a child that then ends as if it were killed: nothing is closed, nothing tidied up.
void in_child(const std::function<void()>& work);

// The agent beside this executable, with `config` as its weir.yaml in `folder`, where its runtime folder
// is, too. Killed at the end of its life.
class AgentProcess {
 public:
  AgentProcess(const std::filesystem::path& folder, const std::string& config);
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;
  ~AgentProcess();

  // Until it says READY=1, as systemd would hear it; how long that took since exec.
  std::chrono::nanoseconds ready();

  pid_t pid() const { return pid_; }
  void kill();
  void stop();  // in order

  Node status() const;  // as `weir status --json`

 private:
  void end(int signal);

  std::filesystem::path runtime_;
  pid_t pid_ = -1;
  int socket_ = -1;
  std::chrono::steady_clock::time_point started_;
};

// User and system time of all threads of a process, ns.
double cpu_time(pid_t pid);

struct Memory {
  double pss = 0, private_dirty = 0;  // bytes
};
Memory memory_of(pid_t pid);

// A process and all that descend from it.
std::vector<pid_t> family_of(pid_t pid);

// What files have in memory is forgotten, if that is allowed here.
void drop_caches(Report& report);

// packaging/default/weir.yaml, with what stands below `drivers:` and within `store: {…}`, and at its end.
std::string default_config(const std::string& drivers, const std::string& store, const std::string& more = "");

// For test::Mosquitto: limits as the managed broker has them, and a log that does not slow it down.
std::string broker_config();

}  // namespace weir::bench
