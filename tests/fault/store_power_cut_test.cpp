// The power is cut in the middle of the store's work, on a real file system, which is then mounted
// again. Whatever was told to be committed must be there, and nothing half done. This models writes that were not
// synced and are lost; such that are torn or out of order are simulated in tests/unit/store.
//
// Most cuts are made by the process that works, from below SQLite, at a call to the disk in the middle of what is
// to be hit: nothing is under way then, and what had been told is exact. The others come from outside at any
// instant. There a commit counts as told if it had returned before the ioctl was called. One that returns while
// the ioctl is at work may be lost: fdatasync() looks whether the file system is shut down when it begins, and
// ends well if its journal transaction was not needed or already written, though the end of its data I/O met the
// shutdown. With real power nobody lives to hear such an answer. How often that was is printed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>

#include "base/random.h"
#include "naming_digest.h"
#include "store/database.h"
#include "store/vfs.h"
#include "test_support/loop_disk.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

enum class Doing : std::uint8_t {
  commit,
  snapshot,
  trim,
  checkpoint,
  migration,
  opening,
  thinning,
  giving_up,
  nothing
};
constexpr std::array kDoing{"commit",  "snapshot", "trim",      "checkpoint", "migration",
                            "opening", "thinning", "giving up", "nothing"};
// Calls to the disk that each takes, about: where in it the power goes. Of thinning and giving up: that some in a row
// take.
constexpr std::array kCalls{20, 12, 20, 2'000, 60, 12, 2'000, 2'000};

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// What the child says before it begins something, and after it.
struct Word {
  Doing doing = Doing::nothing;
  LogId committed = 0;
  StreamSeq acknowledged = 0;  // durably: the trim that wrote it has returned
  std::int64_t at = 0;         // when it had returned
  bool cut = false;            // the power is gone, in the middle of it
};

// Cuts the power at a call to the disk, once it is armed.
class Cutter final : public IoHook {
 public:
  Cutter(const test::LoopDisk& disk, std::uint64_t calls, std::function<void()> done)
      : disk_(disk), left_(calls), done_(std::move(done)) {}
  void arm(bool on) { armed_ = on; }
  // Until the transaction that is under way is synced.
  void arm_transaction() { armed_ = transaction_ = true; }
  Fate before(const IoCall& call) override {
    if (armed_ && left_ > 0 && --left_ == 0 && disk_.cut_power()) done_();
    if (transaction_ && call.io == Io::sync) armed_ = transaction_ = false;
    return {};
  }

 private:
  const test::LoopDisk& disk_;
  std::uint64_t left_;
  std::function<void()> done_;
  bool armed_ = false, transaction_ = false;
};

// One in a while makes the WAL long enough for a checkpoint.
std::string body_of(LogId id) {
  return "raw " + std::to_string(id) + std::string(id % 40 == 0 ? 4'200'000 : id * 7'919 % 40'000, 'x');
}

// For stores that are always full, and of which one uplink gets nothing.
std::string reading_of(LogId id) {
  return "raw " + std::to_string(id) + "." + std::string(30'000 + id * 7'919 % 40'000, 'x');
}

const fs::path kOldStore = fs::path(__FILE__).parent_path() / "../unit/store/stored/v1.db";

fs::path old_store(const Options& options) { return options.file.parent_path() / "old.db"; }

// A store of schema 1, as a released version left it.
void place_old_store(const fs::path& file) {
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(file.string() + suffix);
  fs::copy_file(kOldStore, file);
  ::sync();
}

class Worker {
 public:
  Worker(const test::LoopDisk& disk, Options options, Doing target, std::uint64_t calls, int pipe)
      : options_(std::move(options)), target_(target), pipe_(pipe), cutter_(disk, calls, [this] {
          word_.cut = true;
          say(word_.doing);
        }) {
    options_.io = &cutter_;
  }

  // Returns when the power is gone, with what noticed it.
  int work(const Clock& clock) {
    if (target_ == Doing::thinning || target_ == Doing::giving_up) return fill(clock);
    while (target_ == Doing::migration) {
      Options old = options_;
      old.file = old_store(options_);
      place_old_store(old.file);
      begin(Doing::migration);
      const auto opened = Database::open(old, clock);
      if (!is_open(opened)) return 1;
      end();
    }
    while (target_ == Doing::opening) {
      begin(Doing::opening);
      const auto opened = Database::open(options_, clock);
      if (!is_open(opened)) return 2;
      end();
    }
    begin(Doing::opening);
    auto opened = Database::open(options_, clock);
    if (!is_open(opened)) return 2;
    end();
    Database& database = **opened;
    for (LogId id = database.stats().last + 1;; ++id) {
      Transaction transaction;
      transaction.commit = "commit " + std::to_string(id);
      transaction.raw = body_of(id);
      transaction.outputs = {{Stream::alerts, "alert " + std::to_string(id)}};
      transaction.time = 1;
      begin(Doing::commit);
      const auto committed = database.commit(transaction);
      if (!committed || committed->id != id || database.condition().suspended) return 3;
      word_.committed = id;
      end();
      if (id % 9 == 0) {
        begin(Doing::snapshot);
        if (!database.save_snapshot({id, "state " + body_of(id % 40)}) || database.condition().suspended) return 4;
        end();
      }
      if (id % 25 == 0) {
        for (const Stream stream : {Stream::raw, Stream::alerts})
          if (!database.acknowledge("cloud", stream, id - 20)) return 5;
        begin(Doing::trim);
        if (!database.trim() || database.condition().suspended) return 6;
        word_.acknowledged = id - 20;
        end();
      }
      if (id % 40 == 0) {
        begin(Doing::checkpoint);
        if (!database.tidy() || database.condition().suspended) return 7;
        end();
      }
    }
  }

  // Commits to a store that is full, so that it has to make room again and again.
  int fill(const Clock& clock) {
    NamingDigest digest;
    digest.thins = [this] { begin_transaction(Doing::thinning); };
    digest.gives_up = [this] { begin_transaction(Doing::giving_up); };
    options_.digest = &digest;
    auto opened = Database::open(options_, clock);
    if (!is_open(opened)) return 2;
    Database& database = **opened;
    for (LogId id = database.stats().last + 1;; ++id) {
      Transaction transaction;
      transaction.raw = reading_of(id);
      transaction.time = 1;
      const auto committed = database.commit(transaction);
      if (!committed || committed->id != id || database.condition().suspended) return 3;
      word_.committed = id;
      end();
      if (id % 8 == 0 && !database.save_snapshot({id, "state"})) return 4;
      if (id % 50 == 0) {
        word_.acknowledged = id - 20;
        end();
        if (!database.acknowledge("fast", Stream::raw, id - 20)) return 5;
      }
    }
  }

 private:
  // And not only in memory, as when there is no disk any more.
  static bool is_open(const Result<std::unique_ptr<Database>>& opened) {
    return opened && !(*opened)->condition().suspended;
  }
  void begin(Doing doing) {
    say(doing);
    cutter_.arm(doing == target_);
  }
  void begin_transaction(Doing doing) {
    say(doing);
    if (doing == target_) cutter_.arm_transaction();
  }
  void end() {
    cutter_.arm(false);
    word_.at = now();
    say(Doing::nothing);
  }
  void say(Doing doing) {
    word_.doing = doing;
    if (::write(pipe_, &word_, sizeof word_) != sizeof word_) ::_exit(9);
  }

  Options options_;
  Doing target_;
  int pipe_;
  Word word_;
  Cutter cutter_;
};

// Each reading is there, or one record of backfill stands for it: for each uplink that has not acknowledged it.
void expect_accounted(Database& database, const Word& told, LogId most) {
  ASSERT_THAT(database.notes(), testing::IsEmpty());
  ASSERT_THAT(database.verify().value(), testing::IsEmpty());
  const StreamSeq last = database.stats().streams[2].last;
  ASSERT_GE(last, told.committed) << "what was told to be committed is gone";
  ASSERT_LE(last, most);
  const auto raw = database.fetch(Stream::raw, 0, 100 << 20),
             backfill = database.fetch(Stream::backfill, 0, 100 << 20);
  ASSERT_TRUE(raw && backfill);
  const std::pair<const char*, StreamSeq> uplinks[] = {{"cloud", 0}, {"fast", told.acknowledged}};
  for (const auto& [uplink, acknowledged] : uplinks) {
    std::vector<int> times(last + 1);
    for (const Record& record : *raw) {
      EXPECT_TRUE(record.body == reading_of(record.seq)) << "raw " << record.seq;
      ++times.at(record.seq);
    }
    for (const Record& record : *backfill)
      for (const auto& [from, to] : NamingDigest::ranges_of(record.body))
        for (StreamSeq seq = from; record.is_for(uplink) && seq <= to; ++seq) ++times.at(seq);
    for (StreamSeq seq = 1; seq <= last; ++seq)
      ASSERT_TRUE(times[seq] == 1 || (times[seq] == 0 && seq <= acknowledged))
          << "reading " << seq << " of " << last << " is there " << times[seq] << " times for " << uplink
          << ", which has " << acknowledged;
  }
}

void expect_whole(Database& database, const Word& told, LogId most) {
  ASSERT_THAT(database.notes(), testing::IsEmpty());
  const Stats stats = database.stats();
  ASSERT_GE(stats.last, told.committed) << "what was told to be committed is gone";
  ASSERT_LE(stats.last, most);
  ASSERT_EQ(stats.streams[0].last, stats.last);
  ASSERT_EQ(stats.streams[2].last, stats.last);
  const auto wrong = database.verify();
  ASSERT_TRUE(wrong) << wrong.error().text();
  ASSERT_THAT(*wrong, testing::IsEmpty());
  LogId expected = std::max<LogId>(stats.first, 1);
  const auto scanned = database.scan(0, [&](const LogRow& row) {
    EXPECT_EQ(row.id, expected++);
    EXPECT_EQ(row.commit, "commit " + std::to_string(row.id));
    EXPECT_TRUE(row.raw == body_of(row.id)) << "raw of row " << row.id;
    return true;
  });
  ASSERT_TRUE(scanned) << scanned.error().text();
  ASSERT_EQ(expected, stats.last + 1);
  ASSERT_GE(database.acknowledged("cloud", Stream::raw), told.acknowledged);
  ASSERT_LE(stats.first, database.acknowledged("cloud", Stream::raw) + 1) << "deleted before it was delivered";
  const auto snapshot = database.newest_snapshot();
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  if (*snapshot) {
    ASSERT_TRUE((*snapshot)->state == "state " + body_of((*snapshot)->at % 40));
    ASSERT_GE((*snapshot)->at + 1, stats.first);
  }
}

class StorePowerCut : public testing::Test {
 protected:
  StorePowerCut() {
    std::string folder = (fs::temp_directory_path() / "weir-power-cut-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    options_.uplinks = {"cloud"};
    options_.retain = 0;
  }
  ~StorePowerCut() override {
    disk_.reset();
    fs::remove_all(folder_);
  }

  // A child works until the power goes: in the middle of `target`, or at any instant.
  void cut(std::optional<Doing> target) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const std::uint64_t calls = target ? 1 + split_mix(seed_) % kCalls[static_cast<std::size_t>(*target)] : 0;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      ::alarm(60);  // whoever hangs is ended, and noticed
      ::_exit(Worker(*disk_, options_of(target), target.value_or(Doing::nothing), calls, ends[1]).work(clock_));
    }
    ::close(ends[1]);
    const Word before = told_[options_of(target).file];
    Word last = before;
    const auto hear = [&] {
      Word word;
      if (::read(ends[0], &word, sizeof word) != static_cast<ssize_t>(sizeof word)) return false;
      word.committed = std::max(word.committed, before.committed);
      word.acknowledged = std::max(word.acknowledged, before.acknowledged);
      last = word;
      return true;
    };
    std::int64_t began = std::numeric_limits<std::int64_t>::max();
    if (!target) {
      for (std::uint64_t words = 1 + split_mix(seed_) % 200; words > 0; --words) ASSERT_TRUE(hear()) << "it gave up";
      const auto until = now() + static_cast<std::int64_t>(split_mix(seed_) % 2'000'000);
      while (now() < until) {
      }
      began = now();
      ASSERT_TRUE(disk_->cut_power());
    }
    Word told = last;
    while (hear())
      if (last.at < began) told = last;
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "it crashed";
    if (target) {
      ASSERT_TRUE(last.cut) << "it gave up with " << WEXITSTATUS(status);
    }
    ++hit_[kDoing[static_cast<std::size_t>(target.value_or(last.doing))]];
    ASSERT_TRUE(disk_->unmount());
    ASSERT_TRUE(disk_->mount());
    if (target == Doing::thinning || target == Doing::giving_up) look_at_full_store(options_of(target), told, last);
    else look(told, last);
    if (target == Doing::migration) look_at_old_store();
  }

  // A store that is migrated again and again is beside the one that grows; those that are full have a file each.
  Options options_of(std::optional<Doing> target) const {
    Options options = options_;
    if (target != Doing::thinning && target != Doing::giving_up) return options;
    options.file.replace_filename(target == Doing::thinning ? "thin.db" : "drop.db");
    options.limits.quota = 4 << 20;
    options.limits.free_space = 0;
    options.limits.when_full = target == Doing::thinning ? WhenFull::thin : WhenFull::drop_oldest;
    options.uplinks = {"cloud", "fast"};
    return options;
  }

  void look_at_full_store(const Options& options, Word told, const Word& last) {
    auto opened = Database::open(options, clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    expect_accounted(**opened, told, last.committed + 1);
    stood_for_ |= !(*opened)->fetch(Stream::backfill, 0, 1).value().empty();
    told.committed = (*opened)->stats().last;
    told_[options.file] = told;
  }

  void look(const Word& told, const Word& last) {
    auto opened = Database::open(options_, clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    expect_whole(**opened, told, last.committed + 1);
    if (!incarnation_.empty() && told.committed > 0) {
      EXPECT_EQ((*opened)->incarnation(), incarnation_);
    }
    incarnation_ = (*opened)->incarnation();
    const LogId found = (*opened)->stats().last;
    during_ += last.committed - told.committed;
    during_lost_ += last.committed > found ? last.committed - found : 0;
    told_[options_.file] = {.committed = found};
  }

  // All that was in it is in it, whether it was migrated by then or is now.
  void look_at_old_store() {
    Options options = options_;
    options.file = folder_ / "pristine.db";
    place_old_store(options.file);
    auto expected = Database::open(options, clock_);
    ASSERT_TRUE(expected) << expected.error().text();
    options.file = old_store(options_);
    auto migrated = Database::open(options, clock_);
    ASSERT_TRUE(migrated) << migrated.error().text();
    EXPECT_THAT((*migrated)->notes(), testing::IsEmpty());
    EXPECT_THAT((*migrated)->verify().value(), testing::IsEmpty());
    EXPECT_EQ((*migrated)->incarnation(), (*expected)->incarnation());
    EXPECT_EQ((*migrated)->newest_snapshot().value()->state, (*expected)->newest_snapshot().value()->state);
    for (const Stream stream : kStreams) {
      const auto records = (*migrated)->fetch(stream, 0, 1 << 20).value();
      const auto before = (*expected)->fetch(stream, 0, 1 << 20).value();
      ASSERT_EQ(records.size(), before.size());
      for (std::size_t i = 0; i < records.size(); ++i) EXPECT_TRUE(records[i].body == before[i].body);
    }
  }

  const SystemClock clock_;
  Options options_;
  fs::path folder_;
  std::unique_ptr<test::LoopDisk> disk_;
  std::uint64_t seed_ = 20'251'121;
  std::map<fs::path, Word> told_;  // by file: by the lives before
  std::string incarnation_;
  std::map<std::string, int> hit_;
  bool stood_for_ = false;                      // readings by backfill
  std::uint64_t during_ = 0, during_lost_ = 0;  // commits that returned while the power was being cut
};

TEST_F(StorePowerCut, NothingAcceptedIsLost) {
  const char* asked = std::getenv("WEIR_POWER_CUTS");
  const int cuts = asked != nullptr ? std::atoi(asked) : 24;
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to mount a disk whose power it cuts";
  disk_ = std::make_unique<test::LoopDisk>(folder_, 128 << 20);
  if (!disk_->mounted()) GTEST_SKIP() << "loop mounts are not allowed here";
  options_.file = disk_->path() / "weir.db";
  if (asked != nullptr) seed_ = random_u64();
  std::cout << cuts << " cuts, seed " << seed_ << '\n';

  constexpr std::array<std::optional<Doing>, 10> kTargets{
      Doing::commit, std::nullopt,   Doing::snapshot, Doing::checkpoint, Doing::thinning,
      Doing::trim,   Doing::opening, std::nullopt,    Doing::migration,  Doing::giving_up};
  for (int i = 0; i < cuts; ++i) {
    SCOPED_TRACE("cut " + std::to_string(i));
    cut(kTargets[static_cast<std::size_t>(i) % kTargets.size()]);
    if (HasFailure()) return;
  }
  for (const auto& [doing, count] : hit_) std::cout << "  during " << doing << ": " << count << '\n';
  std::cout << "  commits that returned while the power was being cut: " << during_
            << ", lost of them: " << during_lost_ << '\n';
  if (cuts < 20) return;
  for (const char* doing :
       {"commit", "snapshot", "trim", "checkpoint", "opening", "migration", "thinning", "giving up"})
    EXPECT_GT(hit_[doing], 0) << "never cut during " << doing;
  EXPECT_TRUE(stood_for_);
}

}  // namespace
}  // namespace weir::store
