// The commands beside an agent with a simulated device, and a cloud.
#pragma once

#include <optional>

#include "weir_test.h"

namespace weir {

class LiveCli : public LiveTest {
 protected:
  static constexpr const char* kRule =
      "rules:\n"
      "  - name: mean\n"
      "    from: {t: \"box-{n}/temperature\"}\n"
      "    window: 1s\n"
      "    emit: {\"box-{n}/temperature_mean\": mean(t)}\n";

  void SetUp() override {
    LiveTest::SetUp();
    if (IsSkipped()) return;
    cloud_.emplace();
    write("weir.yaml", config());
    write("rules.d/mean.yaml", kRule);
    start();
  }

  std::string config(const std::string& more = {}) const {
    return "version: 1\n"
           "site: hall\n"
           "store: {path: weir.db, commit_interval: 100ms}\n"
           "drivers:\n"
           "  sim:\n"
           "    kind: simulator\n"
           "    writes: [box-1/setpoint]\n"
           "    options:\n"
           "      signals:\n"
           "        box-1/temperature: {interval: 20ms, offset: 20, unit: Cel}\n"
           "        box-1/setpoint: {wave: constant, interval: 100ms, offset: 40, unit: Cel, writable: true}\n"
           "uplinks:\n"
           "  cloud: {url: \"" +
           cloud_->url() + "\"}\n" + more;
  }

  process::Output tap(std::vector<std::string> more) const {
    more.insert(more.begin(), {"tap", cloud_->url()});
    return weir(std::move(more));
  }

  std::vector<std::string> problems() const {
    const Node status = agent_.status();
    std::vector<std::string> out;
    if (status.find("problems") == nullptr) return {"no status"};
    for (const Node& problem : *status.find("problems")->as_list()) out.push_back(*problem.find("what")->as_string());
    return out;
  }

  std::optional<test::Mosquitto> cloud_;
};

}  // namespace weir
