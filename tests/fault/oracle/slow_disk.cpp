// A disk that takes its time, as SD cards do: preloaded into the agent, it lets the first write after each
// sync wait for a while. What may happen only after a commit then has no luck to hide behind.
#include <atomic>
#include <cstdint>
#include <ctime>

#include <dlfcn.h>
#include <unistd.h>

namespace {

constexpr std::uint64_t kMostMicroseconds = 25'000;
std::atomic<bool> fresh{true};
std::atomic<std::uint64_t> state{0x9E3779B97F4A7C15};

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void wait_a_while() {
  if (!fresh.exchange(false)) return;
  std::uint64_t x = state.load() ^ static_cast<std::uint64_t>(::getpid());
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  state = x;
  const timespec time{0, static_cast<long>(x % kMostMicroseconds) * 1'000};
  ::nanosleep(&time, nullptr);
}

}  // namespace

extern "C" {

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  static auto* const real = next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  wait_a_while();
  return real(fd, data, size, offset);
}

int fdatasync(int fd) {
  static auto* const real = next<int(int)>("fdatasync");
  const int result = real(fd);
  fresh = true;
  return result;
}
}
