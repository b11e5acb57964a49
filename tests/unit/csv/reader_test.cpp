#include "csv/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/text.h"
#include "csv/text.h"

namespace weir::csv {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Each record as "LINE: a|b", or "LINE! why".
std::vector<std::string> read(const std::string& text) {
  std::istringstream in(text);
  Reader reader(in);
  std::vector<std::string> out;
  if (const auto header = reader.read_header(); !header) return {"header! " + header.error().what};
  for (;;) {
    switch (reader.next()) {
      case Reader::Step::end: return out;
      case Reader::Step::wrong: out.push_back(std::to_string(reader.line()) + "! " + reader.wrong()); break;
      case Reader::Step::record: {
        std::vector<std::string> fields(reader.fields().begin(), reader.fields().end());
        out.push_back(std::to_string(reader.line()) + ": " + join(fields, "|"));
      }
    }
  }
}

TEST(Reader, ReadsRecordsWithTheirLines) {
  EXPECT_THAT(read("timestamp,value\n1,2\n3,4\n"), ElementsAre("2: 1|2", "3: 3|4"));
  EXPECT_THAT(read("a\n1"), ElementsAre("2: 1"));
  EXPECT_THAT(read("a,b\n,\n"), ElementsAre("2: |"));
}

TEST(Reader, TakesWhatWindowsProgramsWrite) {
  EXPECT_THAT(read("\xEF\xBB\xBF\"timestamp\",\"value\"\r\n\"1\",\"2,5\"\r\n\r\n \t\r\n3,4"),
              ElementsAre("2: 1|2,5", "5: 3|4"));
  std::istringstream in("\xEF\xBB\xBFtimestamp, Value \r\n");
  Reader reader(in);
  ASSERT_TRUE(reader.read_header());
  EXPECT_THAT(reader.columns(), ElementsAre("timestamp", "Value"));
  EXPECT_EQ(reader.column("value"), 1u);
  EXPECT_FALSE(reader.column("valu"));
}

TEST(Reader, TakesQuotesAsTheRfcHasThem) {
  EXPECT_THAT(read("a,b\n\"say \"\"no\"\"\",x\n\"\",\"\"\n\"two\nlines\",y\n5,z\n"),
              ElementsAre("2: say \"no\"|x", "3: |", "4: two\nlines|y", "6: 5|z"));
  EXPECT_THAT(read("a,b\n5\" pipe,x\n"), ElementsAre("2: 5\" pipe|x"));
}

TEST(Reader, SaysWhatIsWrongAndGoesOnWithTheNextLine) {
  EXPECT_THAT(read("a,b\n1\n1,2,3\n\"1\"x,2\n\"1,2\n3,4\n"),
              ElementsAre("2! it has 1 fields where the header has 2", "3! it has 3 fields where the header has 2",
                          HasSubstr("4! there is text behind a closing quote"), "5! a quote is opened and not closed",
                          "6: 3|4"));
}

TEST(Reader, RefusesAHeaderThatIsNone) {
  EXPECT_THAT(read(""), ElementsAre("header! it is empty"));
  EXPECT_THAT(read("\n\n"), ElementsAre("header! it is empty"));
  EXPECT_THAT(read("a,b,a\n"), ElementsAre("header! line 1: the header has 'a' twice"));
  EXPECT_THAT(read(std::string(2'000, ',') + "\n"), ElementsAre(HasSubstr("more than 1000 fields")));
}

TEST(Reader, SaysWhatWouldBeRight) {
  std::istringstream in("a,b\n\"1,2\n1\n3,4\n");
  Reader reader(in);
  ASSERT_TRUE(reader.read_header());
  ASSERT_EQ(reader.next(), Reader::Step::wrong);
  EXPECT_THAT(reader.hint(), HasSubstr("close it"));
  ASSERT_EQ(reader.next(), Reader::Step::wrong);
  EXPECT_THAT(reader.hint(), HasSubstr("stands in quotes"));
  for (const char* header : {"a,a\n", "\"a\n", ""}) {
    std::istringstream none(header);
    EXPECT_NE(Reader(none).read_header().error().hint, "") << header;
  }
}

TEST(Reader, GoesOnBehindALineThatIsTooLong) {
  for (const std::size_t size :
       {Reader::kLongest - 3, Reader::kLongest - 2, Reader::kLongest, Reader::kLongest + 1, 10 * Reader::kLongest}) {
    const auto records = read("a,b\n1," + std::string(size, 'x') + "\n3,4\n");
    ASSERT_EQ(records.size(), 2u) << size;
    const bool fits = size + 3 <= Reader::kLongest;
    EXPECT_EQ(records[0].substr(0, 20), fits ? "2: 1|xxxxxxxxxxxxxxx" : "2! it is longer than") << size;
    EXPECT_EQ(records[1], "3: 3|4") << size;
  }
  // Quotes that never close hide no more than their own line.
  const auto records = read("a,b\n\"1,2\n" + std::string(3 * Reader::kLongest, '\n') + "3,4\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0], "2! a quote is opened and not closed");
  EXPECT_EQ(records[1], std::to_string(3 + 3 * Reader::kLongest) + ": 3|4");
}

TEST(Reader, ReadsAFileLargerThanItsBufferRecordByRecord) {
  std::string text = "a,b\n";
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + ",\"v\"\"" + std::to_string(i % 7) + "\"\r\n";
  const auto records = read(text);
  ASSERT_EQ(records.size(), 100'000u);
  for (int i = 0; i < 100'000; ++i)
    ASSERT_EQ(records[static_cast<std::size_t>(i)],
              std::to_string(i + 2) + ": " + std::to_string(i) + "|v\"" + std::to_string(i % 7));
}

}  // namespace
}  // namespace weir::csv
