#include "rig.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/file.h"
#include "bus/limits.h"
#include "control/client.h"

namespace weir::bench {
namespace fs = std::filesystem;

namespace {

constexpr long kTmpfs = 0x01021994;
constexpr int kPatience = 60;  // s

}  // namespace

void give_up(const std::string& why) { throw GivenUp{why}; }

Folder::Folder(const fs::path& parent) {
  std::string name = (parent / "weir-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up("cannot make a folder in " + parent.string());
  path_ = name;
  struct statfs status{};
  if (::statfs(path_.c_str(), &status) == 0 && status.f_type == kTmpfs)
    std::fprintf(stderr, "weir-bench: %s is in memory: give a folder on a disk with --folder\n", parent.c_str());
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void in_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      work();
      ::_exit(0);
    } catch (const GivenUp& given_up) {
      std::fprintf(stderr, "weir-bench: %s\n", given_up.why.c_str());
      ::_exit(1);
    }
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) give_up("the store could not be filled");
}

AgentProcess::AgentProcess(const fs::path& folder, const std::string& config) : runtime_(folder / "run") {
  const fs::path executable = fs::read_symlink("/proc/self/exe").parent_path() / "weir";
  const fs::path file = folder / "weir.yaml", said = folder / "notify";
  if (::access(executable.c_str(), X_OK) != 0) give_up("there is no " + executable.string() + ": build it, too");
  need(write_volatile_file(file, config));
  fs::remove(said);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, said.c_str(), sizeof address.sun_path - 1);
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{kPatience, 0};
  if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    give_up("cannot listen on " + said.string());

  const pid_t parent = ::getpid();
  started_ = std::chrono::steady_clock::now();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::setenv("NOTIFY_SOCKET", said.c_str(), 1);
    ::execl(executable.c_str(), "weir", "run", "--log", "error", "--config", file.c_str(), "--runtime-dir",
            runtime_.c_str(), nullptr);
    ::_exit(127);
  }
}

AgentProcess::~AgentProcess() {
  kill();
  ::close(socket_);
}

std::chrono::nanoseconds AgentProcess::ready() {
  std::array<char, 512> text;
  for (;;) {
    const ssize_t size = ::recv(socket_, text.data(), text.size(), 0);
    if (size < 0) give_up("the agent was not ready within " + std::to_string(kPatience) + " s");
    if (std::string_view(text.data(), static_cast<std::size_t>(size)).find("READY=1") != std::string_view::npos)
      return std::chrono::steady_clock::now() - started_;
  }
}

void AgentProcess::kill() { end(SIGKILL); }
void AgentProcess::stop() { end(SIGTERM); }

Node AgentProcess::status() const {
  return need(control::ask(runtime_ / "control.sock", Node::object().set("do", "status")));
}

void AgentProcess::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

double cpu_time(pid_t pid) {
  double total = 0;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    double ran = 0;
    std::ifstream(task.path() / "schedstat") >> ran;
    total += ran;
  }
  return total;
}

Memory memory_of(pid_t pid) {
  Memory out;
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; file >> word;) {
    double kib = 0;
    if (word == "Pss:" && file >> kib) out.pss = kib * 1'024;
    if (word == "Private_Dirty:" && file >> kib) out.private_dirty = kib * 1'024;
  }
  return out;
}

std::vector<pid_t> family_of(pid_t pid) {
  std::vector<pid_t> out{pid};
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(out[i]) + "/task")) {
      std::ifstream children(task.path() / "children");
      for (pid_t child = 0; children >> child;) out.push_back(child);
    }
  }
  return out;
}

void drop_caches(Report& report) {
  ::sync();
  std::ofstream drop("/proc/sys/vm/drop_caches");
  if (!(drop << "3" << std::flush)) report.note("caches are warm: dropping them needs root");
}

std::string default_config(const std::string& drivers, const std::string& store, const std::string& more) {
  std::string out = need(read_file(WEIR_DEFAULT_CONFIG, 1 << 20));
  const std::string head = "drivers:\n";
  const std::size_t at = out.find(head);
  if (at == std::string::npos) give_up("the default config has no drivers:");
  out.insert(at + head.size(), drivers);
  return out + "\nstore: {" + store + "}\n" + more;
}

std::string broker_config() {
  return "log_type none\nlog_type error\nlog_type information\npersistence false\nsys_interval 0\nset_tcp_nodelay "
         "true\n"
         "max_queued_messages " +
         std::to_string(bus::kBrokerQueue) + "\nmax_queued_bytes " + std::to_string(bus::kBrokerQueueBytes) +
         "\nmax_inflight_messages " + std::to_string(bus::kBrokerInflight) + "\nmax_packet_size " +
         std::to_string(bus::kBrokerPacket) + "\n";
}

}  // namespace weir::bench
