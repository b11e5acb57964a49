// The power is cut in the middle of the store's work: ext4 on a loop device is shut down without a flush
// (EXT4_IOC_SHUTDOWN), unmounted and mounted again. Whatever was told to be committed must be there, and
// nothing half done. This models writes that were not synced and are lost, not such that were torn.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "base/random.h"
#include "store/database.h"

extern char** environ;

namespace weir::store {
namespace {

namespace fs = std::filesystem;

constexpr unsigned long kExt4Shutdown = 0x8004587D;  // EXT4_IOC_SHUTDOWN of linux/ext4.h
constexpr std::uint32_t kWithoutLogFlush = 2;

bool run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return false;
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

// A small disk whose power can be cut.
class Disk {
 public:
  explicit Disk(fs::path folder) : image_(folder / "image"), mount_(folder / "mount") {
    fs::create_directories(mount_);
    std::ofstream(image_).close();
    fs::resize_file(image_, 96 << 20);
    ready_ = run({"mkfs.ext4", "-q", "-F", image_.string()}) && mount();
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() { unmount(); }

  bool ready() const { return ready_; }
  const fs::path& path() const { return mount_; }

  bool mount() { return mounted_ = run({"mount", "-o", "loop", image_.string(), mount_.string()}); }
  bool unmount() {
    if (mounted_ && ::umount2(mount_.c_str(), 0) == 0) mounted_ = false;
    return !mounted_;
  }

  bool cut() {
    const int fd = ::open(mount_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::uint32_t how = kWithoutLogFlush;
    const bool done = fd >= 0 && ::ioctl(fd, kExt4Shutdown, &how) == 0;
    ::close(fd);
    return done;
  }

 private:
  fs::path image_, mount_;
  bool mounted_ = false, ready_ = false;
};

enum class Doing : std::uint8_t { commit, snapshot, trim, checkpoint, opening };
constexpr std::array kDoing{"commit", "snapshot", "trim", "checkpoint", "opening"};

// What the child says before it begins something: what, and how far it has been committed.
struct Word {
  Doing doing = Doing::opening;
  LogId committed = 0;
  StreamSeq acknowledged = 0;  // durably: the trim that wrote it has returned
};

std::string body_of(LogId id) { return "raw " + std::to_string(id) + std::string(id * 7'919 % 40'000, 'x'); }

int work(const Options& options, const Clock& clock, int pipe) {
  Word word;
  const auto say = [&](Doing doing) {
    word.doing = doing;
    return ::write(pipe, &word, sizeof word) == sizeof word;
  };
  auto opened = Database::open(options, clock);
  if (!opened) return 1;
  Database& database = **opened;
  for (LogId id = database.stats().last + 1;; ++id) {
    if (!say(Doing::commit)) return 2;
    Transaction transaction;
    transaction.commit = "commit " + std::to_string(id);
    transaction.raw = body_of(id);
    transaction.outputs = {{Stream::alerts, "alert " + std::to_string(id)}};
    transaction.time = 1;
    const auto committed = database.commit(transaction);
    if (!committed || committed->id != id) return 3;
    word.committed = id;
    if (id % 9 == 0) {
      if (!say(Doing::snapshot)) return 2;
      if (!database.save_snapshot({id, "state " + body_of(id)})) return 4;
    }
    if (id % 25 == 0) {
      for (const Stream stream : {Stream::raw, Stream::alerts})
        if (!database.acknowledge("cloud", stream, id - 20)) return 5;
      if (!say(Doing::trim)) return 2;
      if (!database.trim()) return 6;
      word.acknowledged = id - 20;
    }
    if (id % 250 == 0) {  // by then the WAL is large enough
      if (!say(Doing::checkpoint)) return 2;
      if (!database.tidy()) return 7;
    }
  }
}

// All that is in the pipe.
void hear(int pipe, Word& word) {
  for (Word next; ::read(pipe, &next, sizeof next) == static_cast<ssize_t>(sizeof next);) word = next;
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
  LogId expected = stats.first;
  const auto scanned = database.scan(0, [&](const LogRow& row) {
    EXPECT_EQ(row.id, expected++);
    EXPECT_EQ(row.commit, "commit " + std::to_string(row.id));
    EXPECT_EQ(row.raw, body_of(row.id));
    return true;
  });
  ASSERT_TRUE(scanned) << scanned.error().text();
  ASSERT_GE(database.acknowledged("cloud", Stream::raw), told.acknowledged);
  ASSERT_LE(stats.first, database.acknowledged("cloud", Stream::raw) + 1) << "deleted before it was delivered";
  const auto snapshot = database.newest_snapshot();
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  if (*snapshot) {
    ASSERT_EQ((*snapshot)->state, "state " + body_of((*snapshot)->at));
    ASSERT_GE((*snapshot)->at + 1, stats.first);
  }
}

TEST(StorePowerCut, NothingAcceptedIsLost) {
  const char* asked = std::getenv("WEIR_POWER_CUTS");
  const int cuts = asked != nullptr ? std::atoi(asked) : 20;
  std::string folder = (fs::temp_directory_path() / "weir-power-cut-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  struct Remove {
    fs::path path;
    ~Remove() { fs::remove_all(path); }
  } const remove{folder};
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to mount a disk whose power it cuts";
  Disk disk(folder);
  if (!disk.ready()) GTEST_SKIP() << "loop mounts are not allowed here";

  const SystemClock clock;
  Options options;
  options.file = disk.path() / "weir.db";
  options.uplinks = {"cloud"};
  options.retain = 0;
  std::uint64_t seed = asked != nullptr ? random_u64() : 20'251'121;
  std::cout << cuts << " cuts, seed " << seed << '\n';
  std::map<std::string, int> hit;
  std::string incarnation;
  LogId previous = 0;
  for (int cut = 0; cut < cuts; ++cut) {
    SCOPED_TRACE("cut " + std::to_string(cut));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      ::_exit(work(options, clock, ends[1]));
    }
    ::close(ends[1]);
    Word told{.committed = previous};
    // Cuts at any instant, or just as something rare goes on.
    const std::uint64_t words = 1 + split_mix(seed) % 200;
    const auto target = static_cast<Doing>(cut % kDoing.size());
    for (std::uint64_t i = 0; i < words || (told.doing != target && target != Doing::opening); ++i)
      ASSERT_EQ(::read(ends[0], &told, sizeof told), static_cast<ssize_t>(sizeof told)) << "the child gave up";
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(split_mix(seed) % 2'000);
    while (std::chrono::steady_clock::now() < until) {
    }
    // Only what was heard before the cut counts as told. An fdatasync() that is under way during the ioctl
    // may return 0 though its journal transaction was thrown away; with real power nobody lives to hear it.
    ASSERT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    hear(ends[0], told);
    ASSERT_TRUE(disk.cut());
    ASSERT_EQ(::fcntl(ends[0], F_SETFL, 0), 0);
    Word last = told;
    hear(ends[0], last);
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) >= 1) << "a commit went through after the power was cut";
    ++hit[kDoing[static_cast<std::size_t>(last.doing)]];
    ASSERT_TRUE(disk.unmount());
    ASSERT_TRUE(disk.mount());

    auto opened = Database::open(options, clock);
    ASSERT_TRUE(opened) << opened.error().text();
    told.committed = std::max(told.committed, previous);
    expect_whole(**opened, told, std::max(last.committed, previous) + 1);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
    if (cut > 0) {
      EXPECT_EQ((*opened)->incarnation(), incarnation);
    }
    incarnation = (*opened)->incarnation();
    previous = (*opened)->stats().last;
  }
  for (const auto& [doing, count] : hit) std::cout << "  during " << doing << ": " << count << '\n';
  if (cuts < 20) return;
  for (const char* doing : {"commit", "snapshot", "trim", "checkpoint"})
    EXPECT_GT(hit[doing], 0) << "never cut during " << doing;
}

}  // namespace
}  // namespace weir::store
