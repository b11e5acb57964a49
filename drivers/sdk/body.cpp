#include "sdk/body.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "base/text.h"
#include "weir/v1/bus.pb.h"

namespace weir::sdk {
namespace {

static_assert(std::endian::native == std::endian::little, "packed doubles are copied as they stand");

// Protobuf's wire types (protobuf.dev/programming-guides/encoding).
constexpr std::uint32_t kVarint = 0, kLengthDelimited = 2;
constexpr std::uint8_t tag(int field, std::uint32_t type) {
  return static_cast<std::uint8_t>(field << 3 | static_cast<int>(type));
}

std::size_t varint_size(std::uint64_t value) { return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7; }

char* write_varint(char* at, std::uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

// The deltas of times may wrap; decoders add them up in the same arithmetic.
std::uint64_t delta(const model::Series& series, std::size_t i, std::size_t begin) {
  const auto now = static_cast<std::uint64_t>(series.times[i]);
  const auto before = i == begin ? 0 : static_cast<std::uint64_t>(series.times[i - 1]);
  return zigzag(static_cast<std::int64_t>(now - before));
}

// A packed field whose elements are varints: element(i) for i in [begin, end).
template <class Element>
struct Packed {
  int field;
  std::size_t begin, end;
  Element element;
  std::size_t payload = 0;

  Packed(int field_in, std::size_t begin_in, std::size_t end_in, Element element_in)
      : field(field_in), begin(begin_in), end(end_in), element(std::move(element_in)) {
    for (std::size_t i = begin; i < end; ++i) payload += varint_size(element(i));
  }
  std::size_t size() const { return begin == end ? 0 : 1 + varint_size(payload) + payload; }
  char* write(char* at) const {
    if (begin == end) return at;
    *at++ = static_cast<char>(tag(field, kLengthDelimited));
    at = write_varint(at, payload);
    for (std::size_t i = begin; i < end; ++i) at = write_varint(at, element(i));
    return at;
  }
};

char* write_raw(char* at, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(at, from, bytes);
  return at + bytes;
}

// Calls encode(size, write) with what the values of the column take and a function that writes them.
template <class Encode>
void with_values(const model::Column& column, std::size_t begin, std::size_t end, Encode encode) {
  using v1::Series;
  const std::size_t count = end - begin;
  if (const auto* bools = std::get_if<std::vector<std::uint8_t>>(&column)) {
    encode(1 + varint_size(count) + count, [&](char* at) {
      *at++ = static_cast<char>(tag(Series::kBoolsFieldNumber, kLengthDelimited));
      at = write_varint(at, count);
      return write_raw(at, bools->data() + begin, count);
    });
  } else if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&column)) {
    const Packed packed(Series::kIntsFieldNumber, begin, end, [&](std::size_t i) { return zigzag((*ints)[i]); });
    encode(packed.size(), [&](char* at) { return packed.write(at); });
  } else if (const auto* doubles = std::get_if<std::vector<double>>(&column)) {
    encode(1 + varint_size(count * 8) + count * 8, [&](char* at) {
      *at++ = static_cast<char>(tag(Series::kDoublesFieldNumber, kLengthDelimited));
      at = write_varint(at, count * 8);
      return write_raw(at, doubles->data() + begin, count * 8);
    });
  } else {
    std::string out;
    const auto add = [&](int field, std::string_view bytes) {
      out.push_back(static_cast<char>(tag(field, kLengthDelimited)));
      put_bytes(out, bytes);
    };
    if (const auto* strings = std::get_if<std::vector<std::string>>(&column)) {
      for (std::size_t i = begin; i < end; ++i) {
        if (is_utf8((*strings)[i])) add(Series::kStringsFieldNumber, (*strings)[i]);
        else add(Series::kStringsFieldNumber, to_utf8((*strings)[i]));
      }
    } else if (const auto* blobs = std::get_if<std::vector<model::Bytes>>(&column)) {
      for (std::size_t i = begin; i < end; ++i) add(Series::kBlobsFieldNumber, (*blobs)[i].data);
    }
    encode(out.size(), [&](char* at) { return write_raw(at, out.data(), out.size()); });
  }
}

// None if all are good, one if all are the same.
std::size_t qualities_needed(const model::Series& series, std::size_t begin, std::size_t end) {
  if (series.qualities.empty()) return 0;
  const std::uint32_t first = series.quality(begin).code;
  if (series.qualities.size() > 1)
    for (std::size_t i = begin; i < end; ++i)
      if (series.qualities[i] != first) return end - begin;
  return first == model::kGood.code ? 0 : 1;
}

void put_tag(std::string& out, int field, std::uint32_t type) { out.push_back(static_cast<char>(tag(field, type))); }

}  // namespace

void Dropped::add(std::uint64_t readings, Timestamp first, Timestamp last, std::string_view why) {
  if (readings == 0) return;
  from = count == 0 ? first : std::min(from, first);
  to = count == 0 ? last : std::max(to, last);
  count += readings;
  if (reason.empty()) reason = why;
}

std::size_t estimate_bytes(const model::Series& series, std::size_t begin, std::size_t end) {
  std::size_t bytes = (end - begin) * 14;
  if (const auto* strings = std::get_if<std::vector<std::string>>(&series.values))
    for (std::size_t i = begin; i < end; ++i) bytes += (*strings)[i].size();
  if (const auto* blobs = std::get_if<std::vector<model::Bytes>>(&series.values))
    for (std::size_t i = begin; i < end; ++i) bytes += (*blobs)[i].data.size();
  return bytes;
}

void append_series(Body& body, std::string_view path, const model::Series& series, std::size_t begin,
                   std::size_t end) {
  if (begin == end) return;
  const auto [first, last] = std::minmax_element(series.times.begin() + static_cast<std::ptrdiff_t>(begin),
                                                 series.times.begin() + static_cast<std::ptrdiff_t>(end));
  body.from = body.readings == 0 ? *first : std::min(body.from, *first);
  body.to = body.readings == 0 ? *last : std::max(body.to, *last);
  body.readings += end - begin;

  const Packed times(v1::Series::kTimesFieldNumber, begin, end,
                     [&](std::size_t i) { return delta(series, i, begin); });
  const Packed qualities(v1::Series::kQualitiesFieldNumber, begin, begin + qualities_needed(series, begin, end),
                         [&](std::size_t i) { return std::uint64_t{series.quality(i).code}; });
  with_values(series.values, begin, end, [&](std::size_t values, auto&& write_values) {
    const std::size_t size = 1 + varint_size(path.size()) + path.size() + times.size() + values + qualities.size();
    std::string& out = body.bytes;
    const std::size_t at_first = out.size();
    out.resize(at_first + 1 + varint_size(size) + size);
    char* at = out.data() + at_first;
    *at++ = static_cast<char>(tag(v1::Batch::kSeriesFieldNumber, kLengthDelimited));
    at = write_varint(at, size);
    *at++ = static_cast<char>(tag(v1::Series::kSignalFieldNumber, kLengthDelimited));
    at = write_varint(at, path.size());
    at = write_raw(at, path.data(), path.size());
    at = times.write(at);
    at = write_values(at);
    qualities.write(at);
  });
}

std::string encode_batch(std::uint64_t epoch, std::uint64_t seq, std::string_view boot_id, Nanoseconds boottime,
                         const Body& body, const Dropped& dropped) {
  using v1::Batch;
  std::string out;
  out.reserve(body.bytes.size() + dropped.reason.size() + 96);
  put_tag(out, Batch::kEpochFieldNumber, kVarint);
  put_varint(out, epoch);
  put_tag(out, Batch::kSeqFieldNumber, kVarint);
  put_varint(out, seq);
  put_tag(out, Batch::kBootIdFieldNumber, kLengthDelimited);
  put_bytes(out, boot_id);
  put_tag(out, Batch::kBoottimeFieldNumber, kVarint);
  put_varint(out, zigzag(boottime));
  if (dropped.count > 0) {
    v1::Dropped message;
    message.set_count(dropped.count);
    message.set_from(dropped.from);
    message.set_to(dropped.to);
    message.set_reason(to_utf8(dropped.reason, 256));
    put_tag(out, Batch::kDroppedFieldNumber, kLengthDelimited);
    put_bytes(out, message.SerializeAsString());
  }
  out += body.bytes;
  return out;
}

}  // namespace weir::sdk
