// The units that weir::model::Unit knows, as UCUM 2.2 (2024-06-17) defines them. For unit.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace weir::model::unit_table {

enum class Kind : std::uint8_t {
  base,    // its value is the index of its dimension
  ratio,   // value · definition
  special  // no ratio, as °C or a level in bel: takes part in no product
};

struct Atom {
  std::string_view code;
  bool metric;  // takes prefixes
  double value;
  std::string_view definition;  // in other units; empty: converts to itself only
  Kind kind = Kind::ratio;
  double offset = 0;  // of a special one, in its definition's units
};

struct Prefix {
  std::string_view code;
  double times, over;
};

std::span<const Atom> atoms();
std::span<const Prefix> prefixes();

// Characters that people write, and how UCUM spells them.
std::span<const std::pair<std::string_view, std::string_view>> odd_characters();

// What UCUM spells otherwise: "rpm", "psi", "kWh". Empty if it is none of them.
std::string_view usual_mistake(std::string_view word);

// What is usually meant by a unit that is one, of something else: "F". Empty if it is none of them.
std::string_view usually_meant(std::string_view unit);

}  // namespace weir::model::unit_table
