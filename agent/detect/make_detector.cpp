#include <algorithm>
#include <array>

#include "base/text.h"
#include "detect/default_detector.h"
#include "detect/detector.h"
#include "detect/simple_detector.h"
#include "detect/simple_detectors.h"

namespace weir::detect {
namespace {

struct Method {
  std::string_view name;
  std::string_view knows;                              // the settings that it takes, with commas
  std::unique_ptr<Detector> (*make)(const Settings&);  // the default one also needs the clock on the wall
};

constexpr Method kMethods[] = {
    {"default", "sensitivity", nullptr},
    {"zscore", "threshold, window, alpha", make_zscore},
    {"ewma", "threshold, window, alpha", make_ewma},
    {"mad", "threshold, window", make_mad},
    {"cusum", "threshold, window, drift", make_cusum},
    {"rate", "threshold", make_rate},
    {"flatline", "window", make_flatline},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kMethods)> names;
  std::ranges::transform(kMethods, names.begin(), &Method::name);
  return names;
}();

Result<void> check(const Method& method, const Settings& settings) {
  struct Setting {
    std::string_view name;
    bool given, fine;
    std::string_view right;
  };
  const auto within = [](const std::optional<double>& value, double least, double most) {
    return !value || (*value >= least && *value <= most);
  };
  for (const auto& [name, given, fine, right] : {
           Setting{"sensitivity", settings.sensitivity != Sensitivity::normal, true, ""},
           Setting{"threshold", settings.threshold.has_value(), within(settings.threshold, 1e-9, 1e15),
                   "a number above 0, at most 1e15"},
           Setting{"window", settings.window.has_value(),
                   !settings.window || (*settings.window >= kMillisecond && *settings.window <= 3'660 * kDay),
                   "a duration of 1ms to ten years: 1h"},
           Setting{"alpha", settings.alpha.has_value(), within(settings.alpha, 1e-6, 1),
                   "a number from 0.000001 to 1"},
           Setting{"drift", settings.drift.has_value(), within(settings.drift, 0, 100), "a number from 0 to 100"},
       }) {
    if (!given) continue;
    if (method.knows.find(name) == method.knows.npos)
      return fail("the detector " + std::string(method.name) + " has no " + std::string(name),
                  "it takes: " + std::string(method.knows));
    if (!fine)
      return fail(std::string(name) + " of the detector " + std::string(method.name) + " is out of range",
                  "it is " + std::string(right));
  }
  if (method.name == "zscore" && settings.window && settings.alpha)
    return fail("the detector zscore has a window and an alpha",
                "one of them is enough: each says how fast it forgets");
  return {};
}

}  // namespace

std::span<const std::string_view> methods() { return kNames; }

Result<std::unique_ptr<Detector>> make_detector(const Settings& settings,
                                                std::shared_ptr<const calendar::Calendar> calendar) {
  const auto* method = std::ranges::find(kMethods, settings.method, &Method::name);
  if (method == std::end(kMethods)) {
    const std::string meant = did_you_mean(settings.method, kNames);
    return fail(
        "there is no detector '" + settings.method + "'",
        meant.empty() ? "there are " + join(std::vector<std::string>(kNames.begin(), kNames.end()), ", ") : meant);
  }
  if (auto fine = check(*method, settings); !fine) return std::unexpected(fine.error());
  if (method->make == nullptr) return make_default_detector(settings.sensitivity, std::move(calendar));
  return method->make(settings);
}

double threshold(const Settings& settings) {
  return settings.method == "default" ? default_threshold(settings.sensitivity) : kSimpleThreshold;
}

bool parse_sensitivity(std::string_view text, Sensitivity& out) {
  if (text == "low") out = Sensitivity::low;
  else if (text == "normal") out = Sensitivity::normal;
  else if (text == "high") out = Sensitivity::high;
  else return false;
  return true;
}

}  // namespace weir::detect
