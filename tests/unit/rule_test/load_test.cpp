#include "rule_test/load.h"

#include <fstream>

#include <unistd.h>

#include "support.h"

namespace weir::rule_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Loading : public testing::Test {
 protected:
  Loading() : folder_(std::filesystem::path(testing::TempDir()) / ("rule-tests-" + std::to_string(::getpid()))) {}
  ~Loading() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  std::vector<std::string> wrong(const std::string& name) {
    std::vector<std::string> out;
    for (const Diagnostic& d : load(folder_ / name).diagnostics)
      out.push_back((d.position.file ? std::filesystem::path(*d.position.file).filename().string() : "") + ":" +
                    std::to_string(d.position.line) + " " + d.message);
    return out;
  }
  std::vector<std::string> found(const std::string& name) {
    std::vector<std::string> out;
    if (const auto tests = find_tests((folder_ / name).lexically_normal()))
      for (const auto& path : *tests) out.push_back(path.lexically_relative(folder_).string());
    return out;
  }

  std::filesystem::path folder_;
};

const std::string kRule = "    from: {t: b/t}\n    when: t > 90\n    alert: {severity: info}\n";
const std::string kTest = "tests:\n  - name: one\n    input: {b/t: 1}\n    expect: []\n";

TEST_F(Loading, TakesRulesFromFilesAndFolders) {
  write("a.yaml", "rules:\n  - name: a\n" + kRule);
  write("rules.d/b.yaml", "rules:\n  - name: b\n" + kRule);
  write("rules.d/c.yaml", "rules:\n  - name: c\n" + kRule);
  write("rules.d/c.test.yaml", kTest);
  write("rules.d/README", ": : :");
  write("a.test.yaml", kTest);
  write("all.test.yaml", "rules: [a.yaml, rules.d]\n" + kTest);
  EXPECT_THAT(wrong("a.test.yaml"), IsEmpty());
  const Loaded all = load(folder_ / "all.test.yaml");
  EXPECT_THAT(all.diagnostics, IsEmpty());
  EXPECT_TRUE(all.rules);
  EXPECT_THAT(all.sources, SizeIs(4));
  write("twice.test.yaml", "rules: [rules.d, rules.d/b.yaml]\n" + kTest);
  EXPECT_THAT(wrong("twice.test.yaml"), ElementsAre(HasSubstr("b.yaml is named twice")));
}

TEST_F(Loading, SaysWhatIsWrongInAllFilesAtOnce) {
  write("a.yaml", "rules:\n  - name: a\n    form: {t: b/t}\n");
  write("a.test.yaml", "tests:\n  - name: one\n    inptu: {}\n    expect: []\n");
  // The rules are not compiled while what names them is wrong.
  EXPECT_THAT(wrong("a.test.yaml"),
              ElementsAre("a.test.yaml:2 a test needs input:", "a.test.yaml:3 a test has no key 'inptu'"));
  write("a.test.yaml", kTest);
  EXPECT_THAT(wrong("a.test.yaml"),
              ElementsAre(HasSubstr("a.yaml:2 "), "a.yaml:2 a rule without inputs", "a.yaml:3 a rule has no 'form'"));
  write("none.test.yaml", kTest);
  EXPECT_THAT(wrong("none.test.yaml"), ElementsAre(HasSubstr("none.test.yaml:1 cannot open ")));
  write("folder.test.yaml", "rules: [empty]\n" + kTest);
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_THAT(wrong("folder.test.yaml"), ElementsAre(HasSubstr("there are no rules in the folder")));
  EXPECT_THAT(wrong("gone.test.yaml"), ElementsAre(HasSubstr("cannot open ")));
}

TEST_F(Loading, FindsTests) {
  write("a.yaml", "");
  write("b.test.yaml", "");
  write("sub/a.test.yaml", "");
  write("sub/.a.test.yaml", "");
  EXPECT_THAT(found("."), ElementsAre("b.test.yaml", "sub/a.test.yaml"));
  EXPECT_THAT(found("sub/a.test.yaml"), ElementsAre("sub/a.test.yaml"));
  EXPECT_THAT(find_tests(folder_ / "gone").error().what, HasSubstr("there is no "));
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_THAT(find_tests(folder_ / "empty").error().what, HasSubstr("there are no tests in "));
}

}  // namespace
}  // namespace weir::rule_test
