#include "codec/zstd.h"

#include <zstd.h>

namespace weir::codec {
namespace {

// Level 1 is within 1 % of the larger ones on columns of tokens, at a third of the time. The window and the
// table are smaller than its own: blocks are mostly a few KiB, and the agent keeps a context per thread.
constexpr int kLevel = 1, kWindowLog = 17, kHashLog = 12;

struct ContextFreer {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

void Packer::Freer::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

Packer::Packer() : context_(ZSTD_createCCtx()) {
  if (context_ == nullptr) return;
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_hashLog, kHashLog);
}

Packer::~Packer() = default;

bool Packer::pack(std::string_view text, std::string& out) {
  if (context_ == nullptr || text.empty()) return false;
  const std::size_t before = out.size(), room = ZSTD_compressBound(text.size());
  out.resize(before + room);
  const std::size_t size = ZSTD_compress2(context_.get(), out.data() + before, room, text.data(), text.size());
  const bool smaller = ZSTD_isError(size) == 0 && size < text.size();
  out.resize(smaller ? before + size : before);
  return smaller;
}

Unpacked unpack(std::string_view frame, std::size_t most, std::string& out) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) return Unpacked::damaged;
  if (size > most) return Unpacked::too_large;
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) return Unpacked::damaged;
  // Kept: to make 96 KB anew for each small block takes longer than to unpack it.
  thread_local const std::unique_ptr<ZSTD_DCtx, ContextFreer> context(ZSTD_createDCtx());
  if (context == nullptr) return Unpacked::damaged;
  out.resize(static_cast<std::size_t>(size));
  return ZSTD_decompressDCtx(context.get(), out.data(), out.size(), frame.data(), frame.size()) == size
             ? Unpacked::fine
             : Unpacked::damaged;
}

}  // namespace weir::codec
