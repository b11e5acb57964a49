#include "bus/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"

namespace weir::bus {

bool is_free(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int yes = 1;  // as mosquitto does: what is left of former connections does not count
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Bound alone says little: with SO_REUSEADDR two may be bound, and one of them listens.
  const bool free =
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(fd, 1) == 0;
  ::close(fd);
  return free;
}

Result<std::uint16_t> pick_port() {
  constexpr std::uint16_t kFirst = 20'000, kCount = 12'000;
  std::uint64_t state = random_u64();
  for (int i = 0; i < 200; ++i)
    if (const auto port = static_cast<std::uint16_t>(kFirst + split_mix(state) % kCount); is_free(port)) return port;
  return fail("found no free port from 20000 to 31999 on 127.0.0.1",
              "is the loopback interface up? `ip link show lo`");
}

}  // namespace weir::bus
