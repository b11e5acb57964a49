// Whether readings can be what they claim to be (`valid:`), and what stands in for those that cannot (`repair:`).
//
// Marks readings before rules and the cloud see them: their quality becomes uncertain or bad, with the reason; the
// value itself is never touched. Pure like the engine: the same readings in the same order are marked the same, and
// what is marked already is marked the same again, so that a replay of the log changes nothing.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/diagnostic.h"
#include "base/document.h"
#include "model/series.h"
#include "model/signal.h"

namespace weir::rules {

// From compile(); immutable.
class ValiditySet {
 public:
  bool empty() const { return true; }
};

// The marks of all signals, and what they are made from.
class Validity {
 public:
  void install(std::shared_ptr<const ValiditySet> set);
  void define(model::SignalId id, const model::Signal& signal);
  void validate(model::Series& series);
  void save(std::string& out) const;
  bool restore(ByteReader& in);
};

}  // namespace weir::rules
