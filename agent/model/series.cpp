#include "model/series.h"

#include <cassert>

namespace weir::model {

Column make_column(ValueType type) {
  switch (type) {
    case ValueType::boolean: return std::vector<std::uint8_t>{};
    case ValueType::integer: return std::vector<std::int64_t>{};
    case ValueType::real: return std::vector<double>{};
    case ValueType::string: return std::vector<std::string>{};
    case ValueType::bytes: return std::vector<Bytes>{};
  }
  return {};
}

Value Series::value(std::size_t i) const {
  return std::visit(
      [i]<class T>(const std::vector<T>& column) -> Value {
        if constexpr (std::is_same_v<T, std::uint8_t>) return column[i] != 0;
        else return column[i];
      },
      values);
}

void Series::append(const Reading& reading) {
  if (times.empty()) values = make_column(type_of(reading.value));
  assert(type() == type_of(reading.value));
  const bool uniform = qualities.size() <= 1;
  const std::uint32_t common = qualities.empty() ? kGood.code : qualities.front();
  if (times.empty()) {
    if (!(reading.quality == kGood)) qualities = {reading.quality.code};
  } else if (uniform && reading.quality.code != common) {
    qualities.assign(times.size(), common);
    qualities.push_back(reading.quality.code);
  } else if (!uniform) {
    qualities.push_back(reading.quality.code);
  }
  times.push_back(reading.time);
  std::visit(
      [&]<class T>(std::vector<T>& column) {
        if constexpr (std::is_same_v<T, std::uint8_t>) column.push_back(std::get<bool>(reading.value) ? 1 : 0);
        else column.push_back(std::get<T>(reading.value));
      },
      values);
}

}  // namespace weir::model
