#include <algorithm>

#include "base/text.h"
#include "detect/default_detector.h"
#include "detect/detector.h"

namespace weir::detect {
namespace {

constexpr std::string_view kMethods[] = {"default"};

}  // namespace

std::span<const std::string_view> methods() { return kMethods; }

Result<std::unique_ptr<Detector>> make_detector(const Settings& settings) {
  if (std::ranges::find(kMethods, settings.method) == std::end(kMethods))
    return fail("there is no detector '" + settings.method + "'", did_you_mean(settings.method, kMethods));
  return make_default_detector(settings.sensitivity);
}

double threshold(const Settings& settings) { return default_threshold(settings.sensitivity); }

bool parse_sensitivity(std::string_view text, Sensitivity& out) {
  if (text == "low") out = Sensitivity::low;
  else if (text == "normal") out = Sensitivity::normal;
  else if (text == "high") out = Sensitivity::high;
  else return false;
  return true;
}

}  // namespace weir::detect
