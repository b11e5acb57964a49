// Any bytes on any topic that the agent reads: the first byte chooses the topic, the rest is the payload;
// 0xFE 0xFE ends a message and begins the next. Nothing may crash, and what is taken is well-formed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "intake/intake.h"
#include "wire/wire.h"

namespace {

using namespace weir;

class Checked final : public intake::Sink {
 public:
  const model::SignalTable& signals() const override { return table_; }
  Result<model::SignalId> define(model::Signal signal, const std::string& driver, bool take_over) override {
    return table_.define(std::move(signal), driver, take_over);
  }
  void take(intake::Batch batch, std::vector<v1::Gap>, const v1::Cursor& after) override {
    if (after.epoch() == last_.epoch() && after.seq() < last_.seq()) std::abort();
    last_ = after;
    for (const model::Series& series : batch.series) {
      const std::size_t values = std::visit([](const auto& column) { return column.size(); }, series.values);
      if (values != series.size() || series.size() == 0) std::abort();
      if (series.qualities.size() > 1 && series.qualities.size() != values) std::abort();
      if (series.signal == 0 || series.signal > table_.size()) std::abort();
      if (series.type() != table_.at(series.signal).signal.type) std::abort();
    }
  }
  void driver_state(const v1::DriverStateInput&) override {}
  bool waits_for_time() const override { return false; }
  void tick() override {}

 private:
  model::SignalTable table_;
  v1::Cursor last_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = [] {
    spdlog::set_level(spdlog::level::off);
    wire::silence_protobuf();
    return true;
  }();
  (void)quiet;
  static constexpr std::string_view kTopics[] = {"weir/v1/data/d", "weir/v1/signals/d", "weir/v1/state/d",
                                                 "weir/v1/data/x", "weir/v1//d"};
  ManualClock clock;
  clock.set(1'700'000'000 * kSecond);
  Checked sink;
  intake::Options options;
  options.incarnation = std::string(16, 'i');
  options.limits.readings = 10'000;
  intake::Intake intake(clock, options, sink, [](const std::string&, const std::string&) {});
  intake.set_drivers({"d"});
  v1::Cursor cursor;
  cursor.set_driver("d");
  cursor.set_instance(1);
  cursor.set_epoch(1);
  intake.restore({cursor}, 1);
  v1::Announcement announcement;
  announcement.set_instance(1);
  for (int type = v1::BOOL; type <= v1::BYTES; ++type) {
    v1::Signal& signal = *announcement.add_signals();
    signal.set_path("d/" + std::to_string(type));
    signal.set_type(static_cast<v1::ValueType>(type));
  }
  intake.message("weir/v1/signals/d", announcement.SerializeAsString());

  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (int messages = 0; !rest.empty() && messages < 64; ++messages) {
    const std::size_t end = rest.find("\xFE\xFE");
    const std::string_view message = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
    if (message.empty()) continue;
    intake.message(kTopics[static_cast<unsigned char>(message[0]) % std::size(kTopics)], message.substr(1));
    clock.advance(kSecond);
    intake.second();
  }
  return 0;
}
