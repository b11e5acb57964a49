#include "agent/clouds.h"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "agent/plan.h"
#include "base/log.h"
#include "mqtt/paho.h"

namespace weir {

Clouds::Marks Clouds::marks(const store::Database& database, const std::vector<config::Uplink>& uplinks) {
  Marks marks;
  for (const config::Uplink& uplink : uplinks)
    for (const uplink::Stream stream : StoreSource::streams(uplink.streams))
      marks[uplink.name][stream] = database.acknowledged(uplink.name, static_cast<store::Stream>(stream));
  return marks;
}

std::vector<store::UplinkStreams> Clouds::streams(const std::vector<config::Uplink>& uplinks) {
  std::vector<store::UplinkStreams> out;
  for (const config::Uplink& uplink : uplinks) {
    std::vector<store::Stream> streams;
    for (const uplink::Stream stream : StoreSource::streams(uplink.streams))
      streams.push_back(static_cast<store::Stream>(stream));
    out.emplace_back(uplink.name, std::move(streams));
  }
  return out;
}

Clouds::Clouds(boost::asio::any_io_executor executor, const Clock& clock, store::Store& store, std::string agent,
               std::string incarnation, Marks marks, StoreSource::Birth birth)
    : executor_(std::move(executor)),
      clock_(clock),
      store_(store),
      agent_(std::move(agent)),
      incarnation_(std::move(incarnation)),
      marks_(std::move(marks)),
      birth_(std::move(birth)) {}

void Clouds::apply(const std::vector<config::Uplink>& uplinks) {
  std::vector<std::string> gone;
  for (const auto& [name, cloud] : clouds_)
    if (std::ranges::find(uplinks, cloud.config) == uplinks.end()) gone.push_back(name);
  for (const std::string& name : gone) remove(name);
  store_.set_uplinks(streams(uplinks));
  for (auto& [name, cloud] : clouds_) cloud.uplink->signals_changed();
  for (const config::Uplink& uplink : uplinks) {
    if (clouds_.contains(uplink.name)) continue;
    if (auto ok = add(uplink); !ok) log::error("uplink {}: {}", uplink.name, ok.error().text());
  }
}

Result<void> Clouds::add(const config::Uplink& config) {
  auto client = plan::uplink_options(config, agent_);
  if (!client) return std::unexpected(client.error());
  Cloud cloud;
  cloud.config = config;
  cloud.source = std::make_unique<StoreSource>(store_, config.name, marks_[config.name], birth_);
  uplink::Options options;
  options.name = config.name;
  options.agent = agent_;
  options.incarnation = incarnation_;
  options.streams = StoreSource::streams(config.streams);
  cloud.uplink = std::make_unique<uplink::Uplink>(executor_, clock_, std::move(options), mqtt::make_paho_client,
                                                  std::move(*client), *cloud.source);
  cloud.uplink->announce(incarnation_, problems_);
  cloud.uplink->start();
  clouds_.insert_or_assign(config.name, std::move(cloud));
  return {};
}

void Clouds::remove(const std::string& name) {
  auto node = clouds_.extract(name);
  if (node.empty()) return;
  // Should it come back, with another address: it goes on where it is now.
  const Cloud& gone = node.mapped();
  for (const uplink::Stream stream : StoreSource::streams(gone.config.streams))
    marks_[name][stream] = gone.source->acknowledged(stream);
  leaving_.push_back(std::move(node.mapped()));
  uplink::Uplink* uplink = leaving_.back().uplink.get();
  uplink->stop([this, uplink] {
    boost::asio::post(executor_, [this, uplink] {
      std::erase_if(leaving_, [uplink](const Cloud& cloud) { return cloud.uplink.get() == uplink; });
    });
  });
}

void Clouds::notify(bool signals_changed) {
  for (auto& [name, cloud] : clouds_) {
    if (signals_changed) cloud.uplink->signals_changed();
    cloud.uplink->notify();
  }
}

void Clouds::announce(std::string incarnation, std::vector<std::string> problems) {
  incarnation_ = std::move(incarnation);
  problems_ = std::move(problems);
  for (auto& [name, cloud] : clouds_) cloud.uplink->announce(incarnation_, problems_);
}

void Clouds::stop(std::function<void()> then) {
  auto left = std::make_shared<std::size_t>(clouds_.size() + 1);
  const auto one_less = [left, then = std::move(then)] {
    if (--*left == 0) then();
  };
  for (auto& [name, cloud] : clouds_) cloud.uplink->stop(one_less);
  one_less();
}

std::vector<std::pair<config::Uplink, uplink::Stats>> Clouds::stats() const {
  std::vector<std::pair<config::Uplink, uplink::Stats>> out;
  for (const auto& [name, cloud] : clouds_) out.emplace_back(cloud.config, cloud.uplink->stats());
  return out;
}

}  // namespace weir
