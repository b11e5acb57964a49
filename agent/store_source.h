// The store as one uplink sees it: how far its cloud has each stream, and what comes next.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "store/store.h"
#include "uplink/source.h"

namespace weir {

class StoreSource final : public uplink::Source {
 public:
  using Birth = std::function<std::string()>;

  // `acknowledged`: as the database had it when it was opened, by stream.
  StoreSource(store::Store& store, std::string uplink, std::map<uplink::Stream, std::uint64_t> acknowledged,
              Birth birth);

  void fetch(uplink::Stream stream, std::uint64_t after, std::size_t bytes,
             std::function<void(Result<std::vector<uplink::Record>>)> done) override;
  std::uint64_t acknowledged(uplink::Stream stream) const override;
  void acknowledge(uplink::Stream stream, std::uint64_t seq) override;
  std::string birth() const override { return birth_(); }

  // From the names in weir.yaml, most urgent first, and backfill.
  static std::vector<uplink::Stream> streams(const std::vector<std::string>& names);

 private:
  store::Store& store_;
  std::string uplink_;
  std::map<uplink::Stream, std::uint64_t> acknowledged_;
  Birth birth_;
};

}  // namespace weir
