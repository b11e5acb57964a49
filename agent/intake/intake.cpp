#include "intake/intake.h"

#include <algorithm>

#include "base/text.h"
#include "wire/wire.h"

namespace weir::intake {
namespace {

constexpr std::string_view kRoot = "weir/v1/";

bool parse(google::protobuf::MessageLite& message, std::string_view payload) {
  return message.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
}

}  // namespace

Intake::Intake(const Clock& clock, Options options, Sink& sink, Publish publish)
    : clock_(clock), options_(std::move(options)), sink_(sink), publish_(std::move(publish)), bursts_(clock) {}

std::vector<std::string> Intake::filters() { return {"weir/v1/signals/+", "weir/v1/data/+", "weir/v1/state/+"}; }

void Intake::restore(const std::vector<v1::Cursor>& cursors, std::uint64_t last_epoch) {
  last_epoch_ = last_epoch;
  for (const v1::Cursor& cursor : cursors) {
    Source& source = sources_[cursor.driver()];
    source.received = cursor;
    source.accepted_epoch = cursor.epoch();
    source.accepted = cursor.seq();
    source.epoch_durable = true;
    source.fresh = cursor.seq() == 0;
    last_epoch_ = std::max(last_epoch_, cursor.epoch());
  }
}

void Intake::set_drivers(const std::vector<std::string>& names, const std::vector<std::string>& leaving) {
  drivers_ = names;
  leaving_ = leaving;
  for (const std::string& name : names) {
    sources_[name].received.set_driver(name);
    counters_.try_emplace(name);
  }
}

void Intake::message(std::string_view topic, std::string_view payload) {
  if (!topic.starts_with(kRoot)) {
    ++strays_;
    return;
  }
  topic.remove_prefix(kRoot.size());
  const std::size_t slash = topic.find('/');
  const std::string_view verb = topic.substr(0, slash);
  const std::string driver(slash == std::string_view::npos ? std::string_view() : topic.substr(slash + 1));
  if (std::ranges::find(drivers_, driver) == drivers_.end() &&
      std::ranges::find(leaving_, driver) == leaving_.end()) {
    ++strays_;
    std::uint64_t repeats = 0;
    if (bursts_.first("unknown-driver", repeats))
      log::warn("bus: a message of '{}', which is no driver of weir.yaml, was refused ({} more before it)",
                to_utf8(driver, 64), repeats);
    return;
  }
  // An empty retained message is how a topic is cleared.
  if (payload.empty() && verb != "data") return;
  Source& source = sources_[driver];
  if (payload.size() > options_.limits.bytes) {
    const Refused refused{Refusal::too_large, std::to_string(payload.size()) + " bytes, allowed are " +
                                                  std::to_string(options_.limits.bytes)};
    // Of a batch that is too large only the head is needed: which one it is.
    if (verb == "data" && parse(scratch_, payload) && scratch_.epoch() == source.received.epoch() &&
        scratch_.seq() == source.received.seq() + 1)
      refuse(driver, source, refused);
    else count(driver, refused);
    return;
  }
  if (verb == "data") batch(driver, source, payload);
  else if (verb == "signals") announced(driver, source, payload);
  else if (verb == "state") state(driver, source, payload);
  else ++strays_;
}

void Intake::announced(const std::string& driver, Source& source, std::string_view payload) {
  v1::Announcement announcement;
  if (!parse(announcement, payload) || announcement.instance() == 0) {
    count(driver, {Refusal::not_protobuf, "what it announced is no Announcement of weir.v1"});
    return;
  }
  std::erase_if(claims_, [&](const auto& claim) { return claim.first == driver; });
  std::vector<model::SignalId> ids;
  for (const v1::Signal& announced : announcement.signals()) {
    const auto signal = wire::decode(announced);
    const auto id = signal ? claim(driver, *signal) : std::unexpected(signal.error());
    if (id) ids.push_back(*id);
    else count(driver, {Refusal::malformed, id.error().text()});
  }
  std::ranges::sort(ids);
  source.announced = std::move(ids);
  grant_claims();

  // Epochs that the driver knows were given, whether this life of the agent knows of it or not.
  constexpr std::uint64_t kMostAhead = 1ULL << 32;
  const std::uint64_t epoch = announcement.epoch();
  if (epoch > last_epoch_ && epoch - last_epoch_ < kMostAhead) last_epoch_ = epoch;
  const v1::Cursor& received = source.received;
  const bool same = received.instance() == announcement.instance();
  const bool lost =
      same ? epoch > received.epoch() || (epoch == received.epoch() && announcement.accepted() > received.seq())
           : announcement.accepted() > 0;
  if (!same) {
    source.received.set_instance(announcement.instance());
    source.received.set_lives(received.lives() + 1);
  }
  if (lost)
    log::error("driver {}: readings that had been accepted are gone: they were committed while the disk took nothing",
               driver);
  if (!same || lost) {
    source.lost = lost;
    begin_epoch(source);
  } else if (source.epoch_durable) {
    ack(driver, source, false);
  }
}

// It must be durable before the driver hears of it, and sends all it has anew under it.
void Intake::begin_epoch(Source& source) {
  source.received.set_epoch(++last_epoch_);
  source.received.set_seq(0);
  source.fresh = true;
  source.asked = source.garbled = source.ahead = false;
  source.epoch_durable = false;
  source.refusals.clear();
  sink_.take({}, {}, source.received);
}

// A signal is its driver's as long as that is named in weir.yaml and announces it.
bool Intake::owns(const std::string& driver, model::SignalId id) const {
  if (std::ranges::find(drivers_, driver) == drivers_.end()) return false;
  const auto source = sources_.find(driver);
  return source == sources_.end() || !source->second.announced ||
         std::ranges::binary_search(*source->second.announced, id);
}

Result<model::SignalId> Intake::claim(const std::string& driver, const model::Signal& signal) {
  constexpr std::size_t kMostClaims = 10'000;
  const model::SignalId known = sink_.signals().find(signal.path);
  if (known != 0 && sink_.signals().knows(signal, driver)) return known;
  const std::string owner = known == 0 ? std::string() : std::string(sink_.signals().driver(known));
  auto defined = sink_.define(signal, driver, !owner.empty() && !owns(owner, known));
  if (!defined && !owner.empty() && claims_.size() < kMostClaims) claims_.emplace_back(driver, signal);
  return defined;
}

void Intake::grant_claims() {
  for (auto& [driver, signal] : std::exchange(claims_, {})) {
    const auto id = claim(driver, signal);
    if (!id) continue;
    std::vector<model::SignalId>& announced = *sources_[driver].announced;
    announced.insert(std::ranges::lower_bound(announced, *id), *id);
  }
}

void Intake::batch(const std::string& driver, Source& source, std::string_view payload) {
  DriverCounters& counters = counters_[driver];
  counters.last_arrival = clock_.now();
  source.last_batch = clock_.boottime();
  if (!parse(scratch_, payload) || scratch_.seq() == 0) {
    const Refused refused{Refusal::not_protobuf,
                          "a message of " + std::to_string(payload.size()) + " bytes that is no Batch of weir.v1"};
    // Once more from the driver; if that is no batch either, it is refused in its place. But only if the
    // driver has sent something for that place: it may be anybody's rubbish, and the batch yet to come.
    if (source.garbled && source.ahead) {
      refuse(driver, source, refused);
    } else {
      count(driver, refused);
      if (!source.garbled) source.asked = false;
      source.garbled = true;
      ask_again(driver, source);
    }
    return;
  }
  if (!source.epoch_durable || scratch_.epoch() != source.received.epoch()) {
    count(driver, {Refusal::foreign_epoch, "a batch of epoch " + std::to_string(scratch_.epoch()) +
                                               ", the driver's is " + std::to_string(source.received.epoch())});
    if (source.epoch_durable) ack(driver, source, false);
    return;
  }
  if (scratch_.seq() <= source.received.seq()) {
    ++counters.repeats;
    if (scratch_.seq() <= source.accepted) ack(driver, source, false);
    return;
  }
  if (held_) return;
  if (scratch_.seq() != source.received.seq() + 1) {
    source.ahead = source.garbled;
    ask_again(driver, source);
    return;
  }

  FutureGuard guard;
  guard.now = clock_.now();
  guard.clamp = options_.clamp_future;
  guard.latest = clock_.synced() ? guard.now + options_.future_tolerance : 0;
  auto decoded = decode(scratch_, driver, sink_.signals(), guard, options_.limits);
  if (!decoded) {
    refuse(driver, source, decoded.error());
    return;
  }
  source.average_bytes = (source.average_bytes * 7 + payload.size()) / 8;
  counters.bytes += payload.size();
  take(driver, source, scratch_, std::move(*decoded));
}

void Intake::take(const std::string& driver, Source& source, const v1::Batch& batch, Decoded decoded) {
  DriverCounters& counters = counters_[driver];
  v1::Cursor& cursor = source.received;
  std::vector<v1::Gap> gaps;

  // A life that ended before anything of it was accepted took its readings with it all the same.
  if (source.fresh && (source.lost || cursor.lives() > 1 || cursor.accepted() > 0)) {
    v1::Gap lost = gap(driver, source);
    lost.set_to(decoded.readings > 0 ? decoded.first : clock_.now());
    lost.set_reason(source.lost ? "accepted-and-lost" : "driver-restarted");
    gaps.push_back(std::move(lost));
  }
  if (batch.has_dropped() && batch.dropped().count() > 0) {
    v1::Gap lost = gap(driver, source);
    lost.set_from(batch.dropped().from());
    lost.set_to(batch.dropped().to());
    lost.set_count(batch.dropped().count());
    lost.set_reason("dropped-by-driver: " + to_utf8(batch.dropped().reason(), 256));
    gaps.push_back(std::move(lost));
    counters.dropped += batch.dropped().count();
    counters.last_lost = clock_.now();
  }
  if (decoded.removed > 0) {
    v1::Gap lost = gap(driver, source);
    lost.set_from(decoded.removed_first);
    lost.set_to(decoded.removed_last);
    lost.set_count(decoded.removed);
    lost.set_reason(std::string("refused: ") + to_text(Refusal::future));
    gaps.push_back(std::move(lost));
    count(driver,
          {Refusal::future, std::to_string(decoded.removed) + " readings, up to " + to_iso(decoded.removed_last)});
  }

  source.fresh = source.lost = source.asked = source.garbled = source.ahead = false;
  cursor.set_seq(batch.seq());
  // Not beyond the tolerance, guard or not: it would stay there.
  if (decoded.readings > 0)
    cursor.set_last_time(
        std::max(cursor.last_time(), std::min(decoded.last, clock_.now() + options_.future_tolerance)));
  cursor.set_accepted(cursor.accepted() + decoded.readings);

  ++counters.batches;
  counters.readings += decoded.readings;
  counters.clamped += decoded.clamped;

  Batch taken;
  taken.head.set_driver(driver);
  taken.head.set_epoch(batch.epoch());
  taken.head.set_seq(batch.seq());
  taken.head.set_series(static_cast<std::uint32_t>(decoded.series.size()));
  taken.head.set_readings(decoded.readings);
  taken.series = std::move(decoded.series);
  sink_.take(std::move(taken), std::move(gaps), cursor);
}

void Intake::refuse(const std::string& driver, Source& source, const Refused& refused) {
  count(driver, refused);
  v1::Cursor& cursor = source.received;
  if (cursor.epoch() == 0 || !source.epoch_durable) return;  // nothing was promised yet, so nothing is lost
  v1::Gap lost = gap(driver, source);
  lost.set_to(clock_.now());
  const std::string why = std::string(to_text(refused.why)) + ": " + to_utf8(refused.detail, 256);
  lost.set_reason("refused: " + why);
  cursor.set_seq(cursor.seq() + 1);
  source.asked = source.garbled = source.ahead = false;
  if (source.refusals.size() < 100) {
    v1::Refusal& told = source.refusals.emplace_back();
    told.set_seq(cursor.seq());
    told.set_reason(why);
  }
  sink_.take({}, {std::move(lost)}, cursor);
}

void Intake::state(const std::string& driver, Source&, std::string_view payload) {
  v1::DriverStateInput input;
  input.set_driver(driver);
  v1::DriverState& state = *input.mutable_state();
  constexpr int kMostDevices = 10'000;
  constexpr std::size_t kMostReason = 1'024;
  if (!parse(state, payload)) {
    count(driver, {Refusal::not_protobuf, "its state is no DriverState of weir.v1"});
    return;
  }
  const auto cut = [](std::string* text) {
    if (text->size() > kMostReason) *text = to_utf8(*text, kMostReason);
  };
  if (state.devices().size() > kMostDevices)
    state.mutable_devices()->DeleteSubrange(kMostDevices, state.devices().size() - kMostDevices);
  cut(state.mutable_reason());
  for (v1::DeviceState& device : *state.mutable_devices()) {
    cut(device.mutable_device());
    cut(device.mutable_reason());
  }
  sink_.driver_state(input);
}

v1::Gap Intake::gap(const std::string& driver, const Source& source) const {
  v1::Gap out;
  out.set_driver(driver);
  out.set_epoch(source.received.epoch());
  out.set_from(source.received.last_time());
  return out;
}

void Intake::count(const std::string& driver, const Refused& refused) {
  DriverCounters& counters = counters_[driver];
  ++counters.refused[static_cast<std::size_t>(refused.why)];
  counters.last_lost = clock_.now();
  counters.last_refusal = std::string(to_text(refused.why)) + ": " + refused.detail;
  std::uint64_t repeats = 0;
  if (bursts_.first(driver + to_text(refused.why), repeats))
    log::warn("driver {}: refused, {} ({} more like it before)", driver, counters.last_refusal, repeats);
}

void Intake::ask_again(const std::string& driver, Source& source) {
  if (source.asked || !source.epoch_durable) return;
  source.asked = true;
  ++counters_[driver].resends;
  ack(driver, source, true);
}

void Intake::committed(const std::vector<v1::Cursor>& cursors) {
  for (const v1::Cursor& cursor : cursors) {
    const auto it = sources_.find(cursor.driver());
    if (it == sources_.end() || it->second.received.instance() != cursor.instance()) continue;
    Source& source = it->second;
    source.accepted_epoch = cursor.epoch();
    source.accepted = cursor.seq();
    if (cursor.epoch() == source.received.epoch()) source.epoch_durable = true;
    ack(cursor.driver(), source, false);
  }
}

void Intake::reconnected() {
  // The drivers' retained announcements come next, and each is answered with an ack.
  for (auto& [name, source] : sources_) source.asked = false;
}

void Intake::second() {
  // A resend may itself have been lost on the bus: ask once more.
  const Nanoseconds now = clock_.boottime();
  for (auto& [name, source] : sources_)
    if (source.asked && now - source.last_batch > kSecond) {
      source.asked = false;
      ask_again(name, source);
    }
  if (!held_ && sink_.waits_for_time()) sink_.tick();
}

void Intake::hold(bool on) {
  if (held_ == on) return;
  held_ = on;
  for (auto& [name, source] : sources_)
    if (source.epoch_durable) ack(name, source, !on);
}

std::uint32_t Intake::credit(const Source& source) const {
  if (held_) return 0;
  const auto by_queue =
      static_cast<std::size_t>(options_.broker_queue) / (2 * std::max<std::size_t>(1, drivers_.size()));
  const std::size_t by_bytes = options_.bytes_per_driver / std::max<std::size_t>(1, source.average_bytes);
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(std::min(by_queue, by_bytes), 2, 1'000));
}

void Intake::ack(const std::string& driver, Source& source, bool resend) {
  v1::Ack ack;
  ack.set_incarnation(options_.incarnation);
  ack.set_instance(source.received.instance());
  ack.set_epoch(source.received.epoch());
  ack.set_seq(source.accepted_epoch == source.received.epoch() ? source.accepted : 0);
  ack.set_credit(credit(source));
  ack.set_resend(resend);
  for (auto it = source.refusals.begin(); it != source.refusals.end();) {
    if (it->seq() > ack.seq()) {
      ++it;
      continue;
    }
    *ack.add_refused() = std::move(*it);
    it = source.refusals.erase(it);
  }
  publish_("weir/v1/ack/" + driver, ack.SerializeAsString());
}

}  // namespace weir::intake
