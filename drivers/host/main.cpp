#include "driver_host/options.h"

int main(int argc, char** argv) { return weir::sdk::run(argc, argv, weir::driver_host::kind()); }
