#include "base/file.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <bit>
#include <cerrno>
#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/random.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  File() : folder_(fs::path(testing::TempDir()) / ("file-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~File() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(File, WhatWasWrittenIsRead) {
  const fs::path path = folder_ / "a";
  const std::string content("x\0y\n", 4);
  ASSERT_TRUE(write_file(path, content, 0600));
  EXPECT_EQ(read_file(path).value(), content);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0600));
  ASSERT_TRUE(write_volatile_file(path, "", 0640));
  EXPECT_EQ(read_file(path).value(), "");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0640));
}

TEST_F(File, ReadingIsBounded) {
  ASSERT_TRUE(write_file(folder_ / "a", std::string(100, 'x')));
  EXPECT_TRUE(read_file(folder_ / "a", 100));
  EXPECT_FALSE(read_file(folder_ / "a", 99));
}

TEST_F(File, FailuresSayWhatAndWhatToDo) {
  const auto missing = read_file(folder_ / "none");
  EXPECT_EQ(missing.error().text(),
            "cannot open " + (folder_ / "none").string() + ": No such file or directory (is the path right?)");
  EXPECT_FALSE(read_file(folder_)) << "a folder";
  EXPECT_FALSE(write_file(folder_ / "none/a", "x"));
}

TEST_F(File, AFailedWriteLeavesTheOldAndNothingBeside) {
  fs::create_directory(folder_ / "a");  // cannot be replaced by a file
  EXPECT_FALSE(write_file(folder_ / "a", "x"));
  EXPECT_TRUE(fs::is_directory(folder_ / "a"));
  EXPECT_FALSE(fs::exists(folder_ / "a.new"));
}

TEST_F(File, WhatIsNoFileOfItsOwnIsWrittenTo) {
  ASSERT_TRUE(write_file(folder_ / "there", "a longer text that was there"));
  fs::create_symlink("there", folder_ / "link");
  ASSERT_TRUE(write_file(folder_ / "link", "new"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "there").value(), "new");

  // As /dev/null, under a name of our own; only root can make one.
  const fs::path device = folder_ / "device";
  if (::mknod(device.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) GTEST_SKIP() << "no device can be made";
  ASSERT_TRUE(write_file(device, "gone"));
  EXPECT_TRUE(fs::is_character_file(device));
}

TEST_F(File, SaysWhatWouldBeRight) {
  EXPECT_THAT(write_file(folder_, "x").error().hint, testing::HasSubstr("name a file"));
  EXPECT_THAT(write_file(folder_ / "none/a", "x").error().hint, testing::HasSubstr("folder exist"));
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_THAT(read_file(folder_ / "loop").error().hint, testing::HasSubstr("leads back to itself"));
  EXPECT_THAT(write_file(folder_ / "loop", "x").error().hint, testing::HasSubstr("leads back to itself"));
  ASSERT_TRUE(write_file(folder_ / "a", ""));
  EXPECT_THAT(read_file(folder_ / "a/b").error().hint, testing::HasSubstr("no folder"));
  EXPECT_THAT(file_error("cannot write a", EACCES, Doing::write).text(),
              "cannot write a: Permission denied (may the user that weir runs as write to that folder?)");
}

TEST_F(File, ASecretIsWithoutItsLastNewline) {
  const fs::path path = folder_ / "secret";
  for (const auto& [text, secret] :
       {std::pair("pass", "pass"), {"pass\n", "pass"}, {"pass\r\n", "pass"}, {" p \n\n", " p \n"}}) {
    ASSERT_TRUE(write_file(path, text));
    EXPECT_EQ(read_secret(path).value(), secret);
  }
  ASSERT_TRUE(write_file(path, "\n"));
  EXPECT_THAT(read_secret(path).error().what, testing::HasSubstr("is empty"));
}

TEST(Json, ComesBackExactly) {
  std::uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(split_mix(state));
    if (!std::isfinite(value)) continue;
    const auto read = parse_json(to_json(Node(value, {})));
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(std::bit_cast<std::uint64_t>(std::get<double>(read->data)), std::bit_cast<std::uint64_t>(value))
        << to_json(Node(value, {}));
  }
  for (const char* text : {"0.1", "2.0", "-0.0", "1e+22", "[]", "{}", "null", "[true,false,-9223372036854775808]",
                           R"({"a":{"b":["c\n\"",1]},"":"ü"})"})
    EXPECT_EQ(to_json(parse_json(text).value()), text);
}

TEST(Json, NumbersThatAreNotIntegersAreDoubles) {
  EXPECT_EQ(std::get<double>(parse_json("18446744073709551615")->data), 18446744073709551615.0);
  EXPECT_EQ(std::get<double>(parse_json("123456789012345678901234567890")->data), 123456789012345678901234567890.0);
  EXPECT_EQ(std::get<double>(parse_json("1e-999")->data), 0.0);
  EXPECT_EQ(std::get<std::int64_t>(parse_json("-1")->data), -1);
}

TEST(Json, RefusesWhatIsNone) {
  for (const char* text : {"", "{", "[1,]", "01", "'a'", "nul", "1 2", "\"\xFF\"", "{\"a\":1,}", "1e999",
                           "{\"a\":1,\"a\":2}", "// x\n1"})
    EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
}

TEST(Json, PointersLeadToNodes) {
  const Node root = parse_json(R"({"a":[{"b/c~d":7}]})").value();
  EXPECT_EQ(*at_pointer(root, "/a/0/b~1c~0d").as_int(), 7);
  EXPECT_EQ(*at_pointer(root, "/a/0/b~1c~0d").position.file, "/a/0/b~1c~0d");
  EXPECT_NE(at_pointer(root, "/a/9/x").as_list(), nullptr) << "the nearest above";
  EXPECT_EQ(&at_pointer(root, ""), &root);
}

TEST(Node, SetAddsAndReplaces) {
  Node node = Node::object();
  node.set("a", 1).set("b", "x").set("a", 2.5).set("c", true);
  EXPECT_EQ(to_json(node), R"({"a":2.5,"b":"x","c":true})");
}

}  // namespace
}  // namespace weir
