// What an uplink drains: streams of records, numbered, kept until they are acknowledged. A seam: the
// agent puts the store behind it, tests a list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace weir::uplink {

enum class Stream : std::uint8_t { alerts = 1, derived = 2, raw = 3, backfill = 4 };  // as weir.v1.Stream
const char* to_text(Stream stream);                                                   // as in the topic

struct Record {
  Stream stream = Stream::raw;
  std::uint64_t seq = 0;
  std::string body;
  std::string incarnation;  // under which it was numbered: of 16 bytes
  bool is_ours = true;      // else it is for other clouds: not sent, and done with
};

// Called on the uplink's executor.
class Source {
 public:
  virtual ~Source() = default;

  // The records after `after`, in order, at most `bytes` of bodies (one at least, if there is one).
  // Completes on the executor, never before it returns.
  virtual void fetch(Stream stream, std::uint64_t after, std::size_t bytes,
                     std::function<void(Result<std::vector<Record>>)> done) = 0;

  // How far this uplink's cloud has the stream; everything up to seq may be forgotten.
  virtual std::uint64_t acknowledged(Stream stream) const = 0;
  virtual void acknowledge(Stream stream, std::uint64_t seq) = 0;

  virtual std::string birth() const = 0;  // a weir.v1.Birth, as of now
};

}  // namespace weir::uplink
