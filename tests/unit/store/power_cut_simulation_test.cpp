// The power goes before each call of a life that changes the disk, and the disk keeps what it likes of what was
// not synced (lossy_disk.h). Whatever was told to be done by then is there when the store is opened again.
// With WEIR_POWER_CUT_SEEDS in the environment: so many times at each call.
#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>

#include "base/file.h"
#include "folder.h"
#include "judge.h"
#include "lossy_disk.h"
#include "store/vfs.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

// What a life did to the disk, and what it had been told before each step.
class Recorder final : public IoHook {
 public:
  struct Step {
    LossyDisk::Change change;
    std::size_t memory = 0;
    std::string lock;  // what is in FILE.lock, which is not written by way of the VFS
  };

  explicit Recorder(fs::path lock) : lock_(std::move(lock)) {}

  Fate before(const IoCall& call) override {
    if (call.io == Io::read || call.io == Io::file_size || call.io == Io::map || call.file == nullptr) return {};
    if (call.io == Io::open && fs::exists(call.file)) return {};
    if (call.io == Io::open && call.size == 0) return {};
    if (call.io == Io::remove && !fs::exists(call.file)) return {};
    LossyDisk::Change change{call.io, fs::path(call.file).filename(), static_cast<std::size_t>(call.offset), {}};
    if (call.io == Io::write)
      change.data.assign(static_cast<const char*>(call.data), static_cast<std::size_t>(call.size));
    add(std::move(change));
    return {};
  }

  void remember(const Memory& memory) { memories_.push_back(memory); }
  void end() { add({Io::sync, "none", 0, {}}); }

  const std::vector<Step>& steps() const { return steps_; }
  const Memory& memory(const Step& step) const { return memories_[step.memory]; }

 private:
  void add(LossyDisk::Change change) {
    steps_.push_back({std::move(change), memories_.size() - 1, read_file(lock_, 4'096).value_or("")});
  }

  fs::path lock_;
  std::vector<Memory> memories_{Memory()};
  std::vector<Step> steps_;
};

class PowerCutSimulationTest : public StoreTest {
 protected:
  // Puts the files in place, in the inodes that they had: a store whose file is another is a restored one.
  void put(const std::map<std::string, std::string>& found, const std::string& lock) {
    const fs::path parked = folder_ / "parked";
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      if (entry.path() != options_.file && entry.path() != options_.machine_id && entry.path() != parked)
        fs::remove(entry.path());
    if (fs::exists(parked)) fs::remove(options_.file);
    else fs::rename(options_.file, parked);
    for (const auto& [name, content] : found) {
      if (name == options_.file.filename()) fs::rename(parked, folder_ / name);
      std::ofstream(folder_ / name, std::ios::binary) << content;
    }
    if (split_mix(seed_) % 2 == 0) std::ofstream(options_.file.string() + ".lock") << lock;
    if (split_mix(seed_) % 2 == 0) std::ofstream(options_.file.string() + "-shm") << random_bytes(100);
  }

  void expect_kept(const Memory& memory) {
    auto opened = Database::open(options_, clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_THAT(Judge(**opened, memory).wrong(), testing::IsEmpty());
    EXPECT_TRUE((*opened)->commit(transaction_of(1, false))) << "it takes nothing more";
  }

  void cut(void (Life::*steps)(), const std::function<bool(const std::vector<Recorder::Step>&, std::size_t)>& which) {
    const char* asked = std::getenv("WEIR_POWER_CUT_SEEDS");
    const int seeds = asked != nullptr ? std::atoi(asked) : 3;
    Recorder recorder(options_.file.string() + ".lock");
    Options options = options_;
    options.io = &recorder;
    Life life(options, clock_, [&](const Memory& memory) { recorder.remember(memory); });
    (life.*steps)();
    recorder.end();
    ASSERT_THAT(life.memory().failed, testing::IsEmpty());

    LossyDisk disk;
    int cuts = 0;
    for (std::size_t n = 0; n < recorder.steps().size(); ++n) {
      const Recorder::Step& step = recorder.steps()[n];
      for (int i = 0; i < seeds && which(recorder.steps(), n); ++i, ++cuts) {
        put(disk.after_power_cut(seed_), step.lock);
        expect_kept(recorder.memory(step));
        if (HasFailure()) FAIL() << "power cut before step " << n << " of " << recorder.steps().size();
      }
      if (n + 1 < recorder.steps().size()) disk.apply(step.change);
    }
    std::cout << recorder.steps().size() << " calls, " << cuts << " cuts\n";
  }

  std::uint64_t seed_ = 20'251'121;
};

TEST_F(PowerCutSimulationTest, BeforeEachCallOfALife) {
  cut(&Life::live, [](const auto&, std::size_t) { return true; });
}

// A checkpoint has thousands of writes: before each sync, and some of the others.
TEST_F(PowerCutSimulationTest, InALifeWithACheckpoint) {
  cut(&Life::live_large,
      [](const auto& steps, std::size_t n) { return n > 60 && (steps[n].change.io != Io::write || n % 1'999 == 0); });
}

}  // namespace
}  // namespace weir::store
