#include "codec/codec.h"

#include "codec/block.h"
#include "codec/zstd.h"

namespace weir::codec {
namespace {

constexpr char kVersion = 1;
enum Packing : char { kStored = 0, kZstd = 1 };

// What encoding needs is kept from call to call, but not after a block as large as they rarely are.
struct Encoder {
  static constexpr std::size_t kKeep = 1 << 20;

  PartsWriter parts;
  BlockWriter block;
  Packer packer;
  std::string packed;
};

std::unexpected<Error> damaged(const std::string& why) {
  return fail(
      "a block of readings cannot be decoded: " + why,
      "it is damaged, or no block of this version; the readings in it are lost unless another copy of it exists");
}

}  // namespace

void encode(std::span<const model::Series> series, std::string& out) {
  thread_local std::unique_ptr<Encoder> encoder;
  if (encoder == nullptr) encoder = std::make_unique<Encoder>();
  encoder->parts.clear();
  encoder->packed.clear();
  encoder->block.put(series, encoder->parts);

  const std::string& text = encoder->parts.text;
  const bool packed = encoder->packer.pack(text, encoder->packed);
  const std::string& kept = packed ? encoder->packed : text;
  const std::string& bits = encoder->parts.bits.finish();
  out.push_back(kVersion);
  out.push_back(packed ? kZstd : kStored);
  put_bytes(out, kept);
  out.append(bits);
  if (text.size() + bits.size() > Encoder::kKeep) encoder.reset();
}

Result<std::vector<model::Series>> decode(std::string_view block, const Limits& limits) {
  std::vector<model::Series> out;
  if (auto decoded = decode(block, limits, out); !decoded) return std::unexpected(std::move(decoded.error()));
  return out;
}

Result<void> decode(std::string_view block, const Limits& limits, std::vector<model::Series>& out) {
  if (block.size() < 2) return damaged("it is shorter than its own head");
  if (block[0] != kVersion) {
    return fail("a block of readings is of version " + std::to_string(static_cast<unsigned char>(block[0])) +
                    ", this agent reads " + std::to_string(kVersion),
                "a newer agent wrote it, or it is no block at all");
  }
  ByteReader in(block.substr(2));
  std::string_view text = in.bytes();
  if (!in.ok()) return damaged("it ends too early");
  if (block.size() > limits.bytes) return damaged("it is larger than allowed");
  std::string unpacked;
  if (block[1] == kZstd) {
    switch (unpack(text, limits.bytes, unpacked)) {
      case Unpacked::fine: break;
      case Unpacked::too_large: return damaged("unpacked it would be larger than allowed");
      case Unpacked::damaged: return damaged("it cannot be unpacked");
    }
    text = unpacked;
  } else if (block[1] != kStored) {
    return damaged("it is packed in an unknown way");
  }
  PartsReader parts{.text = ByteReader(text), .bits = BitReader(in.rest())};
  const char* error = nullptr;
  if (!get_block(parts, limits, out, error)) return damaged(error);
  return {};
}

}  // namespace weir::codec
