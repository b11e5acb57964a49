#include "driver_simulator/options.h"

int main(int argc, char** argv) { return weir::sdk::run(argc, argv, weir::driver_simulator::kind()); }
