// Each call to the disk fails once, in each way that it can fail: alone, and together with all that come after
// it. Nothing that was told to be done is lost, nothing is half done, and what failed had no effect or all of it.
#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>

#include "folder.h"
#include "judge.h"
#include "store/vfs.h"

namespace weir::store {
namespace {

constexpr int kSector = 512;

enum class Kind { error, full, brief, torn };
constexpr std::array kKinds{Kind::error, Kind::full, Kind::brief, Kind::torn};

const char* name_of(Kind kind) {
  return std::array{"EIO", "ENOSPC", "short read", "torn write"}[static_cast<std::size_t>(kind)];
}

bool can_be(Kind kind, const IoCall& call) {
  switch (kind) {
    case Kind::error: return true;
    case Kind::full:
      return call.io == Io::write || call.io == Io::map || call.io == Io::truncate ||
             (call.io == Io::open && call.size != 0);
    case Kind::brief: return call.io == Io::read;
    case Kind::torn: return call.io == Io::write && call.size > kSector;
  }
  return false;
}

// Spoils the n-th call, or all from there on.
class Spoiler final : public IoHook {
 public:
  Spoiler(Kind kind, std::size_t n, bool for_good) : kind_(kind), n_(n), for_good_(for_good) {}

  Fate before(const IoCall& call) override {
    ++seen_;
    if (for_good_ ? seen_ < n_ : seen_ != n_) return {};
    if (!can_be(kind_, call)) return {};
    switch (kind_) {
      case Kind::error: return {Fault::io};
      case Kind::full: return {Fault::full};
      case Kind::brief: return {Fault::ends, call.size / 2};
      case Kind::torn: return {Fault::io, call.size / 2 / kSector * kSector};
    }
    return {};
  }

 private:
  Kind kind_;
  std::size_t n_, seen_ = 0;
  bool for_good_;
};

// The calls of a life in which nothing fails.
class Counter final : public IoHook {
 public:
  Fate before(const IoCall& call) override {
    calls_.push_back(call);
    return {};
  }
  const std::vector<IoCall>& calls() const { return calls_; }

 private:
  std::vector<IoCall> calls_;
};

class FaultInjectionTest : public StoreTest {
 protected:
  using Steps = void (Life::*)();

  std::vector<IoCall> calls_of(Steps steps) {
    Counter counter;
    const Memory memory = live(steps, counter);
    EXPECT_THAT(memory.failed, testing::IsEmpty());
    EXPECT_THAT(memory.complaints, testing::IsEmpty());
    expect_kept(memory);
    return counter.calls();
  }

  Memory live(Steps steps, IoHook& hook) {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path() != options_.machine_id) std::filesystem::remove(entry.path());
    clock_.set(kNoon);
    Options options = options_;
    options.io = &hook;
    Life life(options, clock_, {});
    (life.*steps)();
    return life.memory();
  }

  void expect_kept(const Memory& memory) {
    auto opened = Database::open(options_, clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_THAT(Judge(**opened, memory).wrong(), testing::IsEmpty());
  }

  // In each way at each of the calls that `which` picks.
  void spoil(Steps steps, const std::function<bool(const IoCall&, std::size_t)>& which) {
    const auto calls = calls_of(steps);
    int runs = 0;
    for (const bool for_good : {false, true})
      for (const Kind kind : kKinds)
        for (std::size_t n = 1; n <= calls.size(); ++n) {
          if (!can_be(kind, calls[n - 1]) || !which(calls[n - 1], n)) continue;
          Spoiler spoiler(kind, n, for_good);
          const Memory memory = live(steps, spoiler);
          expect_kept(memory);
          if (!for_good) {
            EXPECT_LE(memory.failed.size(), 1U) << "one call failed, and more than one step";
          }
          ++runs;
          if (!HasFailure()) continue;
          FAIL() << name_of(kind) << (for_good ? " from call " : " at call ") << n << "; "
                 << (memory.failed.empty() ? "no step failed" : memory.failed.front());
        }
    std::cout << calls.size() << " calls, " << runs << " lives\n";
  }
};

TEST_F(FaultInjectionTest, EachCallOfALife) {
  spoil(&Life::live, [](const IoCall&, std::size_t) { return true; });
}

// A checkpoint has thousands of reads and writes: some of them. Opening is in the other life.
TEST_F(FaultInjectionTest, CallsOfALifeWithACheckpoint) {
  const bool all = std::getenv("WEIR_ALL_FAULTS") != nullptr;
  spoil(&Life::live_large, [all](const IoCall& call, std::size_t n) {
    return all || (n > 100 && (n % 1'499 == 0 || call.io == Io::sync || call.io == Io::truncate));
  });
}

}  // namespace
}  // namespace weir::store
