// The lives of the store's numbering: which incarnation a record's number was given under.
//
// Each span begins at a number of its own in each stream and ends where the next one begins. Values only; the
// rows that remember them are SqliteDatabase's business (meta `incarnations`).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace weir::store {

using PerStream = std::array<StreamSeq, 5>;  // by Stream

inline constexpr std::size_t kIncarnationSize = 16;

class Spans {
 public:
  Spans() = default;
  // In order; throws sqlite::Failure if they cannot be: an id of another length, numbers that fall.
  explicit Spans(std::vector<Incarnation> spans);

  static PerStream from_one();  // the numbers that a new store begins with

  const std::vector<Incarnation>& all() const { return spans_; }
  bool empty() const { return spans_.empty(); }
  const Incarnation& newest() const { return spans_.back(); }

  // Of the record; empty if there is no span.
  const std::string& id_of(Stream stream, StreamSeq seq) const;

  // The last number of the span that holds `seq`; none for the newest.
  std::optional<StreamSeq> end_of(Stream stream, StreamSeq seq) const;

  // From these numbers on. Spans in which nothing was numbered go.
  void begin(std::string id, const PerStream& first);

  // Forgets the spans of which nothing is left when each stream begins with `oldest`. True if one went.
  bool prune(const PerStream& oldest);

  std::string encode() const;
  static Spans decode(std::string_view bytes);  // throws sqlite::Failure

 private:
  std::vector<Incarnation> spans_;  // oldest first
};

}  // namespace weir::store
