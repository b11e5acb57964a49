// Every example of docs/rules.md compiles.
#include <gmock/gmock.h>

#include <filesystem>

#include "base/file.h"
#include "plant.h"

namespace weir::rules {
namespace {

TEST(Manual, ItsExamplesCompile) {
  const auto folder = std::filesystem::path(__FILE__).parent_path();
  const auto text = read_file(folder / "../../../docs/rules.md");
  ASSERT_TRUE(text) << text.error().text();
  const std::string_view fence = "```yaml\n";
  int examples = 0;
  for (std::size_t at = text->find(fence); at != std::string::npos; at = text->find(fence, at)) {
    at += fence.size();
    const std::string example = text->substr(at, text->find("```", at) - at);
    const Compiled compiled = compile_yaml(example);
    EXPECT_TRUE(compiled.rules) << example << all(compiled.diagnostics);
    ++examples;
  }
  EXPECT_EQ(examples, 5);
}

}  // namespace
}  // namespace weir::rules
