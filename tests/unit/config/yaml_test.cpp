// The traps of YAML, each with what is said and where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "config/config.h"

namespace weir::config {
namespace {

// "3:6 what is wrong | what would be right", a line each.
std::vector<std::string> said(std::string_view text) {
  std::vector<std::string> out;
  for (const Diagnostic& d : parse_yaml({"f.yaml", std::string(text)}).diagnostics) {
    EXPECT_EQ(*d.position.file, "f.yaml");
    out.push_back(std::to_string(d.position.line) + ":" + std::to_string(d.position.column) + " " + d.message +
                  " | " + d.hint);
  }
  return out;
}

struct Trap {
  std::string text;
  std::vector<std::string> said;
};

class Traps : public testing::TestWithParam<Trap> {};

TEST_P(Traps, AreRefusedWithTheRightSpelling) {
  EXPECT_EQ(said(GetParam().text), GetParam().said) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Scalars, Traps,
    testing::ValuesIn<Trap>({
        {"a: yes", {R"(1:4 'yes' is not a bool | write true, or "yes" if it is a text)"}},
        {"a: No", {R"(1:4 'No' is not a bool | write false, or "No" if it is a text)"}},
        {"a: on", {R"(1:4 'on' is not a bool | write true, or "on" if it is a text)"}},
        {"a: OFF", {R"(1:4 'OFF' is not a bool | write false, or "OFF" if it is a text)"}},
        {"a: True", {R"(1:4 'True' is not a bool | write true, or "True" if it is a text)"}},
        {"a: FALSE", {R"(1:4 'FALSE' is not a bool | write false, or "FALSE" if it is a text)"}},
        {"a: 010", {R"(1:4 '010' is not a number as JSON writes it | write 10, or "010" if it is a text)"}},
        {"a: -007.50",
         {R"(1:4 '-007.50' is not a number as JSON writes it | write -7.50, or "-007.50" if it is a text)"}},
        {"a: 0x10", {R"(1:4 '0x10' is not a number as JSON writes it | write 16, or "0x10" if it is a text)"}},
        {"a: 0o17", {R"(1:4 '0o17' is not a number as JSON writes it | write 15, or "0o17" if it is a text)"}},
        {"a: 1_000", {R"(1:4 '1_000' is not a number as JSON writes it | write 1000, or "1_000" if it is a text)"}},
        {"a: .5", {R"(1:4 '.5' is not a number as JSON writes it | write 0.5, or ".5" if it is a text)"}},
        {"a: 5.", {R"(1:4 '5.' is not a number as JSON writes it | write 5, or "5." if it is a text)"}},
        {"a: +5", {R"(1:4 '+5' is not a number as JSON writes it | write 5, or "+5" if it is a text)"}},
        {"a: -.inf", {R"(1:4 '-.inf' is not a number | write "-.inf" if it is a text)"}},
        {"a: NaN", {R"(1:4 'NaN' is not a number | write "NaN" if it is a text)"}},
        {"a: ~", {R"(1:4 '~' is not a value | write nothing behind the colon, or "~" if it is a text)"}},
        {"a: null", {R"(1:4 'null' is not a value | write nothing behind the colon, or "null" if it is a text)"}},
        {"a: 1e999", {R"(1:4 '1e999' is not a number that a double can hold | write "1e999" if it is a text)"}},
        {"a: 9223372036854775808",
         {R"(1:4 '9223372036854775808' is not within 64 bits | write 9223372036854775808.0, or "9223372036854775808" if it is a text)"}},
    }));

const std::string kNoAnchors =
    " anchors (&) and aliases (*) are not read | write it out; a text that begins with & or * needs quotes";

INSTANTIATE_TEST_SUITE_P(
    Meaning, Traps,
    testing::ValuesIn<Trap>({
        {"when: !ready",
         {"1:7 tags (!ready) are not read | write 'not ready' in an expression; a text that begins with ! needs "
          "quotes"}},
        {"a: !!str 1", {"1:4 tags (!!str) are not read | a text that begins with ! needs quotes"}},
        {"a: ! x", {"1:4 tags (!) are not read | a text that begins with ! needs quotes"}},
        {"t: #",
         {"1:4 't' has no value: '#' begins a comment | put a text that begins with # in quotes; a comment on "
          "an empty value goes on a line of its own"}},
        {"\"t\":  #/min\nu: 1",
         {"1:7 't' has no value: '#' begins a comment | put a text that begins with # in quotes; a "
          "comment on an empty value goes on a line of its own"}},
        {"{p99: quantile(t, 0.99)}",
         {"1:7 the comma cuts this text in two | put it in quotes: \"quantile(t, 0.99)\""}},
        {"a: [f(x, y, y), b]", {"1:5 the comma cuts this text in two | put it in quotes: \"f(x, y, y)\""}},
        {"a: [see (1, b]", {"1:5 '(' without ')' | put the whole text in quotes"}},
        {"a: {m: hot, call Bob}",
         {"1:13 'call Bob' has no value | write call Bob: and a value; a text with a comma or braces in it needs "
          "quotes"}},
        {"a: {b:1}", {"1:6 'b:1' has no value | write a space behind the ':'"}},
        {"b: 1\nsite:x", {"2:5 'site:x' has no value | write a space behind the ':'"}},
        {"a: 1\nb: 2\na: 3", {"3:1 'a' stands twice in this map | the first is in line 1"}},
        {"a: 1\n\"a\": 3", {"2:1 'a' stands twice in this map | the first is in line 1"}},
        {"a: &x 1", {"1:4" + kNoAnchors}},
        {"a: *x", {"1:4" + kNoAnchors}},
        {"a: &x 1\nb: *x", {"1:4" + kNoAnchors, "2:4" + kNoAnchors}},
        {"<<: {a: 1}", {"1:1 merge keys (<<) are not read | write the keys out"}},
        {"on: 1", {"1:1 'on' as a key is not a text to every reader of YAML | write \"on\""}},
        {"a: 1\n---\nb: 1", {"2:1 a second document begins here | one file holds one document: remove the '---'"}},
        {"- a\nb: 1", {"2:1 this line belongs to nothing above it | indent it as the lines that it belongs to"}},
        {"{d}/t: 1",
         {"1:1 a map cannot be a key | put a key that begins with { or [ in quotes: \"{device}/temperature\""}},
        {": x", {"1:1 a ':' without a key in front of it | write key: value"}},
        {"%YAML 1.2\n---\na: 1", {"1:1 directives (%…) are not read | remove the line"}},
    }));

INSTANTIATE_TEST_SUITE_P(
    Layout, Traps,
    testing::ValuesIn<Trap>({
        {"a:\n\tb: 1\n \tc: 2",
         {"2:1 a tab indents this line | indent with spaces; YAML allows no tabs",
          "3:2 a tab indents this line | indent with spaces; YAML allows no tabs"}},
        {"a: \xFFz", {"1:4 byte 0xFF is not UTF-8 | save the file as UTF-8"}},
        {"a: \xC0\x80", {"1:4 byte 0xC0 is not UTF-8 | save the file as UTF-8"}},
        {"a: \xED\xA0\x80", {"1:4 byte 0xED is not UTF-8 | save the file as UTF-8"}},
        {std::string("a: x\0y", 6), {"1:5 a NUL byte | save the file as UTF-8; is it the right file?"}},
        {"a: x\x04y", {"1:5 the control character 0x04 | remove it"}},
        {"a: 1\rb: 2", {"1:5 a carriage return without a line feed | remove it"}},
        {"a: b: c", {"1:5 a second ':' in an unquoted text | put the whole text in quotes"}},
        {"a: b\n  c: d",
         {"2:4 a ':' here makes a key of a line that goes on with the text above it | indent it as the "
          "lines that it belongs to, or put the text above in quotes"}},
        {"a:\n  b: 1\n c: 2",
         {"3:2 the indentation of this line fits nothing above it | indent it as the lines that it belongs to"}},
        {"a: \"x\nb: 1", {"1:4 this quote is never closed | close it on the same line"}},
        {"a: 'x", {"1:4 this quote is never closed | close it on the same line"}},
        {"a: [1, 2", {"1:4 this [ is never closed | close it with ]"}},
        {"a: {b: 1", {"1:4 this { is never closed | close it with }"}},
        {"a: 1\n]", {"2:1 ']' closes nothing | open it with [ or {, or put the whole text in quotes"}},
        {"a: {t: b-{n}/t}",
         {"1:10 braces and brackets within an unquoted text | put the whole text in quotes: "
          "\"boiler-{n}/temperature\""}},
        {"a: \"b\" c",
         {"1:8 text behind the closing quote | put the whole text within the quotes, or a comma between two "
          "values"}},
        {"a: - b",
         {"1:4 a '-' cannot begin a list here | begin the list on the next line, or put the text in quotes"}},
        {"a: @b", {"1:4 a text cannot begin with '@' | put the whole text in quotes"}},
        {R"(a: "\q")",
         {"1:7 YAML has no such escape in a double-quoted text | write \\\\ for a backslash, or use single "
          "quotes"}},
    }));

TEST(Yaml, AQuoteThatTheFileEndsWithIsOpen) {
  const std::string open = " this quote is never closed | close it on the same line";
  EXPECT_EQ(said("a: \""), std::vector{"1:4" + open});
  EXPECT_EQ(said("a: '"), std::vector{"1:4" + open});
  EXPECT_EQ(said("a: '' # '\nb: \"\""), std::vector<std::string>{});
}

TEST(Yaml, ReadsManyErrorsAtOnce) { EXPECT_EQ(said("a: yes\nb: 010\na: 1\nc: !x y\nd: \"").size(), 5U); }

const Node& at(const Node& root, std::string_view key) {
  const Node* node = root.find(key);
  if (node == nullptr) throw std::runtime_error("no " + std::string(key));
  return *node;
}

TEST(Yaml, ResolvesScalarsAsJsonDoes) {
  const Parsed fine = parse_yaml({"f",
                                  "a: true\nb: -0\nc: 9223372036854775807\nd: 1.5e3\ne: 12:30\nf: 10.0.0.7:502\n"
                                  "g: \"010\"\nh: 'yes'\ni:\nj: 1.2.3\nk: on-site\n0: y\nm: 1e2\n"});
  ASSERT_THAT(fine.diagnostics, testing::IsEmpty());
  const Node& root = fine.root;
  EXPECT_EQ(to_json(at(root, "a")), to_json(Node(true, {})));
  EXPECT_EQ(to_json(at(root, "b")), to_json(Node(std::int64_t{0}, {})));
  EXPECT_EQ(to_json(at(root, "c")), to_json(Node(std::int64_t{9223372036854775807}, {})));
  EXPECT_EQ(to_json(at(root, "d")), to_json(Node(1500.0, {})));
  EXPECT_EQ(to_json(at(root, "m")), to_json(Node(100.0, {})));
  for (const auto& [key, text] : {std::pair("e", "12:30"),
                                  {"f", "10.0.0.7:502"},
                                  {"g", "010"},
                                  {"h", "yes"},
                                  {"j", "1.2.3"},
                                  {"k", "on-site"},
                                  {"0", "y"}})
    EXPECT_EQ(to_json(at(root, key)), to_json(Node(std::string(text), {})));
  EXPECT_TRUE(at(root, "i").is_null());
}

TEST(Yaml, KnowsWhereValuesStand) {
  const Parsed parsed =
      parse_yaml({"f", "a: x y\nb: \"in\"\nc: \"e\\n\"\nd: |\n  block\nl: [p, 'q']\nm: u\n  v\né: ö\nz: 'it''s'\n"});
  ASSERT_THAT(parsed.diagnostics, testing::IsEmpty());
  const auto place = [&](const Node& node) {
    return std::tuple(node.position.line, node.position.column, node.verbatim);
  };
  EXPECT_EQ(place(at(parsed.root, "a")), std::tuple(1, 4, true));
  EXPECT_EQ(place(at(parsed.root, "b")), std::tuple(2, 5, true));
  EXPECT_EQ(place(at(parsed.root, "c")), std::tuple(3, 5, false));
  EXPECT_EQ(place(at(parsed.root, "d")), std::tuple(5, 3, false));
  EXPECT_EQ(place(at(parsed.root, "l").as_list()->at(1)), std::tuple(6, 9, true));
  EXPECT_EQ(place(at(parsed.root, "m")), std::tuple(7, 4, false));
  EXPECT_EQ(place(at(parsed.root, "é")), std::tuple(9, 5, true));
  EXPECT_EQ(place(at(parsed.root, "z")), std::tuple(10, 5, false));
}

TEST(Yaml, TakesByteOrderMarkAndCarriageReturns) {
  const Parsed parsed = parse_yaml({"f",
                                    "\xEF\xBB\xBF"
                                    "a: 1\r\nb: x\r\n"});
  ASSERT_THAT(parsed.diagnostics, testing::IsEmpty());
  EXPECT_EQ(*at(parsed.root, "b").as_string(), "x");
  EXPECT_EQ(at(parsed.root, "a").position.column, 4);
}

TEST(Yaml, AnEmptyFileIsNothing) {
  for (const char* text : {"", "\n", "# a comment\n", "---\n"}) {
    const Parsed parsed = parse_yaml({"f", text});
    EXPECT_TRUE(parsed.complete) << text;
    EXPECT_TRUE(parsed.root.is_null());
    EXPECT_THAT(parsed.diagnostics, testing::IsEmpty());
  }
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  while (count-- > 0) out += text;
  return out;
}

TEST(Yaml, IsBounded) {
  EXPECT_EQ(said(std::string(1 << 20, 'a') + "a"),
            std::vector<std::string>{"0:0 the file has 1048577 bytes | 1048576 are "
                                     "allowed; is it the right file?"});
  EXPECT_THAT(said(repeat("- ", 64) + "a"), testing::IsEmpty());
  EXPECT_EQ(said(repeat("- ", 65) + "a"),
            std::vector<std::string>{"1:129 nested deeper than 64 levels | is it the right file?"});
  EXPECT_THAT(said(repeat("[", 65) + repeat("]", 65)), testing::Contains(testing::HasSubstr("nested deeper")));
  EXPECT_THAT(said(repeat("{a: ", 100'000)), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(said(repeat("- a\n", 200'001)), testing::ElementsAre(testing::HasSubstr("more than 200000 values")));
  EXPECT_THAT(said(repeat("- yes\n", 1'000)), testing::SizeIs(51));
}

// What made others slow: all on one line, keys that could be simple, brackets without end.
TEST(Yaml, HostileFilesDoNotTakeLong) {
  for (const std::string_view piece :
       {"[", "{", "a, ", "? ", "- ", "a: ", "\"", "f(a, ", "[f(a, ", "!a ", "&a ", "{}: ", "a\n "})
    parse_yaml({"f", repeat(piece, (1 << 18) / piece.size())});
  parse_yaml({"f", "[" + repeat("a, ", 80'000) + "]"});
}

}  // namespace
}  // namespace weir::config
