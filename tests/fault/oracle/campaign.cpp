#include "campaign.h"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <thread>
#include <vector>

#include "base/random.h"

namespace weir::oracle {
namespace {

using std::chrono::milliseconds;

class Run {
 public:
  explicit Run(const Campaign& campaign)
      : campaign_(campaign), random_(campaign.seed), box_(campaign.bus, campaign.agent, campaign.seed + 1) {}

  Outcome outcome() {
    box_.start();
    if (auto flowing = box_.flows(campaign_.patience); !flowing) out_.stuck = flowing.error().text();
    while (!out_.stuck && (out_.kills() < campaign_.kills || wants_a_resend())) {
      strike(out_.kills() < campaign_.kills ? next_victim() : Victim::agent);
      if (out_.kills() % campaign_.between_looks == 0 && last_look_ != out_.kills() && !look()) break;
    }
    if (last_look_ != out_.kills()) look();
    out_.repeats = box_.repeats();
    out_.resends = box_.resends();
    out_.overheard = box_.overheard_resends();
    out_.received = box_.received();
    if (!out_.clean()) out_.last_words = box_.last_words();
    return out_;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return split_mix(random_) % bound; }
  milliseconds between(unsigned least, unsigned most) { return milliseconds(least + below(most - least)); }

  // Each of them once, then as it comes.
  Victim next_victim() {
    for (std::size_t left = 0; left < 4; ++left) {
      const auto victim = static_cast<Victim>((first_ + left) % 4);
      if (!out_.hits.contains(victim)) return victim;
    }
    const auto roll = below(100);
    return roll < 45 ? Victim::agent : roll < 65 ? Victim::bus : roll < 88 ? Victim::driver : Victim::cloud;
  }

  // Of a driver that outlives the agent one must have been seen. A few blows more, if luck had it otherwise.
  bool wants_a_resend() const {
    return campaign_.bus == Bus::own && box_.repeats() + box_.resends() == 0 && out_.kills() < campaign_.kills + 10;
  }

  void strike(Victim victim) {
    const bool aimed = below(100) < campaign_.aimed;
    if (!box_.hit(victim, aimed, between(0, 800))) {
      if (box_.crash()) out_.stuck = *box_.crash();
      return box_.start();
    }
    ++out_.hits[victim];
    // It may be down for a while; and the next blow may fall before it is on its feet again.
    std::this_thread::sleep_for(between(0, 250));
    box_.start();
    if (below(3) == 0) {
      std::this_thread::sleep_for(between(0, 400));
      return;
    }
    if (auto flowing = box_.flows(campaign_.patience); !flowing)
      out_.stuck = std::string("after the ") + to_text(victim) + " was hit: " + flowing.error().text();
    box_.look_at_status();
    std::this_thread::sleep_for(between(0, 700));
  }

  bool look() {
    last_look_ = out_.kills();
    if (auto rested = box_.come_to_rest(campaign_.patience); !rested && !out_.stuck)
      out_.stuck = rested.error().text();
    out_.verdict = judge(box_.evidence());
    if (!out_.clean()) return false;
    if (last_look_ < campaign_.kills) box_.go_on();
    return true;
  }

  const Campaign& campaign_;
  std::uint64_t random_;
  std::uint64_t first_ = below(4);
  Box box_;
  Outcome out_;
  unsigned last_look_ = 0;
};

}  // namespace

unsigned Outcome::kills() const {
  unsigned sum = 0;
  for (const auto& [victim, count] : hits)
    if (victim != Victim::cloud) sum += count;
  return sum;
}

std::string Outcome::text() const {
  std::ostringstream out;
  out << kills() << " kills:";
  for (const auto& [victim, count] : hits) out << " " << count << " " << to_text(victim);
  const Figures& f = verdict.figures;
  out << "\nreadings: " << f.made << " made, " << f.accepted << " accepted, " << f.arrived << " arrived, "
      << f.covered << " covered by " << f.gaps << " gaps"
      << "\nlog: " << f.rows << " rows, " << f.batches << " batches, " << f.epochs << " epochs"
      << "\nreceiver: " << f.records << " records, " << f.repeats << " of them repeats; " << f.alerts << " alerts, "
      << f.derived << " derived readings; " << received.connections << " connections, " << received.unacknowledged
      << " records left unacknowledged, " << received.untaken << " untaken, " << received.refused << " refused, "
      << received.late << " late"
      << "\nbus: " << repeats << " repeats dropped, " << resends << " resends asked for, " << overheard
      << " batches overheard twice\n";
  if (stuck) out << "STUCK: " << *stuck << "\n";
  for (const Violation& violation : verdict.violations)
    out << "VIOLATION, " << to_text(violation.breach) << " (" << violation.times << " times): " << violation.text
        << "\n";
  return out.str();
}

Outcome run(const Campaign& campaign) { return Run(campaign).outcome(); }

}  // namespace weir::oracle
