// Accumulators as bytes, in the snapshot of a rule.
#include <cmath>

#include "rules/memory/aggregate.h"

namespace weir::rules {
namespace {

using Kind = AggregateKind;

// How many of its numbers an accumulator of this kind uses.
int numbers_of(Kind kind) {
  switch (kind) {
    case Kind::span:
    case Kind::median:
    case Kind::quantile:
    case Kind::mode:
    case Kind::distinct: return 0;
    case Kind::count:
    case Kind::count_true:
    case Kind::count_good:
    case Kind::min:
    case Kind::max:
    case Kind::first:
    case Kind::last: return 1;
    case Kind::sum:
    case Kind::mean:
    case Kind::stddev:
    case Kind::variance: return 2;
    case Kind::integral:
    case Kind::time_mean:
    case Kind::slope:
    case Kind::increase:
    case Kind::duration_of: return 4;
  }
  return 0;
}

enum Flag : unsigned char { kLeftOut = 1, kHolds = 2, kBegun = 4, kMore = 8 };

}  // namespace

void save(const Aggregate& aggregate, const Accumulator& of, std::string& out) {
  const bool begun = of.from != kNever;
  out.push_back(static_cast<char>((of.left_out ? kLeftOut : 0) | (of.holds ? kHolds : 0) | (begun ? kBegun : 0) |
                                  (of.more ? kMore : 0)));
  if (!begun) return;
  put_varint(out, of.count());
  put_varint(out, of.quality);
  if (carries(aggregate.kind)) put_varint(out, of.last_quality);
  put_varint(out, zigzag(of.from));
  put_varint(out, zigzag(of.to));
  for (int i = 0; i < numbers_of(aggregate.kind); ++i) put_double(out, of.v[i]);
  if (!of.more) return;
  if (counts_values(aggregate.kind)) of.more->counts.save(out);
  if (keeps_text(aggregate)) put_bytes(out, of.more->text);
}

bool restore(const Aggregate& aggregate, Accumulator& to, ByteReader& in) {
  to = Accumulator();
  const std::string_view byte = in.take(1);
  if (byte.empty()) return false;
  const auto flags = static_cast<unsigned char>(byte.front());
  const bool begun = (flags & kBegun) != 0, more = (flags & kMore) != 0, carrying = carries(aggregate.kind);
  to.left_out = (flags & kLeftOut) != 0;
  to.holds = (flags & kHolds) != 0;
  if (flags > 15 || (to.holds && !(carrying && begun))) return false;
  if (more && !(begun && (counts_values(aggregate.kind) || keeps_text(aggregate)))) return false;
  if (!begun) return true;
  const std::uint64_t count = in.varint(), quality = in.varint(), last_quality = carrying ? in.varint() : 0;
  if (count >> 48 != 0 || quality >> 32 != 0 || last_quality >> 32 != 0) return false;
  to.set_count(count);
  to.quality = static_cast<std::uint32_t>(quality);
  to.last_quality = static_cast<std::uint32_t>(last_quality);
  to.from = unzigzag(in.varint());
  to.to = unzigzag(in.varint());
  const bool no_value = to.to == kLongAgo;
  if (!in_reach(to.from) || (no_value ? !carrying || to.holds || count > 0 : !in_reach(to.to))) return false;
  if (!carrying && (count == 0 || to.to < to.from)) return false;
  for (int i = 0; i < numbers_of(aggregate.kind); ++i) to.v[i] = in.float64();
  if (more) {
    if (counts_values(aggregate.kind) && !to.need_more().counts.restore(in)) return false;
    if (keeps_text(aggregate)) to.need_more().text = in.bytes();
  }
  return in.ok();
}

}  // namespace weir::rules
