// Where the host driver's values come from: a function per signal, over one snapshot of the files.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "driver_host/options.h"
#include "driver_host/parse.h"
#include "model/signal.h"

namespace weir::driver_host {

// Each file is read at most once a cycle, whoever needs it. Not thread-safe.
class Files {
 public:
  explicit Files(const Settings& settings) : settings_(settings) {}

  void begin_cycle() { texts_.clear(); }
  const Result<std::string>& proc(const std::string& name) { return read(settings_.proc / name); }
  const Result<std::string>& sys(const std::string& name) { return read(settings_.sys / name); }
  Result<std::int64_t> sys_number(const std::string& name);

 private:
  const Result<std::string>& read(const std::filesystem::path& path);

  const Settings& settings_;
  std::map<std::filesystem::path, Result<std::string>> texts_;
};

struct Source {
  model::Signal signal;
  // The value now. An error: bad quality, and the reason for the device's state.
  std::function<Result<model::Value>(Files&)> read;
};

// What this machine has, at this moment. What does not exist is not there.
std::vector<Source> find_sources(const Settings& settings, Files& files);

}  // namespace weir::driver_host
