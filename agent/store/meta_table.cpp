#include "store/meta_table.h"

#include "base/crc32c.h"
#include "store/encryption.h"

namespace weir::store {
namespace {

const Seal& in_clear() {
  static const Seal seal;
  return seal;
}

}  // namespace

Place place_of_kept(std::string_view key) { return {Role::kept, crc32c(key)}; }

MetaTable::MetaTable(sqlite::Connection& connection, const Seal& seal)
    : seal_(seal),
      get_(connection, "SELECT value FROM meta WHERE key = ?1"),
      put_(connection, "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)"),
      erase_(connection, "DELETE FROM meta WHERE key = ?1"),
      keys_(connection, "SELECT key FROM meta WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key") {}

std::optional<std::string> MetaTable::get(std::string_view key) {
  sqlite::Rows rows = get_.query(key);
  if (!rows.next()) return std::nullopt;
  auto value = seal_of(key).open(place_of_kept(key), rows.bytes(0));
  if (!value) throw sqlite::damaged("the kept value '" + std::string(key) + "' fails its checksum");
  return value;
}

void MetaTable::put(std::string_view key, std::string_view value) {
  const std::string sealed = seal_of(key).close(place_of_kept(key), value);
  put_.run(key, sqlite::Blob{sealed});
}

const Seal& MetaTable::seal_of(std::string_view key) const { return is_clear(key) ? in_clear() : seal_; }

void MetaTable::erase(std::string_view key) { erase_.run(key); }

std::vector<std::string> MetaTable::keys(std::string_view prefix) {
  std::vector<std::string> out;
  sqlite::Rows rows = keys_.query(prefix);
  while (rows.next()) out.emplace_back(rows.bytes(0));
  return out;
}

}  // namespace weir::store
