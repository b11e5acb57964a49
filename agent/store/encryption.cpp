#include "store/encryption.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "store/meta_table.h"

namespace weir::store {
namespace {

constexpr std::string_view kSalt = "salt", kCheck = "key_check";
constexpr std::array<std::string_view, 8> kClear{kSalt,     kCheck, "incarnation", "incarnations",
                                                 "machine", "file", "holes",       "wear"};

sqlite::Failure refused(const char* what, const char* hint) {
  return {sqlite::Failure::Kind::refused, {std::string(what) + "; nothing was changed", hint}};
}

// A value that is damaged goes: it could not be read before either, and must not stay in clear.
void hide_meta(MetaTable& in_clear, MetaTable& hidden) {
  for (const std::string& key : in_clear.keys("")) {
    if (is_clear(key)) continue;
    try {
      if (const auto value = in_clear.get(key)) hidden.put(key, *value);
    } catch (const sqlite::Failure& failure) {
      if (failure.kind() != sqlite::Failure::Kind::damaged) throw;
      in_clear.erase(key);
    }
  }
}

// Those that are damaged stay: whoever loads the others says so.
void hide_snapshots(sqlite::Connection& connection, const Seal& plain, const Seal& seal) {
  sqlite::Statement ids(connection, "SELECT at FROM snapshot");
  sqlite::Statement read(connection, "SELECT state FROM snapshot WHERE at = ?1");
  sqlite::Statement write(connection, "UPDATE snapshot SET state = ?2 WHERE at = ?1");
  std::vector<std::uint64_t> all;
  for (sqlite::Rows rows = ids.query(); rows.next();) all.push_back(static_cast<std::uint64_t>(rows.integer(0)));
  for (const std::uint64_t at : all) {
    std::optional<std::string> state;
    {
      sqlite::Rows rows = read.query(at);
      if (rows.next()) state = plain.open({Role::snapshot, at}, rows.bytes(0));
    }
    if (state) write.run(at, sqlite::Blob{seal.close({Role::snapshot, at}, *state)});
  }
}

}  // namespace

bool is_clear(std::string_view meta_key) { return std::ranges::find(kClear, meta_key) != kClear.end(); }

Seal unlock(sqlite::Connection& connection, const std::optional<Key>& key) {
  const Seal plain;
  MetaTable meta(connection, plain);
  const auto salt = meta.get(kSalt), check = meta.get(kCheck);
  if (!salt && !check) return {};
  if (!salt || !check || salt->size() != Seal::kSaltSize)
    throw sqlite::damaged("what the key is checked by is missing");
  if (!key)
    throw refused("it is encrypted, and there is no key",
                  "give weir the key that it was encrypted with: store.key_file in weir.yaml, or --key-file");
  auto seal = Seal::fit(*key, *salt, *check);
  if (!seal)
    throw refused("the key does not fit: it was encrypted with another one",
                  "give weir that key again (store.key_file, or --key-file), or give this one another store.path");
  return std::move(*seal);
}

Seal encrypt(sqlite::Connection& connection, const Key& key, std::uint64_t last) {
  const Seal plain;
  const std::string salt = random_bytes(Seal::kSaltSize);
  Seal seal(key, salt, last);
  connection.run("PRAGMA secure_delete = 1");
  {
    MetaTable in_clear(connection, plain), hidden(connection, seal);
    sqlite::Scope scope(connection);
    hide_meta(in_clear, hidden);
    hide_snapshots(connection, plain, seal);
    hidden.put(kSalt, salt);
    hidden.put(kCheck, seal.check());
    scope.commit();
  }
  // What the WAL had in clear goes with it.
  connection.run("PRAGMA wal_checkpoint(TRUNCATE)");
  return seal;
}

}  // namespace weir::store
