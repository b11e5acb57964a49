// Any bytes as a block: nothing may crash or take more than the limits, and what is decoded is encoded to
// something that decodes to the same again. Blocks whose text is stored let the fuzzer see behind zstd.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/codec.h"

namespace {

using namespace weir;

void require(bool what) {
  if (!what) std::abort();
}

void require_identical(const model::Series& a, const model::Series& b) {
  require(a.signal == b.signal && a.times == b.times && a.qualities == b.qualities && a.type() == b.type());
  const auto* x = std::get_if<std::vector<double>>(&a.values);
  if (x == nullptr) return require(a.values == b.values);
  const auto& y = std::get<std::vector<double>>(b.values);
  require(x->size() == y.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    require(std::bit_cast<std::uint64_t>((*x)[i]) == std::bit_cast<std::uint64_t>(y[i]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const codec::Limits limits{.bytes = 1 << 20, .readings = 20'000, .series = 2'000};
  const auto decoded = codec::decode({reinterpret_cast<const char*>(data), size}, limits);
  if (!decoded) {
    require(!decoded.error().what.empty());
    return 0;
  }
  std::size_t readings = 0;
  for (const model::Series& series : *decoded) {
    readings += series.size();
    require(std::visit([](const auto& column) { return column.size(); }, series.values) == series.size());
    require(series.qualities.size() <= 1 || series.qualities.size() == series.size());
  }
  require(decoded->size() <= limits.series && readings <= limits.readings);

  std::string block;
  codec::encode(*decoded, block);
  const auto again = codec::decode(block);
  require(again && again->size() == decoded->size());
  for (std::size_t i = 0; i < again->size(); ++i) require_identical((*decoded)[i], (*again)[i]);
  return 0;
}
