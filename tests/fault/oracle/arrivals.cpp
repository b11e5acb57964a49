#include "arrivals.h"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"

namespace weir::oracle {

ArrivalLog::ArrivalLog(const std::filesystem::path& file)
    : fd_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), file.string());
}

ArrivalLog::~ArrivalLog() { ::close(fd_); }

void ArrivalLog::add(std::string_view topic, std::string_view payload) {
  std::string entry;
  put_bytes(entry, topic);
  put_bytes(entry, payload);
  if (::write(fd_, entry.data(), entry.size()) != static_cast<ssize_t>(entry.size()) || ::fdatasync(fd_) != 0)
    throw std::system_error(errno, std::generic_category(), "the receiver's file");
}

std::vector<Arrival> read_arrivals(const std::filesystem::path& file) {
  const auto bytes = read_file(file, std::size_t{4} << 30);
  if (!bytes) throw std::runtime_error(bytes.error().text());
  std::vector<Arrival> out;
  ByteReader reader(*bytes);
  while (!reader.at_end()) {
    const auto topic = reader.bytes();
    const auto payload = reader.bytes();
    if (!reader.ok()) throw std::runtime_error("the receiver's file ends within a record");
    out.push_back({std::string(topic), std::string(payload)});
  }
  return out;
}

}  // namespace weir::oracle
