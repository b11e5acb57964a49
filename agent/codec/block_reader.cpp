#include <algorithm>
#include <cstdint>
#include <limits>

#include "codec/block.h"
#include "codec/reals.h"

namespace weir::codec {
namespace {

class BlockReader {
 public:
  BlockReader(PartsReader& in, const Limits& limits, std::vector<model::Series>& out)
      : in_(in), limits_(limits), out_(out) {}

  // What is wrong; null if nothing is.
  const char* read() {
    const std::uint64_t count = in_.text.varint();
    if (!in_.ok()) return "it ends before it begins";
    if (count > limits_.series) return "it has more series than allowed";
    out_.resize(count == 0 ? 0 : out_.size());
    if (count > 0) {
      if (const char* error = heads(count)) return error;
      if (!qualities()) return "its qualities make no sense";
      for (const std::vector<std::uint32_t>& members : chunks_)
        if (const char* error = chunk(members)) return error;
    }
    return in_.at_end() ? nullptr : "something stands behind its end";
  }

 private:
  bool ints(std::size_t count, std::vector<std::int64_t>& values, std::int64_t least, std::int64_t most) {
    return get_ints(in_, count, values) &&
           std::ranges::all_of(values, [&](std::int64_t value) { return least <= value && value <= most; });
  }

  const char* heads(std::size_t count) {
    std::vector<std::int64_t> chunk_of, ids;
    // Chunks are numbered as they appear, so that there are no more of them than series.
    if (!get_ints(in_, count, chunk_of)) return "its chunks make no sense";
    std::int64_t chunks = 0;
    for (const std::int64_t chunk : chunk_of) {
      if (chunk < 0 || chunk > chunks) return "its chunks make no sense";
      chunks = std::max(chunks, chunk + 1);
    }
    if (!ints(count, ids, 0, std::numeric_limits<std::uint32_t>::max())) return "its signals make no sense";
    const auto most =
        static_cast<std::int64_t>(std::min<std::size_t>(limits_.readings, std::numeric_limits<std::int64_t>::max()));
    if (!ints(count, sizes_, 0, most)) return "its counts make no sense, or it has more readings than allowed";
    std::size_t left = limits_.readings;
    for (const std::int64_t size : sizes_) {
      if (static_cast<std::size_t>(size) > left) return "it has more readings than allowed";
      left -= static_cast<std::size_t>(size);
    }
    if (!ints(count, forms_, kAllGood, kEach)) return "its qualities make no sense";
    out_.resize(count);
    chunks_.resize(static_cast<std::size_t>(chunks));
    for (std::size_t i = 0; i < count; ++i) {
      out_[i].signal = static_cast<model::SignalId>(ids[i]);
      out_[i].qualities.clear();
      chunks_[static_cast<std::size_t>(chunk_of[i])].push_back(static_cast<std::uint32_t>(i));
    }
    return nullptr;
  }

  bool qualities() {
    const auto wanted = [&](std::size_t i) {
      return forms_[i] == kEach ? static_cast<std::size_t>(sizes_[i]) : static_cast<std::size_t>(forms_[i]);
    };
    std::size_t total = 0;
    for (std::size_t i = 0; i < out_.size(); ++i) total += wanted(i);
    if (std::ranges::all_of(forms_, [](std::int64_t form) { return form == kAllGood; })) return true;
    const std::uint64_t runs = in_.text.varint();
    std::vector<std::int64_t> codes, lengths;
    if (runs > total || !ints(runs, codes, 0, std::numeric_limits<std::uint32_t>::max())) return false;
    if (!ints(runs, lengths, 1, static_cast<std::int64_t>(total))) return false;
    std::size_t run = 0;
    for (std::size_t i = 0; i < out_.size(); ++i) {
      std::vector<std::uint32_t>& to = out_[i].qualities;
      for (std::size_t missing = wanted(i); missing > 0;) {
        if (run == runs) return false;
        const std::size_t some = std::min(missing, static_cast<std::size_t>(lengths[run]));
        to.insert(to.end(), some, static_cast<std::uint32_t>(codes[run]));
        missing -= some;
        lengths[run] -= static_cast<std::int64_t>(some);
        if (lengths[run] == 0) ++run;
      }
    }
    return run == runs;
  }

  const char* chunk(const std::vector<std::uint32_t>& members) {
    const std::string_view head = in_.text.take(1);
    if (head.empty()) return "it ends too early";
    const int kind = head.front() & ~kSameTimes;
    if (kind < 0 || kind >= static_cast<int>(kKinds)) return "a chunk is of no known kind";
    std::size_t count = 0;
    for (const std::uint32_t i : members) count += static_cast<std::size_t>(sizes_[i]);
    if ((head.front() & kSameTimes) == 0) {
      if (!get_ints(in_, count, times_)) return "its times make no sense";
    } else if (times_.size() != count) {
      return "its times make no sense";
    }
    if (!values(members, static_cast<Kind>(kind), count)) return "its values make no sense";
    std::size_t at = 0;
    for (const std::uint32_t i : members) {
      const auto size = static_cast<std::size_t>(sizes_[i]);
      out_[i].times.assign(times_.begin() + static_cast<std::ptrdiff_t>(at),
                           times_.begin() + static_cast<std::ptrdiff_t>(at + size));
      at += size;
    }
    return nullptr;
  }

  // An empty one of its type; the memory of one that was there is used again.
  template <class T>
  std::vector<T>& column(std::uint32_t i) {
    auto* there = std::get_if<std::vector<T>>(&out_[i].values);
    std::vector<T>& out = there != nullptr ? *there : out_[i].values.emplace<std::vector<T>>();
    out.clear();
    out.reserve(static_cast<std::size_t>(sizes_[i]));
    return out;
  }

  // Gives each member its column: value(k, i) is the k-th of the chunk's values, of series i.
  template <class T, class Value>
  void distribute(const std::vector<std::uint32_t>& members, Value&& value) {
    std::size_t at = 0;
    for (const std::uint32_t i : members) {
      std::vector<T>& to = column<T>(i);
      for (std::int64_t k = 0; k < sizes_[i]; ++k) to.push_back(value(at++, i));
    }
  }

  bool values(const std::vector<std::uint32_t>& members, Kind kind, std::size_t count) {
    switch (kind) {
      case Kind::boolean: {
        const std::string_view bits = in_.text.take(count / 8 + (count % 8 == 0 ? 0 : 1));
        if (!in_.ok()) return false;
        if (count % 8 != 0 && static_cast<unsigned char>(bits.back()) >> (count % 8) != 0) return false;
        distribute<std::uint8_t>(
            members, [&](std::size_t k, std::uint32_t) -> std::uint8_t { return bits[k / 8] >> (k % 8) & 1; });
        return true;
      }
      case Kind::integer:
        if (!get_ints(in_, count, first_)) return false;
        distribute<std::int64_t>(members, [&](std::size_t k, std::uint32_t) { return first_[k]; });
        return true;
      case Kind::decimal: {
        std::vector<std::int64_t> scales;
        if (!ints(members.size(), scales, 0, kScales - 1)) return false;
        if (!get_ints(in_, count, first_) || !get_ints(in_, count, second_)) return false;
        std::vector<std::int64_t>::const_iterator scale = scales.begin();
        std::size_t at = 0;
        for (const std::uint32_t i : members) {
          std::vector<double>& to = column<double>(i);
          for (std::int64_t k = 0; k < sizes_[i]; ++k, ++at)
            to.push_back(from_decimal({first_[at], second_[at]}, static_cast<unsigned>(*scale)));
          ++scale;
        }
        return true;
      }
      case Kind::real:
        if (!get_ints(in_, count, first_)) return false;
        distribute<double>(members, [&](std::size_t k, std::uint32_t) { return from_ordered(first_[k]); });
        return true;
      case Kind::string:
        if (!texts(count)) return false;
        distribute<std::string>(members, [&](std::size_t k, std::uint32_t) { return std::string(texts_[k]); });
        return true;
      case Kind::bytes:
        if (!texts(count)) return false;
        distribute<model::Bytes>(members,
                                 [&](std::size_t k, std::uint32_t) { return model::Bytes{std::string(texts_[k])}; });
        return true;
    }
    return false;
  }

  // A dictionary makes much of little: what its entries become is bounded, too.
  bool texts(std::size_t count) {
    if (!get_strings(in_, count, texts_)) return false;
    for (const std::string_view text : texts_) {
      if (text.size() > limits_.bytes - unpacked_) return false;
      unpacked_ += text.size();
    }
    return true;
  }

  PartsReader& in_;
  const Limits& limits_;
  std::vector<model::Series>& out_;
  std::size_t unpacked_ = 0;
  std::vector<std::vector<std::uint32_t>> chunks_;  // their series
  std::vector<std::int64_t> sizes_, forms_;         // by series
  std::vector<std::int64_t> times_, first_, second_;
  std::vector<std::string_view> texts_;
};

}  // namespace

bool get_block(PartsReader& in, const Limits& limits, std::vector<model::Series>& out, const char*& error) {
  error = BlockReader(in, limits, out).read();
  return error == nullptr;
}

}  // namespace weir::codec
