// What proto/README.md promises: messages of earlier versions are read, and what a later version adds is
// ignored. stored/ has the bytes: 0.1-* as version 0.1 writes them, later-* with fields, enum values and
// log inputs that are not known today.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "weir/v1/bus.pb.h"
#include "weir/v1/log.pb.h"
#include "weir/v1/uplink.pb.h"
#include "wire/wire.h"

namespace weir {
namespace {

constexpr std::int64_t kTime = 1'700'000'000'000'000'000;

std::string bytes_of(const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(__FILE__).parent_path() / "stored" / name;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Message>
Message stored(const std::string& name) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(bytes_of(name))) << name;
  return message;
}

class Evolution : public testing::TestWithParam<std::string> {};

TEST_P(Evolution, Announcement) {
  const auto message = stored<v1::Announcement>(GetParam() + "-announcement");
  EXPECT_EQ(message.instance(), 77U);
  ASSERT_EQ(message.signals_size(), 1);
  const auto signal = wire::decode(message.signals(0));
  ASSERT_TRUE(signal) << signal.error().text();
  EXPECT_EQ(signal->path, "boiler-1/temperature");
  EXPECT_EQ(signal->type, model::ValueType::real);
  EXPECT_EQ(signal->unit, "Cel");
  EXPECT_EQ(signal->interval, std::chrono::seconds(1));
  EXPECT_TRUE(signal->writable);
}

TEST_P(Evolution, Batch) {
  const auto message = stored<v1::Batch>(GetParam() + "-batch");
  EXPECT_EQ(message.epoch(), 3U);
  EXPECT_EQ(message.seq(), 4U);
  ASSERT_EQ(message.series_size(), 1);
  EXPECT_EQ(message.series(0).signal(), "boiler-1/temperature");
  ASSERT_EQ(message.series(0).times_size(), 2);
  EXPECT_EQ(message.series(0).times(0), kTime);
  EXPECT_EQ(message.series(0).times(1), 1'000'000'000);
  EXPECT_EQ(message.series(0).doubles(0), 20.5);
  EXPECT_EQ(message.series(0).qualities(1), 0x800A0000U);
  EXPECT_EQ(message.dropped().count(), 2U);
}

TEST_P(Evolution, DriverState) {
  const auto message = stored<v1::DriverState>(GetParam() + "-state");
  EXPECT_EQ(message.reason(), "one of two");
  ASSERT_EQ(message.devices_size(), 1);
  EXPECT_EQ(message.devices(0).level(), v1::DOWN);
  // A level of a later version is one that we have no word for.
  EXPECT_STREQ(wire::to_text(message.level()), GetParam() == "later" ? "unknown" : "degraded");
}

TEST_P(Evolution, Commit) {
  const auto message = stored<v1::Commit>(GetParam() + "-commit");
  int known = 0;
  for (const v1::Entry& entry : message.entries())
    if (entry.input_case() != v1::Entry::INPUT_NOT_SET) ++known;
  EXPECT_EQ(known, 3);
  EXPECT_EQ(message.entries_size(), GetParam() == "later" ? 4 : 3);
  ASSERT_EQ(message.cursors_size(), 1);
  EXPECT_EQ(message.cursors(0).seq(), 4U);
  EXPECT_EQ(message.cursors(0).last_time(), kTime);
}

TEST_P(Evolution, Record) {
  const auto message = stored<v1::Record>(GetParam() + "-record");
  EXPECT_EQ(message.incarnation(), std::string(16, 'i'));
  EXPECT_EQ(message.stream(), v1::RAW);
  EXPECT_EQ(message.seq(), 12U);
  EXPECT_EQ(message.body(), "body");
}

INSTANTIATE_TEST_SUITE_P(, Evolution, testing::Values("0.1", "later"),
                         [](const auto& version) { return version.param == "later" ? "Later" : "Version01"; });

TEST(EvolutionTest, AnAckOf01) {
  const auto message = stored<v1::Ack>("0.1-ack");
  EXPECT_EQ(message.instance(), 77U);
  EXPECT_EQ(message.credit(), 64U);
  EXPECT_TRUE(message.resend());
}

// And what we write is what 0.1 wrote: numbers and types of the fields have not changed.
TEST(EvolutionTest, WeWriteTheBytesOf01) {
  EXPECT_EQ(stored<v1::Announcement>("0.1-announcement").SerializeAsString(), bytes_of("0.1-announcement"));
  EXPECT_EQ(stored<v1::Batch>("0.1-batch").SerializeAsString(), bytes_of("0.1-batch"));
  EXPECT_EQ(stored<v1::Ack>("0.1-ack").SerializeAsString(), bytes_of("0.1-ack"));
  EXPECT_EQ(stored<v1::DriverState>("0.1-state").SerializeAsString(), bytes_of("0.1-state"));
  EXPECT_EQ(stored<v1::Commit>("0.1-commit").SerializeAsString(), bytes_of("0.1-commit"));
  EXPECT_EQ(stored<v1::Record>("0.1-record").SerializeAsString(), bytes_of("0.1-record"));
}

}  // namespace
}  // namespace weir
