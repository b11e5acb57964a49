// The oracle test: nothing accepted is lost, nothing comes twice, and the outputs are those of a replay of
// the log, whoever is killed whenever.
//
//   WEIR_ORACLE_KILLS=500    how many kills (default 26)
//   WEIR_ORACLE_SEED=…       the seed of an earlier run; when what happens is the machine's business, so
//                            that a seed repeats the blows and not their effects
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"
#include "campaign.h"
#include "wire/wire.h"

namespace weir::oracle {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::uint64_t seed() {
  static const std::uint64_t chosen = from_environment("WEIR_ORACLE_SEED", random_u64() >> 1);
  return chosen;
}

std::filesystem::path executable(const char* name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

class Oracle : public testing::TestWithParam<Bus> {};

TEST_P(Oracle, KeepsItsPromisesWhoeverIsKilled) {
  if (!test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
  Campaign campaign;
  campaign.bus = GetParam();
  campaign.agent = executable("weir");
  campaign.seed = seed();
  campaign.kills = static_cast<unsigned>((from_environment("WEIR_ORACLE_KILLS", 26) + 1) / 2);
  // The driver's client waits up to half a minute once the bus has gone many times in a row.
  campaign.patience = std::chrono::seconds(120);
  const Outcome outcome = run(campaign);
  std::printf("seed %llu, bus %s\n%s", static_cast<unsigned long long>(campaign.seed), to_text(campaign.bus),
              outcome.text().c_str());

  EXPECT_TRUE(outcome.clean()) << outcome.last_words;
  EXPECT_GE(outcome.kills(), campaign.kills);
  for (const Victim victim : {Victim::agent, Victim::bus, Victim::driver, Victim::cloud})
    EXPECT_GE(outcome.hits.contains(victim) ? outcome.hits.at(victim) : 0, 1U) << to_text(victim);
  EXPECT_GT(outcome.verdict.figures.accepted, 0U);
  EXPECT_GT(outcome.verdict.figures.alerts, 0U);
  EXPECT_GT(outcome.verdict.figures.derived, 0U);
  EXPECT_GT(outcome.verdict.figures.gaps, 0U) << "no kill took a reading with it";
  EXPECT_GT(outcome.verdict.figures.repeats, 0U) << "the cloud was never sent a record twice";
  // A managed bus dies with the agent and comes back when all it had passed on is committed.
  const bool must_resend = campaign.bus == Bus::own;
  EXPECT_TRUE(!must_resend || outcome.repeats + outcome.resends > 0) << "no driver had to send again";
}

INSTANTIATE_TEST_SUITE_P(EachBus, Oracle, testing::Values(Bus::own, Bus::managed),
                         [](const auto& param) { return std::string(to_text(param.param)); });

// The two mistakes that matter most, made on purpose: an oracle that does not see them is worth nothing.
struct Planted {
  const char* executable;
  Bus bus;
  std::vector<Breach> expected;  // one of them at least
};

void expect_found(const Planted& planted) {
  if (!test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
  Campaign campaign;
  campaign.bus = planted.bus;
  campaign.agent = executable(planted.executable);
  campaign.seed = seed();
  campaign.kills = 25;
  campaign.aimed = 100;
  campaign.between_looks = 3;
  campaign.patience = std::chrono::seconds(5);
  const Outcome outcome = run(campaign);
  std::printf("seed %llu, bus %s\n%s", static_cast<unsigned long long>(campaign.seed), to_text(campaign.bus),
              outcome.text().c_str());
  const bool found = std::ranges::any_of(planted.expected, [&](Breach b) { return outcome.verdict.found(b); });
  EXPECT_TRUE(found) << "the mistake went unnoticed\n" << outcome.last_words;
}

TEST(Planted, AckBeforeTheCommitIsFound) { expect_found({"weir-planted-ack", Bus::own, {Breach::not_kept}}); }

TEST(Planted, CursorInAnotherTransactionIsFound) {
  expect_found({"weir-planted-cursor", Bus::managed, {Breach::twice, Breach::other_life, Breach::false_gap}});
}

}  // namespace
}  // namespace weir::oracle

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  weir::wire::silence_protobuf();
  return RUN_ALL_TESTS();
}
