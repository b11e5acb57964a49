// The uplinks that the configuration names: which there are, started, changed and stopped.
//
// Not thread-safe; lives on the I/O thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/store_source.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "store/store.h"
#include "uplink/uplink.h"

namespace weir {

class Clouds {
 public:
  // How far each uplink has each stream.
  using Marks = std::map<std::string, std::map<uplink::Stream, std::uint64_t>>;
  static Marks marks(const store::Database& database, const std::vector<config::Uplink>& uplinks);

  // What each takes, as the store has to know it.
  static std::vector<store::UplinkStreams> streams(const std::vector<config::Uplink>& uplinks);

  // `marks`: as the database had them when it was handed to the store.
  Clouds(boost::asio::any_io_executor executor, const Clock& clock, store::Store& store, std::string agent,
         std::string incarnation, Marks marks, StoreSource::Birth birth);

  // These are to run from now on: who is new is started, who is gone or has changed is stopped, who has
  // changed starts again where it was; the others are not touched, and tell their clouds the signals anew.
  void apply(const std::vector<config::Uplink>& uplinks);

  void notify(bool signals_changed);  // the streams have more

  // What the clouds are told of the agent itself; see Uplink::announce().
  void announce(std::string incarnation, std::vector<std::string> problems);
  void stop(std::function<void()> then);

  std::vector<std::pair<config::Uplink, uplink::Stats>> stats() const;

 private:
  // The source outlives the uplink.
  struct Cloud {
    config::Uplink config;
    std::unique_ptr<StoreSource> source;
    std::unique_ptr<uplink::Uplink> uplink;
  };
  Result<void> add(const config::Uplink& config);
  void remove(const std::string& name);

  boost::asio::any_io_executor executor_;
  const Clock& clock_;
  store::Store& store_;
  std::string agent_, incarnation_;
  std::vector<std::string> problems_;
  Marks marks_;
  StoreSource::Birth birth_;
  std::map<std::string, Cloud> clouds_;
  std::vector<Cloud> leaving_;  // on their way out
};

}  // namespace weir
