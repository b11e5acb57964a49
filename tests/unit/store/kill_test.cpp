// A process that is killed with SIGKILL in the middle of its work loses nothing that it was told is
// committed, and leaves nothing half done.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "base/random.h"
#include "folder.h"

namespace weir::store {
namespace {

constexpr int kRounds = 25;

std::string body_of(LogId id) { return "raw " + std::to_string(id) + std::string(id * 7'919 % 20'000, 'x'); }

// What the child does until it is killed: tells each id only when its commit returned.
[[noreturn]] void work(const Options& options, const Clock& clock, int pipe) {
  auto opened = Database::open(options, clock);
  if (!opened) ::_exit(1);
  Database& database = **opened;
  for (LogId id = database.stats().last + 1;; ++id) {
    Transaction transaction;
    transaction.commit = "commit " + std::to_string(id);
    transaction.raw = body_of(id);
    transaction.outputs = {{Stream::derived, "derived " + std::to_string(id)}};
    transaction.time = 1;
    const auto committed = database.commit(transaction);
    if (!committed || committed->id != id) ::_exit(2);
    if (::write(pipe, &id, sizeof id) != sizeof id) ::_exit(3);
    if (id % 7 == 0 && !database.save_snapshot({id, "state " + std::to_string(id)})) ::_exit(4);
    if (id % 11 == 0 && (!database.acknowledge("cloud", Stream::raw, id - 5) || !database.trim())) ::_exit(5);
    if (id % 50 == 0 && !database.tidy()) ::_exit(6);
  }
}

class KillTest : public StoreTest {};

TEST_F(KillTest, NothingThatWasToldIsLost) {
  std::uint64_t seed = 20'251'121;
  LogId told = 0;
  std::string incarnation;
  for (int round = 0; round < kRounds; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      work(options_, clock_, ends[1]);
    }
    ::close(ends[1]);
    // Lets it live for a random number of commits and a random part of the next.
    const std::uint64_t commits = 1 + split_mix(seed) % 60;
    for (std::uint64_t i = 0; i < commits; ++i)
      ASSERT_EQ(::read(ends[0], &told, sizeof told), 8) << "the child gave up";
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(split_mix(seed) % 2'000);
    while (std::chrono::steady_clock::now() < until) {
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child gave up with " << WEXITSTATUS(status);
    for (LogId id = 0; ::read(ends[0], &id, sizeof id) == sizeof id;) told = id;
    ::close(ends[0]);

    open();
    ASSERT_NE(database_, nullptr);
    ASSERT_TRUE(database_->notes().empty()) << database_->notes()[0];
    if (round == 0) incarnation = database_->incarnation();
    ASSERT_EQ(database_->incarnation(), incarnation);
    const Stats stats = database_->stats();
    ASSERT_GE(stats.last, told);
    ASSERT_LE(stats.last, told + 1);
    ASSERT_THAT(verify(), testing::IsEmpty());
    for (const LogRow& row : rows()) {
      ASSERT_EQ(row.commit, "commit " + std::to_string(row.id));
      ASSERT_EQ(row.raw, body_of(row.id));
      ASSERT_EQ(row.raw_seq, row.id);
    }
    for (const Record& record : fetch(Stream::derived, 0, 100 << 20))
      ASSERT_EQ(record.body, "derived " + std::to_string(record.seq));
    ASSERT_EQ(stats.streams[1].last, stats.last);
    if (const auto snapshot = database_->newest_snapshot().value()) {
      ASSERT_EQ(snapshot->state, "state " + std::to_string(snapshot->at));
      ASSERT_GE(snapshot->at + 1, stats.first);
    }
    database_.reset();
  }
}

}  // namespace
}  // namespace weir::store
