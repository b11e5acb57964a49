// The detector that needs no tuning: the surprise of a change, against its own moving scale.
#pragma once

#include <memory>

#include "detect/detector.h"

namespace weir::detect {

std::unique_ptr<Detector> make_default_detector(Sensitivity sensitivity);
double default_threshold(Sensitivity sensitivity);

}  // namespace weir::detect
