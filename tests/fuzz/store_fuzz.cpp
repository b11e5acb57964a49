// Any bytes as a damaged store, its WAL, and the numbers that are kept in it: nothing may crash, hang, or give more
// rows than can be there. An input is the length of the database (4 bytes, little-endian), the database, the WAL.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "store/remains.h"
#include "store/sqlite.h"

namespace {

using namespace weir;
using namespace weir::store;

void require(bool what) {
  if (!what) std::abort();
}

// The file of the inputs, in memory where that is possible.
struct File {
  File() {
    const char* shared = "/dev/shm";
    const auto parent = std::filesystem::is_directory(shared) ? shared : std::filesystem::temp_directory_path();
    database = parent / ("weir-fuzz-store-" + std::to_string(::getpid()) + ".db");
    wal = database.string() + "-wal";
  }
  ~File() {
    std::filesystem::remove(database);
    std::filesystem::remove(wal);
  }

  std::filesystem::path database, wal;
};

const File& file() {
  static const File one;
  return one;
}

void write(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  require(out.good());
}

void check_numbers(std::string_view bytes) {
  try {
    const Spans spans = Spans::decode(bytes);
    if (!spans.empty()) require(Spans::decode(spans.encode()).newest().id == spans.newest().id);
  } catch (const sqlite::Failure& failure) {
    require(failure.kind() == sqlite::Failure::Kind::damaged);
  }
  try {
    const AllHoles holes = AllHoles::decode(bytes);
    require(AllHoles::decode(holes.encode()).log.all() == holes.log.all());
  } catch (const sqlite::Failure& failure) {
    require(failure.kind() == sqlite::Failure::Kind::damaged);
  }
}

void check_wal(std::size_t size) {
  const auto wal = read_wal(file().wal);
  require(wal.has_value());
  std::int64_t last = 0;
  for (const WalFrame& frame : wal->frames) {
    require(frame.page != 0 && frame.offset() > last);
    last = frame.offset();
    require(static_cast<std::size_t>(last) + kPageSize <= size);
  }
}

void check_rows(std::size_t size) {
  auto scan = PageScan::open(file().database);
  require(scan.has_value());
  scan->each_page([&](PageRef page, const std::vector<Cell>& cells) {
    require(cells.size() <= kPageSize / 2);
    require(page.offset() >= 0 && static_cast<std::size_t>(page.offset()) < size);
    for (const Cell& cell : cells) {
      const auto row = scan->row(page, cell);
      if (!row) continue;
      require(row->size() == (cell.shape == Shape::log      ? row->size() >= 5 ? row->size() : 0
                              : cell.shape == Shape::outbox ? row->size() >= 3 ? row->size() : 0
                                                            : 2));
      std::size_t bytes = 0;
      for (const Value& value : *row)
        if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
      require(bytes <= cell.bytes && bytes <= 2 * size);
    }
  });
}

void check_remains() {
  static const ManualClock clock;
  auto remains = Remains::read(file().database, std::nullopt, clock);
  if (!remains) {
    require(!remains.error().what.empty());
    return;
  }
  LogId last = 0;
  StreamSeq raw_last = 0;
  remains->each_row([&](const Remains::Row& row) {
    require(row.row.id > last && row.raw_last >= raw_last);
    last = row.row.id;
    raw_last = row.raw_last;
    return true;
  });
  std::array<StreamSeq, 5> seqs{};
  remains->each_output([&](const Remains::Output& output) {
    StreamSeq& seq = seqs.at(static_cast<std::size_t>(output.stream));
    require(output.seq > seq);
    seq = output.seq;
    return true;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_numbers(input);
  if (size < 4) return 0;
  const std::string_view bytes = input.substr(4, ByteReader(input).fixed32());
  const std::string_view wal = input.substr(4 + bytes.size());
  write(file().database, bytes);
  write(file().wal, wal);
  check_wal(wal.size());
  check_rows(size + kPageSize);
  check_remains();
  return 0;
}
