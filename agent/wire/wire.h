// Values of model/ to and from the messages of the contracts. Pure functions.
#pragma once

#include "base/error.h"
#include "model/signal.h"
#include "model/value.h"
#include "weir/v1/bus.pb.h"

namespace weir::wire {

// From outside: checked. The error says what is wrong with the signal.
Result<model::Signal> decode(const v1::Signal& signal);
void encode(const model::Signal& signal, v1::Signal& out);

// From outside: a message without a value is an error.
Result<model::Value> decode(const v1::Value& value);
void encode(const model::Value& value, v1::Value& out);

// Protobuf prints a line for each message that is none, which a hostile sender could make a flood. What
// is wrong is said by who reads the message. Once, before threads are started.
void silence_protobuf();

const char* to_text(v1::Level level);      // "up", "degraded", "down", "unknown"
const char* to_text(v1::Outcome outcome);  // "done", "refused", "failed", "expired", "unknown"

}  // namespace weir::wire
