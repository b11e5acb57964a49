#include "model/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::model {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(Name, HoldsWhatAPathAndATopicCanCarry) {
  for (const char* name : {"a", "boiler-1", "Tür 3", "a.b_c", "$x"}) EXPECT_TRUE(check_name(name)) << name;
  for (const char* name : {"", "a/b", "a+", "#", "{n}", "}", "a\nb", "a\x7F"}) EXPECT_FALSE(check_name(name)) << name;
  EXPECT_TRUE(check_name(std::string(128, 'a')));
  EXPECT_FALSE(check_name(std::string(129, 'a')));
}

TEST(Path, HasTwoNamesOrMore) {
  for (const char* path : {"a/b", "a/b/c"}) EXPECT_TRUE(check_path(path)) << path;
  for (const char* path : {"", "a", "/b", "a/", "a//b", "a/+/b"}) EXPECT_FALSE(check_path(path)) << path;
  EXPECT_FALSE(check_path(std::string(100, 'a') + "/" + std::string(100, 'b') + "/" + std::string(100, 'c') + "/" +
                          std::string(100, 'd') + "/" + std::string(109, 'e')));
  EXPECT_EQ(device_of("boiler-1/x/y"), "boiler-1");
}

struct Case {
  std::string pattern, path;
  std::optional<std::vector<std::string>> captured;
};

class Match : public testing::TestWithParam<Case> {};

TEST_P(Match, CapturesWhatStandsThere) {
  const auto pattern = PathPattern::parse(GetParam().pattern);
  ASSERT_TRUE(pattern) << pattern.error().text();
  EXPECT_EQ(pattern->match(GetParam().path), GetParam().captured) << GetParam().pattern << " on " << GetParam().path;
  if (GetParam().captured) EXPECT_EQ(pattern->fill(*GetParam().captured), GetParam().path);
}

INSTANTIATE_TEST_SUITE_P(Path, Match,
                         testing::ValuesIn<Case>({
                             {"a/b", "a/b", std::vector<std::string>{}},
                             {"a/b", "a/B", {}},
                             {"a/b", "a", {}},
                             {"a/b", "a/b/c", {}},
                             {"boiler-{n}/t", "boiler-12/t", {{"12"}}},
                             {"boiler-{n}/t", "boiler-/t", {}},
                             {"boiler-{n}/t", "boiler-1/x/t", {}},
                             {"{device}/t", "x/t", {{"x"}}},
                             {"{d}/p_{k}_x", "tank/p_7_x", {{"tank", "7"}}},
                             {"aa{n}aa/t", "aaa/t", {}},
                             {"aa{n}aa/t", "aaaaa/t", {{"a"}}},
                             {"{}/{}", "a/b", {{"a", "b"}}},
                         }));

TEST(Pattern, IsRefusedWithAReason) {
  const auto reason = [](std::string_view text) {
    const auto pattern = PathPattern::parse(text);
    return pattern ? std::string("fine") : pattern.error().what;
  };
  EXPECT_EQ(reason("a"), "'a' is not a path");
  EXPECT_EQ(reason("a//b"), "an empty level in 'a//b'");
  EXPECT_EQ(reason("a/{n"), "'{' without '}' in 'a/{n'");
  EXPECT_EQ(reason("a/n}"), "'}' without '{' in 'a/n}'");
  EXPECT_EQ(reason("a/}{n}"), "'}' without '{' in 'a/}{n}'");
  EXPECT_EQ(reason("a/{n}{m}"), "two captures in one level of 'a/{n}{m}'");
  EXPECT_EQ(reason("{n}/{n}"), "'{n}' stands twice in '{n}/{n}'");
  EXPECT_EQ(reason("a/{n-m}"), "'{n-m}' is no capture");
  EXPECT_EQ(reason("a/#"), "'a/#' holds an MQTT wildcard");
  EXPECT_EQ(reason("a/b\n"), "a control character in the pattern");
  EXPECT_EQ(reason(std::string(600, 'a')), "a pattern of 600 bytes");
}

TEST(Pattern, KnowsItsCaptures) {
  const auto pattern = PathPattern::parse("{a}/{}/x{b}");
  ASSERT_TRUE(pattern);
  EXPECT_THAT(pattern->captures(), ElementsAre("a", "", "b"));
  EXPECT_FALSE(pattern->is_literal());
  EXPECT_TRUE(PathPattern::parse("a/b")->is_literal());
}

}  // namespace
}  // namespace weir::model
