#include "base/random.h"

#include <sys/random.h>
#include <cerrno>
#include <cstdlib>

namespace weir {

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = getrandom(out.data() + done, count - done, 0);
    if (got > 0) done += static_cast<std::size_t>(got);
    else if (errno != EINTR) std::abort();  // the kernel has no randomness to give: nothing is safe
  }
  return out;
}

std::uint64_t random_u64() {
  std::uint64_t out = 0;
  while (out == 0) {
    const std::string bytes = random_bytes(sizeof out);
    for (const char c : bytes) out = out << 8 | static_cast<unsigned char>(c);
  }
  return out;
}

std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace weir
