#include "sdk/requests.h"

#include <gtest/gtest.h>

#include "session_fixture.h"

namespace weir::sdk::test {
namespace {

class Valve final : public Driver {
 public:
  const std::vector<model::Signal>& signals() const override { return signals_; }
  void run(Link&) override {}
  Result<Access> read(std::size_t) override { return Access{{5, position, model::kGood}, "raw"}; }
  Result<Access> write(std::size_t, const model::Value& value) override {
    ++writes;
    if (broken) return fail("no answer");
    position = std::get<double>(value);
    return Access{{6, position, model::kGood}, "holding 1: 00 01"};
  }

  double position = 0;
  int writes = 0;
  bool broken = false;

 private:
  std::vector<model::Signal> signals_{signal("valve/position", model::ValueType::real, true), signal("valve/flow")};
};

class RequestsTest : public ::testing::Test {
 protected:
  RequestsTest() { clock_.advance(100 * kSecond); }

  v1::Write request(std::string id, double value) const {
    v1::Write out;
    out.set_id(std::move(id));
    out.set_signal("valve/position");
    out.mutable_value()->set_double_value(value);
    return out;
  }
  v1::Written write(const v1::Write& request) {
    requests_.write(request.SerializeAsString());
    while (requests_.step()) {
    }
    return written_;
  }

  ManualClock clock_;
  Valve valve_;
  v1::Written written_;
  v1::ReadOut readout_;
  int answers_ = 0;
  Requests requests_{valve_, clock_, [this](auto answer) {
                       ++answers_;
                       if (auto* written = std::get_if<v1::Written>(&answer)) written_ = *written;
                       else readout_ = std::get<v1::ReadOut>(answer);
                     }};
};

TEST_F(RequestsTest, WritesAndTellsWhatTheDeviceSays) {
  const v1::Written answer = write(request("1", 0.5));
  EXPECT_EQ(answer.outcome(), v1::DONE);
  EXPECT_EQ(answer.read_back().double_value(), 0.5);
  EXPECT_EQ(answer.raw(), "holding 1: 00 01");
  EXPECT_EQ(answer.time(), 6);
}

TEST_F(RequestsTest, DoesAnIdOnce) {
  write(request("1", 0.5));
  const v1::Written again = write(request("1", 0.9));
  EXPECT_EQ(again.read_back().double_value(), 0.5);
  EXPECT_EQ(valve_.writes, 1);
  EXPECT_EQ(answers_, 2);
}

TEST_F(RequestsTest, RefusesWhatIsNotAllowed) {
  v1::Write wrong = request("1", 1);
  wrong.set_signal("valve/flow");
  EXPECT_EQ(write(wrong).outcome(), v1::REFUSED);
  wrong = request("2", 1);
  wrong.set_signal("valve/none");
  EXPECT_EQ(write(wrong).outcome(), v1::REFUSED);
  wrong = request("3", 1);
  wrong.mutable_value()->set_string_value("open");
  EXPECT_EQ(write(wrong).outcome(), v1::REFUSED);
  wrong = request("4", 1);
  wrong.set_lease_ms(1'000);
  EXPECT_EQ(write(wrong).outcome(), v1::REFUSED) << "a lease without a fallback";
  wrong = request("5", 1);
  wrong.set_deadline(99 * kSecond);
  clock_.set(100 * kSecond);
  EXPECT_EQ(write(wrong).outcome(), v1::EXPIRED);
  EXPECT_EQ(valve_.writes, 0);
}

TEST_F(RequestsTest, TakesAWholeNumberForADouble) {
  v1::Write whole = request("1", 0);
  whole.mutable_value()->set_int_value(1);
  EXPECT_EQ(write(whole).outcome(), v1::DONE);
  EXPECT_EQ(valve_.position, 1.0);
}

TEST_F(RequestsTest, FallsBackWhenTheLeaseRunsOut) {
  v1::Write leased = request("1", 1);
  leased.set_lease_ms(5'000);
  leased.mutable_fallback()->set_double_value(0.2);
  write(leased);
  EXPECT_EQ(requests_.due(), 105 * kSecond);
  clock_.advance(5 * kSecond - 1);
  EXPECT_FALSE(requests_.step());
  clock_.advance(1);
  valve_.broken = true;
  EXPECT_TRUE(requests_.step());
  EXPECT_EQ(valve_.position, 1.0);
  EXPECT_FALSE(requests_.step()) << "not again at once";
  valve_.broken = false;
  clock_.advance(kSecond);
  EXPECT_TRUE(requests_.step());
  EXPECT_EQ(valve_.position, 0.2);
  EXPECT_FALSE(requests_.due().has_value());
}

TEST_F(RequestsTest, AnotherWriteEndsTheLease) {
  v1::Write leased = request("1", 1);
  leased.set_lease_ms(5'000);
  leased.mutable_fallback()->set_double_value(0.2);
  write(leased);
  write(request("2", 0.7));
  EXPECT_FALSE(requests_.due().has_value());
}

TEST_F(RequestsTest, AFailedWriteOwesItsFallbackToo) {
  valve_.broken = true;
  v1::Write leased = request("1", 1);
  leased.set_lease_ms(5'000);
  leased.mutable_fallback()->set_double_value(0.2);
  EXPECT_EQ(write(leased).outcome(), v1::FAILED);
  EXPECT_TRUE(requests_.due().has_value());
}

TEST_F(RequestsTest, StoppingEndsTheLeases) {
  v1::Write leased = request("1", 1);
  leased.set_lease_ms(5'000);
  leased.mutable_fallback()->set_double_value(0.2);
  write(leased);
  requests_.stop();
  requests_.work();
  EXPECT_EQ(valve_.position, 0.2);
}

TEST_F(RequestsTest, ReadsNow) {
  v1::Read read;
  read.set_id("r");
  read.set_signal("valve/flow");
  requests_.read(read.SerializeAsString());
  EXPECT_TRUE(requests_.step());
  EXPECT_EQ(readout_.outcome(), v1::DONE);
  EXPECT_EQ(readout_.raw(), "raw");
}

TEST_F(RequestsTest, IsBounded) {
  for (int i = 0; i < 100; ++i) requests_.write(request(std::to_string(i), 1).SerializeAsString());
  EXPECT_EQ(answers_, 36) << "what is over 64 is refused at once";
  EXPECT_EQ(written_.outcome(), v1::REFUSED);
}

}  // namespace
}  // namespace weir::sdk::test
