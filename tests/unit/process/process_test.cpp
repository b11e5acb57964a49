#include "process/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include <gmock/gmock.h>
#include <boost/asio/post.hpp>

#include "scripts.h"
#include "test_support/wait.h"

namespace weir::process {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class ProcessTest : public testing::Test {
 protected:
  std::unique_ptr<Process> start(Command command) {
    auto started = Process::start(io.get_executor(), command,
                                  {.out = [this](std::string_view line) { out.emplace_back(line); },
                                   .error = [this](std::string_view line) { error.emplace_back(line); },
                                   .exited = [this](Exit how) { exit = how; }});
    EXPECT_TRUE(started) << started.error().text();
    return started ? std::move(*started) : nullptr;
  }
  std::unique_ptr<Process> start_shell(const std::string& text) {
    return start({.executable = "/bin/sh", .arguments = {"-c", text}});
  }
  bool ended() {
    return test::wait_until(io, [this] { return exit.has_value(); });
  }

  boost::asio::io_context io;
  test::TempDir folder;
  std::vector<std::string> out, error;
  std::optional<Exit> exit;
};

TEST_F(ProcessTest, GivesArgumentsEnvironmentAndInput) {
  Command command{
      .executable = test::script(folder, "driver", R"(echo "$1|$2|$WEIR_X"; cat; echo wrong >&2; exit 3)"),
      .arguments = {"a b", "*"},
      .environment = {{"WEIR_X", "x=y"}},
      .input = std::string(200'000, 'i')};
  command.longest_line = 1 << 20;
  const auto process = start(command);
  ASSERT_TRUE(ended());
  EXPECT_THAT(out, ElementsAre("a b|*|x=y", command.input));
  EXPECT_THAT(error, ElementsAre("wrong"));
  EXPECT_EQ(exit->text(), "exited with 3");
  EXPECT_EQ(exit->code(), 3);
  EXPECT_FALSE(process->running());
}

TEST_F(ProcessTest, SaysWhichSignalKilledIt) {
  const auto process = start_shell("kill -SEGV $$");
  ASSERT_TRUE(ended());
  EXPECT_EQ(exit->text(), "killed by SIGSEGV (segmentation fault)");
  EXPECT_EQ(exit->code(), -1);
}

TEST_F(ProcessTest, SaysWhyItCannotStart) {
  const auto start_error = [&](const std::filesystem::path& path) {
    const auto started = Process::start(io.get_executor(), {.executable = path}, {});
    return started ? std::string("started") : started.error().text();
  };
  EXPECT_THAT(start_error(folder / "none"), HasSubstr("No such file"));
  std::ofstream(folder / "data") << "x";
  EXPECT_THAT(start_error(folder / "data"), HasSubstr("executable"));
  std::ofstream(folder / "orphan") << "#!/no/such/shell\n";
  ::chmod((folder / "orphan").c_str(), 0755);
  EXPECT_THAT(start_error(folder / "orphan"), HasSubstr("interpreter"));
}

TEST_F(ProcessTest, InheritsNothingOfOurs) {
  const int fd = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a careless library opens files
  ASSERT_GE(fd, 3);
  ::setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
  const auto process = start_shell("ls /proc/self/fd | tr '\\n' ' '; echo \"[$NOTIFY_SOCKET]\"");
  ASSERT_TRUE(ended());
  ::close(fd);
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_THAT(out, ElementsAre("0 1 2 3 []"));  // 3 is the folder that ls itself reads
}

TEST_F(ProcessTest, StartsWithNoSignalBlocked) {
  // Without a shell in between: that would unblock them itself.
  const auto process = start({.executable = "/bin/grep", .arguments = {"SigBlk", "/proc/self/status"}});
  ASSERT_TRUE(ended());
  EXPECT_THAT(out, ElementsAre("SigBlk: 0000000000000000"));
}

TEST_F(ProcessTest, EndsOnSigterm) {
  const auto process = start_shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(test::wait_until(io, [&] { return !out.empty(); }));
  process->terminate(20s);
  ASSERT_TRUE(ended());
  EXPECT_THAT(out, ElementsAre("up", "bye"));
  EXPECT_TRUE(exit->ok());
}

TEST_F(ProcessTest, IsKilledAfterTheGrace) {
  const auto process = start_shell("trap '' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(test::wait_until(io, [&] { return !out.empty(); }));
  const auto began = std::chrono::steady_clock::now();
  process->terminate(100ms);
  ASSERT_TRUE(ended());
  EXPECT_GE(std::chrono::steady_clock::now() - began, 100ms);
  EXPECT_EQ(exit->text(), "killed by SIGKILL (killed)");
}

TEST_F(ProcessTest, TakesItsOwnChildrenWithIt) {
  const auto process = start_shell("sleep 1000 & echo $!; exit 0");
  ASSERT_TRUE(ended());
  ASSERT_EQ(out.size(), 1U);
  const pid_t left = std::stoi(out[0]);
  EXPECT_TRUE(test::wait_until(io, [&] {
    boost::asio::post(io, [] {});
    return !test::alive(left);
  }));
}

TEST_F(ProcessTest, IsKilledWhenItIsDestroyed) {
  auto process = start_shell("echo up; sleep 1000");
  ASSERT_TRUE(test::wait_until(io, [&] { return !out.empty(); }));
  const pid_t pid = process->pid();
  process.reset();
  EXPECT_TRUE(test::wait_until(io, [&] {
    boost::asio::post(io, [] {});
    return ::kill(pid, 0) != 0;
  }));  // reaped, too
  EXPECT_FALSE(exit.has_value());
}

TEST_F(ProcessTest, IsKilledWhenTheExecutorGoesFirst) {
  pid_t pid = 0;
  {
    boost::asio::io_context short_lived;
    auto started =
        Process::start(short_lived.get_executor(), {.executable = "/bin/sleep", .arguments = {"1000"}}, {});
    ASSERT_TRUE(started);
    pid = (*started)->pid();
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(ProcessTest, DiesWithAnAgentThatIsKilled) {
  // A helper process plays the agent: it starts a child, tells its number, and is killed.
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t agent = ::fork();
  if (agent == 0) {
    boost::asio::io_context own;
    const auto child = Process::start(own.get_executor(), {.executable = "/bin/sleep", .arguments = {"1000"}}, {});
    const pid_t pid = child ? (*child)->pid() : -1;
    if (::write(report[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    own.run();
    ::_exit(0);
  }
  pid_t child = 0;
  ASSERT_EQ(::read(report[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ASSERT_GT(child, 0);
  ASSERT_TRUE(test::alive(child));
  ::kill(agent, SIGKILL);
  ::waitpid(agent, nullptr, 0);
  EXPECT_TRUE(test::wait_until(io, [&] {
    boost::asio::post(io, [] {});
    return !test::alive(child);
  }));
  ::close(report[0]);
  ::close(report[1]);
}

TEST_F(ProcessTest, AFloodIsReadSlowly) {
  std::size_t bytes = 0;
  auto started = Process::start(io.get_executor(), {.executable = "/usr/bin/yes", .longest_line = 10},
                                {.out = [&](std::string_view line) { bytes += line.size() + 1; }});
  ASSERT_TRUE(started) << started.error().text();
  io.run_for(500ms);
  EXPECT_GT(bytes, 64'000U);
  EXPECT_LT(bytes, 1'000'000U);  // yes(1) itself writes gigabytes a second
}

TEST(Run, CollectsOrGivesUp) {
  const auto output =
      run({.executable = "/bin/sh", .arguments = {"-c", "cat; echo e >&2; exit 2"}, .input = "in\n"}, 10s);
  ASSERT_TRUE(output) << output.error().text();
  EXPECT_THAT(output->out, ElementsAre("in"));
  EXPECT_THAT(output->error, ElementsAre("e"));
  EXPECT_EQ(output->exit.code(), 2);

  const auto slow = run({.executable = "/bin/sleep", .arguments = {"1000"}}, 50ms);
  ASSERT_FALSE(slow);
  EXPECT_THAT(slow.error().text(), HasSubstr("took longer than 50ms"));
  EXPECT_FALSE(run({.executable = "/no/such"}, 1s));
}

TEST(FindExecutable, LooksInPathAndBeyond) {
  EXPECT_EQ(find_executable("sh").filename(), "sh");
  EXPECT_TRUE(find_executable("no-such-program-here").empty());
}

}  // namespace
}  // namespace weir::process
