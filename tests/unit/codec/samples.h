// Series to encode, from a seed: ordinary ones, and the nastiest there are.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/series.h"

namespace weir::codec::samples {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return split_mix(state_) % bound; }
  std::uint64_t any() { return split_mix(state_); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  std::int64_t nasty_integer() {
    switch (below(6)) {
      case 0: return std::numeric_limits<std::int64_t>::min() + static_cast<std::int64_t>(below(3));
      case 1: return std::numeric_limits<std::int64_t>::max() - static_cast<std::int64_t>(below(3));
      case 2: return static_cast<std::int64_t>(any());
      case 3: return static_cast<std::int64_t>(std::uint64_t{1} << below(64));
      case 4: return -static_cast<std::int64_t>(below(1000));
      default: return 0;
    }
  }

  double nasty_double() {
    switch (below(9)) {
      case 0: return -0.0;
      case 1: return std::bit_cast<double>(0x7FF0000000000001 + below(1 << 20));  // signalling NaNs
      case 2: return std::bit_cast<double>(0xFFF8000000000000 | any() >> 13);     // NaNs with a payload
      case 3: return one_in(2) ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
      case 4: return std::bit_cast<double>(below(std::uint64_t{1} << 52));  // denormals
      case 5: return one_in(2) ? std::numeric_limits<double>::max() : std::numeric_limits<double>::min();
      case 6: return std::bit_cast<double>(any());
      case 7: return static_cast<double>(below(2000)) / 10 + 0.2;  // often a step beside a decimal
      default: return 1e15 + static_cast<double>(below(1000)) / 8;
    }
  }

  model::Series series(std::size_t most) {
    model::Series out;
    out.signal = one_in(8) ? static_cast<model::SignalId>(any()) : static_cast<model::SignalId>(below(300) + 1);
    const std::size_t size = one_in(10) ? 0 : below(most) + 1;
    times(out, size);
    values(out, size);
    qualities(out, size);
    return out;
  }

  std::vector<model::Series> block(std::size_t most_series, std::size_t most_readings) {
    std::vector<model::Series> out;
    for (std::size_t count = below(most_series + 1); count > 0; --count) {
      out.push_back(series(most_readings));
      if (out.size() > 1 && one_in(3) && out.back().size() > 0) {  // polled together
        model::Series twin = out.back();
        twin.signal += 1;
        out.push_back(twin);
      }
    }
    return out;
  }

 private:
  void times(model::Series& out, std::size_t size) {
    const auto kind = below(4);
    auto time = static_cast<Timestamp>(1'763'683'200'000'000'000 + below(1'000'000'000));
    for (std::size_t i = 0; i < size; ++i) {
      if (kind == 0) time += 1'000'000'000;
      if (kind == 1) time += 100'000'000 + static_cast<Timestamp>(below(2'000'000));
      if (kind == 2) time += one_in(20) ? -5'000'000'000 : 1'000'000;
      out.times.push_back(kind == 3 ? nasty_integer() : time);
    }
  }

  void values(model::Series& out, std::size_t size) {
    out.values = model::make_column(static_cast<model::ValueType>(below(5) + 1));
    const bool nasty = one_in(3), constant = one_in(5);
    const auto digits = static_cast<double>(std::uint64_t{1} << below(20));
    std::visit(
        [&]<class T>(std::vector<T>& column) {
          for (std::size_t i = 0; i < size; ++i) {
            if (constant && i > 0) column.push_back(column.front());
            else if constexpr (std::is_same_v<T, std::uint8_t>) column.push_back(static_cast<std::uint8_t>(below(2)));
            else if constexpr (std::is_same_v<T, std::int64_t>)
              column.push_back(nasty ? nasty_integer() : static_cast<std::int64_t>(below(5000)));
            else if constexpr (std::is_same_v<T, double>)
              column.push_back(nasty ? nasty_double() : static_cast<double>(below(100'000)) / digits);
            else column.push_back(T{text()});
          }
        },
        out.values);
  }

  std::string text() {
    static constexpr const char* kWords[] = {"", "open", "closed", "fault: pump 3", "offen \xC3\xBC", "x"};
    std::string out = kWords[below(6)];
    for (std::uint64_t more = one_in(6) ? below(40) : 0; more > 0; --more) out.push_back(static_cast<char>(any()));
    return out;
  }

  void qualities(model::Series& out, std::size_t size) {
    static constexpr std::uint32_t kCodes[] = {0, 0x40000000, 0x80050000, 0x800A0000, 0xFFFFFFFF};
    const auto kind = below(4);
    if (kind == 1) out.qualities = {kCodes[below(5)]};
    if (kind == 2) out.qualities.assign(size, kCodes[below(5)]);
    if (kind == 3)
      for (std::size_t i = 0; i < size; ++i)
        out.qualities.push_back(one_in(4) || i == 0 ? kCodes[below(5)] : out.qualities.back());
  }

  std::uint64_t state_;
};

// Equal to the last bit: NaNs by their payloads, zeros by their signs.
inline bool identical(const std::vector<model::Series>& a, const std::vector<model::Series>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto* x = std::get_if<std::vector<double>>(&a[i].values);
    const auto* y = std::get_if<std::vector<double>>(&b[i].values);
    if (x == nullptr || y == nullptr) {
      if (!(a[i] == b[i])) return false;
      continue;
    }
    if (a[i].signal != b[i].signal || a[i].times != b[i].times || a[i].qualities != b[i].qualities ||
        x->size() != y->size())
      return false;
    for (std::size_t k = 0; k < x->size(); ++k)
      if (std::bit_cast<std::uint64_t>((*x)[k]) != std::bit_cast<std::uint64_t>((*y)[k])) return false;
  }
  return true;
}

}  // namespace weir::codec::samples
