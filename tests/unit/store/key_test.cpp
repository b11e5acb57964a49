#include "store/key.h"

#include <gmock/gmock.h>

#include <string>

#include "folder.h"

namespace weir::store {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kHex = "000102030405060708090A0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr std::string_view kBase64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

std::string counted() {
  std::string out;
  for (char c = 0; c < 32; ++c) out += c;
  return out;
}

TEST(KeyTest, ReadsHexBase64AndBytes) {
  for (const std::string& content : {std::string(kHex), std::string(kHex) + "\n", " " + std::string(kHex) + "\r\n",
                                     std::string(kBase64), std::string(kBase64) + "\n", counted()}) {
    const auto key = Key::parse(content);
    ASSERT_TRUE(key) << content.size() << ": " << key.error().text();
    EXPECT_EQ(key->bytes(), counted()) << content.size();
  }
}

TEST(KeyTest, BytesAreNotTrimmed) {
  std::string bytes = counted();
  bytes.front() = '\n';
  bytes.back() = ' ';
  const auto key = Key::parse(bytes);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->bytes(), bytes);
}

TEST(KeyTest, RefusesWhatIsNoKeyWithoutRepeatingIt) {
  const std::string half(kHex.substr(0, 32));  // `openssl rand -hex 16`: 32 characters, and not 32 random bytes
  const std::string contents[] = {"correct horse battery staple",
                                  half,
                                  half + "\n",
                                  std::string(kHex) + "0",
                                  std::string(kHex.substr(1)),
                                  std::string(kHex.substr(1)) + "g",
                                  std::string(kBase64.substr(1)),
                                  std::string(43, 'A') + "!",
                                  std::string(42, 'A') + "==",
                                  counted() + "\n",
                                  counted().substr(1),
                                  std::string(1'024, 'a')};
  for (const std::string& content : contents) {
    const auto key = Key::parse(content);
    ASSERT_FALSE(key) << content.size();
    EXPECT_THAT(key.error().what, HasSubstr("no key"));
    EXPECT_THAT(key.error().hint, HasSubstr("openssl rand -hex 32"));
    EXPECT_THAT(key.error().text(), Not(HasSubstr(content)));
  }
  EXPECT_THAT(Key::parse("\n").error().what, HasSubstr("empty"));
}

TEST(KeyTest, ReadsAFileAndNamesItInErrors) {
  const Folder folder;
  std::ofstream(folder / "key") << kHex << "\n";
  const auto key = Key::read(folder / "key");
  ASSERT_TRUE(key) << key.error().text();
  EXPECT_EQ(key->bytes(), counted());

  std::ofstream(folder / "long") << std::string(100'000, '0');
  EXPECT_THAT(Key::read(folder / "long").error().what,
              HasSubstr((folder / "long").string() + ": what it holds is no key"));
  const auto none = Key::read(folder / "none");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().what, HasSubstr((folder / "none").string() + " cannot be read: No such file"));
  EXPECT_THAT(none.error().hint, HasSubstr("store.key_file"));
  EXPECT_FALSE(Key::read(folder.path()));
}

}  // namespace
}  // namespace weir::store
