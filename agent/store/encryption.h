// Whether a store is encrypted, and who may read it.
//
// Two rows of `meta` say so: `salt`, and `key_check`, which only the right key opens. In clear, each with its
// checksum, so that a damaged one is not taken for a wrong key. Functions throw sqlite::Failure; a key that is
// wrong, or missing, is one of Kind::refused: the file is sound, and nothing was written.
#pragma once

#include <optional>
#include <string_view>

#include "store/key.h"
#include "store/seal.h"
#include "store/sqlite.h"

namespace weir::store {

// The kept values that are never encrypted: what one has to know to read the file at all, or to mend it.
bool is_clear(std::string_view meta_key);

// What the records of this file are closed with. Reads only. A plain store is plain, with a key or without.
Seal unlock(sqlite::Connection& connection, const std::optional<Key>& key);

// Makes a plain store, or a new one, an encrypted one: what is written from here on is, the kept values and the
// snapshots at once. Rows of the log up to `last`, and their outputs, stay as they are until they are trimmed;
// what is deleted while there are such is overwritten. A transaction of its own.
Seal encrypt(sqlite::Connection& connection, const Key& key, std::uint64_t last);

}  // namespace weir::store
