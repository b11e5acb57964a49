#include "cli/readings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../store/folder.h"
#include "codec/codec.h"

namespace weir::cli {
namespace {

using store::kNoon;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

model::Series series(model::SignalId signal, std::vector<Timestamp> times, model::Column values) {
  return {signal, std::move(times), std::move(values), {}};
}

class ReadingsTest : public store::StoreTest {
 protected:
  ReadingsTest() { open(); }

  // A commit that names `names`, in the order of their ids, with these readings.
  store::LogId commit(const std::vector<std::string>& names, const std::vector<model::Series>& readings,
                      const std::vector<v1::RawRecord>& backfill = {}) {
    v1::Commit commit;
    for (const std::string& name : names) {
      v1::SignalDefined& defined = *commit.add_entries()->mutable_signal();
      defined.set_id(++defined_);
      defined.mutable_signal()->set_path(name);
      defined.mutable_signal()->set_unit("Cel");
    }
    v1::RawRecord raw;
    if (!readings.empty()) codec::encode(readings, *raw.mutable_readings());
    std::vector<store::Output> outputs;
    for (const v1::RawRecord& record : backfill)
      outputs.push_back({store::Stream::backfill, record.SerializeAsString()});
    return StoreTest::commit(commit.SerializeAsString(), readings.empty() ? "" : raw.SerializeAsString(),
                             std::move(outputs));
  }

  // What came, a line each.
  std::vector<std::string> run(const char* pattern = nullptr, store::LogId begin = 1) {
    std::vector<std::string> out;
    wrong_.clear();
    std::optional<model::PathPattern> parsed;
    if (pattern != nullptr) parsed = *parse_pattern("PATH", pattern);
    whole_ = Readings(*database_, std::move(parsed))
                 .run(begin, {.series =
                                  [&](const SignalName& name, const model::Series& one) {
                                    out.push_back(name.path);
                                    for (std::size_t i = 0; i < one.size(); ++i)
                                      out.back() += " " + model::to_text(one.value(i));
                                  },
                              .thinned =
                                  [&](const SignalName& name, const Thinned& one) {
                                    out.push_back("thinned " + name.path);
                                    for (std::size_t i = 0; i < one.values.size(); ++i) {
                                      out.back() += " " + model::to_text(one.values.value(i));
                                      if (!one.min.empty())
                                        out.back() += " (" + model::to_text(one.min[i]) + " to " +
                                                      model::to_text(one.max[i]) + ")";
                                      out.back() += " of " + std::to_string(one.counts[i]);
                                    }
                                  },
                              .wrong = [&](const std::string& what) { wrong_.push_back(what); }});
    return out;
  }

  static v1::RawRecord thinned(std::vector<v1::Thinned::Form> forms, const std::vector<model::Series>& readings) {
    v1::RawRecord raw;
    for (const v1::Thinned::Form form : forms) {
      v1::Thinned& one = *raw.add_thinned();
      one.set_form(form);
      one.set_interval(kMinute);
    }
    codec::encode(readings, *raw.mutable_readings());
    return raw;
  }

  std::uint32_t defined_ = 0;
  std::vector<std::string> wrong_;
  bool whole_ = false;
};

TEST_F(ReadingsTest, NamesSignalsFromTheLogAndTheSnapshot) {
  commit({"a/x", "b/x"}, {series(1, {kNoon}, std::vector<double>{1})});
  v1::Snapshot state;
  for (const auto& [id, path] : {std::pair{1U, "a/x"}, {2U, "b/x"}}) {
    v1::SignalDefined& defined = *state.add_signals();
    defined.set_id(id);
    defined.mutable_signal()->set_path(path);
  }
  ASSERT_TRUE(database_->save_snapshot({1, state.SerializeAsString()}));
  commit({"c/y"}, {});
  const store::LogId last = commit({}, {series(2, {kNoon}, std::vector<std::int64_t>{2}),
                                        series(3, {kNoon, kNoon + 1}, std::vector<double>{3, 4})});
  EXPECT_THAT(run(), ElementsAre("a/x 1", "b/x 2", "c/y 3 4"));
  EXPECT_THAT(run(nullptr, last), ElementsAre("b/x 2", "c/y 3 4")) << "named before what is read";
  EXPECT_THAT(run("*/x"), ElementsAre("a/x 1", "b/x 2"));
  EXPECT_THAT(run("c/y"), ElementsAre("c/y 3 4"));
  EXPECT_THAT(run("c/z"), IsEmpty());
  EXPECT_TRUE(whole_);
}

TEST_F(ReadingsTest, ShowsWhatIsThinned) {
  using Form = v1::Thinned;
  commit(
      {"a/x", "a/on", "a/y"}, {series(1, {kNoon}, std::vector<double>{9})},
      {thinned(
          {Form::SUMMARY, Form::LATEST, Form::ORIGINAL},
          {series(1, {kNoon - kHour}, std::vector<double>{1}), series(1, {kNoon - kHour}, std::vector<double>{2}),
           series(1, {kNoon - kHour}, std::vector<double>{3}),
           series(1, {kNoon - kHour}, std::vector<std::int64_t>{60}),
           series(2, {kNoon - kHour}, std::vector<std::uint8_t>{1}),
           series(2, {kNoon - kHour}, std::vector<std::int64_t>{7}), series(3, {kNoon}, std::vector<double>{5})})});
  EXPECT_THAT(run(), ElementsAre("thinned #1 2 (1 to 3) of 60", "thinned #2 true of 7", "#3 5", "a/x 9"))
      << "without a snapshot, what the log names comes after";
  v1::Snapshot state;
  state.add_signals()->set_id(1);
  state.mutable_signals(0)->mutable_signal()->set_path("a/x");
  ASSERT_TRUE(database_->save_snapshot({1, state.SerializeAsString()}));
  EXPECT_THAT(run("a/x"), ElementsAre("thinned a/x 2 (1 to 3) of 60", "a/x 9"));
}

TEST_F(ReadingsTest, SaysWhatDoesNotFitTogether) {
  using Form = v1::Thinned;
  const auto one = series(1, {kNoon}, std::vector<double>{1});
  const auto two = series(1, {kNoon, kNoon + 1}, std::vector<double>{1, 2});
  const auto other = series(2, {kNoon}, std::vector<double>{1});
  const auto count = series(1, {kNoon}, std::vector<std::int64_t>{1});
  commit({"a/x"}, {},
         {thinned({Form::SUMMARY}, {one, one, one}), thinned({Form::SUMMARY}, {one, two, one, count}),
          thinned({Form::SUMMARY}, {one, other, one, count}), thinned({Form::SUMMARY}, {count, one, one, count}),
          thinned({Form::LATEST}, {one, one}), thinned({Form::ORIGINAL, Form::ORIGINAL}, {one}),
          thinned({Form::LATEST}, {one, count})});
  EXPECT_THAT(run(), ElementsAre("#1 1", "thinned #1 1 of 1"));
  EXPECT_FALSE(whole_);
  ASSERT_EQ(wrong_.size(), 6U);
  EXPECT_THAT(wrong_.front(), HasSubstr("record 1 of backfill: its series do not fit together"));
}

TEST(When, IsATimeOrSoLongAgo) {
  EXPECT_EQ(*parse_when("--since", "2h", kNoon), kNoon - 2 * kHour);
  EXPECT_EQ(*parse_when("--since", "2025-11-21T12:00:00Z", 0), kNoon);
  EXPECT_EQ(parse_when("--since", "noon", 0).error().what, "--since 'noon' is no time");
}

}  // namespace
}  // namespace weir::cli
