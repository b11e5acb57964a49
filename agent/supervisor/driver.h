// Drivers as executables: where they are, and what they say of options without being run.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/diagnostic.h"
#include "base/error.h"

namespace weir::supervisor {

// Where drivers are looked for: `given` (if not empty), beside our own executable, /usr/lib/weir/drivers.
std::vector<std::filesystem::path> driver_folders(const std::filesystem::path& given = {});

// The executable weir-driver-KIND in the first of the folders that has it. The error says where it
// looked, what there is, and which kind may have been meant.
Result<std::filesystem::path> find_driver(std::string_view kind, const std::vector<std::filesystem::path>& folders);

// The kinds that the folders have, sorted.
std::vector<std::string> driver_kinds(const std::vector<std::filesystem::path>& folders);

// One thing that a driver has to say of its options. On standard output of `DRIVER --check`, a line each:
//   {"severity":"error","at":"/devices/0/port","message":"there is no port 70000","hint":"1 to 65535"}
struct Finding {
  Diagnostic::Severity severity = Diagnostic::Severity::error;
  std::string at;  // JSON Pointer (RFC 6901) into the options; "": the whole
  std::string message;
  std::string hint;  // may be empty
};

inline constexpr std::chrono::milliseconds kCheckTimeout{5'000};

// Runs `EXECUTABLE --check` with the options (JSON) on standard input. An error if the driver cannot be
// run, takes too long, dies, or says what is no finding; wrong options are findings. Blocking, on any
// thread.
Result<std::vector<Finding>> check(const std::filesystem::path& executable, const std::string& options,
                                   std::chrono::milliseconds most = kCheckTimeout);

// The same without blocking; `done` runs on the executor.
void check(boost::asio::any_io_executor executor, const std::filesystem::path& executable, const std::string& options,
           std::function<void(Result<std::vector<Finding>>)> done, std::chrono::milliseconds most = kCheckTimeout);

// Runs `EXECUTABLE --schema`: the JSON Schema of its options. Blocking, on any thread.
Result<std::string> schema(const std::filesystem::path& executable, std::chrono::milliseconds most = kCheckTimeout);

}  // namespace weir::supervisor
