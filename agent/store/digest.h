// What the store has to know of its records' contents, and leaves to those who understand them: how to say in
// fewer bytes what many records said, and how to say that some are gone. A seam; line/ has it.
//
// Called on the store's thread; pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "store/database.h"

namespace weir::store {

// Consecutive records of one stream that are to go.
struct Replaced {
  Stream stream = Stream::raw;
  std::string incarnation;  // of their numbers
  StreamSeq first = 0, last = 0;
  std::span<const Record> records;  // their bodies; those that are damaged are empty
};

class Digest {
 public:
  virtual ~Digest() = default;

  // One body for stream backfill that stands for raw records, or for such bodies again, coarser than they are:
  // min, mean, max and count of each signal by interval, and the gap that says so. Not more than half of their
  // bytes; nothing if that cannot be had.
  virtual std::optional<std::string> thin(const Replaced& replaced) const = 0;

  // A body for stream backfill that says that these are gone, and why ("quota", "age", "damaged"). `before`: such
  // a body for what stood right before them, or nothing; the answer replaces it too.
  virtual std::string gap(const Replaced& replaced, std::string_view reason,
                          const std::optional<std::string>& before) const = 0;
};

}  // namespace weir::store
