#include "store/store.h"

#include <gmock/gmock.h>
#include <boost/asio/io_context.hpp>

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
  store_->fetch(Stream::raw, 1, 1'000, [&](const Result<std::vector<Record>>& records) {
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

}  // namespace
}  // namespace weir::store
