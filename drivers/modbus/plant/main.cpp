// weir-plant-simulator: an example plant behind a Modbus TCP server (or a serial port), to try Weir on.
#include <csignal>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "driver_modbus/plant/plant.h"
#include "driver_modbus/plant/server.h"

int main(int argc, char** argv) {
  using namespace weir::modbus::plant;

  ServerOptions options;
  std::uint64_t seed = 1;
  CLI::App app(
      "An example plant that speaks Modbus: a boiler (unit 1), a tank (unit 2) and two pumps (units 3 and 4), of "
      "which "
      "pump 2 is faulty.\n\nExample: weir-plant-simulator --port 15020");
  app.add_option("--port", options.port, "TCP port, on the loopback interface; 0 takes a free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65'535));
  app.add_option("--address", options.address, "IPv4 address to listen on")->capture_default_str();
  app.add_option("--rtu", options.serial, "Serve one unit on this serial port (9600 8N1) instead of TCP");
  app.add_option("--unit", options.serial_unit, "The unit on the serial port")
      ->capture_default_str()
      ->check(CLI::Range(1, Plant::kUnits));
  app.add_option("--seed", seed, "Of the noise")->capture_default_str();
  app.add_option("--black-hole-unit", options.black_holes, "A unit that hears and does not answer (may be repeated)");
  app.add_option("--silence", options.silence, "While this file exists, nobody is answered");
  CLI11_PARSE(app, argc, argv);

  // Before any thread or socket: they end as an event in the server's loop, not in a handler.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  Plant plant(seed);
  if (const auto served = serve(plant, options); !served) {
    std::cerr << "weir-plant-simulator: " << served.error().text() << "\n";
    return 1;
  }
  return 0;
}
