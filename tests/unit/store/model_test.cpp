// Random work on a store and on a model of it that is too simple to be wrong, in lockstep.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "base/random.h"
#include "folder.h"

namespace weir::store {
namespace {

// What a store promises, by maps.
struct Model {
  struct Row {
    std::string commit, raw;
    StreamSeq raw_seq, raw_last;
    Timestamp time;
  };
  std::map<LogId, Row> log;
  std::map<Stream, std::map<StreamSeq, std::string>> records;       // all that ever were
  std::map<std::string, std::map<Stream, StreamSeq>> acknowledged;  // of what each takes
  std::map<LogId, std::string> snapshots;
  LogId last = 0;

  StreamSeq last_of(Stream stream) { return records[stream].size(); }

  void commit(const Transaction& transaction) {
    if (!transaction.raw.empty()) records[Stream::raw][last_of(Stream::raw) + 1] = transaction.raw;
    log[++last] = {transaction.commit, transaction.raw, transaction.raw.empty() ? 0 : last_of(Stream::raw),
                   last_of(Stream::raw), transaction.time};
    for (const Output& output : transaction.outputs) records[output.stream][last_of(output.stream) + 1] = output.body;
  }

  void snapshot(LogId at, const std::string& state) {
    snapshots[at] = state;
    if (snapshots.size() > 2) snapshots.erase(snapshots.begin());
  }

  StreamSeq acknowledged_by_all(Stream stream) {
    StreamSeq least = last_of(stream);
    for (auto& [uplink, streams] : acknowledged)
      if (const auto taken = streams.find(stream); taken != streams.end()) least = std::min(least, taken->second);
    return least;
  }

  void trim(Timestamp now, Nanoseconds retain) {
    const LogId through = snapshots.size() < 2 ? 0 : snapshots.begin()->first;
    while (log.size() > 1 && log.begin()->first <= through &&
           log.begin()->second.raw_last <= acknowledged_by_all(Stream::raw) &&
           log.begin()->second.time + retain <= now)
      log.erase(log.begin());
  }
};

class ModelTest : public StoreTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  std::uint64_t below(std::uint64_t limit) { return split_mix(seed_) % limit; }
  std::string some_bytes() {
    std::string out(below(8) == 0 ? below(30'000) : below(200), '\0');
    for (char& c : out) c = static_cast<char>(split_mix(seed_));
    return out;
  }

  void compare() {
    const Stats stats = database_->stats();
    ASSERT_EQ(stats.last, model_.last);
    ASSERT_EQ(stats.first, model_.log.empty() ? 0 : model_.log.begin()->first);
    ASSERT_EQ(stats.snapshot, model_.snapshots.empty() ? 0 : model_.snapshots.rbegin()->first);
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      ASSERT_EQ(stats.streams[i].last, model_.last_of(kStreams[i]));
      ASSERT_EQ(stats.streams[i].acknowledged, model_.acknowledged_by_all(kStreams[i]));
      for (const auto& [uplink, streams] : options_.uplinks)
        if (std::ranges::find(streams, kStreams[i]) != streams.end()) {
          ASSERT_EQ(database_->acknowledged(uplink, kStreams[i]), model_.acknowledged[uplink][kStreams[i]]);
        }
    }
  }

  void compare_log() {
    const auto stored = rows();
    ASSERT_EQ(stored.size(), model_.log.size());
    for (const LogRow& row : stored) {
      const auto& expected = model_.log.at(row.id);
      ASSERT_EQ(row.commit, expected.commit);
      ASSERT_EQ(row.raw, expected.raw);
      ASSERT_EQ(row.raw_seq, expected.raw_seq);
      ASSERT_EQ(row.time, expected.time);
    }
    const auto snapshot = database_->newest_snapshot().value();
    ASSERT_EQ(snapshot.has_value(), !model_.snapshots.empty());
    if (snapshot) {
      ASSERT_EQ(snapshot->at, model_.snapshots.rbegin()->first);
      ASSERT_EQ(snapshot->state, model_.snapshots.rbegin()->second);
    }
  }

  void step() {
    switch (below(12)) {
      default: {
        std::vector<Transaction> transactions(1 + below(3));
        for (Transaction& transaction : transactions) {
          transaction.commit = some_bytes();
          if (below(3) != 0) transaction.raw = "r" + some_bytes();
          transaction.time = clock_.now();
          for (auto i = below(3); i > 0; --i)
            transaction.outputs.push_back(
                {std::array{Stream::alerts, Stream::derived, Stream::backfill}[below(3)], some_bytes()});
          model_.commit(transaction);
        }
        ASSERT_TRUE(database_->commit(transactions));
        break;
      }
      case 0: {
        const auto& [uplink, streams] = options_.uplinks[below(options_.uplinks.size())];
        const auto drawn = below(streams.size() + 1);
        const Stream stream = drawn == streams.size() ? Stream::backfill : streams[drawn];
        const StreamSeq seq = below(model_.last_of(stream) + 1);
        ASSERT_TRUE(database_->acknowledge(uplink, stream, seq));
        StreamSeq& acknowledged = model_.acknowledged[uplink][stream];
        acknowledged = std::max(acknowledged, seq);
        break;
      }
      case 1:
      case 2: {  // what is needed must be there, dense, and as it was
        const Stream stream = kStreams[below(4)];
        const StreamSeq after = model_.acknowledged_by_all(stream) + below(3);
        const std::size_t bytes = 1 + below(50'000);
        const auto records = fetch(stream, after, bytes);
        ASSERT_EQ(records.empty(), after >= model_.last_of(stream));
        StreamSeq expected = after;
        for (const Record& record : records) {
          ASSERT_EQ(record.seq, ++expected);
          ASSERT_EQ(record.body, model_.records[stream].at(record.seq));
        }
        break;
      }
      case 3: {
        if (model_.last == 0) break;
        const LogId newest = model_.snapshots.empty() ? 1 : model_.snapshots.rbegin()->first;
        const LogId at = newest + below(model_.last - newest + 1);
        const std::string state = some_bytes();
        ASSERT_TRUE(database_->save_snapshot({at, state}));
        model_.snapshot(at, state);
        break;
      }
      case 4:
        trim();
        model_.trim(clock_.now(), options_.retain);
        break;
      case 5: clock_.advance(static_cast<Nanoseconds>(below(20)) * kSecond); break;
      case 6:
        open();
        ASSERT_TRUE(database_->notes().empty());
        compare_log();
        break;
    }
    compare();
  }

  std::uint64_t seed_ = GetParam();
  Model model_;
};

TEST_P(ModelTest, DoesWhatTheModelDoes) {
  options_.uplinks = {"near", {"far", {Stream::alerts, Stream::raw}}, {"pager", {Stream::alerts}}};
  options_.retain = kMinute;
  for (const auto& [uplink, streams] : options_.uplinks)
    for (const Stream stream : streams) model_.acknowledged[uplink][stream] = 0;
  // Each has a part in backfill, whether it asks for it or not.
  for (const UplinkStreams& uplink : options_.uplinks) model_.acknowledged[uplink.name][Stream::backfill] = 0;
  open();
  for (int i = 0; i < 600; ++i) {
    step();
    if (HasFatalFailure()) FAIL() << "step " << i << " of seed " << GetParam();
  }
  compare_log();
  EXPECT_THAT(verify(), testing::IsEmpty());
  EXPECT_GT(model_.log.begin()->first, 1U) << "nothing was ever trimmed";
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace weir::store
