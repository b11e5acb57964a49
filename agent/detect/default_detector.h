// The detector that needs no tuning.
//
// It asks seven questions of each reading. How large is the change? Has the mean of the last readings left the
// long one? Do they change more, or less, than usual? Is it higher or lower than anything before? Is it usual for
// this time of the day, or of the week? Is the shape of the last readings new, and that of the last half minute or
// half day (at a coarser step)? Each answer becomes a surprise by its own history (surprise.h), so that they
// compare whatever the unit and however wild the series; what exceeds a plain surprise is added up, so that
// several small ones count, too. A frozen series (stillness.h) adds to it. News (news.h) makes one alarm of one
// event, and fewer of a series that always surprises.
//
// Methods: exponentially weighted moments, Hill's tail, exemplars of shapes; each header names its paper. The sum of
// surprises follows R. A. Fisher's combination of tests (Statistical Methods for Research Workers, 1932), with a
// floor under each, because they are not independent.
//
// A detector holds some 23 KiB, whatever it has seen.
#pragma once

#include <memory>

#include "detect/detector.h"

namespace weir::detect {

// `calendar`: the clock on the wall that days and weeks go by; nullptr: UTC.
std::unique_ptr<Detector> make_default_detector(Sensitivity sensitivity,
                                                std::shared_ptr<const calendar::Calendar> calendar = nullptr);
double default_threshold(Sensitivity sensitivity);

}  // namespace weir::detect
