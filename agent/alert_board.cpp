#include "agent/alert_board.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"

namespace weir {
namespace {

// The parent of all alerts' topics, which kFilter has in it, too. Rules have names, so no alert is there.
constexpr const char* kMarkerTopic = "weir/v1/alerts";

constexpr std::size_t kMostRetained = 64 << 10;  // bytes of a message that can be one of ours

bool stands(const rules::AlertEvent& alert) { return alert.active || alert.latched || alert.shelved; }

void append_level(std::string& topic, std::string_view text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7F && std::string_view("%/+#").find(c) == std::string_view::npos) {
      topic += c;
      continue;
    }
    topic += '%';
    topic += kDigits[byte >> 4];
    topic += kDigits[byte & 0xF];
  }
}

// What two messages must have in common to say the same. Which change led there is not kept.
std::string substance(Node document) {
  document.set("change", "");
  return to_json(document);
}

}  // namespace

Node alert_document(const rules::AlertEvent& alert) {
  Node node = Node::object(), group = Node::object();
  for (const auto& [name, value] : alert.group) group.set(name, value);
  node.set("id", alert.id).set("rule", alert.rule).set("group", std::move(group)).set("target", alert.target);
  node.set("severity", alert.severity).set("message", alert.message);
  node.set("active", alert.active).set("acknowledged", alert.acknowledged).set("latched", alert.latched);
  node.set("shelved", alert.shelved).set("suppressed", alert.suppressed).set("uncertain", alert.uncertain);
  // Shelved without ever having been raised, it has not begun.
  if (alert.since != 0) node.set("since", to_iso(alert.since));
  node.set("time", to_iso(alert.time)).set("change", alert.change);
  if (!alert.who.empty()) node.set("who", alert.who);
  if (!alert.why.empty()) node.set("why", alert.why);
  if (alert.shelved_until != 0) node.set("shelved_until", to_iso(alert.shelved_until));
  return node;
}

std::string alert_topic(const rules::AlertEvent& alert) {
  std::string topic = "weir/v1/alerts/";
  append_level(topic, alert.rule);
  if (alert.target.size() <= alert.rule.size()) return topic;
  for (const std::string_view capture : split(std::string_view(alert.target).substr(alert.rule.size() + 1), '/')) {
    topic += '/';
    append_level(topic, capture);
  }
  return topic;
}

AlertBoard::AlertBoard(const std::vector<rules::AlertEvent>& standing, Publish publish)
    : publish_(std::move(publish)) {
  for (const rules::AlertEvent& alert : standing) standing_[alert_topic(alert)] = alert;
}

void AlertBoard::changed(const std::vector<rules::AlertEvent>& events) {
  for (const rules::AlertEvent& event : events) {
    const std::string topic = alert_topic(event);
    if (stands(event)) {
      rules::AlertEvent& known = standing_[topic];
      rules::AlertEvent next = event;
      // Who acknowledged or shelved it is worth knowing also after its next change.
      if (next.who.empty() && known.id == next.id) {
        next.who = known.who;
        next.why = known.why;
      }
      known = std::move(next);
    } else {
      standing_.erase(topic);
    }
    want(topic);
  }
}

void AlertBoard::connected() {
  ++connection_;
  under_way_ = stale_ = 0;
  queue_.clear();
  queued_.clear();
  right_.clear();
  marker_ = to_hex(random_bytes(16));
  publish_({kMarkerTopic, marker_, 1, false}, [](Result<void> done) {
    if (!done) log::warn("bus: alerts cannot be published: {}", done.error().text());
  });
}

void AlertBoard::heard(const mqtt::Message& message) {
  if (marker_.empty()) return;
  if (message.topic == kMarkerTopic && message.payload == marker_) {
    marker_.clear();
    std::size_t missing = 0;
    for (const auto& [topic, alert] : standing_) {
      if (right_.contains(topic)) continue;
      want(topic);
      ++missing;
    }
    right_.clear();
    if (stale_ + missing > 0)
      log::info("alerts on the bus: {} stand; {} that were over are cleared, {} were missing", standing_.size(),
                stale_, missing);
    return;
  }
  if (!message.retained || message.payload.empty()) return;
  const auto found = standing_.find(message.topic);
  if (found == standing_.end()) {
    if (++stale_ <= kMostStrange) want(message.topic);
    return;
  }
  if (message.payload.size() > kMostRetained) return;
  const auto document = parse_json(message.payload);
  if (document && document->as_map() != nullptr && substance(*document) == substance(alert_document(found->second)))
    right_.insert(message.topic);
}

// Only the newest of a topic counts: while one waits, what it says may still change.
void AlertBoard::want(const std::string& topic) {
  right_.insert(topic);
  if (connection_ == 0 || !queued_.insert(topic).second) return;
  queue_.push_back(topic);
  send();
}

void AlertBoard::send() {
  while (under_way_ < kMostUnderWay && !queue_.empty()) {
    const std::string topic = std::move(queue_.front());
    queue_.pop_front();
    queued_.erase(topic);
    const auto found = standing_.find(topic);
    ++under_way_;
    publish_({topic, found == standing_.end() ? "" : to_json(alert_document(found->second)), 1, true},
             [this, connection = connection_, topic](const Result<void>& done) {
               if (connection != connection_) return;
               --under_way_;
               if (!done) log::debug("bus: {}: {}", topic, done.error().text());
               send();
             });
  }
}

}  // namespace weir
