#include "rules/program.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "rules/calendar.h"

namespace weir::rules {
namespace {

constexpr std::size_t kStack = 2 * kDeepestExpression + 8;

std::uint32_t worse(std::uint32_t a, std::uint32_t b) { return (b >> 30) > (a >> 30) ? b : a; }

Result3 unknown(std::uint32_t quality = 0) {
  return {0, nullptr, quality >= model::kBad.code ? quality : model::kBad.code, false};
}

Result3 push(const Slot* slots, const std::string* texts, const Scene& scene, std::size_t i) {
  const Slot& slot = slots[i];
  if (!valid_at(slot, scene.within[i], scene.time)) return unknown(slot.quality);
  return {slot.number, texts == nullptr ? nullptr : texts + i, slot.quality, true};
}

// What has no finite result is unknown, and counted.
Result3 finite(double number, std::uint32_t quality, const Scene& scene) {
  if (std::isfinite(number)) [[likely]]
    return {number, nullptr, quality, true};
  ++*scene.arithmetic;
  return unknown();
}

Result3 logic(const Result3& a, const Result3& b, double decides) {
  const bool a_decides = a.known && a.number == decides;
  const bool b_decides = b.known && b.number == decides;
  if (a.known && b.known)
    return {a_decides || b_decides ? decides : 1 - decides, nullptr, worse(a.quality, b.quality), true};
  if (a_decides) return a;
  if (b_decides) return b;
  return unknown(worse(a.quality, b.quality));
}

// Of two values, unknown if one of them is; `f` says the number.
template <class F>
Result3 both(const Result3& a, const Result3& b, F f) {
  const std::uint32_t quality = worse(a.quality, b.quality);
  return a.known && b.known ? Result3{static_cast<double>(f(a, b)), nullptr, quality, true} : unknown(quality);
}

template <class F>
Result3 numbers(const Result3& a, const Result3& b, const Scene& scene, F f) {
  const std::uint32_t quality = worse(a.quality, b.quality);
  return a.known && b.known ? finite(f(a.number, b.number), quality, scene) : unknown(quality);
}

// However old it is, and whatever its quality: that it comes no longer is what it tells.
Result3 age(const Slot& slot, Timestamp time) {
  if (slot.time == kLongAgo) return unknown();
  return {(static_cast<double>(time) - static_cast<double>(slot.time)) / static_cast<double>(kSecond), nullptr, 0,
          true};
}

Result3 made(std::string text, std::uint32_t quality, const Scene& scene) {
  if (scene.made == nullptr) return unknown();
  if (text.size() > kLongestText) return finite(NAN, quality, scene);
  return {0, &scene.made->emplace_back(std::move(text)), quality, true};
}

Result3 calendar(Op op, const Scene& scene) {
  if (scene.calendar == nullptr) return unknown();
  if (op == Op::shift)
    return made(std::string(scene.calendar->stretch(CalendarUnit::shift, scene.time).shift), 0, scene);
  const Calendar::Local local = scene.calendar->local(scene.time);
  switch (op) {
    case Op::hour: return {static_cast<double>(local.hour), nullptr, 0, true};
    case Op::minute: return {static_cast<double>(local.minute), nullptr, 0, true};
    case Op::weekday: return {static_cast<double>(local.weekday), nullptr, 0, true};
    default: return {local.time_of_day, nullptr, 0, true};
  }
}

const std::string* quality_word(const Result3& of) {
  static const std::string kWords[] = {"good", "uncertain", "bad"};
  return &kWords[!of.known ? 2 : model::Quality{of.quality}.good() ? 0 : 1];
}

// `points`: x, y, x, y …, ascending by x. Outside of them the value at the end.
double interpolate(const double* points, std::size_t count, double x) {
  if (x <= points[0]) return points[1];
  for (std::size_t i = 1; i < count; ++i) {
    const double* const right = points + 2 * i;
    if (x > right[0]) continue;
    const double* const left = right - 2;
    const double share = (x - left[0]) / (right[0] - left[0]);
    return left[1] * (1 - share) + right[1] * share;
  }
  return points[2 * count - 1];
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// In characters, if it is UTF-8.
double length(std::string_view text) {
  std::size_t out = 0;
  for (const char c : text) out += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return static_cast<double>(out);
}

double number_of(std::string_view text) {
  text = trimmed(text);
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() ? out : NAN;
}

std::string text_of(double number) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

Result3 text_function(Op op, const Result3& a, const Scene& scene) {
  if (!a.known) return a;
  switch (op) {
    case Op::upper: return made(upper(*a.text), a.quality, scene);
    case Op::lower: return made(lower(*a.text), a.quality, scene);
    case Op::trim: return made(std::string(trimmed(*a.text)), a.quality, scene);
    case Op::length: return {length(*a.text), nullptr, a.quality, true};
    case Op::number_of: return finite(number_of(*a.text), a.quality, scene);
    default: return made(text_of(a.number), a.quality, scene);
  }
}

}  // namespace

const char* to_text(Type type) {
  switch (type) {
    case Type::truth: return "true or false";
    case Type::number: return "a number";
    case Type::text: return "a text";
    case Type::duration: return "a duration";
    default: return "a value";
  }
}

Result3 run(const Program& program, const Scene& scene) {
  Result3 stack[kStack];
  Result3* top = stack;  // the first free place
  const auto unary = [&](auto f) {
    Result3& a = top[-1];
    if (a.known) a = finite(f(a.number), a.quality, scene);
  };
  const auto binary = [&](auto f) {
    --top;
    top[-1] = numbers(top[-1], top[0], scene, f);
  };
  const auto compare = [&](auto f) {
    --top;
    top[-1] = both(top[-1], top[0], [&](const Result3& a, const Result3& b) { return f(a.number, b.number); });
  };
  const auto compare_texts = [&](auto f) {
    --top;
    top[-1] = both(top[-1], top[0], [&](const Result3& a, const Result3& b) { return f(*a.text, *b.text); });
  };
  const auto threshold = [&](const Instruction& in, auto f) {
    const Slot& slot = scene.slots[in.slot];
    if (!valid_at(slot, scene.within[in.slot], scene.time)) *top++ = unknown(slot.quality);
    else *top++ = {f(slot.number, program.constants[in.index]) ? 1.0 : 0.0, nullptr, slot.quality, true};
  };
  for (const Instruction in : program.code) {
    switch (in.op) {
      case Op::constant: *top++ = {program.constants[in.index], nullptr, 0, true}; break;
      case Op::text: *top++ = {0, &program.texts[in.index], 0, true}; break;
      case Op::slot: *top++ = push(scene.slots, scene.texts, scene, in.slot); break;
      case Op::member: *top++ = push(scene.member, scene.member_texts, scene, in.slot); break;
      case Op::aggregate: *top++ = scene.aggregates[in.index]; break;
      case Op::step: *top++ = scene.steps[in.index]; break;
      case Op::age: *top++ = age((in.index != 0 ? scene.member : scene.slots)[in.slot], scene.time); break;
      case Op::hour:
      case Op::minute:
      case Op::weekday:
      case Op::time_of_day:
      case Op::shift: *top++ = calendar(in.op, scene); break;

      case Op::negate: unary([](double a) { return -a; }); break;
      case Op::abs: unary([](double a) { return std::fabs(a); }); break;
      case Op::sqrt: unary([](double a) { return std::sqrt(a); }); break;
      case Op::exp: unary([](double a) { return std::exp(a); }); break;
      case Op::log: unary([](double a) { return std::log(a); }); break;
      case Op::log10: unary([](double a) { return std::log10(a); }); break;
      case Op::round: unary([](double a) { return std::round(a); }); break;
      case Op::floor: unary([](double a) { return std::floor(a); }); break;
      case Op::ceil: unary([](double a) { return std::ceil(a); }); break;
      case Op::sign: unary([](double a) { return static_cast<double>((a > 0) - (a < 0)); }); break;
      case Op::logical_not: unary([](double a) { return 1 - a; }); break;
      case Op::interpolate:
        unary([&](double a) { return interpolate(&program.constants[in.index], in.slot, a); });
        break;

      case Op::add: binary([](double a, double b) { return a + b; }); break;
      case Op::subtract: binary([](double a, double b) { return a - b; }); break;
      case Op::multiply: binary([](double a, double b) { return a * b; }); break;
      case Op::divide: binary([](double a, double b) { return b == 0 ? NAN : a / b; }); break;
      case Op::modulo: binary([](double a, double b) { return std::fmod(a, b); }); break;
      case Op::pow: binary([](double a, double b) { return std::pow(a, b); }); break;
      case Op::min: binary([](double a, double b) { return b < a ? b : a; }); break;
      case Op::max: binary([](double a, double b) { return b > a ? b : a; }); break;

      case Op::less: compare([](double a, double b) { return a < b; }); break;
      case Op::less_equal: compare([](double a, double b) { return a <= b; }); break;
      case Op::greater: compare([](double a, double b) { return a > b; }); break;
      case Op::greater_equal: compare([](double a, double b) { return a >= b; }); break;
      case Op::equal: compare([](double a, double b) { return a == b; }); break;
      case Op::not_equal: compare([](double a, double b) { return a != b; }); break;
      case Op::slot_less: threshold(in, [](double a, double b) { return a < b; }); break;
      case Op::slot_less_equal: threshold(in, [](double a, double b) { return a <= b; }); break;
      case Op::slot_greater: threshold(in, [](double a, double b) { return a > b; }); break;
      case Op::slot_greater_equal: threshold(in, [](double a, double b) { return a >= b; }); break;

      case Op::logical_and:
      case Op::logical_or:
        --top;
        top[-1] = logic(top[-1], top[0], in.op == Op::logical_or ? 1 : 0);
        break;
      case Op::choice: {
        top -= 2;
        Result3& condition = top[-1];
        const Result3& chosen = top[condition.number != 0 ? 0 : 1];
        const std::uint32_t quality = worse(condition.quality, chosen.quality);
        if (condition.known && chosen.known) condition = {chosen.number, chosen.text, quality, true};
        else condition = unknown(quality);
        break;
      }
      case Op::clamp: {
        top -= 2;
        Result3& a = top[-1];
        const Result3 &low = top[0], &high = top[1];
        const std::uint32_t quality = worse(a.quality, worse(low.quality, high.quality));
        if (!a.known || !low.known || !high.known) a = unknown(quality);
        else if (low.number > high.number) a = finite(NAN, quality, scene);
        else
          a = {a.number < low.number    ? low.number
               : a.number > high.number ? high.number
                                        : a.number,
               nullptr, quality, true};
        break;
      }
      case Op::between: {
        top -= 2;
        const auto at_least = [](const Result3& a, const Result3& b) { return a.number >= b.number; };
        top[-1] = logic(both(top[-1], top[0], at_least), both(top[1], top[-1], at_least), 0);
        break;
      }

      // These two are always known: asking whether something can be trusted is itself a way out of not knowing.
      case Op::good:
        top[-1] = {top[-1].known && model::Quality{top[-1].quality}.good() ? 1.0 : 0.0, nullptr, 0, true};
        break;
      case Op::quality: top[-1] = {0, quality_word(top[-1]), 0, true}; break;
      case Op::or_else:
        --top;
        if (!top[-1].known) top[-1] = top[0];
        break;

      case Op::same:
      case Op::same_text: {
        --top;
        const Result3 equal = both(top[-2], top[0], [&](const Result3& a, const Result3& b) {
          return in.op == Op::same ? a.number == b.number : *a.text == *b.text;
        });
        top[-1] = logic(top[-1], equal, 1);
        break;
      }
      case Op::drop_second:
        --top;
        top[-1] = top[0];
        break;

      case Op::upper:
      case Op::lower:
      case Op::trim:
      case Op::length:
      case Op::number_of:
      case Op::text_of: top[-1] = text_function(in.op, top[-1], scene); break;
      case Op::text_equal: compare_texts([](const std::string& a, const std::string& b) { return a == b; }); break;
      case Op::text_not_equal:
        compare_texts([](const std::string& a, const std::string& b) { return a != b; });
        break;
      case Op::contains:
        compare_texts([](const std::string& a, const std::string& b) { return a.find(b) != a.npos; });
        break;
      case Op::starts_with:
        compare_texts([](const std::string& a, const std::string& b) { return a.starts_with(b); });
        break;
      case Op::ends_with:
        compare_texts([](const std::string& a, const std::string& b) { return a.ends_with(b); });
        break;
      case Op::concat: {
        --top;
        Result3& a = top[-1];
        const std::uint32_t quality = worse(a.quality, top[0].quality);
        a = a.known && top[0].known ? made(*a.text + *top[0].text, quality, scene) : unknown(quality);
        break;
      }
    }
  }
  return stack[0];
}

}  // namespace weir::rules
