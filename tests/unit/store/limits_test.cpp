#include <gmock/gmock.h>
#include <sys/mount.h>

#include "folder.h"
#include "store/digest.h"
#include "store/room.h"

namespace weir::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Says which numbers a body stands for, in as many bytes as it is told to.
class FakeDigest final : public Digest {
 public:
  std::optional<std::string> thin(const Replaced& replaced) const override {
    if (!thins) return std::nullopt;
    std::size_t size = 0;
    for (const Record& record : replaced.records) size += record.body.size();
    std::string out = say("thinned", replaced);
    if (out.size() > size / 2) return std::nullopt;
    out.resize(size / 8 > out.size() ? size / 8 : out.size(), '.');
    return out;
  }
  std::string gap(const Replaced& replaced, std::string_view reason,
                  const std::optional<std::string>& before) const override {
    return before.value_or("") + say("gap " + std::string(reason), replaced);
  }

  bool thins = true;

 private:
  static std::string say(const std::string& what, const Replaced& replaced) {
    return what + " " + to_text(replaced.stream) + " " + std::to_string(replaced.first) + "-" +
           std::to_string(replaced.last) + ";";
  }
};

class LimitsTest : public StoreTest {
 protected:
  LimitsTest() {
    options_.digest = &digest_;
    options_.limits.quota = 8 << 20;
  }

  // Commits with 100 KB of readings, and a snapshot as the line takes it.
  void load(int commits) {
    for (int i = 0; i < commits; ++i) {
      const LogId id = commit("c", std::string(100'000, 'r'), {{Stream::alerts, "a"}});
      if (id % 4 == 0) {
        ASSERT_TRUE(database_->save_snapshot({id, "state"}));
      }
      ASSERT_LE(bytes_on_disk(), options_.limits.quota);
    }
  }

  std::uint64_t bytes_on_disk() {
    std::uint64_t size = 0;
    for (const auto& file : files("weir.db")) size += std::filesystem::file_size(file);
    return size;
  }

  StreamStats stats(Stream stream) { return database_->stats().streams[static_cast<std::size_t>(stream) - 1]; }

  FakeDigest digest_;
};

TEST_F(LimitsTest, ThinsTheOldestReadingsWithinTheQuota) {
  open();
  load(300);
  EXPECT_GT(stats(Stream::raw).thinned, 100U);
  EXPECT_EQ(stats(Stream::raw).given_up, 0U);
  EXPECT_EQ(stats(Stream::alerts).waiting, 300U);
  EXPECT_EQ(fetch(Stream::raw, 299).at(0).seq, 300U);
  ASSERT_FALSE(fetch(Stream::backfill, 0).empty());
  EXPECT_THAT(fetch(Stream::backfill, 0)[0].body, HasSubstr("thinned"));
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(LimitsTest, GivesUpTheOldestAndSaysSoInOneGap) {
  options_.limits.when_full = WhenFull::drop_oldest;
  open();
  load(200);
  const auto first = fetch(Stream::raw, 0).at(0).seq;
  EXPECT_EQ(stats(Stream::raw).given_up, first - 1);
  const auto gaps = fetch(Stream::backfill, 0);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_THAT(gaps[0].body, HasSubstr("gap quota raw 1-"));
  EXPECT_THAT(gaps[0].body, testing::EndsWith("-" + std::to_string(first - 1) + ";"));
  EXPECT_EQ(stats(Stream::raw).bytes, (200 - first + 1) * 100'004);
  EXPECT_EQ(stats(Stream::raw).waiting, 200 - first + 1);
  open();
  EXPECT_EQ(stats(Stream::raw).bytes, (200 - first + 1) * 100'004);
}

TEST_F(LimitsTest, DoesNotTouchWhatAnUplinkHasInItsHands) {
  options_.limits.when_full = WhenFull::drop_oldest;
  open();
  load(10);
  database_->lent("cloud", Stream::raw, 5);
  load(190);
  auto held = fetch(Stream::raw, 0, 450'000);
  ASSERT_GE(held.size(), 4U);
  EXPECT_EQ(held[3].seq, 4U);
  EXPECT_THAT(verify(), IsEmpty());
  const auto left = stats(Stream::raw);
  EXPECT_EQ(left.bytes, left.waiting * 100'004);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 5));
  load(20);
  EXPECT_GT(fetch(Stream::raw, 0).at(0).seq, 5U);
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(LimitsTest, DoesNotSendAgainWhatAnUplinkHas) {
  options_.uplinks = {"fast", "slow", {"pager", {Stream::alerts}}};
  open();
  load(20);
  ASSERT_TRUE(database_->acknowledge("fast", Stream::raw, 13));
  load(180);
  for (const Record& record : fetch(Stream::backfill, 0)) {
    const auto from = std::stoull(record.body.substr(record.body.find("raw ") == std::string::npos
                                                         ? record.body.find("backfill ") + 9
                                                         : record.body.find("raw ") + 4));
    EXPECT_FALSE(record.is_for("pager"));
    EXPECT_TRUE(record.is_for("slow"));
    if (record.body.find("raw ") != std::string::npos) {
      EXPECT_EQ(record.is_for("fast"), from > 13) << record.body.substr(0, 40);
    }
  }
  // A mark does not wait for what is not for its uplink.
  EXPECT_EQ(database_->acknowledged("pager", Stream::backfill), stats(Stream::backfill).last);
  EXPECT_GT(stats(Stream::raw).thinned, 13U);
}

TEST_F(LimitsTest, BlocksReadingsButNotWhatIsIn) {
  options_.limits.when_full = WhenFull::block;
  open();
  Transaction with_readings;
  with_readings.raw = std::string(100'000, 'r');
  LogId last = 0;
  for (;;) {
    with_readings.time = clock_.now();
    const auto committed = database_->commit(with_readings);
    if (!committed) {
      EXPECT_TRUE(committed.error().unwritable);
      break;
    }
    last = committed->id;
    ASSERT_LT(last, 100U);
    if (last % 4 == 0) {
      ASSERT_TRUE(database_->save_snapshot({last, "state"}));
    }
  }
  ASSERT_TRUE(database_->condition().full);
  commit("a tick", {}, {{Stream::alerts, "a"}});
  EXPECT_EQ(stats(Stream::raw).waiting, last);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, last / 2));
  EXPECT_FALSE(database_->condition().full);
  commit("again", std::string(100'000, 'r'));
}

TEST(Room, LeavesOthersATenthOfASmallFileSystem) {
  Limits limits;
  EXPECT_EQ(left_to_others(limits, 1'000 << 20), 64U << 20);
  EXPECT_EQ(left_to_others(limits, 50 << 20), 5U << 20);
  limits.free_space = 20 << 20;
  EXPECT_EQ(left_to_others(limits, 50 << 20), 20U << 20);
  limits.free_space = 0;
  EXPECT_EQ(left_to_others(limits, 50 << 20), 0U);
}

TEST_F(LimitsTest, ASmallFileSystemIsEnoughForAStore) {
  const auto mount = folder_ / "mount";
  std::filesystem::create_directory(mount);
  if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=40m") != 0) GTEST_SKIP() << "needs root, to mount a tmpfs";
  options_.file = mount / "weir.db";
  options_.limits = {};
  options_.limits.when_full = WhenFull::drop_oldest;
  open();
  const auto limit = database_->stats().limit_bytes;
  EXPECT_GT(limit, 20U << 20);
  EXPECT_LT(limit, 36U << 20);
  options_.limits.quota = 40 << 20;
  load(300);
  EXPECT_FALSE(database_->condition().suspended);
  EXPECT_GE(std::filesystem::space(mount).available, 4U << 20);
  database_.reset();
  EXPECT_EQ(::umount(mount.c_str()), 0);
}

// For whom a coarser record is not meant is decided by what has been acknowledged.
TEST_F(LimitsTest, MarksAreOnTheDiskWithWhatWasDoneByThem) {
  options_.limits.quota = 1 << 30;
  options_.limits.streams[static_cast<std::size_t>(Stream::raw)].bytes = 500'000;
  options_.uplinks = {"fast", "slow"};
  open();
  load(4);
  load(4);  // with the second snapshot rows before the first may go
  ASSERT_TRUE(database_->acknowledge("fast", Stream::raw, 3));
  database_->lent("slow", Stream::raw, 1);  // which stays
  for (int i = 0; i < 3; ++i) {
    clock_.advance(kSecond);
    load(1);
  }
  ASSERT_GT(stats(Stream::raw).thinned, 0U);
  ASSERT_FALSE(fetch(Stream::backfill, 0).at(0).is_for("fast"));
  ASSERT_EQ(database_->acknowledged("fast", Stream::raw), 3U);
  // As a cut of power leaves it.
  for (const char* suffix : {"", "-wal"})
    std::filesystem::copy_file(options_.file.string() + suffix, folder_ / ("copy.db" + std::string(suffix)));
  database_.reset();
  options_.file = folder_ / "copy.db";
  open();
  EXPECT_EQ(database_->acknowledged("fast", Stream::raw), 3U);
}

TEST_F(LimitsTest, KeepsTheLimitsOfAStream) {
  options_.limits.quota = 1 << 30;
  options_.limits.when_full = WhenFull::drop_oldest;
  options_.limits.streams[static_cast<std::size_t>(Stream::alerts)].bytes = 2'000;
  options_.limits.streams[static_cast<std::size_t>(Stream::derived)].age = kMinute;
  open();
  for (int i = 0; i < 100; ++i) {
    commit("c", {}, {{Stream::alerts, std::string(96, 'a')}, {Stream::derived, "d"}});
    clock_.advance(2 * kSecond);
  }
  trim();
  EXPECT_LE(stats(Stream::alerts).bytes, 2'000U);
  EXPECT_EQ(stats(Stream::alerts).waiting + stats(Stream::alerts).given_up, 100U);
  EXPECT_LE(stats(Stream::derived).waiting, 31U);
  EXPECT_GE(stats(Stream::derived).waiting, 29U);
}

}  // namespace
}  // namespace weir::store
