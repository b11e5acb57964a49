#include "uplink/source.h"

namespace weir::uplink {

const char* to_text(Stream stream) {
  switch (stream) {
    case Stream::alerts: return "alerts";
    case Stream::derived: return "derived";
    case Stream::raw: return "raw";
    case Stream::backfill: return "backfill";
  }
  return "?";
}

}  // namespace weir::uplink
