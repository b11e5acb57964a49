#include "csv/text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir::csv {
namespace {

std::string iso(std::string_view text) {
  Timestamp time = 0;
  return parse_time(text, time) ? to_iso(time) : "none";
}

TEST(Time, IsReadAsOtherProgramsWriteIt) {
  for (const auto& [text, meant] : {
           std::pair{"2014-04-01 00:05:00", "2014-04-01T00:05:00Z"},
           {"2014-04-01T00:05:00", "2014-04-01T00:05:00Z"},
           {"2014-04-01T00:05:00Z", "2014-04-01T00:05:00Z"},
           {"2014-04-01T00:05:00.000000", "2014-04-01T00:05:00Z"},
           {"2014-04-01 00:05:00.123456789", "2014-04-01T00:05:00.123456789Z"},
           {"2014-04-01 00:05:00.5+01:00", "2014-03-31T23:05:00.5Z"},
           {"2014-04-01T00:05:00-0130", "2014-04-01T01:35:00Z"},
           {"2014-04-01T00:05:00+02", "2014-03-31T22:05:00Z"},
           {"2014-04-01 00:05:00 UTC", "2014-04-01T00:05:00Z"},
           {"2014-04-01 00:05", "2014-04-01T00:05:00Z"},
           {"2014-04-01T00:05Z", "2014-04-01T00:05:00Z"},
           {"2014-04-01", "2014-04-01T00:00:00Z"},
           {" 2014-04-01 ", "2014-04-01T00:00:00Z"},
           {"1396310700", "2014-04-01T00:05:00Z"},
           {"1396310700.25", "2014-04-01T00:05:00.25Z"},
           {"1396310700250", "2014-04-01T00:05:00.25Z"},
           {"1396310700250.5", "2014-04-01T00:05:00.2505Z"},
           {"1396310700250001", "2014-04-01T00:05:00.250001Z"},
           {"1396310700250000001", "2014-04-01T00:05:00.250000001Z"},
           {"1.3963107e9", "2014-04-01T00:05:00Z"},
           {"1.3963107e+12", "2014-04-01T00:05:00Z"},
           {"0", "1970-01-01T00:00:00Z"},
           {"-1.5", "1969-12-31T23:59:58.5Z"},
       })
    EXPECT_EQ(iso(text), meant) << text;
}

TEST(Time, SaysWhatOfItIsWrong) {
  for (const char* text :
       {"1600-01-01T00:00:00Z", " 2300-02-29 12:00 ", "9999-12-31", "1e30", "99999999999999999999"})
    EXPECT_EQ(no_time(text),
              "'" + std::string(text) + "' is no time that can be kept: from 1677-09-21 to 2262-04-11");
  for (const char* text : {"", "soon", "2014-13-01", "2014-02-30", "inf", "2014-02-03", "3600"})
    EXPECT_EQ(no_time(text), "'" + std::string(text) + "' is no time");
  EXPECT_EQ(no_time(std::string(100, 'x')), "'" + std::string(40, 'x') + "…' is no time");
}

TEST(Time, IsRefusedWhereItIsNone) {
  for (const char* text : {"",
                           " ",
                           "now",
                           "2014-04-31 00:00:00",
                           "2014-04-01 24:00:00",
                           "2014-04-01 00:05:00 CET",
                           "2014-04-01 00:05:00.",
                           "2014-04-01x00:05:00",
                           "01/04/2014 00:05",
                           "2014-04-01 0:05",
                           "12,5",
                           "1e400",
                           "-",
                           ".",
                           "99999999999999999999",
                           "9300000000000000000",
                           "1e19",
                           "3000-01-01 00:00:00",
                           "2014-04-01 00:05:00+25:00",
                           "nan",
                           "2014-04-01T00:05:00.00000000000000000000000000000000000"})
    EXPECT_EQ(iso(text), "none") << text;
}

TEST(Number, IsReadWithAPoint) {
  double value = 0;
  EXPECT_TRUE(parse_number(" +1.5e3\t", value));
  EXPECT_EQ(value, 1'500);
  EXPECT_TRUE(parse_number("-0.1", value));
  EXPECT_EQ(value, -0.1);
  EXPECT_TRUE(parse_number("NaN", value));
  EXPECT_TRUE(std::isnan(value));
  for (const char* text : {"", " ", "1,5", "1 000", "0x10", "+-1", "++1", "12 °C", "--", "1e999"})
    EXPECT_FALSE(parse_number(text, value)) << text;
}

TEST(Quoted, OnlyWhereItHasToBe) {
  EXPECT_EQ(quoted("plain text"), "plain text");
  EXPECT_EQ(quoted("a,b"), "\"a,b\"");
  EXPECT_EQ(quoted("say \"no\""), "\"say \"\"no\"\"\"");
  EXPECT_EQ(quoted("two\nlines"), "\"two\nlines\"");
}

}  // namespace
}  // namespace weir::csv
