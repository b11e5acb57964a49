#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/json.h"
#include "control/client.h"
#include "control/server.h"

namespace weir::control {
namespace {

class ControlTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("weir-control-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    socket_ = folder_ / "control.sock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Serves on a thread of its own while `client` runs on this one.
  void serve(Handler handler, const std::function<void()>& client) {
    boost::asio::io_context io;
    auto server = Server::listen(io.get_executor(), socket_, std::move(handler));
    ASSERT_TRUE(server) << server.error().text();
    auto work = boost::asio::make_work_guard(io);
    std::thread thread([&] { io.run(); });
    client();
    boost::asio::post(io, [&] {
      server->reset();
      work.reset();
    });
    thread.join();
    io.restart();
    io.poll();
  }

  int connect_raw() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_.c_str());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  std::filesystem::path folder_, socket_;
};

void echo(const Node& request, const Reply& reply) { reply(Node::object().set("heard", to_json(request))); }

TEST_F(ControlTest, AnswersARequest) {
  serve(echo, [&] {
    const auto answer = ask(socket_, Node::object().set("do", "status"));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(*answer->find("heard")->as_string(), R"({"do":"status"})");
  });
}

TEST_F(ControlTest, AnswersLater) {
  Reply first;
  serve(
      // Two clients: the first hears only when the second has asked.
      [&](const Node&, Reply reply) {
        if (first) {
          std::exchange(first, nullptr)(Node::object().set("late", true));
          reply(Node::object());
        } else {
          first = std::move(reply);
        }
      },
      [&] {
        const int fd = connect_raw();
        ASSERT_EQ(::send(fd, "{}\n", 3, 0), 3);
        // The second may come first, then it is the one that waits: either way one of them hears it.
        std::thread second([&] { (void)ask(socket_, Node::object()); });
        char buffer[256];
        EXPECT_GT(::recv(fd, buffer, sizeof buffer, 0), 0);
        ::close(fd);
        second.join();
      });
}

TEST_F(ControlTest, AnErrorComesBackAsOne) {
  serve([](const Node&, const Reply& reply) { reply(Node::object().set("error", "no such signal")); },
        [&] {
          const auto answer = ask(socket_, Node::object());
          ASSERT_FALSE(answer);
          EXPECT_EQ(answer.error().what, "no such signal");
        });
}

TEST_F(ControlTest, WhatIsNoJsonIsAnsweredSo) {
  serve(echo, [&] {
    const int fd = connect_raw();
    ASSERT_EQ(::send(fd, "hello\n", 6, 0), 6);
    char buffer[256];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    ASSERT_GT(got, 0);
    EXPECT_NE(std::string(buffer, static_cast<std::size_t>(got)).find("not JSON"), std::string::npos);
    ::close(fd);
  });
}

TEST_F(ControlTest, ALineWithoutEndIsCutOff) {
  serve(echo, [&] {
    const int fd = connect_raw();
    const std::string chunk(64 << 10, 'x');
    bool closed = false;
    for (std::size_t sent = 0; !closed && sent < 8 * kMostBytes; sent += chunk.size())
      closed = ::send(fd, chunk.data(), chunk.size(), MSG_NOSIGNAL) < 0;
    EXPECT_TRUE(closed);
    ::close(fd);
    // And others are still served.
    EXPECT_TRUE(ask(socket_, Node::object()));
  });
}

TEST_F(ControlTest, TheSocketIsForOwnerAndGroup) {
  serve(echo, [&] {
    struct stat info{};
    ASSERT_EQ(::stat(socket_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0660U);
  });
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(ControlTest, NoAgentIsSaidSo) {
  const auto answer = ask(socket_, Node::object());
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().hint.find("is the agent running"), std::string::npos);
}

}  // namespace
}  // namespace weir::control
