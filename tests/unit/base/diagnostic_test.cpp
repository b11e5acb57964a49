#include "base/diagnostic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Render, ShowsNoSecret) {
  Diagnostic diagnostic;
  diagnostic.position = {std::make_shared<const std::string>("weir.yaml"), 1, 3};
  diagnostic.message = "a password does not belong into this file";
  for (const char* line : {"  password: hunter2", "{\"Password\" : hunter2}", "url: mqtt://me:hunter2@host", "passphrase: hunter2"})
    EXPECT_THAT(render(diagnostic, line), testing::Not(testing::HasSubstr("hunter2"))) << line;
  for (const char* line : {"password_file: credential:cloud", "url: mqtt://host"})
    EXPECT_THAT(render(diagnostic, line), testing::HasSubstr(line));
}

}  // namespace
}  // namespace weir
