// weir tap.
#include "base/json.h"
#include "live_cli.h"
#include "weir/v1/uplink.pb.h"

namespace weir {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::SizeIs;

using Tap = LiveTest;

TEST_F(Tap, GivesUpOnABrokerThatIsNotThere) {
  const process::Output tap =
      weir({"tap", "mqtt://127.0.0.1:" + std::to_string(test::free_port()), "--patience", "1"});
  EXPECT_EQ(tap.exit.code(), 1);
  EXPECT_THAT(tap.error, Contains(HasSubstr("no connection to mqtt://127.0.0.1:")));
}

TEST_F(Tap, SaysWhatIsMissing) {
  test::Mosquitto cloud;
  const auto agent = connect(cloud.url(), "agent");
  v1::Birth birth;
  birth.set_site("somewhere");
  publish(*agent, {"weir/v1/up/hall/birth", birth.SerializeAsString(), 1, true});

  std::string said;
  std::optional<process::Exit> exit;
  auto tap = process::Process::start(
      io_.get_executor(), {.executable = std::filesystem::path(WEIR_BIN) / "weir", .arguments = {"tap", cloud.url()}},
      {.error = [&](std::string_view line) { said += std::string(line) + "\n"; },
       .exited = [&](process::Exit ended) { exit = ended; }});
  ASSERT_TRUE(tap) << tap.error().text();
  const auto hear = [&](const std::string& what) {
    return agent_.until([&] { return said.find(what) != said.npos || exit; }) && !exit;
  };
  ASSERT_TRUE(hear("site somewhere")) << said;
  for (const std::uint64_t seq : {1, 2, 5, 5}) {
    v1::Record record;
    record.set_incarnation(std::string(16, 'i'));
    record.set_stream(v1::RAW);
    record.set_seq(seq);
    publish(*agent, {"weir/v1/up/hall/raw", record.SerializeAsString()});
  }
  EXPECT_TRUE(hear("tap: GAP: hall raw 3 to 4\n")) << said;
  EXPECT_TRUE(hear("tap: repeat: hall raw 5\n")) << said;
  (*tap)->signal(SIGINT);
  ASSERT_TRUE(agent_.until([&] { return exit.has_value(); })) << said;
  EXPECT_EQ(exit->code(), 1);
  EXPECT_THAT(said, testing::ContainsRegex("hall +69696969 +raw +3 +1 +5 +2 +1 +0\n"));
  EXPECT_THAT(said, HasSubstr("RECORDS ARE MISSING"));
}

TEST_F(LiveCli, FollowsReadingsToTheCloud) {
  const process::Output csv = tap({"--count", "20", "--format", "csv"});
  EXPECT_EQ(csv.exit.code(), 0);
  ASSERT_THAT(csv.out, SizeIs(21));
  EXPECT_EQ(csv.out.front(), "time,agent,path,value,unit,quality,interval,min,max,count,revision");
  for (std::size_t i = 1; i < csv.out.size(); ++i)
    EXPECT_THAT(csv.out[i],
                MatchesRegex("20[-0-9T:.]+Z,hall,box-1/(temperature(_mean)?|setpoint),[-0-9.]+,Cel,good,,,,,"));
  EXPECT_THAT(csv.error, Contains(MatchesRegex("hall +[0-9a-f]+ +raw +[0-9]+ +[0-9]+ +[0-9]+ +0 +0 +0")));
  EXPECT_THAT(csv.error.back(), HasSubstr(" 0 malformed: no gaps"));

  const process::Output jsonl = tap({"--count", "1", "--format", "jsonl", "--agent", "hall"});
  ASSERT_THAT(jsonl.out, SizeIs(1));
  const auto reading = parse_json(jsonl.out.front());
  ASSERT_TRUE(reading);
  EXPECT_EQ(*reading->find("agent")->as_string(), "hall");
  double value = 0;
  EXPECT_TRUE(reading->find("value")->as_number(value));

  EXPECT_THAT(tap({"--for", "300ms", "--agent", "nobody", "--format", "csv"}).out, SizeIs(1));
}

}  // namespace
}  // namespace weir
