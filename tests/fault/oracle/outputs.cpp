#include "outputs.h"

#include "codec/codec.h"
#include "weir/v1/uplink.pb.h"

namespace weir::oracle {
namespace {

std::string text_of(const std::string& path, const model::Reading& reading) {
  return path + " at " + to_iso(reading.time) + " is " + model::to_text(reading.value) + ", a " +
         model::to_text(model::type_of(reading.value)) + " of quality " + std::to_string(reading.quality.code);
}

// The same fields of a rules::AlertEvent and of a weir.v1.AlertEvent.
struct Alert {
  const std::string &id, &rule, &severity, &change, &message;
  bool active, acknowledged, latched, shelved, suppressed, uncertain;
  Timestamp since, time;
};

template <class Group>
std::string text_of(const Alert& alert, const Group& group) {
  // Protobuf's maps have no order.
  std::set<std::string> members;
  for (const auto& [name, value] : group) members.insert(name + "=" + value);
  std::string out = alert.rule + "[";
  for (const std::string& member : members) out += member + " ";
  out += "] " + alert.change + " " + alert.severity + " id " + alert.id + " bits ";
  for (const bool bit :
       {alert.active, alert.acknowledged, alert.latched, alert.shelved, alert.suppressed, alert.uncertain})
    out += bit ? '1' : '0';
  return out + " since " + to_iso(alert.since) + " at " + to_iso(alert.time) + ": " + alert.message;
}

}  // namespace

void add(const rules::Outputs& replayed, Outputs& alerts, Outputs& derived) {
  for (const rules::Emitted& emitted : replayed.emitted) derived.insert(text_of(emitted.path, emitted.reading));
  for (const rules::AlertEvent& e : replayed.alerts)
    alerts.insert(text_of({e.id, e.rule, e.severity, e.change, e.message, e.active, e.acknowledged, e.latched,
                           e.shelved, e.suppressed, e.uncertain, e.since, e.time},
                          e.group));
}

Result<void> add_alerts(std::string_view body, Outputs& alerts) {
  v1::AlertRecord record;
  if (!record.ParseFromArray(body.data(), static_cast<int>(body.size()))) return fail("it is no AlertRecord");
  for (const v1::AlertEvent& e : record.events())
    alerts.insert(text_of({e.id(), e.rule(), e.severity(), e.change(), e.message(), e.active(), e.acknowledged(),
                           e.latched(), e.shelved(), e.suppressed(), e.uncertain(), e.since(), e.time()},
                          e.group()));
  return {};
}

Result<void> add_derived(std::string_view body, const model::SignalTable& signals, Outputs& derived) {
  v1::DerivedRecord record;
  if (!record.ParseFromArray(body.data(), static_cast<int>(body.size()))) return fail("it is no DerivedRecord");
  auto readings = codec::decode(record.readings());
  if (!readings) return std::unexpected(readings.error());
  for (const model::Series& series : *readings) {
    if (series.signal == 0 || series.signal > signals.size())
      return fail("the log does not define its signal " + std::to_string(series.signal));
    for (std::size_t i = 0; i < series.size(); ++i)
      derived.insert(text_of(signals.at(series.signal).signal.path, series.reading(i)));
  }
  return {};
}

}  // namespace weir::oracle
