#include "process/process.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "process/lines.h"
#include "process/spawn.h"

namespace weir::process {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// What is read of one pipe at once, and then no more for a while: a child that writes without end costs
// us some 1 MiB/s, and waits for the rest.
constexpr std::size_t kAtOnce = 64 << 10;
constexpr std::chrono::milliseconds kPause{50};

class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(const asio::any_io_executor& executor, Descriptor fd, std::size_t longest_line, LineCutter::Handler line)
      : stream_(executor, fd.release()), pause_(executor), lines_(longest_line), line_(std::move(line)) {}

  void start() {
    stream_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](error_code failed) {
      if (failed || !self->stream_.is_open()) return;
      switch (self->read()) {
        case More::none: return self->start();
        case More::likely: return self->wait();
        case More::never: return self->close();
      }
    });
  }

  // Everything that is there now, for the end.
  void drain() {
    if (stream_.is_open()) read();
    close();
  }

  void close() {
    lines_.finish(line_);
    silence();
  }

  // No line comes any more.
  void silence() {
    error_code ignored;
    stream_.close(ignored);
    pause_.cancel();
  }

 private:
  enum class More { none, likely, never };

  More read() {
    char buffer[4096];
    for (std::size_t total = 0; total < kAtOnce;) {
      const ssize_t count = ::read(stream_.native_handle(), buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return More::none;
      if (count <= 0) return More::never;
      total += static_cast<std::size_t>(count);
      lines_.feed({buffer, static_cast<std::size_t>(count)}, line_);
    }
    return More::likely;
  }

  void wait() {
    pause_.expires_after(kPause);
    pause_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled && self->stream_.is_open()) self->start();
    });
  }

  asio::posix::stream_descriptor stream_;
  asio::steady_timer pause_;
  LineCutter lines_;
  LineCutter::Handler line_;
};

}  // namespace

int Exit::code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

std::string Exit::text() const {
  if (!WIFSIGNALED(status)) return "exited with " + std::to_string(WEXITSTATUS(status));
  const int number = WTERMSIG(status);
  const char* name = ::sigabbrev_np(number);
  const char* description = ::sigdescr_np(number);
  if (name == nullptr || description == nullptr) return "killed by signal " + std::to_string(number);
  std::string words = description;
  if (!words.empty() && words.size() > 1 && words[1] >= 'a') words[0] = static_cast<char>(words[0] | 0x20);
  return std::string("killed by SIG") + name + " (" + words + ")";
}

struct Process::Life : std::enable_shared_from_this<Process::Life> {
  Life(const asio::any_io_executor& executor, pid_t child, Descriptor pidfd, std::function<void(Exit)> on_exit)
      : pid(child), watch(executor, pidfd.release()), grace(executor), exited(std::move(on_exit)) {}

  ~Life() {
    if (!running) return;
    // The executor is gone before the child: it still must not stay behind, not even as a zombie.
    ::kill(-pid, SIGKILL);
    pollfd end{watch.native_handle(), POLLIN, 0};
    ::poll(&end, 1, 1'000);
    ::waitpid(pid, nullptr, WNOHANG);
  }

  void start() {
    watch.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](error_code failed) {
      if (!failed) self->end();
    });
  }

  void end() {
    // What it left behind, while its number is still taken by the unreaped child.
    ::kill(-pid, SIGKILL);
    Exit exit;
    while (::waitpid(pid, &exit.status, 0) < 0 && errno == EINTR) {
    }
    running = false;
    grace.cancel();
    for (const auto& pipe : {out, error})
      if (pipe) abandoned ? pipe->silence() : pipe->drain();
    if (!abandoned && exited) std::exchange(exited, nullptr)(exit);
  }

  void abandon() {
    abandoned = true;
    for (const auto& pipe : {out, error})
      if (pipe) pipe->silence();
    if (running) ::kill(-pid, SIGKILL);
  }

  pid_t pid;
  bool running = true;
  bool abandoned = false;
  asio::posix::stream_descriptor watch;
  asio::steady_timer grace;
  std::shared_ptr<Pipe> out, error;
  std::function<void(Exit)> exited;
};

Result<std::unique_ptr<Process>> Process::start(asio::any_io_executor executor, const Command& command,
                                                Handlers handlers) {
  auto spawned = spawn(command, handlers.out != nullptr, handlers.error != nullptr);
  if (!spawned) return std::unexpected(spawned.error());
  auto life = std::make_shared<Life>(executor, spawned->pid, std::move(spawned->pidfd), std::move(handlers.exited));
  const auto pipe = [&](Descriptor fd, std::function<void(std::string_view)> line) -> std::shared_ptr<Pipe> {
    if (!fd) return nullptr;
    auto made = std::make_shared<Pipe>(executor, std::move(fd), command.longest_line, std::move(line));
    made->start();
    return made;
  };
  life->out = pipe(std::move(spawned->out), std::move(handlers.out));
  life->error = pipe(std::move(spawned->error), std::move(handlers.error));
  life->start();
  return std::unique_ptr<Process>(new Process(std::move(life)));
}

Process::~Process() { life_->abandon(); }

pid_t Process::pid() const { return life_->pid; }
bool Process::running() const { return life_->running; }

void Process::signal(int number) {
  if (life_->running) ::kill(life_->pid, number);
}

void Process::terminate(std::chrono::milliseconds grace) {
  if (!life_->running) return;
  ::kill(-life_->pid, SIGTERM);
  life_->grace.expires_after(grace);
  life_->grace.async_wait([life = std::weak_ptr(life_)](error_code cancelled) {
    const auto alive = life.lock();
    if (!cancelled && alive && alive->running) ::kill(-alive->pid, SIGKILL);
  });
}

}  // namespace weir::process
