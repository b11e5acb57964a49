// Expected failures, for the whole of Weir.
//
// An Error is read by a technician at a cabinet: `what` says what happened and to which thing,
// `hint` what to do about it. Functions that can fail for reasons outside the program return
// Result<T>; a broken invariant is an assert.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

struct Error {
  std::string what;         // "cannot open /var/lib/weir/weir.db: permission denied"
  std::string hint;         // "run as the user weir, or …"; may be empty
  bool damage = false;      // what was stored is spoilt: trying again will not help
  bool unwritable = false;  // the disk takes nothing: it is full, read-only or failing. Later it may

  std::string text() const { return hint.empty() ? what : what + " (" + hint + ")"; }
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string what, std::string hint = {}) {
  return std::unexpected(Error{std::move(what), std::move(hint)});
}

// Puts what one was about in front of what went wrong: context("driver boiler", error).
inline std::unexpected<Error> context(std::string_view about, Error error) {
  error.what.insert(0, std::string(about) + ": ");
  return std::unexpected(std::move(error));
}

}  // namespace weir
