// weir history and weir queue: what is in the store, and how it is kept well.
#include <fstream>

#include "base/json.h"
#include "live_cli.h"

namespace weir {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(LiveCli, LooksIntoTheStore) {
  ASSERT_EQ(tap({"--count", "20"}).exit.code(), 0);
  EXPECT_THAT(weir({"queue", "ls"}).out, Contains(MatchesRegex("raw +1 +[0-9]+ +[0-9]+ +[0-9]+")));
  const process::Output verified = weir({"queue", "verify"});
  EXPECT_EQ(verified.exit.code(), 0);
  EXPECT_THAT(verified.out,
              ElementsAre(MatchesRegex("all is well: rows 1 to [0-9]+ of the log, every checksum holds")));
  const process::Output all = weir({"queue", "export", "--path", "{device}/setpoint"});
  EXPECT_EQ(all.exit.code(), 0);
  ASSERT_GE(all.out.size(), 2u);
  EXPECT_EQ(all.out[0], "time,path,value,unit,quality");
  EXPECT_THAT(all.out[1], MatchesRegex("20[-0-9T:.]+Z,box-1/setpoint,40,Cel,good"));
  EXPECT_THAT(weir({"queue", "export", "--since", "2100-01-01T00:00:00Z", "--format", "jsonl"}).out, IsEmpty());

  // The same of an agent that is stopped, by the file alone.
  stop();
  const std::string store = path("weir.db");
  std::filesystem::remove(agent_ / "weir.yaml");
  EXPECT_EQ(weir({"queue", "verify", "--store", store}).exit.code(), 0);
  const process::Output ls = weir({"queue", "ls", "--store", store, "--json"});
  ASSERT_THAT(ls.out, SizeIs(1));
  const auto node = parse_json(ls.out.front());
  ASSERT_TRUE(node);
  EXPECT_THAT(*node->find("streams")->as_list(), Not(IsEmpty()));
  const process::Output later = weir({"queue", "export", "--store", store, "--path", "{device}/setpoint"});
  EXPECT_GE(later.out.size(), all.out.size());
  EXPECT_EQ(later.out[1], all.out[1]);

  // A disk that is full is said; a reader that has enough is not told.
  for (const char* command : {"queue export", "queue ls", "queue verify", "history box-1/setpoint --format csv",
                              "history box-1/setpoint", "history box-1/setpoint --plot"}) {
    const std::string line = std::string(command) + " --store weir.db";
    const process::Output full = shell(line, " > /dev/full");
    EXPECT_EQ(full.exit.code(), 1) << command;
    EXPECT_THAT(full.error, Contains(HasSubstr("cannot write to standard output"))) << command;
    EXPECT_THAT(shell(line, " | head -n 1").error, Not(Contains(HasSubstr("standard output")))) << command;
  }

  // One bit, in the middle of the readings.
  std::fstream file(store, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const std::size_t at = bytes.find("box-1/setpoint", 4096);
  ASSERT_NE(at, bytes.npos);
  file.seekp(static_cast<std::streamoff>(at));
  file.put('c');
  file.close();
  const process::Output damaged = weir({"queue", "verify", "--store", store});
  EXPECT_EQ(damaged.exit.code(), 1);
}

TEST_F(LiveCli, ShowsWhatWasHistory) {
  ASSERT_EQ(tap({"--count", "20"}).exit.code(), 0);
  const std::string row = "20[-0-9T:.]+Z  box-1/temperature +[0-9.]+ Cel +good";
  const process::Output table = weir({"history", "*/temperature", "--limit", "3"});
  EXPECT_EQ(table.exit.code(), 0);
  EXPECT_THAT(table.out, ElementsAre(MatchesRegex("TIME +PATH +VALUE +QUALITY"), MatchesRegex(row), MatchesRegex(row),
                                     MatchesRegex(row)));
  EXPECT_LT(table.out[1], table.out[3]) << "newest last";
  EXPECT_THAT(table.error, ElementsAre(MatchesRegex("weir: the newest 3 of [0-9]+ readings; more with --limit.*")));

  const process::Output csv = weir({"history", "box-1/setpoint", "--format", "csv", "--since", "1h"});
  ASSERT_GE(csv.out.size(), 2u);
  EXPECT_EQ(csv.out[0], "time,path,value,unit,quality,min,max,count,interval");
  EXPECT_THAT(csv.out[1], MatchesRegex("20[-0-9T:.]+Z,box-1/setpoint,40,Cel,good,,,,"));
  const auto json =
      parse_json(join(weir({"history", "box-1/setpoint", "--format", "json", "--limit", "2"}).out, "\n"));
  ASSERT_TRUE(json) << json.error().text();
  ASSERT_THAT(*json->as_list(), SizeIs(2));
  EXPECT_EQ(*json->as_list()->front().find("path")->as_string(), "box-1/setpoint");

  const process::Output plot = weir({"history", "box-{n}/setpoint", "--plot"});
  EXPECT_EQ(plot.exit.code(), 0);
  ASSERT_THAT(plot.out, SizeIs(11));
  EXPECT_THAT(plot.out[0], MatchesRegex("box-1/setpoint  min 40, max 40, last 40 Cel, of [0-9]+ readings"));

  EXPECT_THAT(refused({"history", "box-1/setpont"}),
              StartsWith("weir: no signal that the store knows matches 'box-1/setpont'"));
  EXPECT_THAT(
      refused({"history", "box-1/setpoint", "--since", "2001-01-01T00:00:00Z", "--until", "2001-01-02T00:00:00Z"}),
      StartsWith("weir: no readings of box-1/setpoint since 2001-01-01T00:00:00"));
  EXPECT_THAT(refused({"history", "box-1/setpoint", "--since", "1h", "--until", "2h"}),
              HasSubstr("is later than --until"));
  EXPECT_THAT(refused({"history", "box-1/setpoint", "--since", "yesterday"}),
              StartsWith("weir: --since 'yesterday' is no time"));
  EXPECT_THAT(refused({"history", "setpoint"}), StartsWith("weir: PATH: 'setpoint' is not a path"));
}

TEST_F(LiveCli, MendsAndShrinksAStoreThatNoAgentHas) {
  ASSERT_EQ(tap({"--count", "20"}).exit.code(), 0);

  // What changes a store is not done to one that an agent has.
  EXPECT_THAT(refused({"queue", "repair", "--force"}), HasSubstr("stop"));
  EXPECT_THAT(refused({"queue", "vacuum"}), HasSubstr("stop"));
  stop();
  EXPECT_EQ(weir({"history", "box-1/setpoint", "--store", path("weir.db")}).exit.code(), 0);
  EXPECT_THAT(weir({"queue", "repair"}).out, ElementsAre("all is well: every checksum holds, and nothing was done"));
  EXPECT_THAT(weir({"queue", "vacuum"}).out, ElementsAre(MatchesRegex(".*/weir.db: .*, it was .*")));
  const process::Output repaired = weir({"queue", "repair", "--force"});
  EXPECT_EQ(repaired.exit.code(), 0) << join(repaired.error, "\n");
  EXPECT_THAT(repaired.out, Contains(MatchesRegex("rows of the log +[0-9]+ .*none")));
  EXPECT_THAT(weir({"queue", "verify"}).exit.code(), 0);
  EXPECT_EQ(weir({"history", "box-1/setpoint", "--since", "1h"}).exit.code(), 0);

  // Without its first page it is no database any more.
  std::fstream file(agent_ / "weir.db", std::ios::in | std::ios::out | std::ios::binary);
  file << std::string(4096, 'x');
  file.close();
  EXPECT_THAT(weir({"queue", "verify"}).error, Contains(HasSubstr("weir queue repair")));
  const process::Output mended = weir({"queue", "repair"});
  EXPECT_EQ(mended.exit.code(), 0) << join(mended.error, "\n");
  EXPECT_THAT(mended.out,
              Contains(MatchesRegex(".*weir.db is repaired, incarnation .* file is .*weir.db.damaged-.*")));
  EXPECT_EQ(weir({"queue", "verify"}).exit.code(), 0);
  EXPECT_EQ(weir({"history", "box-1/setpoint", "--since", "1h"}).exit.code(), 0);
}

}  // namespace
}  // namespace weir
