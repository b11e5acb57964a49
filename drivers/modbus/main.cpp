#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "config/config.h"
#include "driver_modbus/driver.h"
#include "sdk/driver.h"

namespace {

// Profiles are written by people, like weir.yaml, and are found from its folder.
weir::modbus::Profile read_profile(const std::string& path) {
  const char* folder = std::getenv("WEIR_CONFIG_DIR");
  const std::filesystem::path file = std::filesystem::path(folder != nullptr ? folder : ".") / path;
  weir::modbus::Profile profile;
  const auto text = weir::read_file(file, 1 << 20);
  if (!text) {
    profile.diagnostics.push_back({weir::Diagnostic::Severity::error, {}, text.error().what, text.error().hint});
    return profile;
  }
  auto parsed = weir::config::parse_yaml({path, *text});
  return {std::move(parsed.root), std::move(parsed.diagnostics)};
}

}  // namespace

int main(int argc, char** argv) { return weir::sdk::run(argc, argv, weir::modbus::kind(read_profile)); }
