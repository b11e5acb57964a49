#include "reference_decoder.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "base/bytes.h"
#include "codec/codec.h"
#include "samples.h"

namespace weir::codec::reference {
namespace {

using U = std::uint64_t;
using I = std::int64_t;

void require(bool what, const char* why) {
  if (!what) throw std::runtime_error(why);
}

I unzigzag_by_the_book(U u) { return u % 2 == 0 ? static_cast<I>(u / 2) : -static_cast<I>(u / 2) - 1; }

struct Block {
  std::string text;
  std::size_t text_at = 0;
  std::string bits;
  std::size_t bit_at = 0;

  unsigned byte() {
    require(text_at < text.size(), "the text ends too early");
    return static_cast<unsigned char>(text[text_at++]);
  }
  U varint() {
    U value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const U next = byte();
      require(shift < 63 || next < 2, "a varint is too long");
      value += (next % 128) << shift;
      if (next < 128) return value;
    }
  }
  I svarint() { return unzigzag_by_the_book(varint()); }
  std::string bytes(U count) {
    std::string out;
    for (U i = 0; i < count; ++i) out.push_back(static_cast<char>(byte()));
    return out;
  }
  U number(unsigned width) {
    U value = 0;
    for (unsigned i = 0; i < width; ++i, ++bit_at) {
      require(bit_at / 8 < bits.size(), "the bits end too early");
      const U bit = static_cast<unsigned char>(bits[bit_at / 8]) >> (bit_at % 8) & 1;
      value += bit << i;
    }
    return value;
  }
  U token() {
    const unsigned t = byte();
    if (t < 16) return t;
    require(t <= 135, "no token");
    const unsigned w = 3 + (t - 16) / 2;
    return ((2 + t % 2) * (U{1} << w)) + number(w);
  }
  std::vector<I> column(std::size_t n) {
    std::vector<I> out;
    if (n == 0) return out;
    const unsigned form = byte();
    require(form <= 4, "no form of a column");
    const U a = static_cast<U>(svarint());
    if (form == 0) return std::vector<I>(n, static_cast<I>(a));
    if (form == 1) {
      const U d = static_cast<U>(svarint());
      for (U i = 0; i < n; ++i) out.push_back(static_cast<I>(a + i * d));
      return out;
    }
    // The tokens of a column stand together; what they take from the bits comes in their order.
    const U g = varint();
    U w = 0, delta = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const U u = token();
      if (form == 2) w = u;
      if (form == 3) w += static_cast<U>(unzigzag_by_the_book(u));
      if (form == 4) {
        delta += static_cast<U>(unzigzag_by_the_book(u));
        w += delta;
      }
      out.push_back(static_cast<I>(a + g * w));
    }
    return out;
  }
  std::vector<std::string> strings(std::size_t n) {
    std::vector<std::string> out;
    if (n == 0) return out;
    const U entries = varint();
    require(entries <= n, "the dictionary is too large");
    const std::vector<I> indexes = column(n), lengths = column(entries);
    std::vector<std::string> dictionary;
    for (const I length : lengths) dictionary.push_back(bytes(static_cast<U>(length)));
    for (const I index : indexes) out.push_back(dictionary.at(static_cast<std::size_t>(index)));
    return out;
  }
};

Block open(std::string_view block) {
  Block envelope;
  envelope.text = std::string(block);
  require(envelope.byte() == 1, "not version 1");
  const unsigned packing = envelope.byte();
  require(packing <= 1, "no known packing");
  const U length = envelope.varint();
  Block out;
  const std::string text = envelope.bytes(length);
  out.bits = std::string(block.substr(envelope.text_at));
  if (packing == 0) out.text = text;
  else {
    out.text.resize(ZSTD_getFrameContentSize(text.data(), text.size()));
    require(ZSTD_decompress(out.text.data(), out.text.size(), text.data(), text.size()) == out.text.size(), "zstd");
  }
  return out;
}

double power_of_ten(I k) {
  double out = 1;
  for (I i = 0; i < k; ++i) out *= 10;  // exact up to 10^22
  return out;
}

template <class T, class From>
std::vector<T> slice(const std::vector<From>& all, std::size_t from, std::size_t count) {
  std::vector<T> out;
  for (std::size_t i = from; i < from + count; ++i) out.push_back(T{all.at(i)});
  return out;
}

void read_chunk(Block& in, std::vector<model::Series>& out, const std::vector<std::size_t>& members,
                const std::vector<I>& sizes, std::vector<I>& times) {
  std::size_t n = 0;
  for (const std::size_t i : members) n += static_cast<std::size_t>(sizes[i]);
  const unsigned head = in.byte();
  if (head / 16 % 2 == 0) times = in.column(n);
  require(times.size() == n, "other times than the chunk before");
  const unsigned kind = head % 16;
  std::vector<std::uint8_t> bools;
  std::vector<I> integers;
  std::vector<double> doubles;
  std::vector<std::string> strings;
  if (kind == 0) {
    const std::string packed = in.bytes((n + 7) / 8);
    for (std::size_t i = 0; i < n; ++i) bools.push_back(static_cast<unsigned char>(packed[i / 8]) >> (i % 8) & 1);
  } else if (kind == 1) {
    integers = in.column(n);
  } else if (kind == 2) {
    const std::vector<I> scales = in.column(members.size()), mantissas = in.column(n), steps = in.column(n);
    for (std::size_t member = 0; member < members.size(); ++member) {
      for (I k = 0; k < sizes[members[member]]; ++k) {
        const std::size_t i = doubles.size();
        const double nearest = static_cast<double>(mantissas[i]) / power_of_ten(scales[member]);
        doubles.push_back(std::bit_cast<double>(std::bit_cast<U>(nearest) + static_cast<U>(steps[i])));
      }
    }
  } else if (kind == 3) {
    for (const I v : in.column(n)) doubles.push_back(std::bit_cast<double>(v >= 0 ? v : v ^ I{0x7fffffffffffffff}));
  } else {
    require(kind <= 5, "no kind");
    strings = in.strings(n);
  }
  std::size_t at = 0;
  for (const std::size_t i : members) {
    const auto size = static_cast<std::size_t>(sizes[i]);
    out[i].times = slice<I>(times, at, size);
    if (kind == 0) out[i].values = slice<std::uint8_t>(bools, at, size);
    if (kind == 1) out[i].values = slice<I>(integers, at, size);
    if (kind == 2 || kind == 3) out[i].values = slice<double>(doubles, at, size);
    if (kind == 4) out[i].values = slice<std::string>(strings, at, size);
    if (kind == 5) out[i].values = slice<model::Bytes>(strings, at, size);
    at += size;
  }
}

}  // namespace

std::vector<model::Series> decode(std::string_view block) {
  Block in = open(block);
  std::vector<model::Series> out(in.varint());
  if (!out.empty()) {
    const std::size_t count = out.size();
    const std::vector<I> chunks = in.column(count), ids = in.column(count), sizes = in.column(count),
                         forms = in.column(count);
    if (std::ranges::any_of(forms, [](I form) { return form != 0; })) {
      const U runs = in.varint();
      const std::vector<I> codes = in.column(runs), lengths = in.column(runs);
      std::vector<std::uint32_t> all;
      for (std::size_t run = 0; run < runs; ++run)
        for (I i = 0; i < lengths[run]; ++i) all.push_back(static_cast<std::uint32_t>(codes[run]));
      std::size_t at = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t wanted =
            forms[i] == 2 ? static_cast<std::size_t>(sizes[i]) : static_cast<std::size_t>(forms[i]);
        out[i].qualities = slice<std::uint32_t>(all, at, wanted);
        at += wanted;
      }
      require(at == all.size(), "too many qualities");
    }
    std::vector<I> times;
    for (I chunk = 0; chunk <= *std::ranges::max_element(chunks); ++chunk) {
      std::vector<std::size_t> members;
      for (std::size_t i = 0; i < count; ++i) {
        out[i].signal = static_cast<model::SignalId>(ids[i]);
        if (chunks[i] == chunk) members.push_back(i);
      }
      read_chunk(in, out, members, sizes, times);
    }
  }
  require(in.text_at == in.text.size(), "something is left of the text");
  require(in.bits.size() * 8 - in.bit_at < 8 && in.number(static_cast<unsigned>(in.bits.size() * 8 - in.bit_at)) == 0,
          "bits are left");
  return out;
}

}  // namespace weir::codec::reference

namespace weir::codec {
namespace {

TEST(ReferenceDecoder, ReadsWhatTheEncoderWrites) {
  samples::Generator random(20261121);
  for (int round = 0; round < 400; ++round) {
    const std::vector<model::Series> series = random.block(round % 8 == 0 ? 120 : 4, round % 2 == 0 ? 5 : 200);
    std::string block;
    encode(series, block);
    ASSERT_TRUE(samples::identical(reference::decode(block), series))
        << "round " << round << ": " << to_hex(block).substr(0, 200);
  }
}

}  // namespace
}  // namespace weir::codec
