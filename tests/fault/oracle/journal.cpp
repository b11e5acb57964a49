#include "journal.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace weir::oracle {

std::string signal_path(std::size_t signal) { return "oracle/s" + std::to_string(signal); }

Journal::Journal(const std::filesystem::path& file)
    : fd_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)), lines_("\n") {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), file.string());
}

Journal::~Journal() { ::close(fd_); }

void Journal::add(const Made& made) {
  lines_ += made.path + " " + std::to_string(made.value) + " " + std::to_string(made.time) + " .\n";
}

void Journal::write() {
  const auto written = ::write(fd_, lines_.data(), lines_.size());
  if (written != static_cast<ssize_t>(lines_.size()))
    throw std::system_error(errno, std::generic_category(), "the journal");
  lines_.clear();
}

namespace {

std::vector<Made> read_lines(std::istream& in) {
  std::vector<Made> out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    Made made;
    std::string end;
    if (fields >> made.path >> made.value >> made.time >> end && end == ".") out.push_back(std::move(made));
  }
  return out;
}

}  // namespace

std::vector<Made> read_journal(const std::filesystem::path& file) {
  std::ifstream in(file);
  return read_lines(in);
}

std::optional<Made> read_last(const std::filesystem::path& file) {
  constexpr std::uintmax_t kEnough = 4'096;
  std::error_code missing;
  const auto size = std::filesystem::file_size(file, missing);
  if (missing) return std::nullopt;
  std::ifstream in(file);
  // The line that this begins within is incomplete and left out, or a number short of its first digits:
  // only the last one counts.
  in.seekg(static_cast<std::streamoff>(size - std::min(size, kEnough)));
  auto lines = read_lines(in);
  if (lines.empty()) return std::nullopt;
  return std::move(lines.back());
}

}  // namespace weir::oracle
