// A small plant for tests: an engine with rules given as YAML, signals by name, times in seconds.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "rules/engine.h"

namespace weir::rules {

inline Site plant_site(std::string timezone = "UTC") {
  return {std::move(timezone),
          {{"early", 6 * kHour, 14 * kHour}, {"late", 14 * kHour, 22 * kHour}, {"night", 22 * kHour, 6 * kHour}},
          {{"limit", 90}}};
}

inline Compiled compile_yaml(const std::string& text, std::span<const model::Signal> announced = {},
                             const Site& site = plant_site()) {
  const config::Parsed parsed = config::parse_yaml({"rules.yaml", text});
  Compiled out;
  if (has_errors(parsed.diagnostics)) {
    out.diagnostics = parsed.diagnostics;
    return out;
  }
  return compile({&parsed.root, 1}, site, announced);
}

inline std::string all(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += render(d);
  return out;
}

inline model::Signal make_signal(const std::string& path, const std::string& unit = {}) {
  model::Signal out;
  out.path = path;
  out.unit = unit;
  return out;
}

class Plant {
 public:
  explicit Plant(const std::string& rules, Site where = plant_site()) : where_(std::move(where)) { install(rules); }

  void install(const std::string& rules) {
    const Compiled compiled = compile_yaml(rules, {}, where_);
    ASSERT_TRUE(compiled.rules) << all(compiled.diagnostics);
    engine.install(compiled.rules);
  }

  model::SignalId signal(const std::string& path, const std::string& unit = {}) {
    const auto [found, is_new] = ids_.try_emplace(path, static_cast<model::SignalId>(ids_.size() + 1));
    if (is_new) engine.define(found->second, make_signal(path, unit));
    return found->second;
  }

  // A reading that comes when it is made, unless `arrival` says another time.
  Plant& at(double time, const std::string& path, model::Value value, model::Quality quality = model::kGood,
            double arrival = -1) {
    model::Series series;
    series.signal = signal(path);
    series.append({seconds(time), std::move(value), quality});
    now_ = std::max(now_, seconds(arrival < 0 ? time : arrival));
    engine.validate(series);
    engine.readings(now_, series, out);
    return *this;
  }

  // A tick a second up to `time`.
  Plant& tick_to(double time) {
    while (now_ + kSecond <= seconds(time)) {
      now_ += kSecond;
      engine.tick(now_, out);
    }
    return *this;
  }

  // What a person does, now.
  std::size_t command(AlertCommand::Verb verb, const std::string& target, double until = 0) {
    return engine.command(now_, {verb, target, "eve", "because", seconds(until)}, out);
  }

  // What came out since the last call: "12 path = value [quality]", "12 raised since 11: message" and "12 write path
  // = value".
  std::vector<std::string> said() {
    std::vector<std::string> lines;
    for (const Emitted& e : out.emitted) {
      std::string line = stamp(e.reading.time) + " " + e.path + " = " + model::to_text(e.reading.value);
      if (!e.unit.empty()) line += " " + e.unit;
      if (!e.reading.quality.good()) line += " [" + to_text(e.reading.quality) + "]";
      if (e.revision) line += " revised";
      lines.push_back(line);
    }
    for (const AlertEvent& a : out.alerts)
      lines.push_back(stamp(a.time) + " " + a.change + " since " + stamp(a.since) + ": " + a.message);
    for (const WriteRequest& w : out.writes) {
      lines.push_back(stamp(w.time) + " write " + w.path + " = " + model::to_text(w.value));
      if (w.lease > 0)
        lines.back() += " for " + stamp(w.lease) + (w.fallback ? ", then " + model::to_text(*w.fallback) : "");
    }
    out.clear();
    return lines;
  }

  static Timestamp seconds(double time) { return static_cast<Timestamp>(time * 1e9); }
  static std::string stamp(Timestamp time) { return model::to_text(model::Value(static_cast<double>(time) / 1e9)); }

  Engine engine;
  Outputs out;

 private:
  Site where_;
  std::map<std::string, model::SignalId> ids_;
  Timestamp now_ = 0;
};

}  // namespace weir::rules
