#include "store/store.h"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <boost/asio/io_context.hpp>

#include <sstream>

#include "folder.h"

namespace weir::store {
namespace {

using testing::ElementsAre;

class StoreThreadTest : public StoreTest {
 protected:
  void start() {
    open();
    store_ = std::make_unique<Store>(std::move(database_), context_.get_executor());
  }

  // Runs completions until `count` of them were run in all.
  void run_until(const std::size_t& seen, std::size_t count) {
    const auto guard = boost::asio::make_work_guard(context_);
    while (seen < count) context_.run_one();
  }

  Transaction with_raw(std::string raw) {
    Transaction transaction;
    transaction.raw = std::move(raw);
    return transaction;
  }

  boost::asio::io_context context_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreThreadTest, AnswersInTheOrderOfTheCalls) {
  start();
  std::vector<std::string> answers;
  std::size_t seen = 0;
  const auto note = [&](std::string text) {
    answers.push_back(std::move(text));
    ++seen;
  };
  for (int i = 0; i < 3; ++i)
    store_->commit(with_raw("r"), [&](const Result<Committed>& done) { note("commit " + std::to_string(done->id)); });
  store_->fetch("cloud", Stream::raw, 1, 1'000, [&](const Result<std::vector<Record>>& records) {
    note("fetched " + std::to_string(records->size()));
  });
  store_->commit(with_raw("r"), [&](const Result<Committed>& done) { note("commit " + std::to_string(done->id)); });
  store_->save_snapshot({4, "s"}, [&](const Result<void>& saved) { note(saved ? "saved" : saved.error().text()); });
  store_->acknowledge("cloud", Stream::raw, 2);
  store_->keep("k", "v", [&](const Result<void>& kept) { note(kept ? "kept" : kept.error().text()); });
  store_->trim([&](const Result<bool>& more) { note(more ? "trimmed" : more.error().text()); });
  store_->stats([&](const Stats& stats) { note("waiting " + std::to_string(stats.streams[2].waiting)); });
  store_->ping([&] { note("pong"); });
  run_until(seen, 10);
  EXPECT_THAT(answers, ElementsAre("commit 1", "commit 2", "commit 3", "fetched 2", "commit 4", "saved", "kept",
                                   "trimmed", "waiting 2", "pong"));
}

TEST_F(StoreThreadTest, CommitsThatWaitTogetherKeepTheirOrder) {
  start();
  constexpr std::size_t kCount = 500;
  std::size_t seen = 0;
  std::vector<LogId> ids;
  for (std::size_t i = 0; i < kCount; ++i)
    store_->commit(with_raw("r"), [&](const Result<Committed>& done) {
      ids.push_back(done->id);
      ++seen;
    });
  run_until(seen, kCount);
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(ids[i], i + 1);
}

TEST_F(StoreThreadTest, AFailureReachesWhoCalled) {
  start();
  std::size_t seen = 0;
  bool failed = false;
  store_->save_snapshot({7, "of nothing"}, [&](const Result<void>& saved) {
    failed = !saved;
    ++seen;
  });
  Transaction wrong;
  wrong.outputs = {{Stream::raw, "x"}};
  store_->commit(wrong, [&](const Result<Committed>& done) {
    EXPECT_FALSE(done);
    ++seen;
  });
  run_until(seen, 2);
  EXPECT_TRUE(failed);
}

TEST_F(StoreThreadTest, FinishesWhatWasHandedOverAndThenIsSilent) {
  start();
  bool called = false;
  for (int i = 0; i < 20; ++i) store_->commit(with_raw("r"), [&](const Result<Committed>&) { called = true; });
  store_.reset();
  context_.run();
  EXPECT_FALSE(called);
  open();
  EXPECT_EQ(database_->stats().last, 20U);
}

// Has three records of raw, and takes note of what it is told of them.
class Lender final : public Database {
 public:
  explicit Lender(std::vector<std::string>& told) : told_(told) {}
  Result<std::vector<Record>> fetch(Stream stream, StreamSeq after, std::size_t) override {
    told_.push_back("fetch");
    std::vector<Record> out;
    for (StreamSeq seq = after + 1; seq <= 3; ++seq) out.push_back({stream, seq, "r"});
    return out;
  }
  void lent(std::string_view uplink, Stream stream, StreamSeq seq) override {
    told_.push_back(std::string(uplink) + " " + to_text(stream) + " " + std::to_string(seq));
  }

  std::string incarnation() const override { return {}; }
  std::vector<Incarnation> incarnations() const override { return {}; }
  Condition condition() const override { return {}; }
  const std::vector<std::string>& notes() const override { return told_; }
  Result<std::vector<Committed>> commit(std::span<const Transaction>) override { return fail("no"); }
  Result<void> scan(LogId, const std::function<bool(LogRow)>&) override { return {}; }
  Result<std::optional<Snapshot>> newest_snapshot() override { return std::optional<Snapshot>(); }
  Result<void> save_snapshot(const Snapshot&) override { return {}; }
  Result<void> acknowledge(std::string_view, Stream, StreamSeq) override { return fail("no mark fits"); }
  StreamSeq acknowledged(std::string_view, Stream) const override { return 0; }
  Result<void> set_uplinks(const std::vector<UplinkStreams>&) override { return fail("no uplink fits"); }
  void set_limits(const Limits&) override {}
  void set_retain(Nanoseconds) override {}
  Result<LogId> first_since(Timestamp) override { return 0; }
  Result<bool> trim() override { return false; }
  Result<void> keep(std::string_view, std::string_view) override { return {}; }
  Result<std::optional<std::string>> kept(std::string_view) override { return std::optional<std::string>(); }
  Result<void> tidy() override { return {}; }
  Stats stats() override { return {}; }
  Result<std::vector<std::string>> verify() override { return std::vector<std::string>(); }

 private:
  std::vector<std::string>& told_;
};

TEST_F(StoreThreadTest, WhatAnUplinkIsGivenIsLentToItBeforeAnythingElseHappens) {
  std::vector<std::string> told;
  store_ = std::make_unique<Store>(std::make_unique<Lender>(told), context_.get_executor());
  std::size_t seen = 0;
  const auto fetched = [&](const Result<std::vector<Record>>&) { ++seen; };
  store_->fetch("cloud", Stream::raw, 0, 1'000, fetched);
  store_->fetch("other", Stream::raw, 1, 1'000, fetched);
  store_->fetch("cloud", Stream::raw, 3, 1'000, fetched);  // there is nothing
  run_until(seen, 3);
  EXPECT_THAT(told, ElementsAre("fetch", "cloud raw 3", "fetch", "other raw 3", "fetch"));
}

TEST_F(StoreThreadTest, SaysWhatFailedThatNobodyWaitsForOnceInABurst) {
  std::ostringstream said;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  std::vector<std::string> told;
  store_ = std::make_unique<Store>(std::make_unique<Lender>(told), context_.get_executor());
  for (int i = 0; i < 3; ++i) store_->acknowledge("cloud", Stream::raw, 9);
  store_->set_uplinks({"cloud"});
  store_.reset();
  spdlog::set_default_logger(before);
  const auto times = [text = said.str()](std::string_view what) {
    int count = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(times("no mark fits"), 1) << said.str();
  EXPECT_EQ(times("no uplink fits"), 1) << said.str();
}

}  // namespace
}  // namespace weir::store
