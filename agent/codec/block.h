// What is in a block, once it is unpacked; docs/formats.md has the layout.
//
// Everything stands column by column across the series: first what there is of each series (its chunk, id,
// size, kind of qualities), then all qualities, then chunk by chunk the times and values. A chunk is
// a long series, or all short ones of a kind one behind the other: so that a commit of one reading of each
// of many signals is a few columns, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/codec.h"
#include "codec/ints.h"
#include "codec/parts.h"
#include "codec/strings.h"
#include "model/series.h"

namespace weir::codec {

// How a chunk's values are coded.
enum class Kind : std::uint8_t { boolean = 0, integer = 1, decimal = 2, real = 3, string = 4, bytes = 5 };
inline constexpr unsigned kKinds = 6;
inline constexpr char kSameTimes = 0x10;  // on a chunk's kind: its times are those of the chunk before

enum Qualities : std::int64_t { kAllGood = 0, kOneForAll = 1, kEach = 2 };

class BlockWriter {
 public:
  void put(std::span<const model::Series> series, PartsWriter& out);

 private:
  struct Chunk {
    Kind kind;
    std::size_t series = 0;  // how many
    std::size_t first = 0;   // of members_
    std::size_t readings = 0;
  };

  void divide(std::span<const model::Series> series);
  void put_heads(std::span<const model::Series> series, PartsWriter& out);
  void put_qualities(std::span<const model::Series> series, PartsWriter& out);
  void put_chunk(std::span<const model::Series> series, const Chunk& chunk, PartsWriter& out);
  std::span<const Timestamp> times_of(std::span<const model::Series> series, const Chunk& chunk);

  IntsWriter ints_;
  StringsWriter strings_;
  std::vector<Chunk> chunks_;
  std::vector<std::uint32_t> chunk_of_;  // by series
  std::vector<std::uint32_t> members_;   // series, by chunk
  std::vector<std::uint8_t> scales_;     // by series, of those of Kind::decimal
  std::vector<Timestamp> times_, times_before_;
  std::vector<std::int64_t> column_, second_;
  std::vector<std::string_view> texts_;
};

// What is wrong with the block, in `error`. What `out` has of memory is used again.
bool get_block(PartsReader& in, const Limits& limits, std::vector<model::Series>& out, const char*& error);

}  // namespace weir::codec
