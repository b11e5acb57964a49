#include "driver_modbus/device.h"

#include <algorithm>
#include <limits>

namespace weir::modbus {
namespace {

using namespace std::chrono_literals;

constexpr double kPressed = 0.5;  // Link::pressure() from which on every second reading is left out

bool about_the_address(const Failure& failure) {
  return failure.kind == Failure::Kind::refused &&
         (failure.exception == kIllegalAddress || failure.exception == kIllegalValue);
}

}  // namespace

Device::Device(DeviceOptions options, std::size_t first_signal, std::uint64_t seed)
    : options_(std::move(options)),
      first_signal_(first_signal),
      target_{options_.unit, options_.timeout},
      backoff_(500ms, 30s, seed) {
  for (Block& block : plan(options_.signals, options_.max_gap))
    slots_.push_back({std::move(block), 0, false, true, {}});
}

void Device::start(Nanoseconds now) {
  for (Slot& slot : slots_) slot.due = now;
}

std::size_t Device::first_due() const {
  const auto first = std::ranges::min_element(slots_, {}, [this](const Slot& slot) { return due(slot); });
  return static_cast<std::size_t>(first - slots_.begin());
}

Nanoseconds Device::due() const {
  if (slots_.empty()) return std::numeric_limits<Nanoseconds>::max();
  const Nanoseconds first = due(slots_[first_due()]);
  // Not to wait an hour for a device that is read every hour and missed one request.
  return lost_ ? std::min(first, retry_at_) : first;
}

void Device::advance(Slot& slot, Nanoseconds now, double pressure) const {
  if (slot.due > now) return;
  const Nanoseconds interval = slot.block.interval;
  slot.due += ((now - slot.due) / interval + 1) * interval;
  if (pressure > kPressed) slot.due += interval;
}

void Device::poll(Master& master, sdk::Link& link) {
  const std::size_t index = first_due();
  const Nanoseconds now = link.clock().boottime();
  const bool scheduled = due(slots_[index]) <= now;
  if (lost_ && now < retry_at_) {
    Slot& slot = slots_[index];
    if (scheduled) publish_bad(slot.block, *lost_, link);
    slot.again = true;
    advance(slot, now, link.pressure());
  } else {
    fetch(index, scheduled, master, link);
  }
}

void Device::fetch(std::size_t index, bool scheduled, Master& master, sdk::Link& link) {
  Slot& slot = slots_[index];
  std::vector<Slot> parts;
  Answer<void> reached;
  const auto done = read_block(slot.block, master);
  if (done) {
    publish(slot.block, link);
    slot.again = false;
    slot.refusal.clear();
  } else if (done.error().kind != Failure::Kind::refused) {
    reached = done;
    if (scheduled) publish_bad(slot.block, done.error(), link);
  } else {
    slot.again = false;
    slot.refusal = done.error().reason;
    const auto halves =
        slot.may_cut && about_the_address(done.error()) ? cut(slot.block, options_.signals) : std::nullopt;
    if (!halves) {
      publish_bad(slot.block, done.error(), link);
    } else {
      bool given = false;
      reached = explore(halves->first, parts, given, master, link);
      if (reached) reached = explore(halves->second, parts, given, master, link);
      if (!reached) publish_bad(slot.block, reached.error(), link);
      else if (!given) slot.may_cut = false;
      if (!reached || !given) parts.clear();
    }
  }
  if (!reached) slot.again = true;
  advance(slot, link.clock().boottime(), link.pressure());
  if (!parts.empty()) {
    for (Slot& part : parts) part.due = slot.due;
    slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(index));
    slots_.insert(slots_.end(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
  }
  if (reached) found(link);
  else lost(reached.error(), link);
}

// Reads a part of a block that the device refused as a whole, and finds out what of it it does give.
// An error if the device fell silent meanwhile: then nothing is known.
Answer<void> Device::explore(const Block& block, std::vector<Slot>& parts, bool& given, Master& master,
                             sdk::Link& link) {
  const auto done = read_block(block, master);
  if (!done && done.error().kind != Failure::Kind::refused) return done;
  if (!done && about_the_address(done.error()))
    if (const auto halves = cut(block, options_.signals)) {
      auto reached = explore(halves->first, parts, given, master, link);
      return reached ? explore(halves->second, parts, given, master, link) : reached;
    }
  Slot& part = parts.emplace_back();
  part.block = block;
  if (done) {
    publish(block, link);
    given = true;
  } else {
    publish_bad(block, done.error(), link);
    part.refusal = done.error().reason;
  }
  return {};
}

Answer<void> Device::read_block(const Block& block, Master& master) {
  words_.assign(static_cast<std::size_t>(block.count), 0);
  return master.read(target_, block.table, block.first, words_);
}

void Device::publish(const Block& block, sdk::Link& link) {
  const Timestamp now = link.clock().now();
  const std::span<const std::uint16_t> words(words_);
  for (const std::size_t i : block.signals) {
    const SignalOptions& signal = options_.signals[i];
    Decoded decoded = decode(signal.format, words.subspan(static_cast<std::size_t>(signal.first - block.first),
                                                          static_cast<std::size_t>(signal.count())));
    link.publish(first_signal_ + i, model::Reading{now, std::move(decoded.value), decoded.quality});
  }
}

void Device::publish_bad(const Block& block, const Failure& failure, sdk::Link& link) {
  const Timestamp now = link.clock().now();
  for (const std::size_t i : block.signals)
    link.publish(first_signal_ + i,
                 model::Reading{now, no_value(value_type(options_.signals[i].format)), quality_of(failure)});
}

void Device::found(sdk::Link& link) {
  if (lost_) {
    lost_.reset();
    // It may be another device by now, or one that has come to its senses.
    for (Slot& slot : slots_) slot.may_cut = true;
  }
  backoff_.reset();
  report(link);
}

void Device::lost(const Failure& failure, sdk::Link& link) {
  lost_ = failure;
  retry_at_ = link.clock().boottime() + std::chrono::nanoseconds(backoff_.next()).count();
  report(link);
}

void Device::heard(const Failure& failure, sdk::Link& link) {
  if (failure.kind == Failure::Kind::refused) found(link);
  else lost(failure, link);
}

void Device::report(sdk::Link& link) {
  if (lost_) return link.device_state(options_.name, sdk::Level::down, lost_->reason);
  const auto refused = [](const Slot& slot) { return !slot.refusal.empty(); };
  const auto count = std::ranges::count_if(slots_, refused);
  if (count == 0) return link.device_state(options_.name, sdk::Level::up, "answers");
  std::string reason = std::ranges::find_if(slots_, refused)->refusal;
  if (count > 1) reason += "; and " + std::to_string(count - 1) + " more requests are refused";
  link.device_state(options_.name, sdk::Level::degraded, reason);
}

Result<model::Reading> Device::fetch_by_hand(const SignalOptions& signal, Master& master, sdk::Link& link) {
  words_.assign(static_cast<std::size_t>(signal.count()), 0);
  if (auto done = master.read(target_, signal.table, signal.first, words_); !done) {
    heard(done.error(), link);
    return fail(done.error().reason);
  }
  found(link);
  Decoded decoded = decode(signal.format, words_);
  return model::Reading{link.clock().now(), std::move(decoded.value), decoded.quality};
}

Result<sdk::Access> Device::read(std::size_t signal, Master& master, sdk::Link& link) {
  const SignalOptions& wanted = options_.signals[signal];
  auto reading = fetch_by_hand(wanted, master, link);
  if (!reading) return std::unexpected(reading.error());
  return sdk::Access{std::move(*reading), raw_text(wanted.table, wanted.first, words_)};
}

Result<sdk::Access> Device::write(std::size_t signal, const model::Value& value, Master& master, sdk::Link& link) {
  const SignalOptions& wanted = options_.signals[signal];
  const std::string path = options_.name + "/" + wanted.name;
  if (!wanted.writable) return fail(path + " is not writable", "add writable: true to it in the driver's options");
  // The other bits of the register are written along: they have to be known first.
  const bool is_part = wanted.format.type == Type::bit && !is_bits(wanted.table);
  if (is_part)
    if (auto before = fetch_by_hand(wanted, master, link); !before) return std::unexpected(before.error());
  const auto words = encode(wanted.format, value, is_part ? words_ : std::vector<std::uint16_t>{});
  if (!words) return context(path, words.error());
  if (auto done = master.write(target_, wanted.table, wanted.first, *words); !done) {
    heard(done.error(), link);
    return fail(done.error().reason);
  }
  auto reading = fetch_by_hand(wanted, master, link);
  if (!reading)
    return fail("written, but not read back: " + reading.error().what, "read " + path + " to see what it is now");
  link.publish(first_signal_ + signal, *reading);
  return sdk::Access{std::move(*reading), raw_text(wanted.table, wanted.first, words_)};
}

std::vector<Block> Device::blocks() const {
  std::vector<Block> out;
  for (const Slot& slot : slots_) out.push_back(slot.block);
  return out;
}

}  // namespace weir::modbus
