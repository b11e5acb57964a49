#include <gtest/gtest.h>

#include "mqtt/client.h"

namespace weir::mqtt {
namespace {

struct Case {
  const char* filter;
  const char* topic;
  bool matches;
};

class Matches : public testing::TestWithParam<Case> {};

TEST_P(Matches, AsTheStandardSays) {
  const auto& [filter, topic, expected] = GetParam();
  EXPECT_EQ(matches(filter, topic), expected) << filter << " and " << topic;
}

// The examples of MQTT 5, 4.7.1 and 4.7.2, and their neighbours.
INSTANTIATE_TEST_SUITE_P(
    Filters, Matches,
    testing::Values(Case{"sport/tennis/player1/#", "sport/tennis/player1", true},
                    Case{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
                    Case{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
                    Case{"sport/tennis/player1/#", "sport/tennis/player10", false}, Case{"sport/#", "sport", true},
                    Case{"#", "sport/tennis", true}, Case{"#", "$SYS/uptime", false},
                    Case{"+/uptime", "$SYS/uptime", false}, Case{"$SYS/#", "$SYS/uptime", true},
                    Case{"sport/tennis/+", "sport/tennis/player1", true},
                    Case{"sport/tennis/+", "sport/tennis/player1/ranking", false}, Case{"sport/+", "sport", false},
                    Case{"sport/+", "sport/", true}, Case{"+/+", "/finance", true}, Case{"/+", "/finance", true},
                    Case{"+", "/finance", false}, Case{"+/tennis/#", "sport/tennis/player1", true},
                    Case{"a/b", "a/b", true}, Case{"a/b", "a/b/c", false}, Case{"a/b/c", "a/b", false},
                    Case{"a/b", "A/b", false}, Case{"a//b", "a//b", true}, Case{"a/+/b", "a//b", true},
                    Case{"", "a", false}));

}  // namespace
}  // namespace weir::mqtt
