#include "supervisor/supervisor.h"

#include <map>

#include <gmock/gmock.h>

#include "../process/scripts.h"
#include "test_support/wait.h"

namespace weir::supervisor {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class SupervisorTest : public testing::Test {
 protected:
  SupervisorOptions quick() {
    return {
        .first_backoff = 1ms, .most_backoff = 40ms, .grace = 20'000ms, .stable_after = 60'000ms, .loop_deaths = 5};
  }
  Spec spec(const std::string& name, const std::string& body) {
    return {.name = name,
            .executable = test::script(folder, name + ".sh", body),
            .arguments = {},
            .environment = {},
            .options = "{}"};
  }
  static DriverProcess of(const Supervisor& supervisor, const std::string& name) {
    for (const DriverProcess& driver : supervisor.states())
      if (driver.name == name) return driver;
    return {};
  }
  bool until(const std::function<bool()>& happened) { return test::wait_until(io, happened); }
  void stop(Supervisor& supervisor) {
    bool stopped = false;
    supervisor.stop([&] { stopped = true; });
    EXPECT_TRUE(until([&] { return stopped; }));
    EXPECT_TRUE(supervisor.states().empty());
  }

  boost::asio::io_context io;
  SystemClock clock;
  test::TempDir folder;
};

const std::string kRuns = "echo up >&2; exec sleep 1000";

TEST_F(SupervisorTest, StartsByTheContract) {
  const auto path =
      test::script(folder, "weir-driver-x", R"sh(echo "$*|$WEIR_BUS_PASSWORD|$(cat)" >&2; exec sleep 1000)sh");
  const Spec by_contract = driver_spec("boiler", path, R"({"port":502})", "mqtt://127.0.0.1:1883", "secret");
  EXPECT_THAT(by_contract.arguments, testing::Not(testing::Contains("secret")));
  Supervisor supervisor(io.get_executor(), clock, quick());
  supervisor.apply({by_contract});
  ASSERT_TRUE(until([&] { return !of(supervisor, "boiler").last_line.empty(); }));
  EXPECT_EQ(of(supervisor, "boiler").last_line, R"(--name boiler --bus mqtt://127.0.0.1:1883|secret|{"port":502})");
  EXPECT_EQ(of(supervisor, "boiler").state, State::running);
  stop(supervisor);
}

TEST_F(SupervisorTest, ApplyTouchesOnlyWhatChanged) {
  Supervisor supervisor(io.get_executor(), clock, quick());
  Spec same = spec("same", kRuns), changes = spec("changes", kRuns), goes = spec("goes", kRuns);
  supervisor.apply({same, changes, goes});
  const pid_t same_pid = of(supervisor, "same").pid, changes_pid = of(supervisor, "changes").pid,
              goes_pid = of(supervisor, "goes").pid;
  ASSERT_GT(same_pid, 0);
  changes.options = R"({"port":503})";
  supervisor.apply({same, changes, spec("comes", kRuns)});
  ASSERT_TRUE(until([&] {
    const DriverProcess now = of(supervisor, "changes");
    return now.pid > 0 && now.pid != changes_pid && of(supervisor, "goes").name.empty();
  }));
  EXPECT_EQ(of(supervisor, "same").pid, same_pid);
  EXPECT_TRUE(test::alive(same_pid));
  EXPECT_FALSE(test::alive(changes_pid));
  EXPECT_FALSE(test::alive(goes_pid));
  EXPECT_GT(of(supervisor, "comes").pid, 0);
  stop(supervisor);
}

TEST_F(SupervisorTest, StartsAgainWhatEnds) {
  Supervisor supervisor(io.get_executor(), clock, quick());
  supervisor.apply({spec("d", kRuns)});
  const pid_t first = of(supervisor, "d").pid;
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  ASSERT_TRUE(
      until([&] { return of(supervisor, "d").restarts == 1 && of(supervisor, "d").state == State::running; }));
  EXPECT_NE(of(supervisor, "d").pid, first);
  EXPECT_EQ(of(supervisor, "d").last_exit, "killed by SIGKILL (killed)");
  stop(supervisor);
}

TEST_F(SupervisorTest, StartsAgainWhatEndsWithZero) {
  Supervisor supervisor(io.get_executor(), clock, quick());
  supervisor.apply({spec("d", "exit 0")});
  ASSERT_TRUE(until([&] { return of(supervisor, "d").restarts >= 2; }));
  EXPECT_EQ(of(supervisor, "d").last_exit, "exited with 0");
  stop(supervisor);
}

TEST_F(SupervisorTest, ACrashLoopDisturbsNobodyElse) {
  SupervisorOptions options = quick();
  options.most_backoff = 1h;  // once in the loop it stays there for the rest of the test
  options.first_backoff = 1ms;
  Supervisor supervisor(io.get_executor(), clock, options);
  supervisor.apply({spec("bad", "echo '<3>no such port' >&2; exit 7"), spec("good", kRuns)});
  ASSERT_TRUE(until([&] { return of(supervisor, "bad").state == State::crash_loop; }));
  const DriverProcess bad = of(supervisor, "bad");
  EXPECT_EQ(bad.restarts, 4U);
  EXPECT_EQ(bad.last_exit, "exited with 7");
  EXPECT_EQ(bad.last_line, "no such port");
  EXPECT_GE(bad.next_try, clock.now() + 25 * kMinute);  // the slow end
  EXPECT_LE(bad.next_try, clock.now() + kHour);

  const pid_t first = of(supervisor, "good").pid;
  ::kill(first, SIGKILL);
  ASSERT_TRUE(until([&] { return of(supervisor, "good").restarts == 1; }));
  EXPECT_EQ(of(supervisor, "bad").restarts, 4U);
  stop(supervisor);
}

TEST_F(SupervisorTest, LeavesTheCrashLoopWhenItHolds) {
  SupervisorOptions options = quick();
  options.stable_after = 300ms;
  Supervisor supervisor(io.get_executor(), clock, options);
  supervisor.apply({spec("d", "[ -e \"$0.ok\" ] && exec sleep 1000; exit 1")});
  ASSERT_TRUE(until([&] { return of(supervisor, "d").state == State::crash_loop; }));
  std::ofstream(folder / "d.sh.ok") << "";
  ASSERT_TRUE(until([&] { return of(supervisor, "d").state == State::running; }));
  EXPECT_GT(of(supervisor, "d").pid, 0);
  stop(supervisor);
}

TEST_F(SupervisorTest, ANewSpecEndsTheWaiting) {
  SupervisorOptions options = quick();
  options.first_backoff = options.most_backoff = 1h;
  Supervisor supervisor(io.get_executor(), clock, options);
  supervisor.apply({spec("d", "exit 1")});
  ASSERT_TRUE(until([&] { return of(supervisor, "d").state == State::backing_off; }));
  Spec mended = spec("d", kRuns);
  mended.options = R"({"mended":true})";
  supervisor.apply({mended});
  EXPECT_EQ(of(supervisor, "d").state, State::running);
  EXPECT_EQ(of(supervisor, "d").next_try, 0);
  stop(supervisor);
}

TEST_F(SupervisorTest, AMissingExecutableIsRetriedAndSaid) {
  Supervisor supervisor(io.get_executor(), clock, quick());
  supervisor.apply({{.name = "d", .executable = folder / "none", .arguments = {}, .environment = {}, .options = {}}});
  ASSERT_TRUE(until([&] { return of(supervisor, "d").state == State::crash_loop; }));
  EXPECT_THAT(of(supervisor, "d").last_exit, HasSubstr("No such file"));
  stop(supervisor);
}

TEST_F(SupervisorTest, RemovedAndWantedAgainWhileItStops) {
  Supervisor supervisor(io.get_executor(), clock, quick());
  const Spec driver = spec("d", kRuns);
  supervisor.apply({driver});
  const pid_t first = of(supervisor, "d").pid;
  supervisor.apply({});
  EXPECT_EQ(of(supervisor, "d").state, State::stopped);
  supervisor.apply({driver});
  ASSERT_TRUE(until([&] { return of(supervisor, "d").state == State::running; }));
  EXPECT_NE(of(supervisor, "d").pid, first);
  stop(supervisor);
}

TEST_F(SupervisorTest, AFloodOfOutputKeepsTheOthersGoing) {
  Supervisor supervisor(io.get_executor(), clock, quick());
  supervisor.apply({spec("loud", "exec yes >&2"), spec("d", kRuns)});
  ASSERT_TRUE(until([&] { return of(supervisor, "loud").last_line == "y"; }));
  const pid_t first = of(supervisor, "d").pid;
  ::kill(first, SIGKILL);
  ASSERT_TRUE(until([&] { return of(supervisor, "d").restarts == 1; }));
  stop(supervisor);
}

}  // namespace
}  // namespace weir::supervisor
