#include <gtest/gtest.h>

#include "plant.h"

namespace weir::rules {
namespace {

// The reason of the alarm when, after three days of work from 8 to 17 in Berlin, nobody comes.
std::string reason_of_a_day_off(const std::string& timezone) {
  Plant plant("rules: [{name: d, from: {t: \"hall/t\"}, detect: {}, alert: {severity: info}}]", plant_site(timezone));
  std::string told;
  for (int i = 0; i < 9 * 288; ++i) {
    const int hour = i / 12 % 24 + 1;  // in Berlin; the first reading comes at midnight in UTC
    const int day = i / 288;
    const bool works = hour >= 8 && hour < 17 && day < 8;
    plant.at(i * 300, "hall/t", (works ? 60 : 20) + (i * 7919 % 97) / 97.0);
    for (const std::string& line : plant.said())
      if (day == 8 && line.find("raised") != line.npos) told += line + "\n";
  }
  return told;
}

TEST(Detect, GoesByTheClockOfTheSite) {
  using ::testing::HasSubstr;
  EXPECT_THAT(reason_of_a_day_off("Europe/Berlin"), HasSubstr("from what is normal at 08:"));
  EXPECT_THAT(reason_of_a_day_off("UTC"), HasSubstr("from what is normal at 07:"));
}

}  // namespace
}  // namespace weir::rules
