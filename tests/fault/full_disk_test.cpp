// The disk is full, or read-only: a small ext4 on a loop device that another file fills while commits go on. Data
// goes out meanwhile, and when there is room again all of it is there, once.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <tuple>

#include <boost/asio/io_context.hpp>

#include "codec/codec.h"
#include "mqtt/paho.h"
#include "store/database.h"
#include "test_support/agent.h"
#include "test_support/loop_disk.h"
#include "test_support/mosquitto.h"
#include "test_support/temp_dir.h"
#include "weir/v1/log.pb.h"
#include "weir/v1/uplink.pb.h"

namespace weir {
namespace {

using namespace std::chrono_literals;
using store::Stream;

constexpr std::uintmax_t kDiskBytes = 96 << 20;

class FullDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to mount a disk that it fills";
    disk_.emplace(folder_ / "disk", kDiskBytes);
    if (!disk_->mounted()) GTEST_SKIP() << "loop mounts are not allowed here";
  }

  // Somebody else's file takes all that is left.
  void fill() {
    const int fd = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    ASSERT_GE(fd, 0);
    for (std::size_t size = 1 << 20; size >= 1'024;) {
      const std::string bytes(size, 'f');
      if (::write(fd, bytes.data(), size) <= 0) size /= 2;
    }
    ::fsync(fd);
    ::close(fd);
  }
  void make_room() { std::filesystem::remove(filler()); }
  std::filesystem::path filler() const { return disk_->path() / "filler"; }

  test::TempDir folder_;
  std::optional<test::LoopDisk> disk_;
};

// A database and a cloud that acknowledges what it got.
class FullDiskDatabaseTest : public FullDiskTest {
 protected:
  FullDiskDatabaseTest() { clock_.set(1'763'726'400 * kSecond); }

  void open() {
    database_.reset();
    store::Options options;
    options.file = disk_->path() / "weir.db";
    options.uplinks = {"cloud"};
    options.limits.free_space = 0;
    options.volatile_bytes = 64 << 20;
    auto opened = store::Database::open(options, clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    database_ = std::move(*opened);
  }

  void commit() {
    const std::string number = std::to_string(++committed_);
    store::Transaction transaction;
    transaction.commit = "commit " + number;
    transaction.raw = "raw " + number + std::string(40'000, 'x');
    transaction.outputs = {{Stream::alerts, "alert " + number}};
    transaction.time = clock_.now();
    const auto done = database_->commit(transaction);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->id, committed_);
    clock_.advance(100 * kMillisecond);
  }

  void deliver() {
    for (const Stream stream : {Stream::alerts, Stream::raw}) {
      const auto after = database_->acknowledged("cloud", stream);
      const auto records = database_->fetch(stream, after, 1 << 20);
      ASSERT_TRUE(records) << records.error().text();
      for (const store::Record& record : *records) {
        EXPECT_TRUE(cloud_[stream].insert(record.seq).second)
            << to_text(stream) << " " << record.seq << " came twice";
        EXPECT_TRUE(
            record.body.starts_with((stream == Stream::raw ? "raw " : "alert ") + std::to_string(record.seq)));
      }
      if (!records->empty()) {
        ASSERT_TRUE(database_->acknowledge("cloud", stream, records->back().seq));
      }
    }
  }

  void expect_all_there() {
    for (int i = 0; i < 200; ++i) deliver();
    for (const Stream stream : {Stream::alerts, Stream::raw}) EXPECT_EQ(cloud_[stream].size(), committed_);
    store::LogId expected = 1;
    const auto scanned = database_->scan(0, [&](const store::LogRow& row) {
      EXPECT_EQ(row.commit, "commit " + std::to_string(expected));
      return row.id == expected++;
    });
    EXPECT_TRUE(scanned);
    EXPECT_EQ(expected, committed_ + 1);
    const auto wrong = database_->verify();
    ASSERT_TRUE(wrong) << wrong.error().text();
    EXPECT_THAT(*wrong, testing::IsEmpty());
  }

  ManualClock clock_;
  std::unique_ptr<store::Database> database_;
  store::LogId committed_ = 0;
  std::map<Stream, std::set<store::StreamSeq>> cloud_;
};

TEST_F(FullDiskDatabaseTest, CommitsGoOnInMemoryAndAreThereOnceWhenThereIsRoom) {
  open();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) commit();
    deliver();
    fill();
    for (int i = 0; i < 400 && !database_->condition().suspended; ++i) commit();
    ASSERT_TRUE(database_->condition().suspended);
    EXPECT_NE(database_->condition().suspended->why.find("full"), std::string::npos)
        << database_->condition().suspended->why;
    for (int i = 0; i < 50; ++i) {
      commit();
      if (i % 2 == 0) deliver();
    }
    EXPECT_TRUE(database_->condition().suspended);
    make_room();
    clock_.advance(2 * kMinute);
    commit();
    EXPECT_FALSE(database_->condition().suspended) << database_->condition().suspended->why;
    if (round == 1) open();
  }
  expect_all_there();
  open();
  expect_all_there();
}

TEST_F(FullDiskDatabaseTest, APowerCutWhileItIsFullLosesOnlyWhatWasInMemory) {
  open();
  for (int i = 0; i < 20; ++i) commit();
  deliver();
  fill();
  for (int i = 0; i < 400 && !database_->condition().suspended; ++i) commit();
  ASSERT_TRUE(database_->condition().suspended);
  const std::string meanwhile = database_->incarnation();
  for (int i = 0; i < 10; ++i) commit();
  ASSERT_TRUE(disk_->cut_power());
  database_.reset();
  ASSERT_TRUE(disk_->unmount());
  ASSERT_TRUE(disk_->mount());
  make_room();
  open();
  EXPECT_NE(database_->incarnation(), meanwhile);
  EXPECT_THAT(database_->notes(), testing::IsEmpty());
  committed_ = database_->stats().last;
  EXPECT_GE(committed_, 20U);
  cloud_.clear();
  for (const Stream stream : {Stream::alerts, Stream::raw})
    for (store::StreamSeq seq = 1; seq <= database_->acknowledged("cloud", stream); ++seq) cloud_[stream].insert(seq);
  for (int i = 0; i < 5; ++i) commit();
  expect_all_there();
}

TEST_F(FullDiskDatabaseTest, ADiskThatIsReadOnlyAtTheStart) {
  open();
  for (int i = 0; i < 20; ++i) commit();
  database_.reset();
  ASSERT_TRUE(disk_->set_read_only(true));
  open();
  ASSERT_TRUE(database_->condition().suspended);
  for (int i = 0; i < 30; ++i) {
    commit();
    deliver();
  }
  ASSERT_TRUE(disk_->set_read_only(false));
  clock_.advance(2 * kMinute);
  commit();
  EXPECT_FALSE(database_->condition().suspended) << database_->condition().suspended->why;
  expect_all_there();
}

class FullDiskAgentTest : public FullDiskTest {
 protected:
  void SetUp() override {
    FullDiskTest::SetUp();
    if (!IsSkipped() && !test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
  }
  void TearDown() override { EXPECT_TRUE(agent_.stop()); }

  void listen(const std::string& url) {
    mqtt::Options options;
    options.url = url;
    options.client_id = "witness";
    witness_ = mqtt::make_paho_client(io_.get_executor(), options);
    witness_->start({.connected = [this] { witness_->subscribe({"weir/v1/up/+/+"}, [](Result<void>) {}); },
                     .disconnected = [](const Error&) {},
                     .message = [this](const mqtt::Message& message) { heard(message); }});
    ASSERT_TRUE(agent_.until([&] { return witness_->connected(); }));
  }

  void heard(const mqtt::Message& message) {
    v1::Record record;
    v1::RawRecord raw;
    if (message.topic.ends_with("/state") || message.topic.ends_with("/birth")) return;
    ASSERT_TRUE(record.ParseFromString(message.payload));
    // A repeat, which is allowed, has the same identity and the same body.
    const auto [known, fresh] =
        records_.try_emplace({record.incarnation(), record.stream(), record.seq()}, record.body());
    EXPECT_EQ(known->second, record.body());
    if (!fresh) return;
    if (record.stream() == v1::ALERTS) ++alerts_;
    if (record.stream() != v1::RAW) return;
    ASSERT_TRUE(raw.ParseFromString(record.body()));
    suspended_ += raw.suspended() ? 1 : 0;
    gaps_ += raw.gaps().size();
    if (raw.readings().empty()) return;
    const auto readings = codec::decode(raw.readings());
    ASSERT_TRUE(readings);
    for (const model::Series& series : *readings)
      if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&series.values))
        for (const std::int64_t number : *numbers) ++numbers_[number];
  }

  void start(const std::string& cloud) {
    agent_.write("weir.yaml",
                 "version: 1\nsite: hall\n"
                 "drivers: {sim: {kind: simulator, options: {signals: {box/n: {wave: counter, type: int, interval: "
                 "20ms}}}}}\n"
                 "store: {path: \"" +
                     (*disk_ / "weir.db").string() +
                     "\", commit_interval: 100ms, free_space: 0B}\n"
                     "uplinks: {cloud: {url: \"" +
                     cloud + "\"}}\n");
    agent_.write(
        "rules.d/half.yaml",
        "rules:\n  - name: half\n    from: {n: \"box/n\"}\n    when: n % 50 >= 25\n    alert: {severity: info}\n");
    agent_.start();
  }

  // The problem with the disk, as `weir status` has it; null if there is none.
  Node disk_problem() const {
    const Node status = agent_.status();
    if (status.find("problems") == nullptr) return {};
    for (const Node& problem : *status.find("problems")->as_list())
      if (problem.find("what")->as_string()->find("the disk takes nothing") != std::string::npos) return problem;
    return {};
  }
  bool suspended() const { return disk_problem().find("since") != nullptr; }

  boost::asio::io_context io_;
  std::unique_ptr<mqtt::Client> witness_;
  test::Agent agent_{io_, WEIR_BIN};
  std::map<std::tuple<std::string, int, std::uint64_t>, std::string> records_;  // by identity
  std::map<std::int64_t, int> numbers_;                                         // what the simulator counted
  int alerts_ = 0, suspended_ = 0, gaps_ = 0;
};

TEST_F(FullDiskAgentTest, EverythingGoesOnAndIsThereOnce) {
  test::Mosquitto cloud;
  listen(cloud.url());
  start(cloud.url());
  ASSERT_TRUE(agent_.until([&] { return numbers_.size() > 50 && alerts_ > 0; })) << agent_.said();
  ASSERT_FALSE(suspended());
  fill();
  ASSERT_TRUE(agent_.until([&] { return suspended(); })) << agent_.said();
  Timestamp since = 0;
  ASSERT_TRUE(parse_iso(*disk_problem().find("since")->as_string(), since));
  EXPECT_LT(SystemClock().now() - since, kMinute);
  const auto numbers = numbers_.size();
  const int alerts = alerts_;
  EXPECT_TRUE(agent_.until([&] { return numbers_.size() > numbers + 200 && alerts_ > alerts + 2; })) << agent_.said();
  EXPECT_TRUE(suspended());
  EXPECT_GT(suspended_, 0) << "the records do not say that the promise was suspended";

  // Nor is lost what is in memory while the cloud is deaf.
  cloud.pause();
  make_room();
  EXPECT_TRUE(agent_.until([&] { return !suspended(); }, 60s)) << agent_.said();
  cloud.resume();
  const auto later = numbers_.size();
  EXPECT_TRUE(agent_.until([&] { return numbers_.size() > later + 100; })) << agent_.said();
  ASSERT_TRUE(agent_.stop());
  agent_.until([] { return false; }, 1s);  // what is still in the cloud's broker

  EXPECT_EQ(gaps_, 0);
  ASSERT_FALSE(numbers_.empty());
  std::string missing;
  for (std::int64_t number = numbers_.begin()->first; number < numbers_.rbegin()->first; ++number)
    if (!numbers_.contains(number)) missing += " " + std::to_string(number - numbers_.begin()->first);
  EXPECT_EQ(missing, "") << "of " << numbers_.rbegin()->first - numbers_.begin()->first << ", agent said:\n"
                         << agent_.said();
  for (const auto& [number, times] : numbers_) EXPECT_EQ(times, 1) << number;
  // Each number of a stream under one incarnation only.
  std::map<std::pair<int, std::uint64_t>, int> identities;
  std::set<std::string> incarnations;
  for (const auto& [identity, body] : records_) {
    ++identities[{std::get<1>(identity), std::get<2>(identity)}];
    incarnations.insert(std::get<0>(identity));
  }
  std::map<int, std::uint64_t> last;
  for (const auto& [place, times] : identities) {
    EXPECT_EQ(times, 1) << place.first << " " << place.second;
    EXPECT_EQ(place.second, ++last[place.first]) << "a record of stream " << place.first << " is missing";
    last[place.first] = place.second;
  }
  EXPECT_GE(incarnations.size(), 2U);
}

}  // namespace
}  // namespace weir
