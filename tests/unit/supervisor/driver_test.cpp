#include "supervisor/driver.h"

#include <optional>

#include <gmock/gmock.h>
#include <boost/asio/io_context.hpp>

#include "../process/scripts.h"

namespace weir::supervisor {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class DriverTest : public testing::Test {
 protected:
  std::filesystem::path driver(const std::string& body) { return test::script(folder, "weir-driver-x", body); }
  std::string check_error(const std::string& body) {
    const auto checked = check(driver(body), "{}", 10s);
    return checked ? std::string("fine") : checked.error().text();
  }
  test::TempDir folder;
};

TEST_F(DriverTest, CheckGivesTheFindings) {
  const auto checked = check(driver(R"sh([ "$1 $(cat)" = '--check {"port":0}' ] || exit 9
echo '{"severity":"warning","at":"","message":"slow","hint":""}'
echo '{"severity":"error","at":"/port","message":"there is no port 0","hint":"1 to 65535"}'
exit 1)sh"),
                             R"({"port":0})");
  ASSERT_TRUE(checked) << checked.error().text();
  ASSERT_EQ(checked->size(), 2U);
  EXPECT_EQ((*checked)[0].severity, Diagnostic::Severity::warning);
  EXPECT_EQ((*checked)[1].severity, Diagnostic::Severity::error);
  EXPECT_EQ((*checked)[1].at, "/port");
  EXPECT_EQ((*checked)[1].message, "there is no port 0");
  EXPECT_EQ((*checked)[1].hint, "1 to 65535");
}

TEST_F(DriverTest, CheckWithoutFindingsIsFine) { EXPECT_EQ(check_error("exit 0"), "fine"); }

TEST_F(DriverTest, CheckDoesNotBelieveADriverThatBreaksTheContract) {
  EXPECT_THAT(check_error("echo hello"), HasSubstr("no finding: hello"));
  EXPECT_THAT(check_error("echo '{\"severity\":\"bad\",\"message\":\"m\"}'"), HasSubstr("severity"));
  EXPECT_THAT(check_error("echo Traceback >&2; exit 1"), HasSubstr("exited with 1: Traceback"));
  EXPECT_THAT(check_error("echo '{\"severity\":\"error\",\"message\":\"m\"}'; exit 0"), HasSubstr("exits with 1"));
  EXPECT_THAT(check_error("kill -SEGV $$"), HasSubstr("SIGSEGV"));
  const auto slow = check(driver("exec sleep 1000"), "{}", 50ms);
  ASSERT_FALSE(slow);
  EXPECT_THAT(slow.error().text(), HasSubstr("took longer than 50ms"));
}

TEST_F(DriverTest, CheckWithoutBlocking) {
  boost::asio::io_context io;
  std::optional<std::size_t> count;
  check(io.get_executor(), driver("echo '{\"severity\":\"warning\",\"message\":\"m\"}'"), "{}",
        [&](Result<std::vector<Finding>> findings) { count = findings ? findings->size() : 99; });
  EXPECT_FALSE(count.has_value());
  io.run();
  EXPECT_EQ(count, 1U);
}

TEST_F(DriverTest, SchemaIsJson) {
  EXPECT_EQ(schema(driver("printf '{\\n}\\n'")).value(), "{\n}");
  EXPECT_FALSE(schema(driver("echo no")));
  EXPECT_FALSE(schema(driver("echo '{}'; exit 1")));
}

TEST_F(DriverTest, IsFoundByKind) {
  const test::TempDir other;
  test::script(folder, "weir-driver-modbus", "");
  test::script(other, "weir-driver-modbus", "");
  test::script(other, "weir-driver-host", "");
  std::ofstream(other / "weir-driver-notes") << "not executable";
  const std::vector<std::filesystem::path> folders{folder.path(), "/no/such/folder", other.path()};
  EXPECT_EQ(find_driver("modbus", folders).value(), folder / "weir-driver-modbus");
  EXPECT_EQ(find_driver("host", folders).value(), other / "weir-driver-host");
  EXPECT_THAT(driver_kinds(folders), ElementsAre("host", "modbus"));

  const auto none = find_driver("modbsu", folders);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().text(), testing::AllOf(HasSubstr("modbsu"), HasSubstr("/no/such/folder"),
                                                  HasSubstr("did you mean 'modbus'"), HasSubstr("host, modbus")));
  EXPECT_FALSE(find_driver("../modbus", folders));
  EXPECT_FALSE(find_driver("", folders));
}

TEST(DriverFolders, BeginWithTheGivenOne) {
  const auto folders = driver_folders("/given");
  ASSERT_EQ(folders.size(), 3U);
  EXPECT_EQ(folders[0], "/given");
  EXPECT_EQ(folders[2], "/usr/lib/weir/drivers");
}

}  // namespace
}  // namespace weir::supervisor
