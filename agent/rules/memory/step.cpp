#include "rules/memory/step.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/quality.h"

namespace weir::rules {
namespace {

constexpr std::pair<std::string_view, StepKind> kNames[] = {
    {"prev", StepKind::prev},         {"delta", StepKind::delta},   {"rate", StepKind::rate},
    {"increase", StepKind::increase}, {"rising", StepKind::rising}, {"falling", StepKind::falling},
    {"changed", StepKind::changed},   {"since", StepKind::since},
};

// `to` is not before `from`.
double seconds_between(Timestamp from, Timestamp to) {
  return static_cast<double>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from)) / 1e9;
}

std::uint32_t worst(std::uint32_t a, std::uint32_t b) { return model::worst({a}, {b}).code; }

// Of a value that is not the first.
double tell_next(const Step& step, const StepState& state, Timestamp time, double x) {
  switch (step.kind) {
    case StepKind::prev: return state.value;
    case StepKind::delta: return x - state.value;
    case StepKind::rate: return (x - state.value) / seconds_between(state.time, time);
    case StepKind::increase: return counted_up(state.value, x);
    case StepKind::rising: return state.value == 0 && x != 0 ? 1 : 0;
    case StepKind::falling: return state.value != 0 && x == 0 ? 1 : 0;
    case StepKind::changed: return state.value != x ? 1 : 0;
    case StepKind::since:
    case StepKind::trailing: break;
  }
  return 0;
}

bool tells_of_first(StepKind kind) {
  return kind == StepKind::rising || kind == StepKind::falling || kind == StepKind::changed;
}

void update_text(const Step& step, StepState& state, Timestamp time, const Result3& value) {
  if (!state.texts) state.texts = std::make_unique<StepState::Texts>();
  StepState::Texts& texts = *state.texts;
  const bool first = state.time == kLongAgo;
  const std::string& text = value.text ? *value.text : std::string();
  state.known = !first || tells_of_first(step.kind);
  if (step.kind == StepKind::prev) {
    state.quality = state.value_quality;
    std::swap(texts.before, texts.value);
  } else {
    state.quality = first ? value.quality : worst(value.quality, state.value_quality);
    state.before = !first && texts.value != text ? 1 : 0;
  }
  texts.value = text;
  state.time = time;
  state.value_quality = value.quality;
}

void update_since(StepState& state, Timestamp time, const Result3& value) {
  if (value.number == 0) state.since = kNever;
  else if (state.since == kNever) state.since = time;
  state.known = true;
  state.quality = state.value_quality = value.quality;
  state.time = time;
  state.value = value.number;
}

enum Flag : unsigned char { kKnown = 1, kHasValue = 2, kHasTexts = 4, kHasWindow = 8, kIsSince = 16 };

}  // namespace

const StepKind* find_step(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name, &std::pair<std::string_view, StepKind>::first);
  return found == std::end(kNames) ? nullptr : &found->second;
}

bool depends_on_time(const Step& step) { return step.kind == StepKind::since || step.kind == StepKind::trailing; }

void update(const Step& step, StepState& state, Timestamp time, const Result3& value, std::uint64_t& arithmetic) {
  if (step.kind == StepKind::trailing) {
    if (!state.window) state.window = std::make_unique<SlidingWindow>();
    state.window->add(step.aggregate, step.span, time, value);
    state.time = time;
    return;
  }
  if (!value.known) {
    state.known = false;
    return;
  }
  if (step.kind == StepKind::since) return update_since(state, time, value);
  if (step.argument.type == Type::text) return update_text(step, state, time, value);
  const double x = value.number;
  if (state.time == kLongAgo) {
    state.before = 0;
    state.known = tells_of_first(step.kind);
    state.quality = value.quality;
  } else {
    state.before = tell_next(step, state, time, x);
    state.known = std::isfinite(state.before);
    if (!state.known) {
      state.before = 0;
      ++arithmetic;
    }
    state.quality = step.kind == StepKind::prev ? state.value_quality : worst(value.quality, state.value_quality);
  }
  state.time = time;
  state.value = x;
  state.value_quality = value.quality;
}

Result3 tell(const Step& step, StepState& state, Timestamp time, std::uint64_t& arithmetic) {
  if (step.kind == StepKind::trailing) {
    if (!state.window) return finish(step.aggregate, Accumulator(), time, arithmetic);
    state.window->drop_until(step.aggregate, time - step.span);
    return state.window->finish(step.aggregate, time - step.span, time, arithmetic);
  }
  if (!state.known) return {0, nullptr, model::kBad.code, false};
  if (step.kind == StepKind::since) {
    const bool holds = state.since != kNever && state.since < time;
    return {holds ? seconds_between(state.since, time) : 0, nullptr, state.quality, true};
  }
  const bool is_text = step.kind == StepKind::prev && state.texts;
  return {state.before, is_text ? &state.texts->before : nullptr, state.quality, true};
}

std::size_t heap_bytes(const StepState& state) {
  std::size_t bytes = 0;
  if (state.window) bytes += sizeof(SlidingWindow) + state.window->bytes();
  if (state.texts) bytes += sizeof(StepState::Texts) + state.texts->value.capacity() + state.texts->before.capacity();
  return bytes;
}

void save(const Step& step, const StepState& state, std::string& out) {
  const bool has_value = state.time != kLongAgo, since = state.since != kNever;
  out.push_back(static_cast<char>((state.known ? kKnown : 0) | (has_value ? kHasValue : 0) |
                                  (state.texts ? kHasTexts : 0) | (state.window ? kHasWindow : 0) |
                                  (since ? kIsSince : 0)));
  if (has_value) {
    put_varint(out, zigzag(state.time));
    put_double(out, state.value);
    put_double(out, state.before);
    put_varint(out, state.value_quality);
    put_varint(out, state.quality);
  }
  if (since) put_varint(out, zigzag(state.since));
  if (state.texts) {
    put_bytes(out, state.texts->value);
    put_bytes(out, state.texts->before);
  }
  if (state.window) state.window->save(step.aggregate, out);
}

bool restore(const Step& step, StepState& state, ByteReader& in) {
  state = StepState();
  const std::string_view byte = in.take(1);
  if (byte.empty()) return false;
  const auto flags = static_cast<unsigned char>(byte.front());
  const bool texts = (flags & kHasTexts) != 0, window = (flags & kHasWindow) != 0, since = (flags & kIsSince) != 0;
  const bool has_value = (flags & kHasValue) != 0;
  const bool is_text =
      step.argument.type == Type::text && step.kind != StepKind::trailing && step.kind != StepKind::since;
  if (flags > 31 || texts != (has_value && is_text) || window != (has_value && step.kind == StepKind::trailing))
    return false;
  if (since && !(has_value && step.kind == StepKind::since)) return false;
  state.known = (flags & kKnown) != 0;
  if (state.known && !has_value) return false;
  if (has_value) {
    state.time = unzigzag(in.varint());
    state.value = in.float64();
    state.before = in.float64();
    const std::uint64_t value_quality = in.varint(), quality = in.varint();
    if (!in_reach(state.time) || value_quality >> 32 != 0 || quality >> 32 != 0) return false;
    if (!std::isfinite(state.before)) return false;
    state.value_quality = static_cast<std::uint32_t>(value_quality);
    state.quality = static_cast<std::uint32_t>(quality);
  }
  if (since && !in_reach(state.since = unzigzag(in.varint()))) return false;
  if (texts) {
    state.texts = std::make_unique<StepState::Texts>();
    state.texts->value = in.bytes();
    state.texts->before = in.bytes();
  }
  if (window) {
    state.window = std::make_unique<SlidingWindow>();
    if (!state.window->restore(step.aggregate, in)) return false;
  }
  return in.ok();
}

}  // namespace weir::rules
