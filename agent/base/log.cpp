#include "base/log.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace weir::log {
namespace {

// sd-daemon(3): "<4>" in front of a line is its priority.
class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    static constexpr const char* kPriority[] = {"<7>", "<7>", "<6>", "<4>", "<3>", "<2>", "<6>"};
    std::string line = kPriority[message.level];
    line.append(message.payload.data(), message.payload.size());
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }
};

}  // namespace

void start(std::string_view name, std::string_view level) {
  std::shared_ptr<spdlog::logger> logger;
  if (std::getenv("JOURNAL_STREAM") != nullptr) {
    logger = std::make_shared<spdlog::logger>(std::string(name), std::make_shared<JournalSink>());
  } else {
    logger =
        std::make_shared<spdlog::logger>(std::string(name), std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%H:%M:%S.%e %^%-5l%$ %n: %v");
  }
  // from_str takes what it does not know for "off".
  const auto known = spdlog::level::from_str(std::string(level));
  logger->set_level(known == spdlog::level::off ? spdlog::level::info : known);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

bool BurstLog::first(const std::string& key, std::uint64_t& repeats) {
  constexpr std::size_t kMost = 1'024;
  const Nanoseconds now = clock_.boottime();
  if (bursts_.size() >= kMost)
    std::erase_if(bursts_, [&](const auto& burst) { return now - burst.second.last > quiet_; });
  if (bursts_.size() >= kMost && !bursts_.contains(key)) return false;
  const auto [it, fresh] = bursts_.try_emplace(key);
  Burst& burst = it->second;
  const bool say = fresh || now - burst.last > quiet_;
  burst.last = now;
  if (!say) {
    ++burst.unsaid;
    return false;
  }
  repeats = burst.unsaid;
  burst.unsaid = 0;
  return true;
}

}  // namespace weir::log
