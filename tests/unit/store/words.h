// What the store says of the records that it gave up, in words: "damaged raw 3-5; quota alerts 1-2".
#pragma once

#include <optional>
#include <string>

#include "store/digest.h"

namespace weir::store {

class Words final : public Digest {
 public:
  std::optional<std::string> thin(const Replaced&) const override { return std::nullopt; }
  std::string gap(const Replaced& replaced, std::string_view reason,
                  const std::optional<std::string>& before) const override {
    return (before ? *before + "; " : "") + std::string(reason) + " " + to_text(replaced.stream) + " " +
           std::to_string(replaced.first) + "-" + std::to_string(replaced.last);
  }
};

}  // namespace weir::store
