#include "base/diagnostic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Render, ShowsNoSecret) {
  Diagnostic diagnostic;
  diagnostic.position = {std::make_shared<const std::string>("weir.yaml"), 1, 3};
  diagnostic.message = "a password does not belong into this file";
  for (const char* line :
       {"  password: hunter2", "{\"Password\" : hunter2}", "url: mqtt://me:hunter2@host", "passphrase: hunter2"})
    EXPECT_THAT(render(diagnostic, line), testing::Not(testing::HasSubstr("hunter2"))) << line;
  for (const char* line : {"password_file: credential:cloud", "url: mqtt://host"})
    EXPECT_THAT(render(diagnostic, line), testing::HasSubstr(line));

  const std::string hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F";
  const std::string base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  for (const std::string& key : {hex, base64})
    EXPECT_THAT(render(diagnostic, "store: {key: \"" + key + "\"}"),
                testing::Not(testing::HasSubstr(key.substr(0, 8))));
  for (const std::string& line : {"id: " + hex.substr(1), "path: /" + base64.substr(1, 40) + "/key"})
    EXPECT_THAT(render(diagnostic, line), testing::HasSubstr(line));
}

}  // namespace
}  // namespace weir
