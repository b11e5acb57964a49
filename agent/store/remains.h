// What is left of a damaged store: what its seals vouch for, in the order of its numbers.
//
// The first pass, read(), remembers where each page of rows begins, 24 bytes a page; the second, each_row() and
// each_output(), merges the pages, so that neither their order in the file nor a second version of one matters. Of
// two versions of a row the newest whose seal holds is taken. One thread at a time; expected to be slow.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/holes.h"
#include "store/page_scan.h"
#include "store/seal.h"
#include "store/spans.h"

namespace weir::store {

class Remains {
 public:
  struct Row {
    LogRow row;              // the commit is empty if it is spoilt and the readings are not
    StreamSeq raw_last = 0;  // of the stream raw, up to and with the row
  };
  struct Output {
    Stream stream = Stream::alerts;
    StreamSeq seq = 0;
    LogId log_id = 0;
    Timestamp time = 0;
    std::string except, body;
  };

  // An error if it cannot be read at all, or is encrypted and `key` is not its key.
  static Result<Remains> read(const std::filesystem::path& file, const std::optional<Key>& key, const Clock& clock);

  const std::map<std::string, std::string, std::less<>>& meta() const { return meta_; }
  const std::vector<Snapshot>& snapshots() const { return snapshots_; }  // at most two, the newest last
  const Spans& spans() const { return spans_; }                          // none: not known
  const AllHoles& holes() const { return holes_; }
  std::optional<PerStream> marks(std::string_view uplink) const;  // what it had acknowledged

  // Of rows, about: what they say of themselves.
  std::uint64_t log_bytes() const { return log_bytes_; }
  std::uint64_t outbox_bytes() const { return outbox_bytes_; }

  // Rows in the order of their ids, of which raw_last never falls; and outputs by stream and number. What was
  // deleted, as far as that is known, is not among them. Until `visit` returns false.
  void each_row(const std::function<bool(Row)>& visit);
  void each_output(const std::function<bool(Output)>& visit);

  // What everybody has and no replay needs: rows up to there are not taken out of pages that were freed.
  void set_needed_after(const PerStream& numbers, LogId row);

  std::uint64_t spoilt() const { return spoilt_; }
  std::uint64_t unread() const { return scan_.unread(); }
  const std::optional<std::string>& wal_damage() const { return scan_.wal_damage(); }

 private:
  // A page of rows of one table, and how far it is merged.
  struct Cursor {
    std::uint64_t key = 0;
    PageRef page = PageRef::in_file(1);
    std::uint16_t next = 0;  // of its cells
  };
  struct Place {
    PageRef page = PageRef::in_file(1);
    Cell cell;
  };

  Remains(PageScan scan, const Clock& clock) : scan_(std::move(scan)), clock_(clock) {}

  void find_pages();
  Result<void> find_seal(const std::optional<Key>& key);
  void read_meta();
  void read_snapshots();
  // The places of each key, the best first, in the order of the keys; until `take` returns false.
  void merge(std::vector<Cursor> pages, Shape shape,
             const std::function<bool(std::uint64_t key, const std::vector<Place>&)>& take);
  void sort(std::vector<Place>& places) const;
  std::optional<Row> row(const Place& place);
  std::optional<Output> output(const Place& place);
  void progress(std::uint64_t done, std::uint64_t of, const char* doing);

  PageScan scan_;
  const Clock& clock_;
  Nanoseconds said_ = 0;
  Seal seal_;
  std::vector<Cursor> log_, outbox_;
  std::vector<Place> meta_places_, snapshot_places_;
  std::map<std::string, std::string, std::less<>> meta_;
  std::vector<Snapshot> snapshots_;
  Spans spans_;
  AllHoles holes_;
  PerStream needed_after_{};
  LogId row_needed_after_ = 0;
  std::uint64_t log_bytes_ = 0, outbox_bytes_ = 0, spoilt_ = 0;
};

}  // namespace weir::store
