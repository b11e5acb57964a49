// How the WAL grows: a file that is longer with each commit costs the file system more than the commit itself.
#include "folder.h"

#include <set>

namespace weir::store {
namespace {

class WalGrowthTest : public StoreTest {
 protected:
  std::uintmax_t wal() const { return std::filesystem::file_size(options_.file.string() + "-wal"); }
};

TEST_F(WalGrowthTest, ManyCommitsFindRoomThatIsThere) {
  open();
  std::set<std::uintmax_t> sizes;
  for (int i = 0; i < 100; ++i) {
    commit("one of many", std::string(1'000, 'r'));
    sizes.insert(wal());
  }
  EXPECT_LE(sizes.size(), 20U);
  EXPECT_GE(sizes.size(), 2U);
}

// What a kill leaves: zeros behind the frames. They end the WAL, and are no damage.
TEST_F(WalGrowthTest, RoomThatWasNotUsedIsTheEnd) {
  open();
  for (int i = 0; i < 10; ++i) commit("commit " + std::to_string(i));
  const auto copy = folder_ / "copy.db";
  for (const char* suffix : {"", "-wal"})
    std::filesystem::copy_file(options_.file.string() + suffix, copy.string() + suffix);
  std::filesystem::resize_file(copy.string() + "-wal", wal() + 100'000);
  options_.file = copy;
  open();
  EXPECT_EQ(rows().size(), 10U);
  EXPECT_EQ(database_->condition(), Condition{});
  commit("one more");
  EXPECT_EQ(rows().size(), 11U);
}

}  // namespace
}  // namespace weir::store
