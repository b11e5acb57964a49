#include "process/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace weir::process {
namespace {

std::string reason(int number) { return std::generic_category().message(number); }

// Above 2, so that the child's dup2 to 0, 1 and 2 cannot overwrite one of these.
Descriptor above_standard(Descriptor fd) {
  if (!fd || fd.get() > 2) return fd;
  return Descriptor(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

bool make_pipe(Descriptor& ours, Descriptor& theirs) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return false;
  ours = above_standard(Descriptor(fds[0]));
  theirs = above_standard(Descriptor(fds[1]));
  return ours && theirs;
}

// A file in memory: the child reads at its own pace, and nobody has to feed a pipe.
Descriptor make_input(const std::string& input) {
  if (input.empty()) return above_standard(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  Descriptor fd = above_standard(Descriptor(::memfd_create("standard-input", MFD_CLOEXEC)));
  std::string_view rest = input;
  while (fd && !rest.empty()) {
    const ssize_t count = ::write(fd.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Descriptor();
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (fd) ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// Ours and what the command adds, without what systemd meant for us alone: a child must not feed our
// watchdog, and its standard error is not the journal.
std::vector<std::string> environment(const Command& command) {
  static constexpr std::string_view kOurs[] = {"NOTIFY_SOCKET", "WATCHDOG_PID",   "WATCHDOG_USEC", "LISTEN_PID",
                                               "LISTEN_FDS",    "LISTEN_FDNAMES", "JOURNAL_STREAM"};
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::find(kOurs, name) != std::end(kOurs)) continue;
    if (std::ranges::any_of(command.environment, [&](const auto& added) { return added.first == name; })) continue;
    out.emplace_back(text);
  }
  for (const auto& [name, value] : command.environment) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

struct Child {
  const char* executable;
  char* const* arguments;
  char* const* environment;
  int input, out, error, failure;
  pid_t parent;
};

// Between fork and exec, in a copy of a process with threads: system calls only.
[[noreturn]] void become(const Child& child) {
  const auto give_up = [&] {
    const int number = errno;
    [[maybe_unused]] const ssize_t told = ::write(child.failure, &number, sizeof number);
    ::_exit(127);
  };
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::setpgid(0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
  // The parent may have died before prctl: then nothing would tell us any more.
  if (::getppid() != child.parent) ::_exit(127);
  if (::dup2(child.input, 0) < 0 || ::dup2(child.out, 1) < 0 || ::dup2(child.error, 2) < 0) give_up();
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up();
  ::execve(child.executable, child.arguments, child.environment);
  give_up();
  ::_exit(127);
}

}  // namespace

Result<Spawned> spawn(const Command& command, bool with_out, bool with_error) {
  const std::string about = "cannot start " + command.executable.string() + ": ";
  const auto failed = [&] { return fail(about + reason(errno), "the system is short of files or memory"); };

  Spawned spawned;
  Descriptor out, error, failure, failure_theirs;
  const Descriptor input = make_input(command.input);
  const Descriptor null = above_standard(Descriptor(::open("/dev/null", O_WRONLY | O_CLOEXEC)));
  if (!input || !null || !make_pipe(failure, failure_theirs)) return failed();
  if (with_out && !make_pipe(spawned.out, out)) return failed();
  if (with_error && !make_pipe(spawned.error, error)) return failed();
  // Ours alone: O_NONBLOCK belongs to the open file, and the child's end is another one.
  for (const Descriptor* ours : {&spawned.out, &spawned.error})
    if (*ours) ::fcntl(ours->get(), F_SETFL, O_NONBLOCK);

  std::vector<std::string> arguments = command.arguments;
  arguments.insert(arguments.begin(), command.executable.string());
  std::vector<std::string> variables = environment(command);
  const std::vector<char*> argument_pointers = pointers(arguments);
  const std::vector<char*> variable_pointers = pointers(variables);
  const Child child{
      command.executable.c_str(),   argument_pointers.data(),         variable_pointers.data(), input.get(),
      out ? out.get() : null.get(), error ? error.get() : null.get(), failure_theirs.get(),     ::getpid()};

  // All signals wait until the child has put our handlers away: they would write into our pipes.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) become(child);
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    errno = fork_error;
    return failed();
  }

  spawned.pid = pid;
  failure_theirs.close();
  int number = 0;
  ssize_t count = 0;
  while ((count = ::read(failure.get(), &number, sizeof number)) < 0 && errno == EINTR) {
  }
  if (count == 0) {
    // Not pidfd_open(): glibc 2.36 declares it without C linkage.
    spawned.pidfd = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (spawned.pidfd) return spawned;
    number = errno;
    ::kill(-pid, SIGKILL);
  }
  ::waitpid(pid, nullptr, 0);
  std::string hint;
  if (number == ENOENT) {
    // For a script, the missing file may be its interpreter.
    struct stat found{};
    hint = ::stat(command.executable.c_str(), &found) == 0 ? "its interpreter is missing" : "is it installed?";
  } else if (number == EACCES) {
    hint = "is it executable, and may this user read it?";
  } else if (number == ENOEXEC) {
    hint = "a script needs #! in its first line; a program must be built for this machine";
  }
  return fail(about + reason(number), hint);
}

}  // namespace weir::process
