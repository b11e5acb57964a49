// What commands make of files that are not what they are named for, or not to be read.
#include <unistd.h>

#include "weir_test.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace fs = std::filesystem;

class Files : public WeirTest {
 protected:
  // weir as somebody who owns nothing here.
  process::Output as_nobody(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--config", path("weir.yaml"), "--runtime-dir", path("run")});
    process::Command command{.executable = WEIR_BIN "/weir", .arguments = arguments};
    if (::geteuid() == 0) {
      command.executable = "/usr/bin/setpriv";
      command.arguments.insert(command.arguments.begin(),
                               {"--reuid=65534", "--regid=65534", "--clear-groups", WEIR_BIN "/weir"});
    }
    const auto output = process::run(command, std::chrono::seconds(30));
    EXPECT_TRUE(output) << output.error().text();
    return output ? *output : process::Output{};
  }

  static std::vector<std::vector<std::string>> looks_at(const std::string& store) {
    return {{"queue", "ls", "--store", store},
            {"queue", "verify", "--store", store},
            {"queue", "export", "--store", store},
            {"queue", "repair", "--store", store},
            {"queue", "repair", "--force", "--store", store},
            {"history", "a/b", "--store", store},
            {"replay", store}};
  }
};

TEST_F(Files, ALinkThatLeadsToItselfIsSaid) {
  fs::create_symlink("loop.csv", agent_ / "loop.csv");
  fs::create_symlink("loop", agent_ / "loop");
  const std::string loop = path("loop");
  for (const auto& command : looks_at(loop))
    EXPECT_THAT(refused(command), HasSubstr("Too many levels of symbolic links")) << join(command, " ");
  EXPECT_THAT(refused({"detect", loop + ".csv"}), HasSubstr("Too many levels of symbolic links"));
  EXPECT_THAT(refused({"detect", loop + ".csv", "--out", path("out")}),
              HasSubstr("Too many levels of symbolic links"));
  EXPECT_THAT(refused({"replay", loop + ".csv", "--signal", "a/b", "--rules", path("none.yaml")}),
              HasSubstr("cannot open"));
  EXPECT_THAT(refused({"test", loop}), HasSubstr("Too many levels of symbolic links"));
  fs::create_directory(agent_ / "folder");
  EXPECT_THAT(refused({"detect", path("folder"), "--out", loop + "/out"}), Not(HasSubstr("terminate")));
}

TEST_F(Files, WhoMayNotReadIsToldWhoMay) {
  write("closed/weir.db", "SQLite format 3");
  write("closed/a.csv", "timestamp,value\n1,2\n");
  write("closed/a.test.yaml", "tests: []\n");
  write("closed.db", "SQLite format 3");
  write("a.yaml", "rules: [{name: hot, from: {t: closed/a}, when: t > 90, alert: {severity: critical}}]\n");
  fs::permissions(agent_ / "closed.db", fs::perms(0));
  fs::permissions(path(""), fs::perms(0755));
  fs::permissions(agent_ / "closed", fs::perms(0));
  for (const std::string& store : {path("closed/weir.db"), path("closed.db")})
    for (const auto& command : looks_at(store)) {
      const process::Output output = as_nobody(command);
      EXPECT_EQ(output.exit.code(), 1) << join(command, " ") << ": " << output.exit.text();
      EXPECT_THAT(join(output.error, "\n"), AllOf(HasSubstr("Permission denied"), HasSubstr("sudo")))
          << join(command, " ");
    }
  const std::string csv = path("closed/a.csv"), rules = path("a.yaml");
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"detect", csv}, {"replay", csv, "--rules", rules}, {"test", path("closed/a.test.yaml")}}) {
    const process::Output output = as_nobody(command);
    EXPECT_EQ(output.exit.code(), 1) << join(command, " ") << ": " << output.exit.text();
    EXPECT_THAT(join(output.error, "\n"), AllOf(HasSubstr("Permission denied"), HasSubstr("may the user")))
        << join(command, " ");
  }
  fs::permissions(agent_ / "closed", fs::perms(0755));
}

// The store that it names may be another than the usual one.
TEST_F(Files, AConfigurationThatMayNotBeReadIsNotTakenForNone) {
  write("a/b.csv", "timestamp,value\n1,2\n");
  write("a.yaml", "rules: [{name: hot, from: {t: a/b}, when: t > 90, alert: {severity: critical}}]\n");
  const std::vector<std::vector<std::string>> commands = {
      {"queue", "ls"},    {"queue", "repair"}, {"queue", "vacuum"},
      {"history", "a/b"}, {"replay"},          {"replay", path("a/b.csv"), "--rules", path("a.yaml")}};
  fs::create_symlink("weir.yaml", agent_ / "weir.yaml");
  for (const auto& command : commands)
    EXPECT_THAT(refused(command), HasSubstr("weir.yaml: Too many levels of symbolic links")) << join(command, " ");
  fs::remove(agent_ / "weir.yaml");
  write("weir.yaml", "version: 1\nsite: hall\n");
  fs::permissions(agent_ / "weir.yaml", fs::perms(0));
  fs::permissions(path(""), fs::perms(0755));
  for (const auto& command : commands) {
    const process::Output output = as_nobody(command);
    EXPECT_EQ(output.exit.code(), 1) << join(command, " ");
    EXPECT_THAT(join(output.error, "\n"), AllOf(HasSubstr("weir.yaml: Permission denied"), HasSubstr("sudo")))
        << join(command, " ");
  }
}

// Half of the tests would look like all of them.
TEST_F(Files, AFolderOfTestsIsReadWholeOrNotAtAll) {
  write("rules.d/hot.yaml", "rules: []\n");
  write("rules.d/hot.test.yaml", "tests: [{name: quiet, input: {box-1/t: 1}, expect: []}]\n");
  fs::create_directory(agent_ / "rules.d/closed");
  fs::permissions(path(""), fs::perms(0755));
  EXPECT_EQ(as_nobody({"test"}).exit.code(), 0);
  fs::permissions(agent_ / "rules.d/closed", fs::perms(0));
  const process::Output output = as_nobody({"test"});
  EXPECT_EQ(output.exit.code(), 1);
  EXPECT_THAT(join(output.error, "\n"), HasSubstr("rules.d: Permission denied"));
  fs::permissions(agent_ / "rules.d/closed", fs::perms(0755));
}

TEST_F(Files, WhatIsNoStoreIsNotTakenForADamagedOne) {
  const std::string text = "version: 1\nsite: hall\n";
  write("weir.yaml", text);
  write("long.yaml", text + std::string(10'000, '#'));
  fs::create_directory(agent_ / "folder");
  for (const char* name : {"weir.yaml", "long.yaml", "folder"})
    for (const auto& command : looks_at(path(name)))
      EXPECT_THAT(refused(command),
                  AllOf(HasSubstr(fs::is_directory(path(name)) ? "is a folder" : "no SQLite database"),
                        Not(HasSubstr("failing")), Not(HasSubstr("repair"))))
          << join(command, " ");
  EXPECT_EQ(read("weir.yaml"), text);
  EXPECT_TRUE(fs::is_directory(path("folder")));
}

class Report : public Files {
 protected:
  void SetUp() override {
    write("hot.yaml", "rules: []\n");
    write("hot.test.yaml", kTests);
  }
  std::vector<std::string> test_into(const std::string& where) const {
    return {"test", path("hot.test.yaml"), "--junit", where};
  }

  static constexpr const char* kTests = "tests: [{name: quiet, input: {box-1/t: 1}, expect: []}]\n";
};

TEST_F(Report, ReplacesAnOlderOneAndNothingElse) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(weir(test_into(path("out.xml"))).exit.code(), 0);
    EXPECT_THAT(read("out.xml"), StartsWith("<?xml"));
  }
  write("empty.xml", "");
  EXPECT_EQ(weir(test_into(path("empty.xml"))).exit.code(), 0);
  EXPECT_THAT(read("empty.xml"), StartsWith("<?xml"));
  for (const char* name : {"hot.test.yaml", "hot.yaml"}) {
    const std::string before = read(name);
    EXPECT_THAT(refused(test_into(path(name))), AllOf(HasSubstr("no report"), HasSubstr("another")));
    EXPECT_EQ(read(name), before);
  }
  fs::create_symlink("hot.test.yaml", agent_ / "link.xml");
  EXPECT_THAT(refused(test_into(path("link.xml"))), HasSubstr("no report"));
  EXPECT_EQ(read("hot.test.yaml"), kTests);
}

TEST_F(Report, GoesWhereALinkLeads) {
  write("there/out.xml", "");
  fs::create_symlink("there/out.xml", agent_ / "link.xml");
  EXPECT_EQ(weir(test_into(path("link.xml"))).exit.code(), 0);
  EXPECT_TRUE(fs::is_symlink(agent_ / "link.xml"));
  EXPECT_THAT(read("there/out.xml"), StartsWith("<?xml"));
  fs::create_symlink("there/new.xml", agent_ / "new.xml");
  EXPECT_EQ(weir(test_into(path("new.xml"))).exit.code(), 0);
  EXPECT_TRUE(fs::is_symlink(agent_ / "new.xml"));
  EXPECT_THAT(read("there/new.xml"), StartsWith("<?xml"));
  // A pipe, as /dev/stdout leads to one.
  fs::create_symlink("/proc/self/fd/1", agent_ / "out");
  EXPECT_THAT(weir(test_into(path("out"))).out, Contains(StartsWith("<?xml")));
  EXPECT_TRUE(fs::is_symlink(agent_ / "out"));
}

TEST_F(Report, SaysWhatIsWrongWithItsPlace) {
  fs::create_directory(agent_ / "folder");
  EXPECT_THAT(refused(test_into(path("folder"))), HasSubstr("is a folder"));
  fs::permissions(path(""), fs::perms(0755));
  const process::Output output = as_nobody(test_into(path("out.xml")));
  EXPECT_EQ(output.exit.code(), 1);
  EXPECT_THAT(join(output.error, "\n"),
              AllOf(HasSubstr("Permission denied"), HasSubstr("write"), Not(HasSubstr("readable"))));
}

}  // namespace
}  // namespace weir
