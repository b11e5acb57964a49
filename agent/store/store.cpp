#include "store/store.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>

#include "base/log.h"

namespace weir::store {
namespace {

// What is put into one SQLite transaction when commits wait in a row.
constexpr std::size_t kMostGrouped = 64;
constexpr std::size_t kMostGroupedBytes = 1 << 20;

std::size_t size_of(const Transaction& transaction) {
  std::size_t size = transaction.commit.size() + transaction.raw.size();
  for (const Output& output : transaction.outputs) size += output.body.size();
  return size;
}

}  // namespace

class Store::Thread {
 public:
  Thread(std::unique_ptr<Database> database, boost::asio::any_io_executor executor)
      : database_(std::move(database)), executor_(std::move(executor)), thread_([this] { run(); }) {}
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  ~Thread() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    *wanted_ = false;
  }

  struct Commit {
    Transaction transaction;
    std::function<void(Result<Committed>)> done;
  };
  using Work = std::function<void(Database&)>;

  void on_condition(ConditionChanged changed) {
    give([this, changed = std::move(changed)](Database&) mutable { condition_changed_ = std::move(changed); });
  }

  void give(std::variant<Commit, Work> task) {
    {
      const std::lock_guard guard(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }

  // Hands a call its answer: a task that runs `work` on the database and posts what it returns.
  template <class Answer>
  void ask(std::function<Answer(Database&)> work, std::function<void(Answer)> done) {
    give([this, work = std::move(work), done = std::move(done)](Database& database) mutable {
      Answer answer = work(database);
      tell_condition();
      post(std::move(done), std::move(answer));
    });
  }

  // On the store's thread: what failed that nobody waits for.
  void say(const std::string& kind, const Error& error) {
    std::uint64_t repeats = 0;
    if (failures_.first(kind, repeats)) log::warn("store: {}", error.text());
  }

  template <class Done, class... Answer>
  void post(Done done, Answer... answer) {
    if (!done) return;
    boost::asio::post(executor_,
                      [wanted = wanted_, done = std::move(done), ... answers = std::move(answer)]() mutable {
                        if (*wanted) done(std::move(answers)...);
                      });
  }

 private:
  void run() {
    for (;;) {
      std::vector<Commit> commits;
      Work work;
      {
        std::unique_lock lock(mutex_);
        if (tasks_.empty() && !stopping_) {
          lock.unlock();
          // Nobody waits. If this fails the WAL grows, and the commit that meets the same trouble says so.
          static_cast<void>(database_->tidy());
          lock.lock();
        }
        wake_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        if (auto* next = std::get_if<Work>(&tasks_.front())) {
          work = std::move(*next);
          tasks_.pop_front();
        } else {
          take_commits(commits);
        }
      }
      if (work) {
        work(*database_);
        tell_condition();
      } else {
        commit(commits);
      }
    }
  }

  void tell_condition() {
    if (!condition_changed_) return;
    Condition now = database_->condition();
    if (told_ && *told_ == now) return;
    told_ = now;
    post(condition_changed_, std::move(now), database_->incarnations());
  }

  void take_commits(std::vector<Commit>& out) {
    for (std::size_t bytes = 0; out.size() < kMostGrouped && bytes < kMostGroupedBytes && !tasks_.empty();) {
      auto* next = std::get_if<Commit>(&tasks_.front());
      if (next == nullptr) return;
      bytes += size_of(next->transaction);
      out.push_back(std::move(*next));
      tasks_.pop_front();
    }
  }

  void commit(std::vector<Commit>& commits) {
    std::vector<Transaction> transactions;
    transactions.reserve(commits.size());
    for (Commit& one : commits) transactions.push_back(std::move(one.transaction));
    const auto result = database_->commit(transactions);
    tell_condition();
    for (std::size_t i = 0; i < commits.size(); ++i)
      post(std::move(commits[i].done),
           result ? Result<Committed>((*result)[i]) : Result<Committed>(std::unexpected(result.error())));
  }

  std::unique_ptr<Database> database_;
  boost::asio::any_io_executor executor_;
  // On the store's thread:
  ConditionChanged condition_changed_;
  std::optional<Condition> told_;
  SystemClock clock_;
  log::BurstLog failures_{clock_};
  // Read and written on the line's thread only: what the executor still holds when the store goes is dropped.
  std::shared_ptr<bool> wanted_ = std::make_shared<bool>(true);
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::variant<Commit, Work>> tasks_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

Store::Store(std::unique_ptr<Database> database, boost::asio::any_io_executor executor)
    : thread_(std::make_unique<Thread>(std::move(database), std::move(executor))) {}
Store::~Store() = default;

void Store::on_condition(ConditionChanged changed) { thread_->on_condition(std::move(changed)); }

void Store::commit(Transaction transaction, std::function<void(Result<Committed>)> done) {
  thread_->give(Thread::Commit{std::move(transaction), std::move(done)});
}

void Store::commit(std::vector<Transaction> transactions, std::function<void(Result<std::vector<Committed>>)> done) {
  thread_->ask<Result<std::vector<Committed>>>(
      [transactions = std::move(transactions)](Database& database) { return database.commit(transactions); },
      std::move(done));
}

void Store::save_snapshot(Snapshot snapshot, std::function<void(Result<void>)> done) {
  thread_->ask<Result<void>>(
      [snapshot = std::move(snapshot)](Database& database) { return database.save_snapshot(snapshot); },
      std::move(done));
}

void Store::fetch(std::string uplink, Stream stream, StreamSeq after, std::size_t bytes,
                  std::function<void(Result<std::vector<Record>>)> done) {
  thread_->ask<Result<std::vector<Record>>>(
      [uplink = std::move(uplink), stream, after, bytes](Database& database) {
        auto records = database.fetch(stream, after, bytes);
        // At once: the next task could give them up.
        if (records && !records->empty()) database.lent(uplink, stream, records->back().seq);
        return records;
      },
      std::move(done));
}

void Store::acknowledge(std::string uplink, Stream stream, StreamSeq seq) {
  thread_->give([thread = thread_.get(), uplink = std::move(uplink), stream, seq](Database& database) {
    if (auto done = database.acknowledge(uplink, stream, seq); !done)
      thread->say("acknowledge " + uplink, done.error());
  });
}

void Store::set_uplinks(std::vector<UplinkStreams> uplinks) {
  // What cannot be written now is written by the next call, or told by the next open().
  thread_->give([thread = thread_.get(), uplinks = std::move(uplinks)](Database& database) {
    if (auto done = database.set_uplinks(uplinks); !done) thread->say("set_uplinks", done.error());
  });
}

void Store::set_limits(Limits limits, Nanoseconds retain) {
  thread_->give([limits, retain](Database& database) {
    database.set_limits(limits);
    database.set_retain(retain);
  });
}

void Store::keep(std::string key, std::string value, std::function<void(Result<void>)> done) {
  thread_->ask<Result<void>>(
      [key = std::move(key), value = std::move(value)](Database& database) { return database.keep(key, value); },
      std::move(done));
}

void Store::trim(std::function<void(Result<bool>)> done) {
  thread_->ask<Result<bool>>([](Database& database) { return database.trim(); }, std::move(done));
}

void Store::stats(std::function<void(Stats)> done) {
  thread_->ask<Stats>([](Database& database) { return database.stats(); }, std::move(done));
}

void Store::ping(std::function<void()> done) {
  thread_->give([this, done = std::move(done)](Database&) mutable { thread_->post(std::move(done)); });
}

}  // namespace weir::store
