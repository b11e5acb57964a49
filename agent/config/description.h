// Every key of weir.yaml; see fields.h.
#pragma once

#include "config/config.h"
#include "config/fields.h"

namespace weir::config {

void describe(Fields& fields, Config& config);

}  // namespace weir::config
