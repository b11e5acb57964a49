// The values of a rule's keys, read strictly: one of the wrong kind, or out of bounds, is an error that shows what
// would be right. Each function complains itself, and gives nothing then.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/document.h"
#include "model/unit.h"
#include "rules/language/program.h"
#include "rules/read/reporter.h"

namespace weir::rules {

// What people write who know other systems, or who have the right key in the wrong place.
struct KeyHint {
  std::string_view key, hint;
};

// What a map may hold.
struct Shape {
  std::string_view what;     // "an alert"
  std::string_view example;  // "alert: {severity: warning}"
  std::span<const std::string_view> keys;
  std::span<const KeyHint> hints = {};
};

// Null if it is no map. Keys that do not belong there are complained about; the rest can be used.
const Node::Map* read_map(const Node& node, const Shape& shape, Reporter& reporter);

// A key and its value, to speak of the key; null if there is none.
const Node::Member* find_member(const Node& map, std::string_view key);

struct DurationRange {
  Nanoseconds least = 0;
  Nanoseconds most = 3660 * kDay;
  bool forever = false;  // may be "forever": kForever
};
std::optional<Nanoseconds> read_duration(const Node& node, DurationRange range, Reporter& reporter);

std::optional<bool> read_truth(const Node& node, Reporter& reporter);
std::optional<double> read_number(const Node& node, Reporter& reporter);
std::optional<std::uint32_t> read_count(const Node& node, std::uint32_t least, std::uint32_t most,
                                        Reporter& reporter);

// `what` it should be: "a message". Null if it is no text.
const std::string* read_text(const Node& node, std::string_view what, Reporter& reporter);

// Which of the choices it is. `what`: "a severity".
std::optional<std::size_t> read_choice(const Node& node, std::string_view what,
                                       std::span<const std::string_view> choices, Reporter& reporter);

// As UCUM spells it.
std::optional<model::Unit> read_unit(const Node& node, Reporter& reporter);

// A name that expressions can use: of an input, or of what stands under let:.
bool check_name(const Node::Member& member, std::string_view what, Reporter& reporter);

}  // namespace weir::rules
