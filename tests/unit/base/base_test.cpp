#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include <sys/stat.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/diagnostic.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"

namespace weir {
namespace {

TEST(Crc32c, TheCheckValueOfTheStandardAndContinuation) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("56789", crc32c("1234")), 0xE3069283U);
  // RFC 3720, B.4: 32 bytes of zeros, of ones, ascending.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending.push_back(c);
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
}

TEST(Bytes, NumbersComeBack) {
  std::string out;
  const std::uint64_t values[] = {0, 1, 127, 128, 300, std::uint64_t{1} << 63, ~std::uint64_t{0}};
  for (const std::uint64_t value : values) put_varint(out, value);
  put_fixed32(out, 0xDEADBEEF);
  put_fixed64(out, 0x0123456789ABCDEF);
  put_double(out, -0.0);
  put_bytes(out, "weir");
  ByteReader reader(out);
  for (const std::uint64_t value : values) EXPECT_EQ(reader.varint(), value);
  EXPECT_EQ(reader.fixed32(), 0xDEADBEEFU);
  EXPECT_EQ(reader.fixed64(), 0x0123456789ABCDEFU);
  EXPECT_TRUE(std::signbit(reader.float64()));
  EXPECT_EQ(reader.bytes(), "weir");
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.at_end());
}

TEST(Bytes, NothingIsReadPastTheEndOrFromAnOverlongNumber) {
  ByteReader empty("");
  EXPECT_EQ(empty.varint(), 0U);
  EXPECT_FALSE(empty.ok());
  ByteReader cut(std::string_view("\x80\x80", 2));
  EXPECT_EQ(cut.varint(), 0U);
  EXPECT_FALSE(cut.ok());
  ByteReader overlong(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10));
  EXPECT_EQ(overlong.varint(), 0U);
  EXPECT_FALSE(overlong.ok());
  ByteReader lying(
      std::string_view("\x05"
                       "abc",
                       4));
  EXPECT_EQ(lying.bytes(), "");
  EXPECT_FALSE(lying.ok());
  EXPECT_EQ(lying.fixed64(), 0U);
}

TEST(Bytes, ZigzagKeepsTheEnds) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()})
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  EXPECT_EQ(zigzag(-1), 1U);
}

TEST(Bytes, Hex) {
  EXPECT_EQ(to_hex(std::string_view("\x00\xff\x1a", 3)), "00ff1a");
  std::string out;
  EXPECT_TRUE(from_hex("00FF1a", out));
  EXPECT_EQ(out, std::string_view("\x00\xff\x1a", 3));
  EXPECT_FALSE(from_hex("0", out));
  EXPECT_FALSE(from_hex("0g", out));
}

TEST(Clock, IsoTimesAndBack) {
  const std::pair<Timestamp, const char*> cases[] = {
      {0, "1970-01-01T00:00:00Z"},
      {-1, "1969-12-31T23:59:59.999999999Z"},
      {1'700'000'000 * kSecond + 120 * kMillisecond, "2023-11-14T22:13:20.12Z"},
      {951'782'400 * kSecond, "2000-02-29T00:00:00Z"},
  };
  for (const auto& [time, text] : cases) {
    EXPECT_EQ(to_iso(time), text);
    Timestamp back = 0;
    EXPECT_TRUE(parse_iso(text, back)) << text;
    EXPECT_EQ(back, time);
  }
  Timestamp time = 0;
  EXPECT_TRUE(parse_iso("2023-11-14T23:13:20+01:00", time));
  EXPECT_EQ(time, 1'700'000'000 * kSecond);
  for (const char* wrong :
       {"", "2023-11-14", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-11-14T24:00:00Z",
        "2023-11-14T22:13:20", "2023-11-14T22:13:20.Z", "9999-12-31T00:00:00Z", "2023-11-14T22:13:20+1:00"})
    EXPECT_FALSE(parse_iso(wrong, time)) << wrong;
}

TEST(Clock, Durations) {
  const std::pair<Nanoseconds, const char*> cases[] = {
      {0, "0s"},        {30 * kSecond, "30s"}, {90 * kMinute, "1h30m"}, {250 * kMillisecond, "250ms"},
      {7 * kDay, "7d"}, {kSecond + 1, "1s1ns"}};
  for (const auto& [duration, text] : cases) {
    EXPECT_EQ(to_text(std::chrono::nanoseconds(duration)), text);
    Nanoseconds back = -1;
    EXPECT_TRUE(parse_duration(text, back)) << text;
    EXPECT_EQ(back, duration);
  }
  Nanoseconds out = 0;
  EXPECT_TRUE(parse_duration("2w", out));
  EXPECT_EQ(out, 14 * kDay);
  for (const char* wrong : {"", "5", "s", "-5s", "5 s", "5x", "1h 30m", "99999999999d", "1.5h"})
    EXPECT_FALSE(parse_duration(wrong, out)) << wrong;
  EXPECT_EQ(to_text(std::chrono::nanoseconds(std::numeric_limits<Nanoseconds>::min())).front(), '-');
}

TEST(BackoffTest, DoublesItsCeilingUpToTheMostAndBeginsAnewAfterASuccess) {
  Backoff backoff(std::chrono::milliseconds(100), std::chrono::milliseconds(1'000), 7);
  std::chrono::milliseconds highest{};
  for (int round = 0; round < 200; ++round) {
    backoff.reset();
    for (const int ceiling : {100, 200, 400, 800, 1'000, 1'000}) {
      const auto wait = backoff.next();
      EXPECT_GE(wait.count(), 0);
      EXPECT_LE(wait.count(), ceiling);
      highest = std::max(highest, wait);
    }
  }
  EXPECT_GT(highest.count(), 900);  // full jitter, up to the ceiling
}

TEST(Text, TheNearestWordIsWhatWasMeant) {
  const std::string_view words[] = {"temperature", "interval", "unit", "scale"};
  EXPECT_EQ(nearest("intervall", words), "interval");
  EXPECT_EQ(nearest("Untit", words), "unit");
  EXPECT_EQ(nearest("tmeperature", words), "temperature");
  EXPECT_EQ(nearest("pressure", words), "");
  EXPECT_EQ(did_you_mean("scal", words), "did you mean 'scale'?");
  EXPECT_EQ(did_you_mean("pressure", words), "");
}

TEST(Text, SizesForPeople) {
  EXPECT_EQ(bytes_text(12), "12 bytes");
  EXPECT_EQ(bytes_text(1'536), "1.5 KiB");
  EXPECT_EQ(bytes_text(640 << 10), "640 KiB");
  EXPECT_EQ(bytes_text(std::uint64_t{10} << 30), "10 GiB");
}

TEST(DiagnosticTest, ShowsTheLineAndACaretUnderThePlace) {
  Diagnostic diagnostic;
  diagnostic.position = {std::make_shared<const std::string>("rules.d/b.yaml"), 2, 9};
  diagnostic.message = "there is no function 'men'";
  diagnostic.hint = "did you mean 'mean'?";
  diagnostic.length = 3;
  EXPECT_EQ(render(diagnostic, "a: 1\n  emit: men(t)\n"),
            "rules.d/b.yaml:2:9: error: there is no function 'men'\n"
            "  2 |   emit: men(t)\n"
            "    |         ^^^\n"
            "  did you mean 'mean'?\n");
  // A place that is not there any more is no reason to fail.
  diagnostic.position.line = 99;
  EXPECT_EQ(render(diagnostic, "a\n").find("rules.d/b.yaml:99:9: error"), 0U);
}

TEST(Json, ComesBackAndKnowsItsPlaces) {
  const std::string text = R"({"a":[1,2.5,true,null,"x\"y"],"b":{"c/d":-3}})";
  const auto node = parse_json(text);
  ASSERT_TRUE(node) << node.error().text();
  EXPECT_EQ(to_json(*node), text);
  EXPECT_EQ(*at_pointer(*node, "/b/c~1d").position.file, "/b/c~1d");
  EXPECT_EQ(*at_pointer(*node, "/a/1").position.file, "/a/1");
  EXPECT_EQ(&at_pointer(*node, "/a/9"), node->find("a"));  // the nearest above it
  EXPECT_EQ(&at_pointer(*node, ""), &*node);
  EXPECT_EQ(to_json(Node::of(2.0)), "2.0");
  EXPECT_EQ(to_json(Node::of(std::nan(""))), "null");
}

TEST(Json, WhatIsNoneIsAnError) {
  for (const char* wrong : {"", "{", "{\"a\":}", "[1,]", "nul", "01", "\"\xff\"", "{} {}"})
    EXPECT_FALSE(parse_json(wrong)) << wrong;
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
}

TEST(NodeTest, SetAddsAndReplaces) {
  Node node;
  node.set("a", 1).set("b", "text").set("c", 2.5).set("d", true).set("a", 7);
  EXPECT_EQ(to_json(node), R"({"a":7,"b":"text","c":2.5,"d":true})");
}

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("weir-base-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
};

TEST_F(FileTest, WritesWholeWithItsMode) {
  const auto file = folder / "status";
  ASSERT_TRUE(write_file(file, "one", 0600));
  ASSERT_TRUE(write_volatile_file(file, "two", 0640));
  EXPECT_EQ(*read_file(file), "two");
  struct stat info{};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
  EXPECT_FALSE(std::filesystem::exists(folder / "status.new"));
}

TEST_F(FileTest, FailuresNameTheFileAndWhatToDo) {
  const auto missing = read_file(folder / "nothing");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().what, testing::HasSubstr("nothing: No such file"));
  ASSERT_TRUE(write_file(folder / "large", std::string(1'000, 'x')));
  EXPECT_FALSE(read_file(folder / "large", 999));
  EXPECT_FALSE(write_file(folder / "none" / "x", "y"));
}

TEST_F(FileTest, ASecretIsItsFileWithoutTheLastLineEnd) {
  ASSERT_TRUE(write_file(folder / "secret", "hunter2 \n", 0600));
  EXPECT_EQ(*read_secret(folder / "secret"), "hunter2 ");
  ASSERT_TRUE(write_file(folder / "empty", "\n", 0600));
  EXPECT_FALSE(read_secret(folder / "empty"));
}

TEST(BurstLogTest, SaysTheFirstAndCountsTheRest) {
  ManualClock clock;
  log::BurstLog bursts(clock, 10 * kSecond);
  std::uint64_t repeats = 0;
  EXPECT_TRUE(bursts.first("a", repeats));
  EXPECT_EQ(repeats, 0U);
  for (int i = 0; i < 5; ++i) {
    clock.advance(5 * kSecond);
    EXPECT_FALSE(bursts.first("a", repeats));
  }
  EXPECT_TRUE(bursts.first("b", repeats));
  clock.advance(11 * kSecond);
  EXPECT_TRUE(bursts.first("a", repeats));
  EXPECT_EQ(repeats, 5U);
}

TEST(BurstLogTest, IsBounded) {
  ManualClock clock;
  log::BurstLog bursts(clock, kHour);
  std::uint64_t repeats = 0;
  int said = 0;
  for (int i = 0; i < 100'000; ++i)
    if (bursts.first("key" + std::to_string(i), repeats)) ++said;
  EXPECT_LE(said, 1'024);
}

TEST(Random, IsNotTheSameTwice) {
  EXPECT_NE(random_u64(), random_u64());
  EXPECT_EQ(random_bytes(33).size(), 33U);
  std::uint64_t a = 5, b = 5;
  EXPECT_EQ(split_mix(a), split_mix(b));
}

}  // namespace
}  // namespace weir
