#include "driver_modbus/modicon.h"

#include <array>
#include <utility>

namespace weir::modbus {

std::optional<ModiconPlace> modicon(std::int64_t number) {
  static constexpr std::array<std::pair<std::int64_t, Table>, 3> kLeading{
      {{1, Table::discrete}, {3, Table::input}, {4, Table::holding}}};
  for (const auto& [leading, table] : kLeading) {
    if (const std::int64_t first = number - leading * 10'000 - 1; first >= 0 && first < 9'999)
      return ModiconPlace{table, first};
    if (const std::int64_t first = number - leading * 100'000 - 1; first >= 0 && first < 65'536)
      return ModiconPlace{table, first};
  }
  return std::nullopt;
}

std::string place_hint(std::int64_t number) {
  const auto meant = modicon(number);
  if (!meant) return "write {holding: N}, {input: N}, {coil: N} or {discrete: N}, where the first N is 0";
  return "write {" + std::string(to_text(meant->table)) + ": " + std::to_string(meant->first) + "}: zero-based; " +
         std::to_string(number) + " is Modicon notation for it";
}

}  // namespace weir::modbus
