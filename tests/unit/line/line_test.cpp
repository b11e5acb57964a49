#include "line/line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "base/random.h"
#include "codec/codec.h"
#include "config/config.h"
#include "weir/v1/uplink.pb.h"

namespace weir::line {
namespace {

constexpr Timestamp kNow = 1'700'000'000 * kSecond;

// A database in memory that fails and stalls when told; what it holds survives a Line.
struct Disk {
  std::vector<store::LogRow> rows;
  std::vector<store::Record> outbox;
  std::optional<store::Snapshot> snapshot;
  std::mutex mutex;
  std::condition_variable changed;
  bool stalled = false;
  int failures = 0;  // so many commits fail
  store::Condition condition;
};

class FakeDatabase final : public store::Database {
 public:
  explicit FakeDatabase(Disk& disk) : disk_(disk) {}
  std::string incarnation() const override { return std::string(16, 'i'); }
  const std::vector<std::string>& notes() const override { return notes_; }
  Result<std::vector<store::Committed>> commit(std::span<const store::Transaction> transactions) override {
    std::unique_lock lock(disk_.mutex);
    disk_.changed.wait(lock, [&] { return !disk_.stalled; });
    if (disk_.failures > 0) {
      --disk_.failures;
      return fail("disk full");
    }
    std::vector<store::Committed> out;
    for (const store::Transaction& transaction : transactions) {
      store::LogRow row;
      row.id = disk_.rows.size() + 1;
      row.commit = transaction.commit;
      row.raw = transaction.raw;
      disk_.rows.push_back(row);
      for (const store::Output& output : transaction.outputs)
        disk_.outbox.push_back({output.stream, disk_.outbox.size() + 1, output.body});
      out.push_back({row.id});
    }
    return out;
  }
  Result<void> scan(store::LogId after, const std::function<bool(store::LogRow)>& row) override {
    for (const store::LogRow& each : disk_.rows)
      if (each.id > after && !row(each)) break;
    return {};
  }
  Result<std::optional<store::Snapshot>> newest_snapshot() override { return disk_.snapshot; }
  Result<void> save_snapshot(const store::Snapshot& snapshot) override {
    const std::lock_guard lock(disk_.mutex);
    disk_.snapshot = snapshot;
    return {};
  }
  Result<std::vector<store::Record>> fetch(store::Stream, store::StreamSeq, std::size_t) override {
    return std::vector<store::Record>();
  }
  Result<void> acknowledge(std::string_view, store::Stream, store::StreamSeq) override { return {}; }
  store::StreamSeq acknowledged(std::string_view, store::Stream) const override { return 0; }
  Result<bool> trim() override { return false; }
  std::vector<store::Incarnation> incarnations() const override { return {}; }
  store::Condition condition() const override {
    const std::lock_guard lock(disk_.mutex);
    return disk_.condition;
  }
  void lent(std::string_view, store::Stream, store::StreamSeq) override {}
  void set_limits(const store::Limits&) override {}
  void set_retain(Nanoseconds) override {}
  Result<store::LogId> first_since(Timestamp) override { return 1; }
  Result<void> set_uplinks(const std::vector<store::UplinkStreams>&) override { return {}; }
  Result<void> keep(std::string_view, std::string_view) override { return {}; }
  Result<std::optional<std::string>> kept(std::string_view) override { return std::nullopt; }
  Result<void> tidy() override { return {}; }
  store::Stats stats() override { return {}; }
  Result<std::vector<std::string>> verify() override { return std::vector<std::string>(); }

 private:
  Disk& disk_;
  std::vector<std::string> notes_;
};

rules::Compiled compile(const v1::RulesChanged& rules) {
  std::vector<Node> documents;
  for (const v1::RuleFile& file : rules.files())
    documents.push_back(config::parse_yaml({file.name(), file.text()}).root);
  return rules::compile(documents, {});
}

v1::RulesChanged some_rules() {
  v1::RulesChanged rules;
  v1::RuleFile& file = *rules.add_files();
  file.set_name("rules.d/test.yaml");
  file.set_text(R"yaml(rules:
  - name: hot
    from: {t: "boiler-{n}/t"}
    when: t > 90
    alert: {severity: critical, message: "boiler {n} is at {t:.1f}"}
  - name: means
    from: {t: "{device}/t"}
    window: 10s
    emit: {"{device}/t_mean": "mean(t)"}
)yaml");
  return rules;
}

// With all that a rule can do to a line.
v1::RulesChanged more_rules() {
  v1::RulesChanged rules;
  v1::RuleFile& file = *rules.add_files();
  file.set_name("rules.d/test.yaml");
  file.set_text(R"yaml(valid:
  - device: "boiler-{n}"
    signals:
      t: {range: [0, 98], rate: 30 / 1s, repair: {hold: "boiler-{n}/t_held"}}
rules:
  - name: hot
    from: {t: "boiler-{n}/t"}
    when: t > 90
    alert: {severity: critical, message: "boiler {n} is at {t:.1f}", latch: true}
    write: {"plc/pump_{n}": false}
    on_clear: {"plc/pump_{n}": true}
  - name: means
    from: {t: "{device}/t"}
    window: 10s
    late: revise
    emit: {"{device}/t_mean": "mean(t)"}
)yaml");
  return rules;
}

v1::Command alert_command(const std::string& verb, const std::string& target) {
  v1::Command command;
  command.set_verb(verb);
  command.set_target(target);
  command.set_who("anna");
  command.set_why("seen");
  return command;
}

class LineTest : public testing::Test {
 protected:
  LineTest() { clock.set(kNow); }

  void start(Options options = {}) {
    store = std::make_unique<store::Store>(std::make_unique<FakeDatabase>(disk), io.get_executor());
    Handlers handlers;
    handlers.committed = [this](const std::vector<v1::Cursor>& cursors) {
      for (const v1::Cursor& cursor : cursors) accepted[cursor.driver()] = cursor.seq();
    };
    handlers.alerts = [this](const std::vector<rules::AlertEvent>& events) {
      alerts.insert(alerts.end(), events.begin(), events.end());
    };
    handlers.writes = [this](const std::vector<rules::WriteRequest>& requests) {
      writes.insert(writes.end(), requests.begin(), requests.end());
    };
    handlers.stored = [this](bool) { ++stored; };
    handlers.hold = [this](bool on) { holds.push_back(on); };
    line = std::make_unique<Line>(io.get_executor(), clock, *store, State(compile), options, std::move(handlers));
    store->on_condition([this](const store::Condition& condition, const std::vector<store::Incarnation>&) {
      line->store_changed(condition);
    });
  }

  template <class Change>
  void change_condition(Change change) {
    {
      const std::lock_guard lock(disk.mutex);
      change(disk.condition);
    }
    bool heard = false;
    store->stats([&](const store::Stats&) { heard = true; });  // any call shows it
    run_until([&] { return heard; });
  }

  void run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < deadline) io.run_one_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(done());
  }

  // A batch of one reading.
  void take(const std::string& path, double value, Timestamp time) {
    model::Signal signal;
    signal.path = path;
    if (!line->signals().knows(signal, "plc")) {
      ASSERT_TRUE(line->define(signal, "plc", false));
    }
    intake::Batch batch;
    model::Series series;
    series.signal = line->signals().find(path);
    series.append({time, value, model::kGood});
    batch.series.push_back(std::move(series));
    batch.head.set_driver("plc");
    batch.head.set_epoch(1);
    batch.head.set_seq(++seq);
    batch.head.set_series(1);
    batch.head.set_readings(1);
    v1::Cursor cursor;
    cursor.set_driver("plc");
    cursor.set_instance(1);
    cursor.set_epoch(1);
    cursor.set_seq(seq);
    line->take(std::move(batch), {}, cursor);
  }

  // Everything the streams carry, in order, decoded to text.
  std::vector<std::string> outputs() const {
    std::vector<std::string> out;
    for (const store::Record& record : disk.outbox) {
      if (record.stream == store::Stream::alerts) {
        v1::AlertRecord alert;
        EXPECT_TRUE(alert.ParseFromString(record.body));
        for (const v1::AlertEvent& event : alert.events())
          out.push_back(event.id() + " " + event.change() + " " + event.message() +
                        (event.who().empty() ? "" : " by " + event.who() + ": " + event.why()));
      } else {
        v1::DerivedRecord derived;
        EXPECT_TRUE(derived.ParseFromString(record.body));
        const auto decoded = codec::decode(derived.readings());
        EXPECT_TRUE(decoded);
        for (std::size_t s = 0; s < decoded->size(); ++s) {
          const model::Series& series = (*decoded)[s];
          const bool revision = std::ranges::count(derived.revisions(), s) != 0;
          for (std::size_t i = 0; i < series.size(); ++i)
            out.push_back(std::to_string(series.signal) + " " + to_iso(series.times[i]) + " " +
                          model::to_text(series.value(i)) + (revision ? " revised" : ""));
        }
      }
    }
    return out;
  }

  ManualClock clock;
  Disk disk;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Line> line;
  std::map<std::string, std::uint64_t> accepted;
  std::vector<rules::AlertEvent> alerts;
  std::vector<rules::WriteRequest> writes;
  std::vector<bool> holds;
  int stored = 0;
  std::uint64_t seq = 0;
};

TEST_F(LineTest, ADriversEpochDoesNotWaitForTheInterval) {
  Options options;
  options.commit_interval = kHour;
  start(options);
  line->started({});  // waits for the interval, and then does not
  v1::Cursor cursor;
  cursor.set_driver("plc");
  cursor.set_epoch(7);
  line->take({}, {}, cursor);
  run_until([&] { return accepted.contains("plc"); });
}

TEST_F(LineTest, NothingLeavesBeforeTheCommit) {
  start();
  ASSERT_TRUE(line->install(some_rules()));
  disk.stalled = true;
  take("boiler-1/t", 95, kNow);  // an alert: commits at once
  io.run_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(accepted.empty());
  EXPECT_TRUE(alerts.empty());
  EXPECT_EQ(stored, 0);
  {
    const std::lock_guard lock(disk.mutex);
    disk.stalled = false;
  }
  disk.changed.notify_all();
  run_until([&] { return stored > 0; });
  EXPECT_EQ(accepted["plc"], 1U);
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].message, "boiler 1 is at 95.0");
}

TEST_F(LineTest, WaitsForTheIntervalUnlessItIsUrgentOrFull) {
  Options options;
  options.commit_interval = kHour;
  options.commit_batches = 10;
  start(options);
  for (int i = 0; i < 9; ++i) take("boiler-1/x", i, kNow);
  io.run_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(disk.rows.empty());
  take("boiler-1/x", 9, kNow);
  run_until([&] { return stored == 1; });
  EXPECT_EQ(disk.rows.size(), 1U);
  EXPECT_EQ(accepted["plc"], 10U);
}

TEST_F(LineTest, WhatFailsIsTriedAgainInItsPlaceAndTheIntakeHeld) {
  Options options;
  options.commit_batches = 1;
  start(options);
  disk.failures = 3;
  for (int i = 0; i < 5; ++i) take("boiler-1/x", i, kNow + i);
  run_until([&] { return accepted["plc"] == 5; });
  EXPECT_EQ(holds, (std::vector<bool>{true, false}));
  EXPECT_FALSE(line->condition().failing);
  // In their order.
  std::uint64_t last = 0;
  for (const store::LogRow& row : disk.rows) {
    v1::RawRecord raw;
    ASSERT_TRUE(raw.ParseFromString(row.raw));
    for (const v1::BatchTaken& batch : raw.batches()) EXPECT_EQ(batch.seq(), ++last);
  }
  EXPECT_EQ(last, 5U);
}

TEST_F(LineTest, AFullStoreHoldsTheIntakeButNotTheRules) {
  Options options;
  options.commit_batches = 1;
  start(options);
  ASSERT_TRUE(line->install(some_rules()));
  change_condition(
      [](store::Condition& condition) { condition.full = store::Trouble{kNow, "no room", "make some"}; });
  EXPECT_EQ(holds, (std::vector<bool>{true}));
  take("boiler-1/t", 95, kNow);  // was on its way already
  run_until([&] { return alerts.size() == 1; });
  EXPECT_TRUE(line->condition().store.full);
  change_condition([](store::Condition& condition) { condition.full.reset(); });
  EXPECT_EQ(holds, (std::vector<bool>{true, false}));
}

TEST_F(LineTest, RoomDoesNotLetInWhatFailingCommitsHold) {
  Options options;
  options.commit_batches = 1;
  start(options);
  change_condition([](store::Condition& condition) { condition.full = store::Trouble{kNow, "no room", {}}; });
  disk.failures = 1;
  take("boiler-1/x", 1, kNow);
  run_until([&] { return line->condition().failing.has_value(); });
  change_condition([](store::Condition& condition) { condition.full.reset(); });
  EXPECT_EQ(holds, (std::vector<bool>{true}));
  run_until([&] { return accepted["plc"] == 1; });
  EXPECT_EQ(holds, (std::vector<bool>{true, false}));
}

TEST_F(LineTest, WhatIsCommittedWhileTheStoreIsSuspendedSaysSo) {
  Options options;
  options.commit_batches = 1;
  start(options);
  take("boiler-1/x", 1, kNow);
  run_until([&] { return accepted["plc"] == 1; });
  change_condition([](store::Condition& condition) { condition.suspended = store::Trouble{kNow, "disk full", {}}; });
  take("boiler-1/x", 2, kNow);
  run_until([&] { return accepted["plc"] == 2; });
  EXPECT_TRUE(holds.empty());
  std::vector<bool> said;
  for (const store::LogRow& row : disk.rows) {
    v1::RawRecord raw;
    ASSERT_TRUE(raw.ParseFromString(row.raw));
    if (!raw.batches().empty()) said.push_back(raw.suspended());
  }
  EXPECT_EQ(said, (std::vector<bool>{false, true}));
}

// Ten thousand signals that hardly ever change must not be written every minute.
TEST_F(LineTest, ASnapshotWaitsForAsMuchLogAsItIsLarge) {
  Options options;
  options.commit_batches = 1;
  start(options);
  model::Signal large;
  large.path = "boiler-1/large";
  large.description = std::string(100'000, 'd');
  ASSERT_TRUE(line->define(large, "plc", false));
  std::uint64_t taken = 0;
  const auto snapshot_after = [&](Nanoseconds age) {
    clock.advance(age);
    disk.snapshot.reset();
    for (int i = 0; i < 2; ++i) {  // with the second one's commit, what became of the first is done
      take("boiler-1/x", static_cast<double>(++taken), kNow);
      run_until([&] { return accepted["plc"] == taken; });
    }
    return disk.snapshot.has_value();
  };
  EXPECT_TRUE(snapshot_after(options.snapshot_interval));
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(snapshot_after(options.snapshot_interval));
  EXPECT_TRUE(snapshot_after(options.snapshot_interval));
  large.description.back() = 'e';  // 100 KB of log
  ASSERT_TRUE(line->define(large, "plc", false));
  EXPECT_TRUE(snapshot_after(options.snapshot_interval));
}

// Else the log that a restart needs could fill the store, and nothing in it could ever go.
TEST_F(LineTest, WithLittleRoomASnapshotComesEarlier) {
  Options options;
  options.commit_batches = 1;
  start(options);
  const auto log_until_snapshot = [&] {
    disk.snapshot.reset();
    std::size_t bytes = 0;
    model::Signal large;
    large.path = "boiler-1/large";
    for (char c = 'a'; c <= 'z' && !disk.snapshot; ++c) {
      large.description = std::string(500'000, c);
      EXPECT_TRUE(line->define(large, "plc", false));
      take("boiler-1/x", 1, kNow);
      run_until([&] { return accepted["plc"] == seq; });
      bytes += disk.rows.back().commit.size();
    }
    return bytes;
  };
  EXPECT_GT(log_until_snapshot(), 12'000'000U);
  EXPECT_FALSE(disk.snapshot);
  line->set_room(32 << 20);
  log_until_snapshot();
  const std::size_t bytes = log_until_snapshot();
  ASSERT_TRUE(disk.snapshot);
  EXPECT_LT(bytes, 6'000'000U);
  EXPECT_GT(bytes, 3'000'000U);
}

TEST_F(LineTest, AMendedLogGetsASnapshotAtOnce) {
  Options options;
  options.commit_batches = 1;
  start(options);
  take("boiler-1/x", 1, kNow);
  run_until([&] { return accepted["plc"] == 1; });
  EXPECT_FALSE(disk.snapshot);
  change_condition([](store::Condition& condition) { ++condition.mended; });
  run_until([&] {
    const std::lock_guard lock(disk.mutex);
    return disk.snapshot.has_value();
  });
  EXPECT_EQ(disk.snapshot->at, disk.rows.back().id);
  disk.snapshot.reset();

  // Something waits for its commit: then with it, and of the state after it.
  options.commit_batches = 2;
  options.commit_interval = kHour;
  line.reset();
  start(options);
  take("boiler-1/x", 2, kNow);
  change_condition([](store::Condition& condition) { ++condition.mended; });
  EXPECT_FALSE(disk.snapshot);
  take("boiler-1/x", 3, kNow);
  run_until([&] { return accepted["plc"] == 3; });
  line.reset();
  store.reset();
  ASSERT_TRUE(disk.snapshot);
  EXPECT_EQ(disk.snapshot->at, disk.rows.back().id);
}

TEST_F(LineTest, AnAlertAndAMeanReachTheirStreams) {
  start();
  ASSERT_TRUE(line->install(some_rules()));
  for (int i = 0; i <= 12; ++i) {
    take("boiler-7/t", 80 + i, kNow + i * kSecond);
    clock.advance(kSecond);
  }
  line->tick();
  line->stop([] {});
  run_until([&] { return disk.outbox.size() >= 2; });
  EXPECT_THAT(outputs(), testing::Contains(testing::HasSubstr("raised boiler 7 is at 91.0")));
  const model::SignalId mean = line->signals().find("boiler-7/t_mean");
  ASSERT_NE(mean, 0U);
  EXPECT_THAT(outputs(), testing::Contains(std::to_string(mean) + " " + to_iso(kNow + 10 * kSecond) + " 84.5"));
}

TEST_F(LineTest, ReadingsThatCannotBeTrueAreMarkedInTheLog) {
  start();
  ASSERT_TRUE(line->install(more_rules()));
  take("boiler-1/t", 50, kNow);
  take("boiler-1/t", 150, kNow + kSecond);
  line->stop([] {});
  run_until([&] { return !disk.rows.empty(); });
  std::vector<model::Quality> qualities;
  for (const store::LogRow& row : disk.rows) {
    v1::RawRecord raw;
    ASSERT_TRUE(raw.ParseFromString(row.raw));
    const auto decoded = codec::decode(raw.readings());
    ASSERT_TRUE(decoded);
    for (const model::Series& series : *decoded) qualities.push_back(series.quality(0));
  }
  EXPECT_THAT(qualities, testing::ElementsAre(model::kGood, model::kBadOutOfRange));
  EXPECT_THAT(outputs(), testing::Contains(testing::HasSubstr(" 50")));  // beside it, what stands for it
}

TEST_F(LineTest, WhatAPersonAsksOfAlertsGoesThroughTheLog) {
  start();
  ASSERT_TRUE(line->install(more_rules()));
  take("boiler-1/t", 95, kNow);
  EXPECT_EQ(line->command(alert_command("acknowledge", "hot/1")), 1U);
  EXPECT_EQ(line->command(alert_command("acknowledge", "hot/1")), 0U);  // it is already
  EXPECT_EQ(line->command(alert_command("acknowledge", "cold")), 0U);
  EXPECT_EQ(line->command(alert_command("applaud", "hot/1")), 0U);
  v1::Command shelve = alert_command("shelve", "hot/1");
  shelve.set_until(kNow + kHour);
  EXPECT_EQ(line->command(shelve), 1U);
  line->stop([] {});
  run_until([&] { return alerts.size() == 3; });
  EXPECT_EQ(alerts[1].change, "acknowledged");
  EXPECT_EQ(alerts[1].who, "anna");
  EXPECT_EQ(alerts[2].shelved_until, kNow + kHour);
  EXPECT_THAT(outputs(), testing::Contains(testing::HasSubstr("acknowledged boiler 1 is at 95.0 by anna: seen")));
  std::vector<std::string> logged;
  for (const store::LogRow& row : disk.rows) {
    v1::Commit commit;
    ASSERT_TRUE(commit.ParseFromString(row.commit));
    for (const v1::Entry& entry : commit.entries())
      if (entry.has_command()) logged.push_back(entry.command().verb() + " " + entry.command().target());
  }
  EXPECT_THAT(logged, testing::ElementsAre("acknowledge hot/1", "shelve hot/1"));
}

TEST_F(LineTest, WhoAsksHearsOnceItIsCommitted) {
  start();
  ASSERT_TRUE(line->install(more_rules()));
  take("boiler-1/t", 95, kNow);
  run_until([&] { return alerts.size() == 1; });
  {
    const std::lock_guard lock(disk.mutex);
    disk.stalled = true;
  }
  std::size_t told = 0, told_of_nothing = 0;
  EXPECT_EQ(line->command(alert_command("acknowledge", "hot/1"), [&](std::size_t count) { told = count; }), 1U);
  EXPECT_EQ(line->command(alert_command("acknowledge", "hot/1"), [&](std::size_t) { ++told_of_nothing; }), 0U);
  io.run_for(std::chrono::milliseconds(100));
  EXPECT_EQ(told, 0U);
  {
    const std::lock_guard lock(disk.mutex);
    disk.stalled = false;
  }
  disk.changed.notify_all();
  run_until([&] { return told > 0; });
  EXPECT_EQ(told, 1U);
  EXPECT_EQ(told_of_nothing, 0U);
}

TEST_F(LineTest, AnAlertWhoseRuleIsGoneIsForgotten) {
  start();
  ASSERT_TRUE(line->install(more_rules()));
  take("boiler-1/t", 95, kNow);
  v1::RulesChanged reworded = more_rules();
  std::string& text = *reworded.mutable_files(0)->mutable_text();
  text.replace(text.find("critical"), 8, "warning");
  ASSERT_TRUE(line->install(reworded));  // the same computation
  v1::RulesChanged none;
  ASSERT_TRUE(line->install(none));
  line->stop([] {});
  run_until([&] { return alerts.size() == 2; });
  ASSERT_EQ(alerts.size(), 2U);
  EXPECT_EQ(alerts[1].change, "forgotten");
  EXPECT_EQ(alerts[1].id, alerts[0].id);
  EXPECT_EQ(alerts[1].target, "hot/1");
  EXPECT_FALSE(alerts[1].active || alerts[1].latched || alerts[1].shelved);
}

TEST_F(LineTest, AWriteLeavesAtOnceAndAfterItsCommit) {
  Options options;
  options.commit_interval = kHour;
  start(options);
  v1::RulesChanged rules = more_rules();
  auto& text = *rules.mutable_files(0)->mutable_text();
  const std::string alert = text.substr(text.find("    alert:"), text.find("    write:") - text.find("    alert:"));
  text.erase(text.find(alert), alert.size());  // nothing but the write is urgent
  ASSERT_TRUE(line->install(rules));
  disk.stalled = true;
  take("boiler-1/t", 95, kNow);
  io.run_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(writes.empty());
  {
    const std::lock_guard lock(disk.mutex);
    disk.stalled = false;
  }
  disk.changed.notify_all();
  run_until([&] { return !writes.empty(); });
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].path, "plc/pump_1");
  EXPECT_EQ(writes[0].value, model::Value(false));
  EXPECT_EQ(line->condition().writes, 1U);
}

TEST_F(LineTest, ARevisedValueSaysSo) {
  start();
  ASSERT_TRUE(line->install(more_rules()));
  take("boiler-1/t", 20, kNow);
  take("boiler-1/t", 40, kNow + 11 * kSecond);  // the first window is over
  take("boiler-1/t", 30, kNow + 5 * kSecond);   // and yet
  line->stop([] {});
  run_until([&] { return !outputs().empty(); });
  const std::string mean =
      std::to_string(line->signals().find("boiler-1/t_mean")) + " " + to_iso(kNow + 10 * kSecond);
  EXPECT_THAT(outputs(), testing::IsSupersetOf({mean + " 20", mean + " 25 revised"}));
}

TEST_F(LineTest, StopCommitsWhatWaits) {
  Options options;
  options.commit_interval = kHour;
  start(options);
  take("boiler-1/x", 1, kNow);
  bool stopped = false;
  line->stop([&] { stopped = true; });
  run_until([&] { return stopped; });
  store.reset();  // which finishes what it was given
  EXPECT_EQ(disk.rows.size(), 1U);
  EXPECT_TRUE(disk.snapshot.has_value());
}

// Drivers stop first: what they had is committed by then.
TEST_F(LineTest, StopTakesASnapshotOfWhatWasCommittedBefore) {
  Options options;
  options.commit_batches = 1;
  for (const bool under_way : {false, true}) {
    start(options);
    take("boiler-1/x", 1, kNow);
    if (!under_way) run_until([&] { return line->condition().last == disk.rows.size() && !disk.rows.empty(); });
    bool stopped = false;
    line->stop([&] { stopped = true; });
    run_until([&] { return stopped; });
    store.reset();  // which finishes what it was given
    ASSERT_TRUE(disk.snapshot.has_value());
    EXPECT_EQ(disk.snapshot->at, disk.rows.back().id);
    EXPECT_TRUE(disk.snapshot->state == line->state().save());
    line.reset();
    disk.rows.clear();
    disk.snapshot.reset();
  }
}

// The heart of it: a replay of the log from any snapshot is the state that was, and makes the outputs
// that were made.
TEST_F(LineTest, AReplayOfTheLogIsWhatHappened) {
  std::uint64_t random = 7;
  for (int round = 0; round < 10; ++round) {
    disk.rows.clear();
    disk.outbox.clear();
    disk.snapshot.reset();
    accepted.clear();
    seq = 0;
    clock.set(kNow);
    Options options;
    options.commit_batches = 1 + split_mix(random) % 7;
    options.snapshot_interval = static_cast<Nanoseconds>(split_mix(random) % 20 + 1) * kSecond;
    line.reset();
    start(options);
    writes.clear();
    ASSERT_TRUE(line->install(more_rules()));
    for (int i = 0; i < 200; ++i) {
      const std::string boiler = std::to_string(split_mix(random) % 3);
      const auto late = static_cast<Nanoseconds>(split_mix(random) % 5 == 0 ? split_mix(random) % 15 : 0);
      take("boiler-" + boiler + "/t", 60 + static_cast<double>(split_mix(random) % 40), clock.now() - late * kSecond);
      if (split_mix(random) % 10 == 0)
        line->command(alert_command(split_mix(random) % 2 == 0 ? "acknowledge" : "reset", "hot/" + boiler));
      clock.advance(static_cast<Nanoseconds>(split_mix(random) % 2'000) * kMillisecond);
      if (split_mix(random) % 10 == 0) line->tick();
      if (split_mix(random) % 3 == 0) io.poll();
      if (i == 150 && round % 2 == 0) {
        ASSERT_TRUE(line->install(some_rules()));
      }
    }
    bool stopped = false;
    line->stop([&] { stopped = true; });
    run_until([&] { return stopped && accepted["plc"] == 200; });
    store.reset();  // the snapshot is written

    // From the start: the same outputs.
    State replayed(compile);
    rules::Outputs repeated;
    v1::Commit commit;
    v1::RawRecord raw;
    const auto replay = [&](State& state, store::LogId after) {
      for (const store::LogRow& row : disk.rows) {
        if (row.id <= after) continue;
        ASSERT_TRUE(commit.ParseFromString(row.commit));
        ASSERT_TRUE(raw.ParseFromString(row.raw));
        const auto ok = state.replay(commit, raw, repeated);
        ASSERT_TRUE(ok) << ok.error().text();
      }
    };
    replay(replayed, 0);
    std::vector<std::string> again;
    for (const rules::Emitted& emitted : repeated.emitted)
      again.push_back(std::to_string(replayed.signals().find(emitted.path)) + " " + to_iso(emitted.reading.time) +
                      " " + model::to_text(emitted.reading.value) + (emitted.revision ? " revised" : ""));
    for (const rules::AlertEvent& event : repeated.alerts)
      again.push_back(event.id + " " + event.change + " " + event.message +
                      (event.who.empty() ? "" : " by " + event.who + ": " + event.why));
    const auto ids = [](const std::vector<rules::WriteRequest>& requests) {
      std::vector<std::string> out;
      for (const rules::WriteRequest& request : requests)
        out.push_back(request.id + " " + model::to_text(request.value));
      return out;
    };
    EXPECT_EQ(ids(repeated.writes), ids(writes));
    EXPECT_FALSE(writes.empty());
    EXPECT_THAT(again, testing::UnorderedElementsAreArray(outputs()));
    EXPECT_GT(again.size(), 10U);
    EXPECT_TRUE(replayed.save() == line->state().save());

    // From the snapshot: the same state.
    ASSERT_TRUE(disk.snapshot.has_value());
    State restored(compile);
    ASSERT_TRUE(restored.restore(disk.snapshot->state));
    replay(restored, disk.snapshot->at);
    EXPECT_TRUE(restored.save() == line->state().save());
    store = nullptr;
  }
}

TEST_F(LineTest, ADamagedRowIsAnErrorAndNoCrash) {
  start();
  take("boiler-1/x", 1, kNow);
  line->stop([] {});
  run_until([&] { return !disk.rows.empty(); });
  v1::Commit commit;
  v1::RawRecord raw;
  ASSERT_TRUE(commit.ParseFromString(disk.rows[0].commit));
  ASSERT_TRUE(raw.ParseFromString(disk.rows[0].raw));
  rules::Outputs outputs;
  {
    v1::RawRecord bad = raw;
    bad.mutable_readings()->resize(bad.readings().size() / 2);
    EXPECT_FALSE(State(compile).replay(commit, bad, outputs));
  }
  {
    v1::RawRecord bad = raw;
    bad.mutable_batches(0)->set_series(5);
    EXPECT_FALSE(State(compile).replay(commit, bad, outputs));
  }
  {
    v1::Commit bad = commit;
    for (v1::Entry& entry : *bad.mutable_entries())
      if (entry.input_case() == v1::Entry::kBatch) entry.set_batch(9);
    EXPECT_FALSE(State(compile).replay(bad, raw, outputs));
  }
}

}  // namespace
}  // namespace weir::line
