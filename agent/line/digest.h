// What stands for records that the store thinned or gave up: RawRecords of stream backfill.
//
// A gap names the numbers that are gone, so that each number of the other streams either comes or is named. Numbers
// of backfill itself are not dense for a cloud, and named only where a record of it could not be read. Gaps that were
// in the records are carried over. Pure; memory is bounded whatever the bodies hold.
#pragma once

#include "store/digest.h"

namespace weir::line {

class Digest final : public store::Digest {
 public:
  // By the shortest intervals that do it, not shorter than those that the bodies have: kIntervals of thinning.h.
  std::optional<std::string> thin(const store::Replaced& replaced) const override;
  std::string gap(const store::Replaced& replaced, std::string_view reason,
                  const std::optional<std::string>& before) const override;
};

}  // namespace weir::line
