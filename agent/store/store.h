// The store as the line sees it: a Database on a thread of its own.
//
// Calls come from one thread, the line's, and return at once; each completion is posted to the
// executor, in the order of the calls. What is handed over is moved. A call that cannot be carried out
// completes with an error; nothing is dropped silently.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "store/database.h"

namespace weir::store {

class Store {
 public:
  // Takes over an opened database and starts the thread. The destructor finishes what was handed over
  // and joins; completions that were not run by then are dropped.
  Store(std::unique_ptr<Database> database, boost::asio::any_io_executor executor);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  // Called when the condition has changed, and once at the beginning; in order with the completions, so that who
  // hears of a commit has heard of what it brought about. Before the first call.
  using ConditionChanged = std::function<void(const Condition&, const std::vector<Incarnation>&)>;
  void on_condition(ConditionChanged changed);

  void commit(Transaction transaction, std::function<void(Result<Committed>)> done);
  // In order, all of them or none, for the price of one sync.
  void commit(std::vector<Transaction> transactions, std::function<void(Result<std::vector<Committed>>)> done);
  void save_snapshot(Snapshot snapshot, std::function<void(Result<void>)> done);
  // For an uplink: what it is given is lent to it, and stays until it has acknowledged it.
  void fetch(std::string uplink, Stream stream, StreamSeq after, std::size_t bytes,
             std::function<void(Result<std::vector<Record>>)> done);
  void acknowledge(std::string uplink, Stream stream, StreamSeq seq);
  void set_uplinks(std::vector<UplinkStreams> uplinks);
  void set_limits(Limits limits, Nanoseconds retain);
  void keep(std::string key, std::string value, std::function<void(Result<void>)> done);
  void trim(std::function<void(Result<bool>)> done);
  void stats(std::function<void(Stats)> done);

  // Comes back through the store's thread: whoever waits for it knows that the thread is alive.
  void ping(std::function<void()> done);

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace weir::store
