// weir-bench alert-latency: from publishing a batch in which a reading crosses a rule's threshold to the
// arrival of the alert at a subscriber of the cloud, with 10,000 readings a second under way.
//
//   publisher ─► broker ─► agent: rule, synced commit ─► broker ─► subscriber
//
// The floor has a bare Paho client in the agent's place, which appends 4 KiB, syncs, and answers; the
// same load goes through it. One broker plays both the bus and the cloud; the readings go to the cloud,
// too. By turns, as in ingest.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bare_client.h"
#include "base/clock.h"
#include "base/file.h"
#include "bench.h"
#include "publisher.h"
#include "rig.h"
#include "test_support/mosquitto.h"
#include "weir/v1/uplink.pb.h"

namespace weir::bench {
namespace {

using Stopwatch = std::chrono::steady_clock;

struct Settings {
  std::filesystem::path folder = "/var/tmp";
  int turns = 3;
  double seconds = 8;  // of a window
};

constexpr std::size_t kReadings = 100;  // in a batch
constexpr double kBatches = 100;        // a second
constexpr std::size_t kSignals = 10;
constexpr std::uint64_t kEvery = 7;  // each seventh batch crosses, so each signal does now and then
constexpr Nanoseconds kLength = static_cast<Nanoseconds>(kReadings) * kMillisecond;

bool crosses(std::uint64_t seq) { return seq % kEvery == 0; }
std::string signal_name(std::uint64_t seq) { return "load/" + std::to_string(seq % kSignals + 1); }

// A signal has a reading each millisecond. The last of some batches is above the threshold: nine tenths of a second
// later, with the signal's next batch, the alert clears.
class Load {
 public:
  Load() : start_(SystemClock().now() - kDay) {}
  Timestamp last_time(std::uint64_t seq) const {
    return start_ + static_cast<Nanoseconds>(seq / kSignals + 1) * kLength;
  }
  std::uint64_t first_seq_at(Timestamp last) const {
    return static_cast<std::uint64_t>((last - start_) / kLength - 1) * kSignals;
  }
  std::string body(std::uint64_t seq) const {
    v1::Batch batch;
    std::uint64_t seed = seq;
    batch.ParseFromString(batch_body(signal_name(seq), last_time(seq) - kLength + kMillisecond, kReadings, seed));
    if (crosses(seq)) batch.mutable_series(0)->set_doubles(kReadings - 1, 1'000);
    return batch.SerializeAsString();
  }

 private:
  Timestamp start_;
};

class Latencies {
 public:
  void add(Stopwatch::time_point sent) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::chrono::duration<double, std::milli>(Stopwatch::now() - sent).count());
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }
  double quantile(double q) {
    const std::lock_guard lock(mutex_);
    if (values_.empty()) give_up("no alert came");
    std::ranges::sort(values_);
    return values_[static_cast<std::size_t>(std::ceil(q * static_cast<double>(values_.size()))) - 1];
  }

 private:
  mutable std::mutex mutex_;
  std::vector<double> values_;
};

// Appends and syncs a page for each thing it is given, then hands it on: on a thread of its own, as a slow
// callback of Paho's would hold up all of Paho.
class Syncer {
 public:
  Syncer(const std::filesystem::path& path, std::function<void(const std::string&)> then)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)),
        thread_([this, then = std::move(then)](const std::stop_token& stop) { run(stop, then); }) {}
  ~Syncer() {
    thread_ = {};
    ::close(file_);
  }
  void give(std::string next) {
    const std::lock_guard lock(mutex_);
    given_.push_back(std::move(next));
    changed_.notify_one();
  }

 private:
  void run(const std::stop_token& stop, const std::function<void(const std::string&)>& then) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !given_.empty(); })) {
      const std::string next = std::move(given_.front());
      given_.pop_front();
      lock.unlock();
      if (::write(file_, page_.data(), page_.size()) != static_cast<ssize_t>(page_.size()) || ::fdatasync(file_) != 0)
        give_up("cannot append");
      then(next);
      lock.lock();
    }
  }

  const int file_;
  const std::string page_ = std::string(4'096, 'x');
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> given_;
  std::jthread thread_;
};

// Which batch a bare body is of; the head is as Publisher writes it.
std::uint64_t seq_of(std::string_view payload) {
  v1::Batch batch;
  if (!batch.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) give_up("a batch that is none");
  return batch.seq();
}

void measure(const Settings& settings, Report& report) {
  const test::Mosquitto broker(broker_config());
  const Folder folder(settings.folder);
  std::filesystem::create_directory(folder / "rules.d");
  need(write_volatile_file(folder / "rules.d" / "high.yaml",
                           "rules:\n  - name: high\n    from: {v: \"load/{n}\"}\n    when: v > 900\n"
                           "    alert: {severity: warning, message: \"{n} is at {v:.1f}\"}\n"));
  AgentProcess agent(folder.path(), "version: 1\nsite: bench\nbus: {url: \"" + broker.url() +
                                        "\"}\ndrivers: {bench: {external: true}}\nstore: {path: weir.db}\nuplinks: "
                                        "{cloud: {url: \"" +
                                        broker.url() + "\"}}\n");
  agent.ready();

  const Load load;
  const auto body = [&](std::uint64_t seq) { return load.body(seq); };
  v1::Announcement announcement;
  for (std::uint64_t i = 0; i < kSignals; ++i) *announcement.add_signals() = double_signal(signal_name(i));

  Latencies figure, floor;
  Publisher driver(broker.port(), "bench", announcement, body);
  Publisher bare(broker.port(), "bare/data", body);

  // Answers leave by a connection of their own, as the agent's do: behind a PUBACK on the same one, Nagle's
  // algorithm would hold them back.
  BareClient answering(broker.port(), "answering", "bare/nothing", [](std::string_view) {});
  Syncer syncer(folder / "bare", [&](const std::string& payload) { answering.publish("bare/answer", payload); });
  const BareClient echo(broker.port(), "echo", "bare/data", [&](std::string_view payload) {
    if (crosses(seq_of(payload))) syncer.give(std::string(payload));
    bare.received();
  });
  const BareClient echoed(broker.port(), "echoed", "bare/answer",
                          [&](std::string_view payload) { floor.add(bare.sent_at(seq_of(payload))); });
  const BareClient cloud(broker.port(), "cloud", "weir/v1/up/+/alerts", [&](std::string_view payload) {
    v1::Record record;
    v1::AlertRecord alerts;
    if (!record.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
        !alerts.ParseFromString(record.body()))
      give_up("a record that is none");
    for (const v1::AlertEvent& event : alerts.events()) {
      if (event.change() != "raised") continue;
      // Of the signals' batches that end at this time, the one of the group's signal.
      std::uint64_t seq = load.first_seq_at(event.time());
      while (signal_name(seq) != "load/" + event.group().at("n")) ++seq;
      figure.add(driver.sent_at(seq));
    }
  });

  for (int turn = 0; turn < settings.turns; ++turn) {
    for (Publisher* publisher : {&bare, &driver}) {
      publisher->start(kBatches);
      std::this_thread::sleep_for(std::chrono::duration<double>(settings.seconds));
      publisher->stop();
    }
  }
  report.note(std::to_string(figure.count()) + " alerts, " + std::to_string(floor.count()) + " bare echoes");
  report.add("alert latency, p50 at 10k readings/s", "ms", figure.quantile(0.5), floor.quantile(0.5));
  report.add("alert latency, p99 at 10k readings/s", "ms", figure.quantile(0.99), floor.quantile(0.99));
}

}  // namespace

void add_alert_latency(CLI::App& app, Report& report) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("alert-latency", "From a reading on the bus to its alert at the cloud");
  command->add_option("--folder", settings->folder, "Where to put the store: on a disk")->capture_default_str();
  command->add_option("--turns", settings->turns, "Windows of each, floor and agent by turns")->capture_default_str();
  command->add_option("--seconds", settings->seconds, "Of a window")->capture_default_str();
  command->callback([settings, &report] {
    if (!test::Mosquitto::installed()) give_up("mosquitto is not installed");
    measure(*settings, report);
  });
}

}  // namespace weir::bench
