// Small named values, each with its checksum.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/seal.h"
#include "store/sqlite.h"

namespace weir::store {

// What the seal of a value is over.
Place place_of_kept(std::string_view key);

class MetaTable {
 public:
  MetaTable(sqlite::Connection& connection, const Seal& seal);

  std::optional<std::string> get(std::string_view key);  // throws sqlite::Failure if it is damaged
  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  std::vector<std::string> keys(std::string_view prefix);

 private:
  const Seal& seal_of(std::string_view key) const;

  const Seal& seal_;
  sqlite::Statement get_, put_, erase_, keys_;
};

}  // namespace weir::store
