#include "control/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/json.h"
#include "control/server.h"

namespace weir::control {

Result<Node> ask(const std::filesystem::path& socket, const Node& request, std::chrono::milliseconds timeout) {
  const std::string where = socket.string();
  const auto failed = [&](const char* doing) {
    const int error = errno;
    std::string hint;
    if (error == ENOENT || error == ECONNREFUSED) hint = "is the agent running? systemctl status weir";
    else if (error == EACCES) hint = "run it with sudo, or as a member of the group weir";
    else if (error == EAGAIN) hint = "the agent does not answer: journalctl -u weir";
    return fail(std::string("cannot ") + doing + " the agent at " + where + ": " + std::strerror(error), hint);
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (where.size() >= sizeof address.sun_path) return fail("the path of the control socket is too long: " + where);
  std::memcpy(address.sun_path, where.c_str(), where.size());

  struct Descriptor {
    int fd;
    ~Descriptor() {
      if (fd >= 0) ::close(fd);
    }
  };
  const Descriptor connection{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (connection.fd < 0) return failed("reach");
  const timeval patience{timeout.count() / 1'000, timeout.count() % 1'000 * 1'000};
  ::setsockopt(connection.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(connection.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failed("reach");

  const std::string line = to_json(request) + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t done = ::send(connection.fd, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed("ask");
    sent += static_cast<std::size_t>(done);
  }
  std::string reply;
  while (!reply.ends_with('\n') && reply.size() < 64 * kMostBytes) {
    char buffer[16'384];
    const ssize_t got = ::recv(connection.fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("hear from");
    if (got == 0) break;
    reply.append(buffer, static_cast<std::size_t>(got));
  }
  if (reply.empty()) return fail("the agent at " + where + " closed the connection without an answer");
  auto node = parse_json(reply);
  if (!node) return context("the agent's answer", node.error());
  if (const Node* error = node->find("error"); error != nullptr && error->as_string() != nullptr) {
    const Node* hint = node->find("hint");
    return fail(*error->as_string(), hint != nullptr && hint->as_string() != nullptr ? *hint->as_string() : "");
  }
  return node;
}

}  // namespace weir::control
