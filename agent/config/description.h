// Every key of weir.yaml; see fields.h.
#pragma once

#include "config/config.h"
#include "config/fields.h"

namespace weir::config {

void describe(Fields& fields, Config& config);

// Of `site:` what rules see: time zone, shifts, constants.
void describe_surroundings(Fields& fields, Site& site);

}  // namespace weir::config
