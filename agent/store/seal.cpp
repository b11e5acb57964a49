#include "store/seal.h"

#include "base/bytes.h"
#include "base/crc32c.h"

namespace weir::store {
namespace {

constexpr std::size_t kChecksum = 4;

std::uint32_t checksum(const Place& place, std::string_view bytes) {
  std::string head(1, static_cast<char>(place.role));
  put_fixed64(head, place.id);
  put_fixed64(head, place.first);
  put_fixed64(head, place.second);
  return crc32c(bytes, crc32c(head));
}

}  // namespace

std::string Seal::close(const Place& place, std::string_view bytes) const {
  std::string out;
  out.reserve(bytes.size() + kChecksum);
  out = bytes;
  put_fixed32(out, checksum(place, bytes));
  return out;
}

std::optional<std::string> Seal::open(const Place& place, std::string_view sealed) const {
  if (sealed.size() < kChecksum) return std::nullopt;
  const std::string_view bytes = sealed.substr(0, sealed.size() - kChecksum);
  if (ByteReader(sealed.substr(bytes.size())).fixed32() != checksum(place, bytes)) return std::nullopt;
  return std::string(bytes);
}

}  // namespace weir::store
