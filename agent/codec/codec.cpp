#include "codec/codec.h"

#include <bit>

#include "base/bytes.h"

namespace weir::codec {
namespace {

constexpr char kVersion = 0;

void put_value(std::string& out, std::uint8_t value) { out.push_back(static_cast<char>(value)); }
void put_value(std::string& out, std::int64_t value) { put_varint(out, zigzag(value)); }
void put_value(std::string& out, double value) { put_double(out, value); }
void put_value(std::string& out, const std::string& value) { put_bytes(out, value); }
void put_value(std::string& out, const model::Bytes& value) { put_bytes(out, value.data); }

void get_value(ByteReader& in, std::uint8_t& value) { value = in.take(1) == std::string_view("\x01", 1); }
void get_value(ByteReader& in, std::int64_t& value) { value = unzigzag(in.varint()); }
void get_value(ByteReader& in, double& value) { value = in.float64(); }
void get_value(ByteReader& in, std::string& value) { value = in.bytes(); }
void get_value(ByteReader& in, model::Bytes& value) { value.data = in.bytes(); }

std::unexpected<Error> damaged() {
  return fail("a block of readings is damaged", "the store sets it aside; the readings in it are lost");
}

}  // namespace

void encode(std::span<const model::Series> series, std::string& out) {
  out.push_back(kVersion);
  put_varint(out, series.size());
  for (const model::Series& one : series) {
    put_varint(out, one.signal);
    put_varint(out, one.values.index());
    put_varint(out, one.times.size());
    put_varint(out, one.qualities.size());
    std::uint64_t last = 0;
    for (const Timestamp time : one.times) {
      put_varint(out, zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(time) - last)));
      last = static_cast<std::uint64_t>(time);
    }
    for (const std::uint32_t quality : one.qualities) put_varint(out, quality);
    std::visit([&](const auto& column) { for (const auto& value : column) put_value(out, value); }, one.values);
  }
}

Result<std::vector<model::Series>> decode(std::string_view block, const Limits& limits) {
  if (block.empty() || block.front() != kVersion) return damaged();
  if (block.size() > limits.bytes) return fail("a block of readings is larger than allowed");
  ByteReader in(block.substr(1));
  const std::uint64_t count = in.varint();
  if (count > limits.series || count > in.rest().size()) return damaged();
  std::vector<model::Series> out(count);
  for (model::Series& one : out) {
    const std::uint64_t signal = in.varint(), type = in.varint(), readings = in.varint(), qualities = in.varint();
    if (signal > UINT32_MAX || type > 4 || readings + qualities > in.rest().size()) return damaged();
    one.signal = static_cast<model::SignalId>(signal);
    one.values = model::make_column(static_cast<model::ValueType>(type + 1));
    one.times.resize(readings);
    std::uint64_t last = 0;
    for (Timestamp& time : one.times) time = static_cast<Timestamp>(last += static_cast<std::uint64_t>(unzigzag(in.varint())));
    one.qualities.resize(qualities);
    for (std::uint32_t& quality : one.qualities) quality = static_cast<std::uint32_t>(in.varint());
    std::visit(
        [&](auto& column) {
          if (readings > in.rest().size()) return;
          column.resize(readings);
          for (auto& value : column) get_value(in, value);
        },
        one.values);
    if (one.size() != readings || !in.ok()) return damaged();
  }
  if (!in.at_end()) return damaged();
  return out;
}

}  // namespace weir::codec
