#include "store/wal_check.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "store/raw_file.h"

namespace weir::store {
namespace {

constexpr std::size_t kHeader = 32;
constexpr std::uint32_t kMagic = 0x377f0682;  // the last bit: checksums over big-endian words

using Checksum = std::array<std::uint32_t, 2>;
using Salt = std::array<std::uint32_t, 2>;

Checksum checksum(std::span<const unsigned char> bytes, Checksum sum, bool big_endian) {
  const auto word = [&](std::size_t at) {
    std::uint32_t out = big_endian_32(&bytes[at]);
    return big_endian ? out : __builtin_bswap32(out);
  };
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    sum[0] += word(at) + sum[1];
    sum[1] += word(at + 4) + sum[0];
  }
  return sum;
}

struct Head {
  bool sound = false, zero = false, big_endian = false;
  Salt salt{};
  Checksum sum{};
};

Head head_of(std::span<const unsigned char> bytes) {
  Head out;
  out.zero = std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0; });
  const std::uint32_t magic = big_endian_32(&bytes[0]);
  out.big_endian = magic == (kMagic | 1) || (magic != kMagic && std::endian::native == std::endian::big);
  out.salt = {big_endian_32(&bytes[16]), big_endian_32(&bytes[20])};
  out.sum = {big_endian_32(&bytes[24]), big_endian_32(&bytes[28])};
  out.sound = (magic & ~1U) == kMagic && big_endian_32(&bytes[8]) == kPageSize &&
              checksum(bytes.first(24), {}, out.big_endian) == out.sum;
  return out;
}

// Frames as they stand, whatever they are worth.
struct Read {
  WalFrame frame;
  bool of_this_round = false;
};

}  // namespace

Result<Wal> read_wal(const std::filesystem::path& path) {
  Wal wal;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return wal;
  auto file = RawFile::open(path);
  if (!file) return std::unexpected(file.error());
  const std::int64_t size = file->size();
  if (size < static_cast<std::int64_t>(kHeader) + WalFrame::kHeader + kPageSize) return wal;

  std::array<unsigned char, kHeader> header{};
  static_cast<void>(file->read(header, 0));  // zeros if it cannot be read
  Head head = head_of(header);

  std::vector<Read> all;
  std::array<unsigned char, WalFrame::kHeader + kPageSize> bytes{};
  Checksum before = head.sum;
  for (std::int64_t at = kHeader; at + static_cast<std::int64_t>(bytes.size()) <= size;
       at += static_cast<std::int64_t>(bytes.size())) {
    const bool read = file->read(bytes, at);
    const Salt salt{big_endian_32(&bytes[8]), big_endian_32(&bytes[12])};
    // Header and first frame are written together: either tells the round.
    if (all.empty() && !head.sound) head.salt = salt;
    Read out;
    out.frame.index = static_cast<std::uint32_t>(all.size());
    out.frame.page = big_endian_32(&bytes[0]);
    out.frame.commit = big_endian_32(&bytes[4]) != 0;
    out.of_this_round = read && salt == head.salt && out.frame.page != 0;
    Checksum sum = checksum(std::span(bytes).first(8), before, head.big_endian);
    sum = checksum(std::span(bytes).subspan(WalFrame::kHeader), sum, head.big_endian);
    before = {big_endian_32(&bytes[16]), big_endian_32(&bytes[20])};
    out.frame.sound = out.of_this_round && sum == before;
    all.push_back(out);
  }

  // Nothing that was ever synced stands behind a header of zeros, unless it can be told to have.
  const auto is_commit = [](const Read& read) { return read.frame.sound && read.frame.commit; };
  const bool any_commit = std::ranges::any_of(all, is_commit);
  if (!head.sound && !any_commit && (head.zero || !all.front().of_this_round)) return wal;

  const auto bad =
      head.sound ? std::ranges::find_if(all, [](const Read& read) { return !read.frame.sound; }) : all.begin();
  // The transaction that the bad frame is in may have been under way when the power went. What came after it was not
  // begun before it was synced.
  auto excused = std::find_if(bad, all.end(), is_commit);
  if (excused != all.end()) ++excused;
  const bool damaged = !head.sound || std::find_if(excused, all.end(), is_commit) != all.end();
  if (damaged)
    wal.damage = "its write-ahead log (" + path.filename().string() + ") is spoilt at " +
                 (head.sound ? "frame " + std::to_string(bad - all.begin() + 1) + " of " + std::to_string(all.size())
                             : std::string("its header"));

  auto end = std::find_if(std::make_reverse_iterator(damaged ? all.end() : bad), all.rend(), is_commit).base();
  if (damaged && !any_commit) end = all.end();  // one transaction, which only the spoilt header could vouch for
  for (auto frame = all.begin(); frame != end; ++frame)
    if (frame->of_this_round) wal.frames.push_back(frame->frame);
  return wal;
}

}  // namespace weir::store
