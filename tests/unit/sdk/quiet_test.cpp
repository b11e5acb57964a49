// What the rooms log in these tests would hide what the tests say.
#include <gtest/gtest.h>

#include "base/log.h"

namespace weir::sdk::test {
namespace {

class Quiet final : public ::testing::Environment {
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
};

[[maybe_unused]] const auto* const kQuiet = ::testing::AddGlobalTestEnvironment(new Quiet);

}  // namespace
}  // namespace weir::sdk::test
