#include "model/signal_table.h"

#include "base/text.h"
#include "model/path.h"

namespace weir::model {

Result<SignalId> SignalTable::define(Signal signal, std::string_view driver, bool take_over) {
  if (auto ok = check_path(signal.path); !ok) return std::unexpected(ok.error());
  SignalId id = find(signal.path);
  if (id == 0) {
    const std::string folded = lower(signal.path);
    SignalId alike = find(folded);
    if (const auto it = by_lower_path_.find(folded); alike == 0 && it != by_lower_path_.end()) alike = it->second;
    if (alike != 0)
      return fail("'" + signal.path + "' differs from '" + at(alike).signal.path + "' only in case",
                  "paths are unique ignoring case: rename one of them");
    if (entries_.size() >= kMost)
      return fail("there are already " + std::to_string(kMost) + " signals", "more are not taken: split the box");
    id = static_cast<SignalId>(entries_.size() + 1);
  } else if (at(id).driver != driver && !take_over) {
    const auto owner = [](std::string_view name) {
      return name.empty() ? std::string("a rule") : "driver " + std::string(name);
    };
    return fail("'" + signal.path + "' already belongs to " + owner(at(id).driver) + " and is now claimed by " +
                    owner(driver),
                "give one of them another path");
  }
  restore(id, std::move(signal), driver);
  return id;
}

void SignalTable::restore(SignalId id, Signal signal, std::string_view driver) {
  if (id > entries_.size()) entries_.resize(id);
  by_path_.insert_or_assign(signal.path, id);
  if (std::string folded = lower(signal.path); folded != signal.path) by_lower_path_.insert_or_assign(std::move(folded), id);
  entries_[id - 1] = {std::move(signal), std::string(driver)};
}

SignalId SignalTable::find(std::string_view path) const {
  const auto it = by_path_.find(path);
  return it == by_path_.end() ? 0 : it->second;
}

bool SignalTable::knows(const Signal& signal, std::string_view driver) const {
  const SignalId id = find(signal.path);
  return id != 0 && at(id).signal == signal && at(id).driver == driver;
}

}  // namespace weir::model
