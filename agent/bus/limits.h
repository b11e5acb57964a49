// How much the managed broker holds for one client that does not keep up, the agent above all. Intake
// derives the drivers' credits from it: what they may have under way in sum stays below both bounds, so
// that the broker never throws a batch away.
#pragma once

#include <cstdint>

namespace weir::bus {

inline constexpr std::uint32_t kBrokerQueue = 20'000;            // messages
inline constexpr std::uint64_t kBrokerQueueBytes = 64ull << 20;  // of payload
inline constexpr std::uint32_t kBrokerPacket = 16u << 20;        // the largest packet that it takes
inline constexpr std::uint32_t kBrokerInflight = 100;            // QoS 1 messages sent and not acknowledged

}  // namespace weir::bus
