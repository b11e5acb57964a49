#include "driver_host/options.h"

#include "driver_host/host.h"
#include "model/path.h"
#include "sdk/options.h"

namespace weir::driver_host {
namespace {

constexpr const char* kSchema = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Options of the host driver",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "device": {"type": "string", "default": "host", "description": "First level of every path"},
    "interval": {"type": "string", "default": "10s", "description": "Between two readings, 100ms to 1h"},
    "proc": {"type": "string", "default": "/proc"},
    "sys": {"type": "string", "default": "/sys"},
    "mounts": {"type": "array", "items": {"type": "string"},
               "description": "Mount points; left out: every local file system on a disk"},
    "interfaces": {"type": "array", "items": {"type": "string"}, "description": "Left out: every one but lo"}
  }
})";

}  // namespace

sdk::Kind kind() {
  return {"host", "Reads this machine: CPU, memory, disks, network, temperatures", kSchema,
          [](const Node& node, Diagnostics& diagnostics) -> std::unique_ptr<sdk::Driver> {
            sdk::Options options(node, diagnostics);
            Settings settings;
            settings.device = options.text("device", settings.device);
            if (auto ok = model::check_name(settings.device); !ok)
              options.error("device", ok.error().what, ok.error().hint);
            settings.interval =
                options.duration("interval", settings.interval, {.least = 100 * kMillisecond, .most = kHour});
            settings.proc = options.text("proc", settings.proc.string());
            settings.sys = options.text("sys", settings.sys.string());
            settings.mounts = options.texts("mounts", {});
            settings.interfaces = options.texts("interfaces", {});
            options.finish();
            if (has_errors(diagnostics)) return nullptr;
            return std::make_unique<Host>(std::move(settings));
          }};
}

}  // namespace weir::driver_host
