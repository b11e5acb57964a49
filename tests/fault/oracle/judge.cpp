#include "judge.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "agent/plan.h"
#include "arrivals.h"
#include "codec/codec.h"
#include "journal.h"
#include "line/state.h"
#include "outputs.h"
#include "store/database.h"
#include "uplink/seq_ranges.h"
#include "weir/v1/uplink.pb.h"

namespace weir::oracle {
namespace {

using store::Stream;

constexpr std::pair<Stream, const char*> kStreams[] = {
    {Stream::alerts, "alerts"}, {Stream::derived, "derived"}, {Stream::raw, "raw"}, {Stream::backfill, "backfill"}};

class Judge {
 public:
  explicit Judge(const Evidence& evidence) : evidence_(evidence), state_(plan::compile) {}

  Verdict run() {
    for (Made& made : read_journal(evidence_.journal)) made_.emplace(made.value, Reading{std::move(made)});
    figures().made = made_.size();
    look_at_arrivals();
    look_at_log();
    look_at_outputs();
    look_at_gaps();
    for (const auto& [epoch, seq] : evidence_.told)
      if (accepted_[epoch] < seq)
        violation(Breach::not_kept, "epoch " + std::to_string(epoch) + ": the driver was told that batch " +
                                        std::to_string(seq) + " is accepted; the log ends at " +
                                        std::to_string(accepted_[epoch]));
    return std::move(verdict_);
  }

 private:
  struct Reading {
    Made made;
    bool accepted = false;
  };
  using Identity = std::pair<Stream, std::uint64_t>;

  Figures& figures() { return verdict_.figures; }

  void violation(Breach breach, std::string text) {
    const auto same = std::ranges::find(verdict_.violations, breach, &Violation::breach);
    if (same == verdict_.violations.end()) verdict_.violations.push_back({breach, std::move(text)});
    else ++same->times;
  }

  // Every record by its identity; repeats, and the numbers of each stream.
  void look_at_arrivals() {
    std::map<Identity, std::string> payloads;
    std::map<Stream, uplink::SeqRanges> numbers;
    for (Arrival& arrival : read_arrivals(evidence_.arrivals)) {
      ++figures().records;
      v1::Record record;
      const auto stream = std::ranges::find_if(
          kStreams, [&](const auto& known) { return arrival.topic.ends_with(std::string("/") + known.second); });
      if (stream == std::end(kStreams) || !record.ParseFromString(arrival.payload) ||
          static_cast<int>(stream->first) != static_cast<int>(record.stream())) {
        violation(Breach::unreadable, "on " + arrival.topic + " came " + std::to_string(arrival.payload.size()) +
                                          " bytes that are no record of it");
        continue;
      }
      if (incarnation_.empty()) incarnation_ = record.incarnation();
      if (record.incarnation() != incarnation_)
        violation(Breach::other_life, "records of two incarnations arrived: the store was given up");
      const Identity identity{stream->first, record.seq()};
      const auto [place, first] = payloads.try_emplace(identity, std::move(arrival.payload));
      if (!first) {
        ++figures().repeats;
        if (place->second != arrival.payload)
          violation(Breach::other_repeat, name(identity) + " came again with other bytes");
        continue;
      }
      numbers[stream->first].insert(record.seq());
      bodies_.emplace(identity, std::move(*record.mutable_body()));
    }
    for (const auto& [stream, seqs] : numbers)
      if (seqs.first() != 1 || seqs.missing() > 0)
        violation(Breach::hole, std::string("of the stream ") + store::to_text(stream) + ", " +
                                    std::to_string(seqs.first() - 1 + seqs.missing()) + " records up to " +
                                    std::to_string(seqs.last()) + " never arrived");
  }

  void look_at_log() {
    store::Options options;
    options.file = evidence_.store;
    options.read_only = true;
    const SystemClock clock;
    auto database = store::Database::open(options, clock);
    if (!database) return violation(Breach::unreadable, database.error().text());
    if (!incarnation_.empty() && (*database)->incarnation() != incarnation_)
      violation(Breach::other_life, "the store has another incarnation than what arrived");
    auto scanned = (*database)->scan(0, [&](const store::LogRow& row) {
      if (++figures().rows; row.id != figures().rows)
        violation(Breach::unreadable, "row " + std::to_string(figures().rows) + " of the log is not there");
      look_at_row(row);
      return true;
    });
    if (!scanned) violation(Breach::unreadable, scanned.error().text());
    figures().epochs = accepted_.size();
    for (const auto& [identity, body] : bodies_)
      if (identity.first == Stream::raw && !raw_in_log_.contains(identity.second))
        violation(Breach::foreign, name(identity) + " arrived, and is not in the log");
  }

  void look_at_row(const store::LogRow& row) {
    const std::string where = "row " + std::to_string(row.id) + " of the log";
    v1::Commit commit;
    v1::RawRecord raw;
    rules::Outputs outputs;
    if (!commit.ParseFromString(row.commit) || !raw.ParseFromString(row.raw))
      return violation(Breach::unreadable, where + " is no commit");
    if (auto replayed = state_.replay(commit, raw, outputs); !replayed)
      violation(Breach::unreadable, where + ": " + replayed.error().text());
    add(outputs, replayed_alerts_, replayed_derived_);
    if (row.raw.empty()) return;

    raw_in_log_.insert(row.raw_seq);
    const auto arrived = bodies_.find({Stream::raw, row.raw_seq});
    const bool as_is = arrived != bodies_.end() && arrived->second == row.raw;
    if (!as_is)
      violation(Breach::not_arrived, name({Stream::raw, row.raw_seq}) + ", " + where +
                                         (arrived == bodies_.end() ? ", never arrived" : ", arrived as another"));
    for (const v1::Gap& gap : raw.gaps()) gaps_.push_back(gap);
    for (const v1::BatchTaken& batch : raw.batches()) look_at_batch(batch, where);
    look_at_readings(raw, as_is, where);
  }

  void look_at_batch(const v1::BatchTaken& batch, const std::string& where) {
    ++figures().batches;
    std::uint64_t& last = accepted_[batch.epoch()];
    if (batch.seq() <= last)
      violation(Breach::other_life, where + ": batch " + std::to_string(batch.seq()) + " of epoch " +
                                        std::to_string(batch.epoch()) + " was taken before, up to " +
                                        std::to_string(last));
    last = std::max(last, batch.seq());
  }

  void look_at_readings(const v1::RawRecord& raw, bool arrived, const std::string& where) {
    if (raw.readings().empty()) return;
    const auto block = codec::decode(raw.readings());
    if (!block) return violation(Breach::unreadable, where + ": " + block.error().text());
    for (const model::Series& series : *block)
      for (std::size_t i = 0; i < series.size(); ++i) {
        const bool known_signal = series.signal > 0 && series.signal <= state_.signals().size();
        const std::string path = known_signal ? state_.signals().at(series.signal).signal.path : "?";
        const model::Reading reading = series.reading(i);
        const auto* value = std::get_if<std::int64_t>(&reading.value);
        const auto made = value == nullptr ? made_.end() : made_.find(*value);
        if (made == made_.end() || made->second.made.path != path || made->second.made.time != reading.time ||
            reading.quality != model::kGood) {
          violation(Breach::foreign, where + ": " + path + " = " + model::to_text(reading.value) + " at " +
                                         to_iso(reading.time) + " was never made so");
          continue;
        }
        if (std::exchange(made->second.accepted, true))
          violation(Breach::twice,
                    where + ": " + path + " = " + model::to_text(reading.value) + " was accepted before");
        else ++figures().accepted, figures().arrived += arrived ? 1 : 0;
      }
  }

  void look_at_outputs() {
    Outputs alerts, derived;
    for (const auto& [identity, body] : bodies_) {
      Result<void> read;
      if (identity.first == Stream::alerts) read = add_alerts(body, alerts);
      if (identity.first == Stream::derived) read = add_derived(body, state_.signals(), derived);
      if (!read) violation(Breach::unreadable, name(identity) + ": " + read.error().text());
    }
    figures().alerts = alerts.size();
    figures().derived = derived.size();
    compare("alert", alerts, replayed_alerts_);
    compare("derived reading", derived, replayed_derived_);
  }

  void compare(const std::string& what, const Outputs& arrived, const Outputs& replayed) {
    Outputs only_arrived, only_replayed;
    std::ranges::set_difference(arrived, replayed, std::inserter(only_arrived, only_arrived.end()));
    std::ranges::set_difference(replayed, arrived, std::inserter(only_replayed, only_replayed.end()));
    for (const std::string& one : only_arrived)
      violation(Breach::other_outputs, "this " + what + " arrived, and a replay has none like it: " + one);
    for (const std::string& one : only_replayed)
      violation(Breach::other_outputs, "a replay has this " + what + ", and none like it arrived: " + one);
  }

  static bool covers(const v1::Gap& gap, Timestamp time) {
    if (gap.reason() == "driver-restarted") return gap.from() < time && time < gap.to();
    return gap.from() <= time && time <= gap.to();
  }

  void look_at_gaps() {
    figures().gaps = gaps_.size();
    std::erase_if(gaps_, [&](const v1::Gap& gap) { return gap.driver() != evidence_.driver; });
    for (const auto& [value, reading] : made_) {
      const auto gap = std::ranges::find_if(gaps_, [&](const v1::Gap& g) { return covers(g, reading.made.time); });
      const bool covered = gap != gaps_.end();
      const std::string text = reading.made.path + " = " + std::to_string(value) + " at " + to_iso(reading.made.time);
      if (!reading.accepted && !covered)
        violation(Breach::uncovered, text + " was made and not accepted, and no gap says so");
      if (reading.accepted && covered && gap->reason() == "driver-restarted")
        violation(Breach::false_gap, text + " was accepted, and a gap from " + to_iso(gap->from()) + " to " +
                                         to_iso(gap->to()) + " says that it may be missing");
      figures().covered += !reading.accepted && covered ? 1 : 0;
    }
  }

  static std::string name(const Identity& identity) {
    return std::string("record ") + std::to_string(identity.second) + " of " + store::to_text(identity.first);
  }

  const Evidence& evidence_;
  Verdict verdict_;
  line::State state_;
  std::unordered_map<std::int64_t, Reading> made_;  // by value
  std::string incarnation_;
  std::map<Identity, std::string> bodies_;  // that arrived
  std::set<std::uint64_t> raw_in_log_;
  std::map<std::uint64_t, std::uint64_t> accepted_;  // of each epoch, the last batch in the log
  std::vector<v1::Gap> gaps_;
  Outputs replayed_alerts_, replayed_derived_;
};

}  // namespace

const char* to_text(Breach breach) {
  switch (breach) {
    case Breach::unreadable: return "unreadable";
    case Breach::not_arrived: return "accepted and not arrived";
    case Breach::not_kept: return "acknowledged and not kept";
    case Breach::foreign: return "foreign";
    case Breach::twice: return "accepted twice";
    case Breach::other_repeat: return "a repeat that differs";
    case Breach::hole: return "a hole in a stream";
    case Breach::other_life: return "a life mistaken for another";
    case Breach::other_outputs: return "outputs other than a replay's";
    case Breach::uncovered: return "lost without a word";
    case Breach::false_gap: return "a gap over what was accepted";
  }
  return "?";
}

bool Verdict::found(Breach breach) const {
  return std::ranges::find(violations, breach, &Violation::breach) != violations.end();
}

Verdict judge(const Evidence& evidence) { return Judge(evidence).run(); }

}  // namespace weir::oracle
