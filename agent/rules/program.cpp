#include "rules/program.h"

#include <cmath>

namespace weir::rules {
namespace {

constexpr std::size_t kStack = 2 * kDeepestExpression + 8;

std::uint32_t worse(std::uint32_t a, std::uint32_t b) { return (b >> 30) > (a >> 30) ? b : a; }

Result3 unknown(std::uint32_t quality = 0) {
  return {0, nullptr, quality >= model::kBad.code ? quality : model::kBad.code, false};
}

Result3 push_slot(const Scene& scene, std::size_t i) {
  const Slot& slot = scene.slots[i];
  if (!valid_at(slot, scene.within[i], scene.time)) return unknown(slot.quality);
  return {slot.number, scene.texts == nullptr ? nullptr : scene.texts + i, slot.quality, true};
}

// What has no finite result is unknown, and counted.
Result3 finite(double number, std::uint32_t quality, const Scene& scene) {
  if (std::isfinite(number)) return {number, nullptr, quality, true};
  ++*scene.arithmetic;
  return unknown();
}

Result3 logic(const Result3& a, const Result3& b, double decides) {
  const bool a_decides = a.known && a.number == decides;
  const bool b_decides = b.known && b.number == decides;
  if (a.known && b.known) return {a_decides || b_decides ? decides : 1 - decides, nullptr, worse(a.quality, b.quality), true};
  if (a_decides) return a;
  if (b_decides) return b;
  return unknown(worse(a.quality, b.quality));
}

double compare(Op op, double a, double b) {
  switch (op) {
    case Op::less:
    case Op::slot_less: return a < b;
    case Op::less_equal:
    case Op::slot_less_equal: return a <= b;
    case Op::greater:
    case Op::slot_greater: return a > b;
    case Op::greater_equal:
    case Op::slot_greater_equal: return a >= b;
    case Op::equal: return a == b;
    default: return a != b;
  }
}

double arithmetic(Op op, double a, double b) {
  switch (op) {
    case Op::add: return a + b;
    case Op::subtract: return a - b;
    case Op::multiply: return a * b;
    case Op::divide: return b == 0 ? NAN : a / b;
    case Op::modulo: return std::fmod(a, b);
    case Op::pow: return std::pow(a, b);
    case Op::min: return b < a ? b : a;
    default: return b > a ? b : a;
  }
}

double function(Op op, double a) {
  switch (op) {
    case Op::negate: return -a;
    case Op::abs: return std::fabs(a);
    case Op::sqrt: return std::sqrt(a);
    case Op::exp: return std::exp(a);
    case Op::log: return std::log(a);
    case Op::round: return std::round(a);
    case Op::floor: return std::floor(a);
    case Op::ceil: return std::ceil(a);
    default: return static_cast<double>((a > 0) - (a < 0));
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
  std::size_t top = 0;  // the first free place
  for (const Instruction in : program.code) {
    switch (in.op) {
      case Op::constant: stack[top++] = {program.constants[in.index], nullptr, 0, true}; break;
      case Op::text: stack[top++] = {0, &program.texts[in.index], 0, true}; break;
      case Op::slot: stack[top++] = push_slot(scene, in.slot); break;
      case Op::aggregate: stack[top++] = scene.aggregates[in.index]; break;
      case Op::slot_less:
      case Op::slot_less_equal:
      case Op::slot_greater:
      case Op::slot_greater_equal: {
        const Slot& slot = scene.slots[in.slot];
        if (!valid_at(slot, scene.within[in.slot], scene.time)) stack[top++] = unknown(slot.quality);
        else stack[top++] = {compare(in.op, slot.number, program.constants[in.index]), nullptr, slot.quality, true};
        break;
      }
      case Op::negate:
      case Op::abs:
      case Op::sqrt:
      case Op::exp:
      case Op::log:
      case Op::round:
      case Op::floor:
      case Op::ceil:
      case Op::sign: {
        Result3& a = stack[top - 1];
        if (a.known) a = finite(function(in.op, a.number), a.quality, scene);
        break;
      }
      case Op::logical_not: {
        Result3& a = stack[top - 1];
        if (a.known) a.number = 1 - a.number;
        break;
      }
      case Op::good: {
        // Always known: asking whether something can be trusted is itself a way out of not knowing.
        Result3& a = stack[top - 1];
        a = {a.known && model::Quality{a.quality}.good() ? 1.0 : 0.0, nullptr, 0, true};
        break;
      }
      case Op::add:
      case Op::subtract:
      case Op::multiply:
      case Op::divide:
      case Op::modulo:
      case Op::pow:
      case Op::min:
      case Op::max: {
        const Result3& b = stack[--top];
        Result3& a = stack[top - 1];
        const std::uint32_t quality = worse(a.quality, b.quality);
        a = a.known && b.known ? finite(arithmetic(in.op, a.number, b.number), quality, scene) : unknown(quality);
        break;
      }
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
      case Op::equal:
      case Op::not_equal: {
        const Result3& b = stack[--top];
        Result3& a = stack[top - 1];
        const std::uint32_t quality = worse(a.quality, b.quality);
        a = a.known && b.known ? Result3{compare(in.op, a.number, b.number), nullptr, quality, true} : unknown(quality);
        break;
      }
      case Op::text_equal:
      case Op::text_not_equal: {
        const Result3& b = stack[--top];
        Result3& a = stack[top - 1];
        const std::uint32_t quality = worse(a.quality, b.quality);
        a = a.known && b.known
                ? Result3{(*a.text == *b.text) == (in.op == Op::text_equal) ? 1.0 : 0.0, nullptr, quality, true}
                : unknown(quality);
        break;
      }
      case Op::logical_and:
      case Op::logical_or:
        --top;
        stack[top - 1] = logic(stack[top - 1], stack[top], in.op == Op::logical_or ? 1 : 0);
        break;
      case Op::or_else:
        --top;
        if (!stack[top - 1].known) stack[top - 1] = stack[top];
        break;
      case Op::choice: {
        top -= 2;
        Result3& condition = stack[top - 1];
        const Result3& chosen = stack[condition.number != 0 ? top : top + 1];
        const std::uint32_t quality = worse(condition.quality, chosen.quality);
        if (condition.known && chosen.known) condition = {chosen.number, chosen.text, quality, true};
        else condition = unknown(quality);
        break;
      }
      case Op::clamp: {
        top -= 2;
        Result3& a = stack[top - 1];
        const Result3 &low = stack[top], &high = stack[top + 1];
        const std::uint32_t quality = worse(a.quality, worse(low.quality, high.quality));
        if (!a.known || !low.known || !high.known) a = unknown(quality);
        else if (low.number > high.number) a = finite(NAN, quality, scene);
        else a = {a.number < low.number ? low.number : a.number > high.number ? high.number : a.number, nullptr, quality, true};
        break;
      }
    }
  }
  return stack[0];
}

}  // namespace weir::rules
