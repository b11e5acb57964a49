#include "base/text.h"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/diagnostic.h"

namespace weir {
namespace {

using testing::ElementsAre;

TEST(Text, NearestIsWhatWasMeant) {
  constexpr std::array<std::string_view, 4> kKeys{"retain", "path", "commit_interval", "kind"};
  EXPECT_EQ(nearest("retian", kKeys), "retain");
  EXPECT_EQ(nearest("PATH", kKeys), "path");
  EXPECT_EQ(nearest("comit_intervall", kKeys), "commit_interval");
  EXPECT_EQ(nearest("zebra", kKeys), "");
  EXPECT_EQ(nearest(std::string(1'000, 'a'), kKeys), "");
  EXPECT_EQ(did_you_mean("knid", kKeys), "did you mean 'kind'?");
  EXPECT_EQ(did_you_mean("zebra", kKeys), "");
}

TEST(Text, JoinKeepsEmptyParts) {
  const std::vector<std::string> parts{"", "a", "", "b"};
  EXPECT_EQ(join(parts, ","), ",a,,b");
  EXPECT_EQ(join({}, ","), "");
}

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_THAT(split("a//b/", '/'), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", '/'), ElementsAre(""));
}

TEST(Text, BytesAreSaidRoundly) {
  EXPECT_EQ(bytes_text(0), "0 bytes");
  EXPECT_EQ(bytes_text(1), "1 byte");
  EXPECT_EQ(bytes_text(1'023), "1023 bytes");
  EXPECT_EQ(bytes_text(1'536), "1.5 KiB");
  EXPECT_EQ(bytes_text((1 << 20) - 1), "1.0 MiB") << "not 1024 KiB";
  EXPECT_EQ(bytes_text(std::uint64_t{10} << 30), "10 GiB");
  EXPECT_EQ(bytes_text(~std::uint64_t{0}), "16777216 TiB");
}

TEST(Bytes, VarintsComeBack) {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    std::string out;
    put_varint(out, value);
    ByteReader reader(out);
    EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.ok() && reader.at_end());
    for (std::size_t cut = 0; cut < out.size(); ++cut) {
      ByteReader part(std::string_view(out).substr(0, cut));
      part.varint();
      EXPECT_FALSE(part.ok());
    }
  }
}

TEST(Bytes, ReadingStopsAtTheEnd) {
  const std::string ones(11, '\xFF');
  ByteReader too_long(ones);
  EXPECT_EQ(too_long.varint(), 0U);
  EXPECT_FALSE(too_long.ok());
  std::string out;
  put_varint(out, ~std::uint64_t{0});
  out += "abc";
  ByteReader length_lies(out);
  EXPECT_EQ(length_lies.bytes(), "");
  EXPECT_FALSE(length_lies.ok());
  EXPECT_EQ(length_lies.take(1), "") << "not ok for good";
}

TEST(Bytes, FixedNumbersAreLittleEndian) {
  std::string out;
  put_fixed32(out, 0x04030201);
  put_fixed64(out, 0x0807060504030201);
  put_double(out, -0.0);
  put_bytes(out, "xy");
  EXPECT_EQ(out.substr(0, 4), "\x01\x02\x03\x04");
  ByteReader reader(out);
  EXPECT_EQ(reader.fixed32(), 0x04030201U);
  EXPECT_EQ(reader.fixed64(), 0x0807060504030201U);
  EXPECT_TRUE(std::signbit(reader.float64()));
  EXPECT_EQ(reader.bytes(), "xy");
  EXPECT_TRUE(reader.ok() && reader.at_end());
}

TEST(Bytes, ZigzagKeepsSmallNumbersSmall) {
  EXPECT_EQ(zigzag(-1), 1U);
  EXPECT_EQ(zigzag(1), 2U);
  for (const std::int64_t value : {std::int64_t{0}, INT64_MIN, INT64_MAX}) EXPECT_EQ(unzigzag(zigzag(value)), value);
}

TEST(Bytes, HexIsReadOrRefusedWhole) {
  std::string out;
  EXPECT_TRUE(from_hex("00fFa0", out));
  EXPECT_EQ(out, std::string("\0\xFF\xA0", 3));
  EXPECT_EQ(to_hex(out), "00ffa0");
  for (const char* wrong : {"0", "0g", "0x00", " 00"}) EXPECT_FALSE(from_hex(wrong, out)) << wrong;
}

TEST(Crc32c, IsAsInTheRfc) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(""), 0U);
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t at = 0; at <= text.size(); ++at)
    EXPECT_EQ(crc32c(text.substr(at), crc32c(text.substr(0, at))), crc32c(text));
}

Diagnostic at(int line, int column, int length = 1) {
  return {Diagnostic::Severity::error,
          {std::make_shared<const std::string>("f.yaml"), line, column},
          "wrong",
          "right",
          length};
}

TEST(Render, PutsACaretUnderThePlace) {
  EXPECT_EQ(render(at(2, 4, 3), "a: 1\nb: yes\n"), "f.yaml:2:4: error: wrong\n  2 | b: yes\n    |    ^^^\n  right\n");
  EXPECT_EQ(render(at(1, 6), "é: yes"), "f.yaml:1:6: error: wrong\n  1 | é: yes\n    |     ^\n  right\n");
  EXPECT_EQ(render(at(1, 3), "\tx y"), "f.yaml:1:3: error: wrong\n  1 | \tx y\n    | \t ^\n  right\n");
}

TEST(Render, NeedsNoPlace) {
  EXPECT_EQ(render({Diagnostic::Severity::warning, {}, "odd", "", 1}), "warning: odd\n");
  EXPECT_EQ(render(at(0, 0)), "f.yaml: error: wrong\n  right\n");
  EXPECT_EQ(render(at(9, 1), "a\n"), "f.yaml:9:1: error: wrong\n  right\n") << "a line that does not exist";
}

TEST(Render, SendsNoControlCharactersToATerminal) {
  EXPECT_EQ(render(at(1, 1), "a\x1B[2Jb\r\nc"), "f.yaml:1:1: error: wrong\n  1 | a?[2Jb\n    | ^\n  right\n");
}

TEST(Render, CutsLongLines) {
  const std::string text = render(at(1, 5'000, 9'000), std::string(10'000, 'x'));
  EXPECT_LT(text.size(), 600U);
  EXPECT_THAT(text, testing::HasSubstr("…"));
  EXPECT_THAT(text, testing::HasSubstr("^"));
}

TEST(Bytes, AreReadWithTheirUnit) {
  const auto read = [](std::string_view text) {
    std::uint64_t out = 42;
    return parse_bytes(text, out) ? std::to_string(out) : "none";
  };
  EXPECT_EQ(read("0B"), "0");
  EXPECT_EQ(read("7B"), "7");
  EXPECT_EQ(read("500kB"), "500000");
  EXPECT_EQ(read("2GB"), "2000000000");
  EXPECT_EQ(read("30TB"), "30000000000000");
  EXPECT_EQ(read("64KiB"), "65536");
  EXPECT_EQ(read("1.5GiB"), "1610612736");
  EXPECT_EQ(read("0.1GB"), "100000000");
  EXPECT_EQ(read("8000000TiB"), "8796093022208000000");
  EXPECT_EQ(read(bytes_text(3 << 20)), "3145728") << "as it is written";
  for (const char* wrong : {"", "2", "GB", "-1GB", "+1GB", "1,5GB", "2gb", "2G", "2KB", "2GBs", "2  GB", "1e3MB",
                            ".5GB", "5.GB", "inf B", "0x10MB", "9000000TiB", "1GB2MB", " 1GB"})
    EXPECT_EQ(read(wrong), "none") << wrong;
}

}  // namespace
}  // namespace weir
