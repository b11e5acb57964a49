// What the tests of the built executables share: a folder of a test's own, weir run in it as its users do, an agent.
#pragma once

#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include "base/text.h"
#include "mqtt/paho.h"
#include "process/process.h"
#include "test_support/agent.h"
#include "test_support/mosquitto.h"

namespace weir {

class WeirTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const { agent_.write(name, text); }
  std::string path(const std::string& name) const { return (agent_ / name).string(); }

  std::string read(const std::string& name) const {
    std::ifstream file(agent_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  process::Output weir(std::vector<std::string> arguments) const { return agent_.run(std::move(arguments)); }

  // weir with these arguments as a shell has it, in the folder of the test, and what the shell does with it.
  process::Output shell(const std::string& arguments, const std::string& rest, const std::string& before = "") const {
    auto output = process::run({.executable = "/bin/bash",
                                .arguments = {"-c", "cd " + path("") + " && " + before + WEIR_BIN + "/weir " +
                                                        arguments + " --config weir.yaml --runtime-dir run" + rest}},
                               std::chrono::seconds(30));
    EXPECT_TRUE(output) << output.error().text();
    return output ? *output : process::Output{};
  }

  // The same, of what must be done; what it shows.
  std::string done(const std::vector<std::string>& arguments) const {
    const process::Output output = weir(arguments);
    EXPECT_EQ(output.exit.code(), 0) << join(arguments, " ") << "\n" << join(output.error, "\n");
    return join(output.out, "\n");
  }

  // The same, of what it must refuse; what it says about it.
  std::string refused(const std::vector<std::string>& arguments, int code = 1) const {
    const process::Output output = weir(arguments);
    const std::string why = join(output.error, "\n");
    EXPECT_EQ(output.exit.code(), code) << join(arguments, " ") << "\n" << why;
    EXPECT_THAT(output.out, testing::IsEmpty()) << join(arguments, " ");
    return why;
  }

  // Lines with the folder of the test taken out.
  std::vector<std::string> plain(std::vector<std::string> lines) const {
    const std::string folder = path("");
    for (std::string& line : lines)
      for (std::size_t at; (at = line.find(folder)) != line.npos;) line.erase(at, folder.size());
    return lines;
  }

  boost::asio::io_context io_;
  test::Agent agent_{io_, WEIR_BIN};
};

// With an agent, and others who speak to brokers.
class LiveTest : public WeirTest {
 protected:
  void SetUp() override {
    if (!test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
  }

  void start() {
    agent_.start();
    ASSERT_TRUE(agent_.until([&] { return agent_.logged("ready: ") || agent_.exit(); }) && !agent_.exit())
        << agent_.said();
  }
  void stop() {
    ASSERT_TRUE(agent_.stop());
    EXPECT_TRUE(agent_.exit()->ok()) << agent_.exit()->text() << "\n" << agent_.said();
  }

  // Connected, and subscribed to `filters`, when it returns; and anew whenever the broker was gone.
  std::unique_ptr<mqtt::Client> connect(const std::string& url, const std::string& name,
                                        const std::vector<std::string>& filters = {},
                                        std::function<void(const mqtt::Message&)> heard = {}) {
    mqtt::Options options;
    options.url = url;
    options.client_id = name;
    auto client = mqtt::make_paho_client(io_.get_executor(), options);
    const auto ready = std::make_shared<bool>(false);
    client->start({.connected =
                       [ready, filters, client = client.get()] {
                         if (filters.empty()) *ready = true;
                         else client->subscribe(filters, [ready](Result<void> done) { *ready = done.has_value(); });
                       },
                   .disconnected = [](const Error&) {},
                   .message = heard ? std::move(heard) : [](const mqtt::Message&) {}});
    EXPECT_TRUE(agent_.until([&] { return *ready; })) << name << " does not reach " << url;
    return client;
  }

  void publish(mqtt::Client& client, mqtt::Message message) {
    bool taken = false;
    client.publish(std::move(message), [&](Result<void> done) { taken = done.has_value(); });
    ASSERT_TRUE(agent_.until([&] { return taken; }));
  }
};

}  // namespace weir
