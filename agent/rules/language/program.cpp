#include "rules/language/program.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "calendar/calendar.h"

namespace weir::rules {
namespace {

constexpr std::size_t kStack = 2 * kDeepestExpression + 8;

std::uint32_t worse(std::uint32_t a, std::uint32_t b) { return (b >> 30) > (a >> 30) ? b : a; }

// Results are put where they belong field by field: a copy of a whole one, just made, would have to wait for the
// parts to arrive in memory, at each instruction.
void put(Result3& out, double number, std::uint32_t quality, const std::string* text = nullptr) {
  out.number = number;
  out.text = text;
  out.quality = quality;
  out.known = true;
}

void put_unknown(Result3& out, std::uint32_t quality = 0) {
  out.number = 0;
  out.text = nullptr;
  out.quality = quality >= model::kBad.code ? quality : model::kBad.code;
  out.known = false;
}

// What has no finite result is unknown, and counted.
void put_finite(Result3& out, double number, std::uint32_t quality, const Scene& scene) {
  if (std::isfinite(number)) [[likely]]
    return put(out, number, quality);
  ++*scene.arithmetic;
  put_unknown(out);
}

void put_slot(Result3& out, const Slot* slots, const std::string* texts, const Scene& scene, std::size_t i) {
  const Slot& slot = slots[i];
  if (!valid_at(slot, scene.within[i], scene.time)) put_unknown(out, slot.quality);
  else put(out, slot.number, slot.quality, texts == nullptr ? nullptr : texts + i);
}

// The first of two becomes the result; here, where one of them decides.
void logic(Result3& a, const Result3& b, double decides) {
  const std::uint32_t quality = worse(a.quality, b.quality);
  if (a.known && b.known) [[likely]]
    put(a, a.number == decides ? decides : b.number, quality);
  else if (b.known && b.number == decides) put(a, b.number, b.quality);
  else if (!a.known || a.number != decides) put_unknown(a, quality);
}

// Unknown if one of them is; `f` says the number.
template <class F>
void both(Result3& a, const Result3& b, F f) {
  const std::uint32_t quality = worse(a.quality, b.quality);
  if (a.known && b.known) put(a, static_cast<double>(f(a, b)), quality);
  else put_unknown(a, quality);
}

template <class F>
void numbers(Result3& a, const Result3& b, const Scene& scene, F f) {
  const std::uint32_t quality = worse(a.quality, b.quality);
  if (a.known && b.known) put_finite(a, f(a.number, b.number), quality, scene);
  else put_unknown(a, quality);
}

// However old it is, and whatever its quality: that it comes no longer is what it tells.
void put_age(Result3& out, const Slot& slot, Timestamp time) {
  if (slot.time == kLongAgo) return put_unknown(out);
  put(out, static_cast<double>(time - slot.time) / static_cast<double>(kSecond), 0);
}

void put_made(Result3& out, std::string text, std::uint32_t quality, const Scene& scene) {
  if (scene.made == nullptr) return put_unknown(out);
  if (text.size() > kLongestText) return put_finite(out, NAN, quality, scene);
  put(out, 0, quality, &scene.made->emplace_back(std::move(text)));
}

void put_calendar(Result3& out, Op op, const Scene& scene) {
  if (scene.calendar == nullptr) return put_unknown(out);
  if (op == Op::shift)
    return put_made(out, std::string(scene.calendar->stretch(calendar::Unit::shift, scene.time).shift), 0, scene);
  const calendar::Calendar::Local local = scene.calendar->local(scene.time);
  switch (op) {
    case Op::hour: return put(out, local.hour, 0);
    case Op::minute: return put(out, local.minute, 0);
    case Op::weekday: return put(out, local.weekday, 0);
    default: return put(out, local.time_of_day, 0);
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

void text_function(Op op, Result3& a, const Scene& scene) {
  if (!a.known) return;
  switch (op) {
    case Op::upper: return put_made(a, upper(*a.text), a.quality, scene);
    case Op::lower: return put_made(a, lower(*a.text), a.quality, scene);
    case Op::trim: return put_made(a, std::string(trimmed(*a.text)), a.quality, scene);
    case Op::length: return put(a, length(*a.text), a.quality);
    case Op::number_of: return put_finite(a, number_of(*a.text), a.quality, scene);
    default: return put_made(a, text_of(a.number), a.quality, scene);
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
    if (a.known) put_finite(a, f(a.number), a.quality, scene);
  };
  const auto binary = [&](auto f) {
    --top;
    numbers(top[-1], top[0], scene, f);
  };
  const auto compare = [&](auto f) {
    --top;
    both(top[-1], top[0], [&](const Result3& a, const Result3& b) { return f(a.number, b.number); });
  };
  const auto compare_texts = [&](auto f) {
    --top;
    both(top[-1], top[0], [&](const Result3& a, const Result3& b) { return f(*a.text, *b.text); });
  };
  const auto threshold = [&](const Instruction& in, auto f) {
    const Slot& slot = scene.slots[in.slot];
    if (!valid_at(slot, scene.within[in.slot], scene.time)) put_unknown(*top++, slot.quality);
    else put(*top++, f(slot.number, program.constants[in.index]) ? 1 : 0, slot.quality);
  };
  for (const Instruction in : program.code) {
    switch (in.op) {
      case Op::constant: put(*top++, program.constants[in.index], 0); break;
      case Op::text: put(*top++, 0, 0, &program.texts[in.index]); break;
      case Op::slot: put_slot(*top++, scene.slots, scene.texts, scene, in.slot); break;
      case Op::member: put_slot(*top++, scene.member, scene.member_texts, scene, in.slot); break;
      case Op::aggregate: *top++ = scene.aggregates[in.index]; break;
      case Op::step: *top++ = scene.steps[in.index]; break;
      case Op::age: put_age(*top++, (in.index != 0 ? scene.member : scene.slots)[in.slot], scene.time); break;
      case Op::hour:
      case Op::minute:
      case Op::weekday:
      case Op::time_of_day:
      case Op::shift: put_calendar(*top++, in.op, scene); break;

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
        logic(top[-1], top[0], in.op == Op::logical_or ? 1 : 0);
        break;
      case Op::choice: {
        top -= 2;
        Result3& condition = top[-1];
        const Result3& chosen = top[condition.number != 0 ? 0 : 1];
        const std::uint32_t quality = worse(condition.quality, chosen.quality);
        if (condition.known && chosen.known) put(condition, chosen.number, quality, chosen.text);
        else put_unknown(condition, quality);
        break;
      }
      case Op::clamp: {
        top -= 2;
        Result3& a = top[-1];
        const Result3 &low = top[0], &high = top[1];
        const std::uint32_t quality = worse(a.quality, worse(low.quality, high.quality));
        if (!a.known || !low.known || !high.known) put_unknown(a, quality);
        else if (low.number > high.number) put_finite(a, NAN, quality, scene);
        else put(a, a.number < low.number ? low.number : a.number > high.number ? high.number : a.number, quality);
        break;
      }
      case Op::between: {
        top -= 2;
        both(top[1], top[-1], [](const Result3& high, const Result3& x) { return x.number <= high.number; });
        both(top[-1], top[0], [](const Result3& x, const Result3& low) { return x.number >= low.number; });
        logic(top[-1], top[1], 0);
        break;
      }

      // These two are always known: asking whether something can be trusted is itself a way out of not knowing.
      case Op::good: put(top[-1], top[-1].known && model::Quality{top[-1].quality}.good() ? 1 : 0, 0); break;
      case Op::quality: put(top[-1], 0, 0, quality_word(top[-1])); break;
      case Op::or_else:
        --top;
        if (!top[-1].known) top[-1] = top[0];
        break;

      case Op::same:
      case Op::same_text:
        --top;
        both(top[0], top[-2], [&](const Result3& a, const Result3& b) {
          return in.op == Op::same ? a.number == b.number : *a.text == *b.text;
        });
        logic(top[-1], top[0], 1);
        break;
      case Op::drop_second:
        --top;
        top[-1] = top[0];
        break;

      case Op::upper:
      case Op::lower:
      case Op::trim:
      case Op::length:
      case Op::number_of:
      case Op::text_of: text_function(in.op, top[-1], scene); break;
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
        if (a.known && top[0].known) put_made(a, *a.text + *top[0].text, quality, scene);
        else put_unknown(a, quality);
        break;
      }
    }
  }
  return {stack->number, stack->text, stack->quality, stack->known};
}

}  // namespace weir::rules
