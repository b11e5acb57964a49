#include "supervisor/supervisor.h"

#include <algorithm>
#include <map>
#include <optional>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/backoff.h"
#include "base/log.h"
#include "base/random.h"
#include "process/process.h"
#include "supervisor/output_log.h"

namespace weir::supervisor {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

// One driver, over all its lives.
class Keeper : public std::enable_shared_from_this<Keeper> {
 public:
  // `changed`: state or pid; `gone`: it was told to stop and has no process any more.
  Keeper(const asio::any_io_executor& executor, const Clock& clock, const SupervisorOptions& options, Spec spec,
         std::function<void()> changed, std::function<void()> gone)
      : executor_(executor),
        clock_(clock),
        options_(options),
        spec_(std::move(spec)),
        changed_(std::move(changed)),
        gone_(std::move(gone)),
        backoff_(options.first_backoff, options.most_backoff),
        jitter_(random_u64()),
        timer_(executor),
        output_(clock, spec_.name) {
    facts_.name = spec_.name;
    facts_.since = clock.now();
  }

  void start() {
    timer_.cancel();
    process::Command command;
    command.executable = spec_.executable;
    command.arguments = spec_.arguments;
    command.environment = spec_.environment;
    // What we do read is as good as the journal: lines come with their priority in front.
    command.environment.emplace_back("JOURNAL_STREAM", "0:0");
    command.input = spec_.options;
    const std::weak_ptr<Keeper> weak = weak_from_this();
    auto started = process::Process::start(executor_, command,
                                           {.out =
                                                [weak](std::string_view line) {
                                                  if (const auto self = weak.lock()) self->said(line);
                                                },
                                            .error =
                                                [weak](std::string_view line) {
                                                  if (const auto self = weak.lock()) self->said(line);
                                                },
                                            .exited =
                                                [weak](process::Exit exit) {
                                                  if (const auto self = weak.lock()) self->died(exit.text());
                                                }});
    if (ever_started_) ++facts_.restarts;
    ever_started_ = true;
    facts_.next_try = 0;
    if (!started) return died(started.error().text());
    process_ = std::move(*started);
    facts_.pid = process_->pid();
    log::debug("driver {} runs as process {}", spec_.name, facts_.pid);
    enter(facts_.state == State::crash_loop ? State::crash_loop : State::running);
    after(options_.stable_after, [](Keeper& self) { self.settled(); });
  }

  // Changes what is to run: a new spec, or nothing.
  void want(std::optional<Spec> spec) {
    wanted_ = spec.has_value();
    deaths_ = 0;
    backoff_.reset();
    if (wanted_) spec_ = std::move(*spec);
    timer_.cancel();
    facts_.next_try = 0;
    if (process_) {
      if (!std::exchange(stopping_, true)) process_->terminate(options_.grace);
      return enter(wanted_ ? State::starting : State::stopped);
    }
    if (wanted_) {
      enter(State::starting);
      return start();
    }
    enter(State::stopped);
    gone_();
  }

  const Spec& spec() const { return spec_; }
  bool wanted() const { return wanted_; }
  const DriverProcess& facts() const { return facts_; }

 private:
  void said(std::string_view line) {
    const std::string_view text = OutputLog::text_of(line);
    if (!text.empty()) facts_.last_line = text;
    output_.add(line);
  }

  void died(const std::string& how) {
    output_.flush();
    process_.reset();
    facts_.pid = 0;
    facts_.last_exit = how;
    if (std::exchange(stopping_, false)) {
      log::debug("driver {} was told to stop and {}", spec_.name, how);
      if (wanted_) return start();
      changed_();
      return gone_();
    }
    ++deaths_;
    const bool was_loop = facts_.state == State::crash_loop;
    const bool loop = deaths_ >= options_.loop_deaths;
    const milliseconds wait = loop ? slow() : backoff_.next();
    facts_.next_try = clock_.now() + std::chrono::nanoseconds(wait).count();
    if (loop && !was_loop)
      log::error("driver {} dies again and again, {} times in a row now: {}{}; it is tried again every {} or so",
                 spec_.name, deaths_, how, last_words(), weir::to_text(options_.most_backoff));
    else if (!loop)
      log::warn("driver {}: {}{}; it is started again in {}", spec_.name, how, last_words(), weir::to_text(wait));
    after(wait, [](Keeper& self) { self.start(); });
    enter(loop ? State::crash_loop : State::backing_off);
  }

  void settled() {
    deaths_ = 0;
    backoff_.reset();
    if (facts_.state != State::crash_loop) return;
    log::info("driver {} runs again, for {} now", spec_.name, weir::to_text(options_.stable_after));
    enter(State::running);
  }

  // Full jitter would try too early now and then; this is from half of the longest wait up to all of it.
  milliseconds slow() {
    const std::int64_t half = options_.most_backoff.count() / 2;
    return milliseconds(half + static_cast<std::int64_t>(split_mix(jitter_) % static_cast<std::uint64_t>(half + 1)));
  }

  std::string last_words() const {
    return facts_.last_line.empty() ? "" : ", last it wrote \"" + facts_.last_line + "\"";
  }

  void enter(State state) {
    if (state != facts_.state) facts_.since = clock_.now();
    facts_.state = state;
    changed_();
  }

  void after(milliseconds wait, void (*then)(Keeper&)) {
    timer_.expires_after(wait);
    timer_.async_wait([weak = weak_from_this(), then](error_code cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self) then(*self);
    });
  }

  asio::any_io_executor executor_;
  const Clock& clock_;
  SupervisorOptions options_;
  Spec spec_;
  std::function<void()> changed_, gone_;
  Backoff backoff_;
  std::uint64_t jitter_;
  asio::steady_timer timer_;
  OutputLog output_;
  std::unique_ptr<process::Process> process_;
  DriverProcess facts_;
  unsigned deaths_ = 0;
  bool ever_started_ = false;
  bool wanted_ = true;
  bool stopping_ = false;  // the process was told to end
};

}  // namespace

Spec driver_spec(std::string name, std::filesystem::path executable, std::string options, const std::string& bus_url,
                 const std::string& password) {
  Spec spec;
  spec.arguments = {"--name", name, "--bus", bus_url};
  spec.environment = {{"WEIR_BUS_USERNAME", name}, {"WEIR_BUS_PASSWORD", password}};
  spec.name = std::move(name);
  spec.executable = std::move(executable);
  spec.options = std::move(options);
  return spec;
}

std::string_view to_text(State state) {
  switch (state) {
    case State::starting: return "starting";
    case State::running: return "running";
    case State::backing_off: return "backing off";
    case State::crash_loop: return "crash loop";
    case State::stopped: return "stopped";
  }
  return "unknown";
}

struct Supervisor::Life : std::enable_shared_from_this<Supervisor::Life> {
  Life(asio::any_io_executor executor_in, const Clock& clock_in, SupervisorOptions options_in,
       SupervisorHandlers handlers_in)
      : executor(std::move(executor_in)), clock(clock_in), options(options_in), handlers(std::move(handlers_in)) {}

  void add(const Spec& spec) {
    const auto keeper = std::make_shared<Keeper>(
        executor, clock, options, spec,
        [weak = weak_from_this(), name = spec.name] {
          if (const auto self = weak.lock(); self && self->handlers.changed) self->handlers.changed(name);
        },
        [weak = weak_from_this(), name = spec.name] {
          if (const auto self = weak.lock()) self->gone(name);
        });
    keepers[spec.name] = keeper;
    keeper->start();
  }

  void gone(const std::string& name) {
    keepers.erase(name);
    if (keepers.empty() && stopped) finish();
  }

  void finish() {
    handlers = {};
    asio::post(executor, std::exchange(stopped, nullptr));
  }

  asio::any_io_executor executor;
  const Clock& clock;
  SupervisorOptions options;
  SupervisorHandlers handlers;
  std::map<std::string, std::shared_ptr<Keeper>> keepers;
  std::function<void()> stopped;
};

Supervisor::Supervisor(asio::any_io_executor executor, const Clock& clock, SupervisorOptions options,
                       SupervisorHandlers handlers)
    : life_(std::make_shared<Life>(std::move(executor), clock, options, std::move(handlers))) {}

Supervisor::~Supervisor() { life_->keepers.clear(); }

void Supervisor::apply(const std::vector<Spec>& specs) {
  const auto keepers = life_->keepers;  // a copy: who has no process goes at once
  for (const auto& [name, keeper] : keepers) {
    const auto spec = std::ranges::find(specs, name, &Spec::name);
    if (spec == specs.end()) {
      if (keeper->wanted()) keeper->want(std::nullopt);
    } else if (!keeper->wanted() || *spec != keeper->spec()) {
      keeper->want(*spec);
    }
  }
  for (const Spec& spec : specs)
    if (!keepers.contains(spec.name)) life_->add(spec);
}

void Supervisor::stop(std::function<void()> stopped) {
  life_->stopped = std::move(stopped);
  if (life_->keepers.empty()) return life_->finish();
  apply({});
}

std::vector<DriverProcess> Supervisor::states() const {
  std::vector<DriverProcess> out;
  for (const auto& [name, keeper] : life_->keepers) out.push_back(keeper->facts());
  return out;
}

}  // namespace weir::supervisor
