#include "sdk/driver.h"

namespace weir::sdk {

Result<Access> Driver::read(std::size_t) {
  return fail("this driver cannot read on demand", "wait for the next reading of the signal");
}

Result<Access> Driver::write(std::size_t, const model::Value&) { return fail("this driver cannot write"); }

}  // namespace weir::sdk
