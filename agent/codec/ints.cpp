#include "codec/ints.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

namespace weir::codec {
namespace {

enum Form : char { kConstant = 0, kLine = 1, kPlain = 2, kDeltas = 3, kDeltaDeltas = 4 };

// Numbers below 16 are their own tokens; above, a token says how many bits the number has and what
// its second highest bit is.
constexpr unsigned kSmall = 16;
constexpr unsigned kTokens = kSmall + 2 * (64 - 4);

struct Token {
  unsigned token;
  unsigned width;  // of the bits that follow
};

// Without branches: numbers around kSmall are common, and what they are cannot be foretold.
constexpr Token token_of(std::uint64_t number) {
  const unsigned width = static_cast<unsigned>(std::bit_width(number | kSmall)) - 2;
  const unsigned large = kSmall + 2 * (width - 3) + static_cast<unsigned>(number >> width & 1);
  const bool small = number < kSmall;
  return {small ? static_cast<unsigned>(number) : large, small ? 0 : width};
}

constexpr unsigned width_of(unsigned token) { return token < kSmall ? 0 : 3 + (token - kSmall) / 2; }

std::uint64_t wrap(std::int64_t value) { return static_cast<std::uint64_t>(value); }

// What stands for an offset, given those before it; and the way back.
struct Plain {
  std::uint64_t code(std::uint64_t offset) { return offset; }
  std::uint64_t offset(std::uint64_t number) { return number; }
};

struct Deltas {
  std::uint64_t last = 0;
  std::uint64_t code(std::uint64_t offset) {
    const std::uint64_t delta = offset - last;
    last = offset;
    return zigzag(static_cast<std::int64_t>(delta));
  }
  std::uint64_t offset(std::uint64_t number) { return last += wrap(unzigzag(number)); }
};

struct DeltaDeltas {
  std::uint64_t last = 0, last_delta = 0;
  std::uint64_t code(std::uint64_t offset) {
    const std::uint64_t delta = offset - last, change = delta - last_delta;
    last = offset;
    last_delta = delta;
    return zigzag(static_cast<std::int64_t>(change));
  }
  std::uint64_t offset(std::uint64_t number) { return last += last_delta += wrap(unzigzag(number)); }
};

// About 256 times the binary logarithm, in integers: a library's log2 may differ in the last place from one
// processor to the next, and the bytes of a block with it.
constexpr std::uint64_t log2_256(std::uint64_t number) {
  const auto whole = static_cast<unsigned>(std::bit_width(number)) - 1;
  return whole * 256 + ((number << 8 >> whole) & 255);
}

// What the numbers will take, in 256ths of a bit: the bits that stay as they are, and the entropy of the tokens.
template <class Coding>
std::uint64_t cost(std::span<const std::uint64_t> offsets, Coding coding) {
  std::array<std::uint32_t, kTokens> counts{};
  for (const std::uint64_t offset : offsets) ++counts[token_of(coding.code(offset)).token];
  const std::uint64_t total = log2_256(offsets.size());
  std::uint64_t bits = 0;
  for (unsigned token = 0; token < kTokens; ++token) {
    const std::uint64_t count = counts[token];
    if (count > 0) bits += count * (total - log2_256(count) + std::uint64_t{256} * width_of(token));
  }
  return bits;
}

template <class Coding>
void put_tokens(std::span<const std::uint64_t> offsets, Coding coding, PartsWriter& out) {
  const std::size_t before = out.text.size();
  out.text.resize(before + offsets.size());
  char* next = out.text.data() + before;
  for (const std::uint64_t offset : offsets) {
    const std::uint64_t number = coding.code(offset);
    const Token token = token_of(number);
    *next++ = static_cast<char>(token.token);
    out.bits.put(number & ((std::uint64_t{1} << token.width) - 1), token.width);
  }
}

template <class Coding>
bool get_tokens(PartsReader& in, std::string_view tokens, std::uint64_t base, std::uint64_t divisor,
                std::vector<std::int64_t>& values) {
  Coding coding;
  auto value = values.begin();
  for (const char byte : tokens) {
    const unsigned token = static_cast<unsigned char>(byte);
    if (token >= kTokens) return false;
    std::uint64_t number = token;
    if (token >= kSmall) {
      const unsigned width = width_of(token);
      number = (std::uint64_t{2} | (token & 1)) << width | in.bits.take(width);
    }
    *value++ = static_cast<std::int64_t>(base + divisor * coding.offset(number));
  }
  return in.ok();
}

void put_signed(std::string& out, std::uint64_t value) { put_varint(out, zigzag(static_cast<std::int64_t>(value))); }

bool is_line(std::span<const std::int64_t> values, std::uint64_t step) {
  for (std::size_t i = 1; i < values.size(); ++i)
    if (wrap(values[i]) - wrap(values[i - 1]) != step) return false;
  return true;
}

// The greatest that divides all differences; the last difference is often the next one, too.
std::uint64_t common_divisor(std::span<const std::int64_t> values, std::uint64_t base) {
  std::uint64_t divisor = 0, seen = 0;
  for (const std::int64_t value : values) {
    const std::uint64_t offset = wrap(value) - base;
    if (offset == seen) continue;
    seen = offset;
    if (divisor == 0) divisor = offset;
    else if (offset % divisor != 0) divisor = std::gcd(divisor, offset);
    if (divisor == 1) break;
  }
  return divisor;
}

}  // namespace

void IntsWriter::put(std::span<const std::int64_t> values, PartsWriter& out) {
  if (values.empty()) return;
  const std::uint64_t step = values.size() == 1 ? 0 : wrap(values[1]) - wrap(values[0]);
  if (is_line(values, step)) {
    out.text.push_back(step == 0 ? kConstant : kLine);
    put_signed(out.text, wrap(values[0]));
    if (step != 0) put_signed(out.text, step);
    return;
  }
  const std::uint64_t base = wrap(*std::ranges::min_element(values));
  const std::uint64_t divisor = common_divisor(values, base);
  offsets_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) offsets_[i] = wrap(values[i]) - base;
  if (divisor != 1) {
    for (std::uint64_t& offset : offsets_) offset /= divisor;
  }

  const std::uint64_t plain = cost(offsets_, Plain{}), deltas = cost(offsets_, Deltas{});
  const std::uint64_t delta_deltas = cost(offsets_, DeltaDeltas{});
  const Form form = plain <= deltas && plain <= delta_deltas ? kPlain
                    : deltas <= delta_deltas                 ? kDeltas
                                                             : kDeltaDeltas;
  out.text.push_back(form);
  put_signed(out.text, base);
  put_varint(out.text, divisor);
  if (form == kPlain) put_tokens(offsets_, Plain{}, out);
  else if (form == kDeltas) put_tokens(offsets_, Deltas{}, out);
  else put_tokens(offsets_, DeltaDeltas{}, out);
}

bool get_ints(PartsReader& in, std::size_t count, std::vector<std::int64_t>& values) {
  values.clear();
  if (count == 0) return true;
  const std::string_view form = in.text.take(1);
  std::uint64_t base = wrap(unzigzag(in.text.varint()));
  if (!in.ok()) return false;
  if (form.front() == kConstant) {
    values.assign(count, static_cast<std::int64_t>(base));
    return true;
  }
  if (form.front() == kLine) {
    const std::uint64_t step = wrap(unzigzag(in.text.varint()));
    if (!in.ok()) return false;
    values.resize(count);
    for (std::int64_t& value : values) {
      value = static_cast<std::int64_t>(base);
      base += step;
    }
    return true;
  }
  const std::uint64_t divisor = in.text.varint();
  const std::string_view tokens = in.text.take(count);
  if (!in.ok()) return false;
  values.resize(count);
  switch (form.front()) {
    case kPlain: return get_tokens<Plain>(in, tokens, base, divisor, values);
    case kDeltas: return get_tokens<Deltas>(in, tokens, base, divisor, values);
    case kDeltaDeltas: return get_tokens<DeltaDeltas>(in, tokens, base, divisor, values);
    default: return false;
  }
}

}  // namespace weir::codec
