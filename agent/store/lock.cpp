#include "store/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> cannot_open(const fs::path& path, int why) {
  auto error = fail("cannot open " + path.string() + ": " + std::strerror(why),
                    "the folder of the store must exist and be writable for the user weir");
  error.error().unwritable = why == EROFS || why == ENOSPC || why == EDQUOT || why == EIO ||
                             (why == ENOENT && takes_nothing(path.parent_path()));
  return error;
}

constexpr std::size_t kMostSpans = 32;

// "PID\n" for people and for the message below, then "LAST ALERTS DERIVED RAW BACKFILL SPANS CRC\n", SPANS in hex.
std::string text_of(const std::optional<Known>& known) {
  std::string out = std::to_string(::getpid()) + "\n";
  if (!known) return out;
  std::string numbers = std::to_string(known->last);
  for (const Stream stream : kStreams)
    numbers += " " + std::to_string(known->streams[static_cast<std::size_t>(stream)]);
  std::vector<Incarnation> spans = known->spans.all();
  if (spans.size() > kMostSpans) spans.erase(spans.begin(), spans.end() - kMostSpans);
  numbers += " " + to_hex(Spans(std::move(spans)).encode());
  return out + numbers + " " + std::to_string(crc32c(numbers)) + "\n";
}

std::optional<Known> parse(const std::string& text) {
  const std::size_t begin = text.find('\n');
  const std::size_t end = begin == std::string::npos ? begin : text.find('\n', begin + 1);
  if (end == std::string::npos) return std::nullopt;
  const std::string line = text.substr(begin + 1, end - begin - 1);
  const std::size_t numbers = line.rfind(' ');
  if (numbers == std::string::npos || line.substr(numbers + 1) != std::to_string(crc32c(line.substr(0, numbers))))
    return std::nullopt;
  std::istringstream in(line);
  Known known;
  in >> known.last;
  for (const Stream stream : kStreams) in >> known.streams[static_cast<std::size_t>(stream)];
  std::string hex, spans;
  if (!(in >> hex) || !from_hex(hex, spans)) return std::nullopt;
  try {
    known.spans = Spans::decode(spans);
  } catch (const sqlite::Failure&) {
    return std::nullopt;
  }
  return known;
}

}  // namespace

bool takes_nothing(fs::path folder) {
  std::error_code error;
  while (!folder.empty() && !fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  struct statvfs disk{};
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &disk) != 0) return errno == EIO;
  return (disk.f_flag & ST_RDONLY) != 0 || disk.f_bavail == 0 || (disk.f_files != 0 && disk.f_favail == 0);
}

Result<Lock> Lock::take(const fs::path& store) {
  fs::path path = store;
  path += ".lock";
  Lock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (lock.fd_ < 0) {
    const int why = errno;
    lock.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (why != EROFS || lock.fd_ < 0) return cannot_open(path, why);
  }
  std::array<char, 4'096> read{};
  const ssize_t size = ::pread(lock.fd_, read.data(), read.size(), 0);
  const std::string text(read.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail("cannot lock " + path.string() + ": " + std::strerror(errno));
    const std::string who = text.substr(0, text.find('\n'));
    return fail("the store " + store.string() + " is in use by another agent" +
                    (who.empty() ? std::string() : " (process " + who + ")"),
                "stop that one ('systemctl stop weir'), or give this one a store of its own");
  }
  lock.known_ = parse(text);
  const std::string mine = text_of(lock.known_);
  // The lock holds without it, so a full disk does not matter.
  static_cast<void>(::pwrite(lock.fd_, mine.data(), mine.size(), 0) > 0 &&
                    ::ftruncate(lock.fd_, static_cast<off_t>(mine.size())) == 0);
  return lock;
}

void Lock::remember(const Known& known) const {
  const std::string text = text_of(known);
  static_cast<void>(::pwrite(fd_, text.data(), text.size(), 0) > 0 &&
                    ::ftruncate(fd_, static_cast<off_t>(text.size())) == 0);
}

Lock::Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)), known_(std::move(other.known_)) {}

Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace weir::store
