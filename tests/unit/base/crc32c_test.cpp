#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace weir
