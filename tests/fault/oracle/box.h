// An edge box under test, with its cloud: agent, bus and numbering driver, each of which can be killed at
// any time and is started again by whoever looks after it.
//
//   Bus::managed  the agent starts mosquitto and the driver; both die with it
//   Bus::own      mosquitto and the driver are the harness's: they outlive the agent, and it outlives them
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/document.h"
#include "child.h"
#include "judge.h"
#include "receiver.h"
#include "spy.h"
#include "test_support/mosquitto.h"
#include "test_support/temp_dir.h"
#include "uplink/seq_ranges.h"

namespace weir::oracle {

enum class Bus : std::uint8_t { own, managed };
enum class Victim : std::uint8_t { agent, bus, driver, cloud };
const char* to_text(Bus bus);
const char* to_text(Victim victim);

class Box {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // `agent`: the executable, in a folder with the drivers.
  Box(Bus bus, const std::filesystem::path& agent, std::uint64_t seed);

  // Starts, or starts again, what does not run and is the harness's to start.
  void start();

  // SIGKILL; for the cloud, `away` of silence. `aimed`: not now but in the moment in which something can
  // go wrong: right when an ack or a record passes. False: there was nothing to hit.
  bool hit(Victim victim, bool aimed, Milliseconds away);

  // Until a reading that is made after this moment reaches the cloud. Why not, if none does.
  Result<void> flows(Milliseconds most);

  // An end of agent or driver that nobody asked for.
  const std::optional<std::string>& crash() const { return crash_; }

  // Lets all that was made arrive, and stops driver and agent in order. Why not, if it does not work.
  Result<void> come_to_rest(Milliseconds most);
  void go_on();  // after come_to_rest()

  Evidence evidence() const;
  std::filesystem::path agent_log() const { return folder_ / "agent.log"; }
  std::string last_words() const;

  // Over all lives of the agent so far.
  std::uint64_t repeats() const { return repeats_; }
  std::uint64_t resends() const { return resends_; }
  std::uint64_t overheard_resends() const { return spy_ ? spy_->resent() : 0; }
  ReceiverCounts received() const { return receiver_->counts(); }
  void look_at_status();  // adds what it counted since it was looked at last

 private:
  void write_files(const std::filesystem::path& agent);
  void taken(const Arrival& arrival);
  std::optional<Node> ask_status() const;
  pid_t pid_of(Victim victim) const;
  bool aim_at_agent();
  template <class Happened>
  bool wait_until(Milliseconds most, Happened happened);
  bool all_arrived();
  bool streams_arrived();
  bool driver_runs();
  bool crashed();

  const Bus bus_;
  test::TempDir folder_;
  std::optional<test::Mosquitto> broker_;
  std::unique_ptr<Child> driver_, agent_;
  bool agent_wanted_ = false, driver_wanted_ = false;  // it was started, and not ended by us
  std::optional<std::string> crash_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, uplink::SeqRanges> streams_;  // by weir.v1.Stream, what arrived
  Timestamp latest_ = 0;                      // of the readings that arrived
  std::atomic<pid_t> aimed_ = 0;              // to be killed with the next record

  std::uint64_t repeats_ = 0, resends_ = 0;
  std::uint64_t life_repeats_ = 0, life_resends_ = 0;  // of the agent's life that is now, as last seen

  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<Spy> spy_;
};

}  // namespace weir::oracle
