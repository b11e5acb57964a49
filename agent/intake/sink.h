// Where the intake puts what it has taken: the line. Called in the order in which the rules shall see it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/series.h"
#include "model/signal_table.h"
#include "weir/v1/log.pb.h"

namespace weir::intake {

struct Batch {
  v1::BatchTaken head;
  std::vector<model::Series> series;
};

class Sink {
 public:
  virtual ~Sink() = default;

  virtual const model::SignalTable& signals() const = 0;
  virtual Result<model::SignalId> define(model::Signal signal, const std::string& driver, bool take_over) = 0;

  virtual void take(Batch batch, std::vector<v1::Gap> gaps, const v1::Cursor& after) = 0;
  virtual void driver_state(const v1::DriverStateInput& state) = 0;

  // Whether rules wait for time; if so, tick() once a second.
  virtual bool waits_for_time() const = 0;
  virtual void tick() = 0;
};

}  // namespace weir::intake
