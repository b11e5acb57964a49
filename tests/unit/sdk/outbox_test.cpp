#include "sdk/outbox.h"

#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "session_fixture.h"

namespace weir::sdk::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OutboxTest : public ::testing::Test {
 protected:
  std::vector<v1::Batch> take() {
    outbox_.flush();
    std::vector<v1::Batch> out;
    outbox_.with_queue([&](Queue& queue) {
      queue.acknowledge("i", 1, 0, 1'000);
      while (auto batch = queue.next("boot", 9)) EXPECT_TRUE(out.emplace_back().ParseFromString(batch->payload));
    });
    return out;
  }

  const std::vector<model::Signal> signals_{
      signal("d/bool", model::ValueType::boolean), signal("d/int", model::ValueType::integer), signal("d/real"),
      signal("d/text", model::ValueType::string), signal("d/blob", model::ValueType::bytes)};
  ManualClock clock_;
  int wakes_ = 0;
  Outbox outbox_{signals_, 8 << 20, clock_, [this] { ++wakes_; }};
};

TEST_F(OutboxTest, EncodesEachTypeAsProtobufReadsIt) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  outbox_.publish(0, {10, true, model::kGood});
  outbox_.publish(0, {20, false, model::kBad});
  outbox_.publish(1, {-5, kLeast, model::kBad});
  outbox_.publish(1, {-6, std::int64_t{-1}, model::kBad});
  outbox_.publish(2, {7, -0.0, model::kGood});
  outbox_.publish(3, {1, std::string("a\xFFz"), model::kGood});
  outbox_.publish(4, {1, model::Bytes{std::string("\0\xFF", 2)}, model::kGood});
  const auto batches = take();
  ASSERT_EQ(batches.size(), 1);
  ASSERT_EQ(batches[0].series_size(), 5);
  const auto& series = batches[0].series();
  EXPECT_EQ(series[0].signal(), "d/bool");
  EXPECT_THAT(series[0].times(), ElementsAre(10, 10));
  EXPECT_THAT(series[0].bools(), ElementsAre(true, false));
  EXPECT_THAT(series[0].qualities(), ElementsAre(0, model::kBad.code));
  EXPECT_THAT(series[1].times(), ElementsAre(-5, -1));
  EXPECT_THAT(series[1].ints(), ElementsAre(kLeast, -1));
  EXPECT_THAT(series[1].qualities(), ElementsAre(model::kBad.code)) << "one holds for all";
  EXPECT_TRUE(std::signbit(series[2].doubles(0)));
  EXPECT_THAT(series[2].qualities(), IsEmpty());
  EXPECT_THAT(series[3].strings(), ElementsAre("a\xEF\xBF\xBDz"));
  EXPECT_THAT(series[4].blobs(), ElementsAre(std::string("\0\xFF", 2)));
}

TEST_F(OutboxTest, ClosesABatchAtAThousandReadings) {
  for (int i = 0; i < 2'500; ++i) outbox_.publish(2, {i, 1.0, model::kGood});
  const auto batches = take();
  ASSERT_EQ(batches.size(), 3);
  EXPECT_EQ(batches[0].series(0).times_size(), 1'000);
  EXPECT_EQ(batches[2].series(0).times_size(), 500);
}

TEST_F(OutboxTest, ManyStayOneBatchUpToABound) {
  outbox_.publish(2, {1, 1.0, model::kGood});
  outbox_.publish(2, std::vector<Timestamp>(5'000, 2), std::vector<double>(5'000), {});
  outbox_.publish(2, std::vector<Timestamp>(10'000, 3), std::vector<double>(10'000), {});
  const auto batches = take();
  std::vector<int> sizes;
  for (const v1::Batch& batch : batches) sizes.push_back(batch.series(0).times_size());
  EXPECT_THAT(sizes, ElementsAre(1, 5'000, 8'192, 1'808)) << "in order, and split only beyond 8,192";
}

TEST_F(OutboxTest, ReplacesAValueThatIsNoReading) {
  outbox_.publish(3, {1, std::string(kMostValueBytes + 1, 'x'), model::kGood});
  const auto batches = take();
  EXPECT_THAT(batches[0].series(0).strings(), ElementsAre(""));
  EXPECT_THAT(batches[0].series(0).qualities(), ElementsAre(model::kBadOutOfRange.code));
}

TEST_F(OutboxTest, CannotBeHeldWrong) {
  EXPECT_THROW(outbox_.publish(5, {1, 1.0, model::kGood}), std::invalid_argument);
  EXPECT_THROW(outbox_.publish(1, {1, 1.0, model::kGood}), std::invalid_argument);
  EXPECT_THROW(outbox_.publish(2, {1, 2}, std::vector<double>{1}, {}), std::invalid_argument);
  EXPECT_THROW(outbox_.publish(2, {1, 2, 3}, std::vector<double>(3), {0, 0}), std::invalid_argument);
}

TEST_F(OutboxTest, WakesOnceForAnOpenBatch) {
  for (int i = 0; i < 10; ++i) outbox_.publish(2, {i, 1.0, model::kGood});
  EXPECT_EQ(wakes_, 1);
}

TEST(Queue, WhatWasSentLeavesNoHole) {
  Queue queue(4'000);
  const auto body = [](Timestamp time) { return Body{std::string(900, '\0'), 1, time, time}; };
  queue.acknowledge("i", 1, 0, 2);
  queue.push(body(1));
  queue.push(body(2));
  ASSERT_TRUE(queue.next("", 0) && queue.next("", 0));
  for (Timestamp time = 3; time <= 9; ++time) queue.push(body(time));
  EXPECT_LE(queue.bytes(), queue.most_bytes());
  EXPECT_GT(queue.dropped(), 0);
  EXPECT_EQ(queue.unaccepted(), 2);
  queue.rewind();
  EXPECT_EQ(queue.next("", 0)->seq, 1);
  EXPECT_EQ(queue.next("", 0)->seq, 2);
}

TEST(Utf8, MendsAndCuts) {
  EXPECT_TRUE(is_utf8("°C ✓ 𝄞"));
  for (const char* wrong : {"\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"})
    EXPECT_FALSE(is_utf8(wrong));
  EXPECT_EQ(to_utf8("\xE2\x82"
                    "a"),
            "\xEF\xBF\xBD\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(to_utf8("ab°", 3), "ab");
  EXPECT_EQ(to_utf8("ab°", 4), "ab°");
}

}  // namespace
}  // namespace weir::sdk::test
