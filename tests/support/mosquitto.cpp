#include "test_support/mosquitto.h"

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

// Paho's C library forgets some thirty bytes with each connection that breaks.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libpaho-mqtt3as\n"; }

namespace weir::test {
namespace {

std::string find_mosquitto() {
  for (const char* path : {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

}  // namespace

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool ok = ::bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  ::close(socket);
  if (!ok) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

bool Mosquitto::installed() { return !find_mosquitto().empty(); }

Mosquitto::Mosquitto(std::string config) : config_(std::move(config)) {
  // Somebody else may take a free port before mosquitto does.
  for (int tries = 1;; ++tries) {
    port_ = free_port();
    try {
      start();
      return;
    } catch (const std::runtime_error&) {
      if (tries == 5) throw;
    }
  }
}

Mosquitto::~Mosquitto() { end(SIGKILL); }

void Mosquitto::start() {
  if (running()) return;
  std::string config = "listener " + std::to_string(port_) + " 127.0.0.1\nlog_dest stderr\nlog_type all\n";
  config += "persistence_location " + folder_.path().string() + "/\n";
  if (::geteuid() == 0) config += "user root\n";  // else it could not read the test's folder
  if (config_.find("allow_anonymous") == config_.npos) config += "allow_anonymous true\n";
  const auto file = folder_ / "mosquitto.conf";
  if (const auto written = write_volatile_file(file, config + config_); !written) {
    throw std::runtime_error(written.error().text());
  }

  const auto program = find_mosquitto();
  int pipe[2];
  if (program.empty() || ::pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("cannot start mosquitto");
  const auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::dup2(pipe[1], STDERR_FILENO);
    ::execl(program.c_str(), "mosquitto", "-c", file.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(pipe[1]);
  {
    const std::lock_guard lock(mutex_);
    ready_ = ended_ = false;
  }
  reader_ = std::thread(&Mosquitto::read_log, this, pipe[0]);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_ || ended_; });
  if (ready_) return;
  const auto said = log_;
  lock.unlock();
  end(SIGKILL);
  throw std::runtime_error("mosquitto did not start: " + said);
}

void Mosquitto::read_log(int pipe) {
  char buffer[4096];
  std::size_t searched = log().size();
  for (ssize_t count; (count = ::read(pipe, buffer, sizeof buffer)) > 0;) {
    const std::lock_guard lock(mutex_);
    log_.append(buffer, static_cast<std::size_t>(count));
    if (!ready_ && log_.find(" running\n", searched) != log_.npos) ready_ = true;
    changed_.notify_all();
  }
  ::close(pipe);
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Mosquitto::end(int signal) {
  if (!running()) return;
  ::kill(pid_, signal);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  reader_.join();
}

void Mosquitto::kill() { end(SIGKILL); }
void Mosquitto::terminate() { end(SIGTERM); }

void Mosquitto::pause() {
  ::kill(pid_, SIGSTOP);
  ::waitpid(pid_, nullptr, WUNTRACED);
}

void Mosquitto::resume() { ::kill(pid_, SIGCONT); }

std::string Mosquitto::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace weir::test
