#include "rules/validity.h"

#include <algorithm>
#include <cmath>

#include "rules/state/snapshot.h"

namespace weir::rules {
namespace {

std::uint64_t hash_of(const std::string& text) {
  Hash128 hash;
  hash.add_text(text);
  return hash.low;
}

std::optional<double> number_of(const model::Value& value) {
  return std::visit(
      []<class T>(const T& one) -> std::optional<double> {
        if constexpr (std::is_arithmetic_v<T>) return static_cast<double>(one);
        else return std::nullopt;
      },
      value);
}

// The number, as a value of the type of `like`: what stands beside a signal is of its type.
model::Value as_type(double number, const model::Value& like) {
  if (std::holds_alternative<bool>(like)) return number >= 0.5;
  if (std::holds_alternative<std::int64_t>(like)) return static_cast<std::int64_t>(std::llround(number));
  return number;
}

bool matches(std::string_view device, std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return false;
  const auto pattern = model::PathPattern::parse(std::string(device) + std::string(path.substr(slash)));
  return pattern && pattern->match(path).has_value();
}

}  // namespace

void Validity::install(std::shared_ptr<const ValiditySet> set) {
  set_ = std::move(set);
  for (State& state : states_) state.check = nullptr;
}

std::string Validity::define(model::SignalId id, const model::Signal& signal) {
  const Check* check = nullptr;
  std::optional<std::vector<std::string>> captures;
  model::Quality others{};
  for (const Profile& profile : set_->profiles) {
    if (!matches(profile.device, signal.path)) continue;
    for (const Check& one : profile.checks)
      if ((captures = one.pattern.match(signal.path))) {
        check = &one;
        break;
      }
    if (check == nullptr && profile.others) others = *profile.others;
    break;
  }
  State* state = find(id);
  if (check == nullptr && others.good()) {
    if (state != nullptr) *state = {};
    return {};
  }
  if (state == nullptr) {
    if (id >= index_.size()) index_.resize(std::size_t{id} + 1);
    states_.emplace_back();
    index_[id] = static_cast<std::uint32_t>(states_.size());
    state = &states_.back();
  }
  const Hash128 key = check != nullptr ? check->key : Hash128{};
  if (state->key != key) *state = {};
  state->key = key;
  state->check = check;
  state->others = others;
  state->conversion = {};
  state->convertible = true;
  if (check == nullptr) return {};
  if (check->unit && !signal.unit.empty()) {
    const auto unit = model::Unit::parse(signal.unit);
    const auto conversion = unit ? model::convert(*unit, *check->unit) : std::nullopt;
    state->convertible = conversion.has_value();
    if (conversion) state->conversion = *conversion;
  }
  if (check->repair == Repair::none) return {};
  std::vector<std::string_view> views(captures->begin(), captures->end());
  return check->repaired.fill(views);
}

Validity::State* Validity::find(model::SignalId id) {
  return id < index_.size() && index_[id] != 0 ? &states_[index_[id] - 1] : nullptr;
}

// What is found without looking back is found of any reading; what needs the one before, only of those in order.
model::Quality Validity::judge(State& state, Timestamp time, model::Quality quality, double number,
                               const std::string* text, model::ValueType type) {
  if (state.check == nullptr) return model::worst(quality, state.others);
  const Check& check = *state.check;
  if (quality.bad()) return quality;
  const bool is_text = type == model::ValueType::string;
  if (check.type) {
    const Type found = is_text ? Type::text : type == model::ValueType::boolean ? Type::truth : Type::number;
    if (found != *check.type || type == model::ValueType::bytes) return model::kBadTypeMismatch;
  }
  if (is_text) {
    if (!check.allowed_texts.empty() && std::ranges::find(check.allowed_texts, *text) == check.allowed_texts.end())
      return model::kBadOutOfRange;
  } else {
    if (!state.convertible) return model::kBadConfiguration;
    number = state.conversion(number);
    if (!std::isfinite(number)) return model::kBadOutOfRange;
    if (check.range && (number < check.range->first || number > check.range->second)) return model::kBadOutOfRange;
    if (!check.allowed.empty() && std::ranges::find(check.allowed, number) == check.allowed.end())
      return model::kBadOutOfRange;
    if (check.likely && (number < check.likely->first || number > check.likely->second))
      quality = model::worst(quality, model::kUncertainOutOfRange);
  }
  if (time <= state.last || !in_reach(time)) return quality;
  const bool first = state.last == kLongAgo;
  const std::uint64_t hash = is_text ? hash_of(*text) : 0;
  const bool same = !first && (is_text ? hash == state.text : number == state.value);
  if (!same) state.unchanged_since = time;
  if (check.rate && !first && !is_text) {
    const double seconds = static_cast<double>(time - state.last) / static_cast<double>(kSecond);
    if (std::fabs(number - state.value) > *check.rate * seconds)
      quality = model::worst(quality, model::kUncertainNotAccurate);
  }
  if (check.stuck > 0 && time - state.unchanged_since >= check.stuck)
    quality = model::worst(quality, model::kUncertainLastUsable);
  state.last = time;
  state.value = number;
  state.text = hash;
  return quality;
}

bool Validity::mark(model::Series& series) {
  State* state = find(series.signal);
  if (state == nullptr || (state->check == nullptr && state->others.good())) return false;
  const model::ValueType type = series.type();
  bool marked = false;
  std::visit(
      [&]<class T>(const std::vector<T>& column) {
        for (std::size_t i = 0; i < series.size(); ++i) {
          double number = 0;
          const std::string* text = nullptr;
          if constexpr (std::is_arithmetic_v<T>) number = static_cast<double>(column[i]);
          else if constexpr (std::is_same_v<T, std::string>) text = &column[i];
          const model::Quality before = series.quality(i),
                               after = judge(*state, series.times[i], before, number, text, type);
          if (after == before) continue;
          marked = true;
          if (series.qualities.size() != series.size())
            series.qualities.resize(series.size(),
                                    series.qualities.empty() ? model::kGood.code : series.qualities.front());
          series.qualities[i] = after.code;
        }
      },
      series.values);
  return marked;
}

// The nearest end of the range, if the reading is beyond it: its value is still there, and says on which side.
std::optional<model::Value> Validity::limit(const State& state, const model::Reading& reading) {
  const std::optional<double> number = number_of(reading.value);
  const auto& range = state.check->range;
  if (!range || !number || !std::isfinite(*number) || reading.quality != model::kBadOutOfRange || !state.convertible)
    return std::nullopt;
  const double own = state.conversion(*number), limited = std::clamp(own, range->first, range->second);
  if (limited == own) return std::nullopt;
  return as_type((limited - state.conversion.offset) / state.conversion.scale, reading.value);
}

void Validity::repair(const model::Series& series, std::vector<Repaired>& out) {
  State* state = find(series.signal);
  if (state == nullptr || state->check == nullptr || state->check->repair == Repair::none) return;
  const Check& check = *state->check;
  const auto hold = [&](Timestamp time) {
    if (state->usable) out.push_back({series.signal, {time, state->usable_value, model::kUncertainLastUsable}});
  };
  const auto release = [&] {
    for (const auto& [time, quality] : state->waiting) hold(time);
    state->waiting.clear();
  };
  for (std::size_t i = 0; i < series.size(); ++i) {
    const model::Reading reading = series.reading(i);
    if (!in_reach(reading.time)) continue;
    const std::optional<double> number = number_of(reading.value);
    if (reading.quality.bad()) {
      if (const auto limited = check.repair == Repair::limit ? limit(*state, reading) : std::nullopt) {
        out.push_back({series.signal, {reading.time, *limited, model::kUncertainOutOfRange}});
      } else if (check.repair == Repair::interpolate && state->usable && reading.time > state->usable_time) {
        if (state->waiting.size() >= kMostUnrepaired) release();
        state->waiting.emplace_back(reading.time, reading.quality.code);
      } else {
        hold(reading.time);
      }
      continue;
    }
    if (!state->waiting.empty()) {
      const std::optional<double> before = number_of(state->usable_value);
      if (number && before && reading.time > state->usable_time) {
        const auto span = static_cast<double>(reading.time - state->usable_time);
        for (const auto& [time, quality] : state->waiting) {
          if (time >= reading.time) continue;
          const double share = static_cast<double>(time - state->usable_time) / span;
          out.push_back(
              {series.signal,
               {time, as_type(*before + (*number - *before) * share, reading.value), model::kUncertainSubNormal}});
        }
        state->waiting.clear();
      } else {
        release();
      }
    }
    out.push_back({series.signal, reading});
    if (state->usable && reading.time < state->usable_time) continue;
    state->usable = true;
    state->usable_time = reading.time;
    state->usable_value = reading.value;
  }
}

// --- the state as bytes ----------------------------------------------------------------------------

void Validity::save(std::string& out) const {
  std::vector<std::pair<std::uint32_t, const State*>> all;
  for (std::uint32_t id = 0; id < index_.size(); ++id)
    if (index_[id] != 0 && states_[index_[id] - 1].check != nullptr) all.emplace_back(id, &states_[index_[id] - 1]);
  put_varint(out, all.size());
  for (const auto& [id, state] : all) {
    put_varint(out, id);
    put_fixed64(out, state->key.high);
    put_fixed64(out, state->key.low);
    put_time(out, state->last);
    put_time(out, state->unchanged_since);
    put_double(out, state->value);
    put_fixed64(out, state->text);
    put_varint(out, state->usable ? 1 : 0);
    if (!state->usable) continue;
    put_time(out, state->usable_time);
    put_varint(out, state->usable_value.index());
    std::visit(
        [&]<class T>(const T& value) {
          if constexpr (std::is_same_v<T, double>) put_double(out, value);
          else if constexpr (std::is_arithmetic_v<T>) put_varint(out, zigzag(static_cast<std::int64_t>(value)));
          else if constexpr (std::is_same_v<T, std::string>) put_bytes(out, value);
          else put_bytes(out, value.data);
        },
        state->usable_value);
    put_varint(out, state->waiting.size());
    for (const auto& [time, quality] : state->waiting) {
      put_time(out, time);
      put_varint(out, quality);
    }
  }
}

bool Validity::restore(ByteReader& in) {
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.rest().size()) return false;
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::uint64_t id = in.varint();
    State read;
    read.key.high = in.fixed64();
    read.key.low = in.fixed64();
    read.last = get_time(in);
    read.unchanged_since = get_time(in);
    read.value = in.float64();
    read.text = in.fixed64();
    read.usable = in.varint() != 0;
    if (read.usable) {
      read.usable_time = get_time(in);
      switch (in.varint()) {
        case 0: read.usable_value = unzigzag(in.varint()) != 0; break;
        case 1: read.usable_value = unzigzag(in.varint()); break;
        case 2: read.usable_value = in.float64(); break;
        case 3: read.usable_value = std::string(in.bytes()); break;
        case 4: read.usable_value = model::Bytes{std::string(in.bytes())}; break;
        default: return false;
      }
      const std::uint64_t waiting = in.varint();
      if (waiting > kMostUnrepaired || waiting > in.rest().size()) return false;
      for (std::uint64_t w = 0; w < waiting; ++w) {
        const Timestamp time = get_time(in);
        if (!in_reach(time)) return false;
        read.waiting.emplace_back(time, static_cast<std::uint32_t>(in.varint()));
      }
    }
    const bool reached = read.last == kLongAgo || in_reach(read.last);
    if (!in.ok() || !reached || !in_reach(read.unchanged_since) || !in_reach(read.usable_time)) return false;
    State* state =
        id <= std::numeric_limits<model::SignalId>::max() ? find(static_cast<model::SignalId>(id)) : nullptr;
    if (state == nullptr || state->check == nullptr || state->key != read.key) continue;
    read.check = state->check;
    read.others = state->others;
    read.conversion = state->conversion;
    read.convertible = state->convertible;
    *state = std::move(read);
  }
  return in.ok();
}

}  // namespace weir::rules
