// A short life of a store in which everything happens, and what those who lived it were told. judge.h compares
// that with what is found afterwards.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// What was tried, and what was told about it.
struct Memory {
  struct Commit {
    LogId told = 0;  // 0: it failed, or there was no answer
    bool large = false;
  };
  struct Saved {
    LogId at = 0;
    bool told = false;
  };
  std::vector<Commit> commits;       // in order; the first is number 1
  std::vector<Saved> snapshots;      // in order
  int kept = 0, kept_told = 0;       // the newest "config N" that was to be kept, and was
  std::array<StreamSeq, 5> asked{};  // by Stream: what was acknowledged
  std::array<StreamSeq, 5> acked{};  // by Stream: of it, what was told to be written
  std::string incarnation;
  bool went_on = false;                 // in memory for a time, under another incarnation
  std::vector<std::string> said;        // by open(): what had to be mended
  std::vector<std::string> failed;      // calls, and why
  std::vector<std::string> complaints;  // about answers that were wrong
};

// The n-th commit, from 1: some with readings, some with outputs, some larger than a page. A large one makes the
// WAL long enough for tidy().
inline Transaction transaction_of(std::size_t n, bool large) {
  const std::string number = std::to_string(n) + ".";
  Transaction out;
  out.commit = "commit " + number;
  if (n % 3 != 0) out.raw = "raw " + number + std::string(large ? 4'300'000 : n % 4 == 0 ? 6'000 : 300, 'x');
  if (n % 2 == 0) out.outputs.push_back({Stream::alerts, "alert " + number});
  if (n % 4 == 0) out.outputs.push_back({Stream::alerts, "second alert " + number});
  if (n % 5 != 1) out.outputs.push_back({Stream::derived, "derived " + number});
  return out;
}

inline std::string state_at(LogId at) { return "state " + std::to_string(at) + " " + std::string(500, 's'); }

// Does its steps in order, goes on after one that fails, and remembers what it was told.
class Life {
 public:
  // `changed` hears of each version of the memory.
  Life(Options options, ManualClock& clock, std::function<void(const Memory&)> changed)
      : options_(std::move(options)), clock_(clock), changed_(std::move(changed)) {}

  const Memory& memory() const { return memory_; }

  void live() {
    open();
    keep();
    commit(1);
    commit(2);
    commit(1);
    snapshot();
    acknowledge(1);
    commit(1);
    commit(1);
    snapshot();
    acknowledge(2);
    trim();
    commit(1);
    keep();
    read();
    open();
    commit(2);
    acknowledge(2);
    trim();
    snapshot();
    commit(1);
    read();
    close();
  }

  // With checkpoints: of its own accord, and when it is closed.
  void live_large() {
    open();
    commit(1, true);
    tidy();
    commit(1);
    snapshot();
    acknowledge(0);
    trim();
    close();
  }

 private:
  void changed() {
    if (changed_) changed_(memory_);
  }

  // Whether it was done, and not only in memory.
  template <class T>
  bool is_done(const char* step, const Result<T>& result) {
    clock_.advance(2 * kSecond);
    if (!result) {
      memory_.failed.push_back(std::string(step) + ": " + result.error().what);
      if (result.error().what.empty()) memory_.complaints.push_back(std::string(step) + " failed without a word");
    }
    memory_.went_on |= database_->incarnation() != memory_.incarnation;
    if (database_->condition().suspended) return false;
    for (const auto& [index, id] : held_) memory_.commits[index].told = id;
    held_.clear();
    return result.has_value();
  }

  void close() {
    database_.reset();
    held_.clear();
    changed();
  }

  void open() {
    close();
    for (int i = 0; i < 2 && database_ == nullptr; ++i) {
      auto opened = Database::open(options_, clock_);
      if (opened) database_ = std::move(*opened);
      else memory_.failed.push_back("open: " + opened.error().text());
    }
    if (database_ != nullptr) {
      const auto& notes = database_->notes();
      memory_.said.insert(memory_.said.end(), notes.begin(), notes.end());
      if (memory_.incarnation.empty() && !database_->condition().suspended)
        memory_.incarnation = database_->incarnation();
    }
    changed();
  }

  void commit(std::size_t count, bool large = false) {
    if (database_ == nullptr) return;
    const std::size_t before = memory_.commits.size();
    std::vector<Transaction> transactions;
    for (std::size_t i = 1; i <= count; ++i) {
      memory_.commits.push_back({.large = large});
      transactions.push_back(transaction_of(before + i, large));
      transactions.back().time = clock_.now();
    }
    changed();
    const auto committed = database_->commit(transactions);
    if (committed)
      for (std::size_t i = 0; i < count; ++i) held_.emplace_back(before + i, committed->at(i).id);
    is_done("commit", committed);
    changed();
  }

  void snapshot() {
    if (database_ == nullptr) return;
    const LogId at = database_->stats().last;
    if (at == 0) return;
    memory_.snapshots.push_back({.at = at});
    changed();
    if (is_done("snapshot", database_->save_snapshot({at, state_at(at)}))) {
      memory_.snapshots.back().told = true;
      remember_acked();
    }
    changed();
  }

  // What it knows now is written.
  void remember_acked() {
    for (const Stream stream : kStreams)
      memory_.acked[static_cast<std::size_t>(stream)] = database_->acknowledged("cloud", stream);
  }

  // All but the newest `left` records of each stream.
  void acknowledge(StreamSeq left) {
    if (database_ == nullptr) return;
    const auto streams = database_->stats().streams;
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      if (streams[i].last <= left) continue;
      StreamSeq& asked = memory_.asked[static_cast<std::size_t>(kStreams[i])];
      asked = std::max(asked, streams[i].last - left);
      changed();
      is_done("acknowledge", database_->acknowledge("cloud", kStreams[i], streams[i].last - left));
    }
  }

  void trim() {
    if (database_ == nullptr) return;
    clock_.advance(options_.retain);
    for (bool more = true; more;) {
      const auto trimmed = database_->trim();
      if (is_done("trim", trimmed)) remember_acked();
      changed();
      more = trimmed && *trimmed;
    }
  }

  void keep() {
    if (database_ == nullptr) return;
    ++memory_.kept;
    changed();
    if (is_done("keep", database_->keep("config", "config " + std::to_string(memory_.kept))))
      memory_.kept_told = memory_.kept;
    changed();
  }

  void tidy() {
    if (database_ != nullptr) is_done("tidy", database_->tidy());
  }

  // What comes back while all this goes on is right, too, or an error. A store that could not be read when it was
  // opened goes on with what it has.
  void read() {
    if (database_ == nullptr || database_->condition().suspended) return;
    LogId last = 0;
    const auto scanned = database_->scan(0, [&](const LogRow& row) {
      if (last != 0 && row.id != last + 1) memory_.complaints.push_back("scan left out a row");
      last = row.id;
      for (std::size_t i = 0; i < memory_.commits.size(); ++i)
        if (memory_.commits[i].told == row.id && row.commit != transaction_of(i + 1, memory_.commits[i].large).commit)
          memory_.complaints.push_back("scan gave another row " + std::to_string(row.id));
      return true;
    });
    if (is_done("scan", scanned) && last != database_->stats().last)
      memory_.complaints.push_back("scan ended at row " + std::to_string(last));
    const StreamSeq after = database_->acknowledged("cloud", Stream::raw);
    const auto records = database_->fetch(Stream::raw, after, 10 << 20);
    if (is_done("fetch", records) && records->size() != database_->stats().streams[2].last - after)
      memory_.complaints.push_back("fetch gave " + std::to_string(records->size()) + " records after " +
                                   std::to_string(after));
  }

  Options options_;
  ManualClock& clock_;
  std::function<void(const Memory&)> changed_;
  std::unique_ptr<Database> database_;
  Memory memory_;
  std::vector<std::pair<std::size_t, LogId>> held_;  // commits that are only in memory: index and id
};

}  // namespace weir::store
