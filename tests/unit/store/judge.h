// Whether a store that was opened again is what it was told to be (life.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "life.h"

namespace weir::store {

class Judge {
 public:
  Judge(Database& database, const Memory& memory) : database_(database), memory_(memory) {}

  // What is not as it was told; empty if all is well.
  std::vector<std::string> wrong() {
    wrong_ = memory_.complaints;
    read_log();
    read_streams();
    look_at_snapshot();
    look_at_rest();
    return wrong_;
  }

 private:
  void complain(std::string what) { wrong_.push_back(std::move(what)); }

  const Memory::Commit* commit(std::size_t number) const {
    return number >= 1 && number <= memory_.commits.size() ? &memory_.commits[number - 1] : nullptr;
  }

  // Which commit each row is: those that were told have their place, and of the others each is there at most
  // once, whole, in the order in which they were tried.
  void read_log() {
    for (std::size_t i = 0; i < memory_.commits.size(); ++i)
      if (memory_.commits[i].told != 0) numbers_[memory_.commits[i].told] = i + 1;
    const Stats stats = database_.stats();
    LogId expected = stats.first;
    std::size_t newest = 0;
    const auto scanned = database_.scan(0, [&](const LogRow& row) {
      const std::string id = std::to_string(row.id);
      if (row.id != expected++) complain("row " + id + " comes out of turn");
      const auto number = static_cast<std::size_t>(
          row.commit.starts_with("commit ") ? std::strtoull(row.commit.c_str() + 7, nullptr, 10) : 0);
      const Memory::Commit* tried = commit(number);
      if (tried == nullptr) {
        complain("row " + id + " is no commit of ours");
        return true;
      }
      const Transaction transaction = transaction_of(number, tried->large);
      if (row.commit != transaction.commit || row.raw != transaction.raw) complain("row " + id + " is not whole");
      if (tried->told != 0 && tried->told != row.id)
        complain("commit " + std::to_string(number) + " was told to be row " + std::to_string(tried->told) +
                 " and is row " + id);
      if (const auto told = numbers_.find(row.id); told != numbers_.end() && told->second != number)
        complain("row " + id + " was told to be commit " + std::to_string(told->second) + " and is " +
                 std::to_string(number));
      if (number <= newest) complain("commit " + std::to_string(number) + " is there twice, or late");
      newest = number;
      numbers_[row.id] = number;
      return true;
    });
    if (!scanned) complain("scan: " + scanned.error().what);
    for (const auto& [id, number] : numbers_)
      if (id > stats.last) complain("commit " + std::to_string(number) + " was told to be done, and is gone");
    for (LogId id = 1; id < stats.first; ++id)
      if (const LogId needed = memory_.snapshots.size() < 2 ? 0 : memory_.snapshots[memory_.snapshots.size() - 2].at;
          id > needed)
        complain("row " + std::to_string(id) + " is gone, though a snapshot may need it");
    for (LogId id = 1; id <= stats.last; ++id) {
      const auto found = numbers_.find(id);
      if (found == numbers_.end()) {
        complain("nobody knows what row " + std::to_string(id) + " was");
        continue;
      }
      const Transaction transaction = transaction_of(found->second, commit(found->second)->large);
      if (!transaction.raw.empty()) bodies_[static_cast<std::size_t>(Stream::raw)].push_back(transaction.raw);
      for (const Output& output : transaction.outputs)
        bodies_[static_cast<std::size_t>(output.stream)].push_back(output.body);
    }
  }

  // Each stream is what the rows caused, once; only what was acknowledged may be gone.
  void read_streams() {
    const Stats stats = database_.stats();
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      const Stream stream = kStreams[i];
      const auto& bodies = bodies_[static_cast<std::size_t>(stream)];
      const std::string name = to_text(stream);
      if (stats.streams[i].last != bodies.size())
        complain(name + " ends at " + std::to_string(stats.streams[i].last) + " and not at " +
                 std::to_string(bodies.size()));
      const auto records = database_.fetch(stream, 0, 100 << 20);
      if (!records) {
        complain("fetch: " + records.error().what);
        continue;
      }
      StreamSeq seq = records->empty() ? bodies.size() + 1 : records->front().seq;
      const StreamSeq asked = memory_.asked[static_cast<std::size_t>(stream)];
      if (seq > asked + 1)
        complain(name + " begins at " + std::to_string(seq) + ", acknowledged was " + std::to_string(asked));
      for (const Record& record : *records) {
        if (record.seq != seq) complain(name + " " + std::to_string(record.seq) + " comes out of turn");
        if (seq > bodies.size() || record.body != bodies[seq - 1])
          complain(name + " " + std::to_string(seq) + " is another");
        ++seq;
      }
      if (seq <= bodies.size()) complain(name + " breaks off at " + std::to_string(seq));
      const StreamSeq acked = database_.acknowledged("cloud", stream);
      if (acked > asked || acked < memory_.acked[static_cast<std::size_t>(stream)])
        complain(name + " is acknowledged up to " + std::to_string(acked) + ", asked was " + std::to_string(asked) +
                 ", told was " + std::to_string(memory_.acked[static_cast<std::size_t>(stream)]));
    }
  }

  void look_at_snapshot() {
    const auto snapshot = database_.newest_snapshot();
    if (!snapshot) return complain("snapshot: " + snapshot.error().what);
    LogId told = 0;
    for (const auto& saved : memory_.snapshots)
      if (saved.told) told = std::max(told, saved.at);
    const LogId at = *snapshot ? (*snapshot)->at : 0;
    if (at < told) complain("the snapshot at " + std::to_string(told) + " is gone");
    if (at == 0) return;
    if ((*snapshot)->state != state_at(at)) complain("the snapshot is another");
    if (std::ranges::none_of(memory_.snapshots, [at](const auto& saved) { return saved.at == at; }))
      complain("nobody saved the snapshot at " + std::to_string(at));
    if (at + 1 < database_.stats().first) complain("the log after the snapshot is gone");
  }

  void look_at_rest() {
    const auto kept = database_.kept("config");
    if (!kept) complain("kept: " + kept.error().what);
    else if (const int is = *kept ? std::atoi((*kept)->c_str() + 7) : 0; is < memory_.kept_told || is > memory_.kept)
      complain("kept is config " + std::to_string(is) + ", told was " + std::to_string(memory_.kept_told));
    const auto verified = database_.verify();
    if (!verified) complain("verify: " + verified.error().what);
    else wrong_.insert(wrong_.end(), verified->begin(), verified->end());
    for (const std::string& note : database_.notes()) complain("it says: " + note);
    if (!memory_.incarnation.empty() && !memory_.went_on && database_.incarnation() != memory_.incarnation)
      complain("the incarnation is another");
  }

  Database& database_;
  const Memory& memory_;
  std::vector<std::string> wrong_;
  std::map<LogId, std::size_t> numbers_;            // of the commits, by row
  std::array<std::vector<std::string>, 5> bodies_;  // by Stream
};

}  // namespace weir::store
