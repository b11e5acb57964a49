#include "driver_simulator/options.h"

#include "driver_simulator/load.h"
#include "driver_simulator/plant.h"
#include "model/path.h"
#include "sdk/options.h"

namespace weir::driver_simulator {
namespace {

constexpr const char* kSchema = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Options of the simulator driver",
  "type": "object",
  "additionalProperties": false,
  "oneOf": [{"required": ["signals"]}, {"required": ["load"]}],
  "properties": {
    "seed": {"type": "integer", "minimum": 0, "default": 1, "description": "The same seed gives the same values"},
    "signals": {
      "type": "object",
      "description": "By path, device/signal",
      "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "wave": {"enum": ["sine", "ramp", "noise", "step", "counter", "constant"], "default": "sine"},
          "type": {"enum": ["bool", "int", "double", "string", "bytes"], "default": "double"},
          "unit": {"type": "string", "description": "UCUM, for example Cel"},
          "interval": {"type": "string", "default": "1s", "description": "Between two readings, for example 250ms"},
          "amplitude": {"type": "number", "default": 1, "description": "For counter: how much it counts each time"},
          "offset": {"type": "number", "default": 0, "description": "What is added; for constant: the value"},
          "period": {"type": "string", "default": "1m"},
          "noise": {"type": "number", "minimum": 0, "default": 0, "description": "Standard deviation"},
          "writable": {"type": "boolean", "default": false, "description": "Constants only: holds what is written"},
          "faults": {
            "type": "array",
            "items": {
              "type": "object",
              "additionalProperties": false,
              "required": ["kind"],
              "properties": {
                "kind": {"enum": ["bad", "stuck", "spike", "silent"]},
                "every": {"type": "string", "default": "1m"},
                "for": {"type": "string", "default": "10s"}
              }
            }
          }
        }
      }
    },
    "load": {
      "type": "object",
      "additionalProperties": false,
      "description": "Many readings instead of a plant",
      "properties": {
        "signals": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 10},
        "batch": {"type": "integer", "minimum": 1, "maximum": 8192, "default": 1000},
        "rate": {"type": ["number", "string"], "default": "max", "description": "Readings/s of all signals, or max"}
      }
    }
  }
})";

Shape shape_of(const std::string& name) {
  if (name == "ramp") return Shape::ramp;
  if (name == "noise") return Shape::noise;
  if (name == "step") return Shape::step;
  if (name == "counter") return Shape::counter;
  if (name == "constant") return Shape::constant;
  return Shape::sine;
}

Fault read_fault(const Node& node, Diagnostics& diagnostics) {
  sdk::Options options(node, diagnostics);
  Fault out;
  options.required("kind");
  const std::string kind = options.one_of("kind", "bad", {"bad", "stuck", "spike", "silent"});
  out.kind = kind == "stuck"    ? Fault::Kind::stuck
             : kind == "spike"  ? Fault::Kind::spike
             : kind == "silent" ? Fault::Kind::silent
                                : Fault::Kind::bad;
  out.every = options.duration("every", out.every, {.least = kMillisecond, .most = 365 * kDay});
  out.lasts = options.duration("for", std::min(out.lasts, out.every), {.least = kMillisecond, .most = 365 * kDay});
  if (out.lasts > out.every)
    options.error("for", "the fault lasts longer than the time between two", "make 'every' longer");
  options.finish();
  return out;
}

Wave read_wave(const std::string& path, const Node& node, std::uint64_t seed, Diagnostics& diagnostics) {
  sdk::Options options(node, diagnostics);
  Wave out;
  out.signal.path = path;
  const std::string wave = options.one_of("wave", "sine", {"sine", "ramp", "noise", "step", "counter", "constant"});
  out.shape = shape_of(wave);
  model::parse_type(options.one_of("type", "double", {"bool", "int", "double", "string", "bytes"}), out.signal.type);
  out.signal.unit = options.text("unit", "");
  out.interval = options.duration("interval", kSecond, {.least = kMillisecond, .most = kDay});
  out.signal.interval = std::chrono::milliseconds(out.interval / kMillisecond);
  constexpr sdk::Options::Numbers kAmplitudes{.least = -1e15, .most = 1e15};
  out.amplitude = options.number("amplitude", 1, kAmplitudes);
  out.offset = options.number("offset", 0, kAmplitudes);
  out.period = options.duration("period", kMinute, {.least = kMillisecond, .most = 365 * kDay});
  out.noise = options.number("noise", 0, {.least = 0, .most = 1e15});
  out.signal.writable = options.boolean("writable", false);
  out.signal.description = "simulated " + wave;
  out.seed = seed_of(seed, path);
  if (out.signal.writable && out.shape != Shape::constant)
    options.error("writable", "only a constant can be written", "write `wave: constant`");
  if (const Node* faults = options.any("faults")) {
    if (const Node::List* list = faults->as_list())
      for (const Node& fault : *list) out.faults.push_back(read_fault(fault, diagnostics));
    else options.error("faults", std::string("'faults' must be a list, not ") + faults->kind());
  }
  options.finish();
  return out;
}

Load read_load(const Node& node, Diagnostics& diagnostics) {
  sdk::Options options(node, diagnostics);
  Load out;
  out.signals = static_cast<std::size_t>(options.integer("signals", 10, 1, 1'000'000));
  out.batch = static_cast<std::size_t>(options.integer("batch", 1'000, 1, 8'192));
  const Node* rate = options.any("rate");
  if (rate != nullptr && rate->as_string() == nullptr)
    out.rate = options.number("rate", 1, {.least = 1e-3, .most = 1e9});
  else if (options.text("rate", "max") != "max")
    options.error("rate", "'rate' must be a number of readings a second, or max");
  options.finish();
  return out;
}

}  // namespace

std::optional<Settings> read_settings(const Node& node, Diagnostics& diagnostics) {
  Settings out;
  sdk::Options options(node, diagnostics);
  out.seed = static_cast<std::uint64_t>(options.integer("seed", 1, 0, INT64_MAX));
  const Node* signals = options.any("signals");
  const Node* load = options.any("load");
  if (load != nullptr) out.load = read_load(*load, diagnostics);
  if (signals != nullptr) {
    if (const Node::Map* map = signals->as_map()) {
      for (const Node::Member& member : *map) {
        if (auto ok = model::check_path(member.key); !ok)
          diagnostics.push_back(sdk::problem(member.key_position, ok.error().what, ok.error().hint));
        out.waves.push_back(read_wave(member.key, member.value, out.seed, diagnostics));
      }
    } else {
      options.error("signals", std::string("'signals' must be a map of paths, not ") + signals->kind(),
                    "write `boiler-1/temperature: {wave: sine}`");
    }
  }
  if ((signals != nullptr) == (load != nullptr))
    options.error("", "either 'signals' or 'load' is needed",
                  "write `signals: {boiler-1/temperature: {wave: sine}}`");
  options.finish();
  if (has_errors(diagnostics)) return std::nullopt;
  return out;
}

sdk::Kind kind() {
  return {"simulator", "Simulates a plant, or load, from a seed", kSchema,
          [](const Node& options, Diagnostics& diagnostics) -> std::unique_ptr<sdk::Driver> {
            auto settings = read_settings(options, diagnostics);
            if (!settings) return nullptr;
            if (settings->load) return std::make_unique<LoadDriver>(*settings->load, settings->seed);
            return std::make_unique<Plant>(std::move(settings->waves));
          }};
}

}  // namespace weir::driver_simulator
