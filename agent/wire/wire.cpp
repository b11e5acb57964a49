#include "wire/wire.h"

#include <algorithm>

#include <google/protobuf/stubs/logging.h>

#include "model/path.h"

namespace weir::wire {

Result<model::Signal> decode(const v1::Signal& signal) {
  if (auto ok = model::check_path(signal.path()); !ok) return std::unexpected(ok.error());
  if (signal.type() < v1::BOOL || signal.type() > v1::BYTES)
    return fail("'" + signal.path() + "' has no type", "announce bool, int64, double, string or bytes");
  if (signal.unit().size() > 64 || signal.description().size() > 1'024)
    return fail("'" + signal.path() + "': unit or description is too long", "64 and 1,024 bytes are allowed");
  constexpr std::uint64_t kLongest = 366ULL * 24 * 3'600 * 1'000;
  return model::Signal{signal.path(),     static_cast<model::ValueType>(signal.type()),
                       signal.unit(),     std::chrono::milliseconds(std::min(signal.interval_ms(), kLongest)),
                       signal.writable(), signal.description()};
}

void encode(const model::Signal& signal, v1::Signal& out) {
  out.set_path(signal.path);
  out.set_type(static_cast<v1::ValueType>(signal.type));
  out.set_unit(signal.unit);
  out.set_interval_ms(static_cast<std::uint64_t>(signal.interval.count()));
  out.set_writable(signal.writable);
  out.set_description(signal.description);
}

Result<model::Value> decode(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kBoolValue: return value.bool_value();
    case v1::Value::kIntValue: return std::int64_t{value.int_value()};
    case v1::Value::kDoubleValue: return value.double_value();
    case v1::Value::kStringValue: return value.string_value();
    case v1::Value::kBytesValue: return model::Bytes{value.bytes_value()};
    case v1::Value::KIND_NOT_SET: break;
  }
  return fail("a message without a value");
}

void encode(const model::Value& value, v1::Value& out) {
  struct Setter {
    v1::Value& out;
    void operator()(bool v) const { out.set_bool_value(v); }
    void operator()(std::int64_t v) const { out.set_int_value(v); }
    void operator()(double v) const { out.set_double_value(v); }
    void operator()(const std::string& v) const { out.set_string_value(v); }
    void operator()(const model::Bytes& v) const { out.set_bytes_value(v.data); }
  };
  std::visit(Setter{out}, value);
}

void silence_protobuf() { google::protobuf::SetLogHandler(nullptr); }

const char* to_text(v1::Level level) {
  switch (level) {
    case v1::UP: return "up";
    case v1::DEGRADED: return "degraded";
    case v1::DOWN: return "down";
    default: return "unknown";
  }
}

const char* to_text(v1::Outcome outcome) {
  switch (outcome) {
    case v1::DONE: return "done";
    case v1::REFUSED: return "refused";
    case v1::FAILED: return "failed";
    case v1::EXPIRED: return "expired";
    default: return "unknown";
  }
}

}  // namespace weir::wire
