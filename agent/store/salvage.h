// Takes over into a new store what the checksums of a damaged one vouch for.
//
// Log rows keep their ids, records their identity (incarnation, stream, seq); what comes after them begins under a
// new incarnation, behind every number that was ever given as far as anybody knows. For what is missing of a stream
// there is a gap record ("damaged"); it is not for those uplinks that had acknowledged it. The file is read page by
// page (page_scan.h) and not with SQLite, so that it does not matter which of its pages are bad. Two passes: one
// finds the pages that hold rows, one takes the rows in the order of their ids; memory is about 32 bytes a page of
// rows and one row.
//
// Any thread; blocks for as long as it takes to read the file twice, and logs how far it is every few seconds.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/spans.h"

namespace weir::store {

// What is known about a store besides what is in its file: by who had it open, or by its lock (lock.h). Numbers that
// were given are not given again, even if the rows that had them are gone.
struct Known {
  Spans spans;          // none: not known
  LogId last = 0;       // of the log
  PerStream streams{};  // the last number of each stream
};

struct Missing {
  std::uint64_t first = 0, last = 0;
};

struct Salvaged {
  struct Kept {
    std::uint64_t count = 0, bytes = 0;
    std::vector<Missing> missing;  // between what is there, and in front of and behind it as far as that is known
  };

  Kept log;                          // rows
  std::array<Kept, 5> streams;       // records, by Stream
  LogId snapshot = 0;                // the newest that was taken over; 0: none
  std::uint64_t after_snapshot = 0;  // rows that are missing behind it: the state is as of what is left
  std::uint64_t spoilt = 0;          // records that were found and whose checksum fails
  std::uint64_t unread = 0;          // pages that the disk could not give back
  std::string incarnation;           // the new one
  std::filesystem::path aside;       // where the damaged file is now
  std::vector<std::string> notes;    // what a technician should know, a line each
};

// Makes a store at options.file, where nothing may be, from `damaged` (with its -wal), which is only read. Complete
// and synced when it returns; after an error there is nothing at options.file. Of rows that do not fit the limits or
// the disk the oldest are left out, and that is said.
Result<Salvaged> salvage(const std::filesystem::path& damaged, const Options& options, const Clock& clock,
                         const Known& known = {});

// The same in place: options.file is salvaged beside itself, then set aside, then replaced. The caller has its lock,
// and it is not open. A power cut at any time leaves the one or the other (finish_mending); after an error the
// damaged file is where it was. `why`: what was found to be wrong, for the notes.
Result<Salvaged> mend(const Options& options, const Clock& clock, const std::string& why, const Known& known = {});

// Puts the mended file in its place if the power went in between; before a store is opened. The caller has the lock.
Result<void> finish_mending(const std::filesystem::path& file);

}  // namespace weir::store
