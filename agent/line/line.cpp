#include "line/line.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "codec/codec.h"
#include "weir/v1/uplink.pb.h"
#include "wire/wire.h"

namespace weir::line {
namespace {

// The oracle test must be able to fail. It is also run against builds in which one of the two mistakes
// that matter most is made on purpose; WEIR_PLANTED_BUG is set for those targets only.
enum class Planted { none, ack_before_commit, cursor_in_another_transaction };
#ifdef WEIR_PLANTED_BUG
constexpr Planted kPlanted = Planted::WEIR_PLANTED_BUG;
#else
constexpr Planted kPlanted = Planted::none;
#endif

void convert(const rules::AlertEvent& from, v1::AlertEvent& to) {
  to.set_id(from.id);
  to.set_rule(from.rule);
  for (const auto& [name, value] : from.group) (*to.mutable_group())[name] = value;
  to.set_severity(from.severity);
  to.set_active(from.active);
  to.set_acknowledged(from.acknowledged);
  to.set_latched(from.latched);
  to.set_shelved(from.shelved);
  to.set_suppressed(from.suppressed);
  to.set_uncertain(from.uncertain);
  to.set_since(from.since);
  to.set_time(from.time);
  to.set_message(from.message);
  to.set_change(from.change);
  to.set_who(from.who);
  to.set_why(from.why);
  to.set_shelved_until(from.shelved_until);
}

// What somebody waits for: soon, and yet all that comes with it in one commit.
constexpr Nanoseconds kSoon = 20 * kMillisecond;

constexpr int kLazySnapshots = 10;
constexpr std::uint64_t kPartOfRoom = 8, kLeastEvery = 1 << 20;

// Of log, in one group: more is no cheaper by the byte, and keeps the first one waiting.
constexpr std::size_t kMostGrouped = 1 << 20;

std::size_t size_of(const model::Series& series) {
  std::size_t bytes = 64 + series.size() * 16;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&series.values))
    for (const std::string& text : *texts) bytes += text.size();
  if (const auto* blobs = std::get_if<std::vector<model::Bytes>>(&series.values))
    for (const model::Bytes& blob : *blobs) bytes += blob.data.size();
  return bytes;
}

}  // namespace

Line::Line(boost::asio::any_io_executor executor, const Clock& clock, store::Store& store, State state,
           Options options, Handlers handlers)
    : due_(executor),
      retry_(executor),
      clock_(clock),
      store_(store),
      state_(std::move(state)),
      options_(options),
      handlers_(std::move(handlers)),
      snapshot_at_(clock.boottime()),
      snapshot_every_(options.snapshot_bytes) {}

Line::~Line() = default;

v1::Entry& Line::entry() {
  v1::Entry& entry = *gathering_.commit.add_entries();
  entry.set_time(clock_.now());
  return entry;
}

Result<model::SignalId> Line::define(model::Signal signal, const std::string& driver, bool take_over) {
  auto id = state_.define(std::move(signal), driver, take_over);
  if (!id) return id;
  v1::SignalDefined& defined = *entry().mutable_signal();
  defined.set_id(*id);
  wire::encode(state_.signals().at(*id).signal, *defined.mutable_signal());
  defined.set_driver(driver);
  gathering_.signals_changed = true;
  gathered(options_.commit_interval);
  return id;
}

void Line::take(intake::Batch batch, std::vector<v1::Gap> gaps, const v1::Cursor& after) {
  for (v1::Gap& gap : gaps) *gathering_.raw.add_gaps() = std::move(gap);
  condition_.gaps += gaps.size();
  if (!batch.series.empty()) {
    v1::Entry& input = entry();
    input.set_batch(static_cast<std::uint32_t>(gathering_.raw.batches().size()));
    state_.apply(input.time(), batch.series, gathering_.outputs);
    *gathering_.raw.add_batches() = std::move(batch.head);
    for (model::Series& series : batch.series) {
      gathering_.bytes += size_of(series);
      condition_.readings += series.size();
      gathering_.readings.push_back(std::move(series));
    }
  }
  state_.apply(after);
  gathering_.cursors[after.driver()] = after;
  // A driver sends nothing before its epoch is durable.
  gathered(after.seq() == 0 ? std::min(kSoon, options_.commit_interval) : options_.commit_interval);
}

void Line::driver_state(const v1::DriverStateInput& state) {
  const auto known = state_.driver_states().find(state.driver());
  if (known != state_.driver_states().end() && known->second.SerializeAsString() == state.state().SerializeAsString())
    return;  // retained: it comes again with every connection
  state_.apply(state);
  *entry().mutable_driver_state() = state;
  gathered(options_.commit_interval);
}

void Line::tick() {
  v1::Entry& input = entry();
  input.mutable_tick();
  state_.tick(input.time(), gathering_.outputs);
  gathered(options_.commit_interval);
}

Result<void> Line::install(const v1::RulesChanged& rules) {
  const Timestamp now = clock_.now();
  if (auto ok = state_.apply(now, rules, gathering_.outputs); !ok) return ok;
  v1::Entry& input = *gathering_.commit.add_entries();
  input.set_time(now);
  *input.mutable_rules() = rules;
  gathered(options_.commit_interval);
  return {};
}

std::size_t Line::command(const v1::Command& command, std::function<void(std::size_t)> committed) {
  const Timestamp now = clock_.now();
  const std::size_t changed = state_.apply(now, command, gathering_.outputs);
  if (changed == 0 && command.verb() != "write") return 0;
  v1::Entry& input = *gathering_.commit.add_entries();
  input.set_time(now);
  *input.mutable_command() = command;
  if (committed) gathering_.committed.push_back([committed = std::move(committed), changed] { committed(changed); });
  gathered(std::min(kSoon, options_.commit_interval));
  return changed;
}

void Line::started(const v1::AgentStarted& started) {
  *entry().mutable_started() = started;
  gathered(options_.commit_interval);
}

void Line::gathered(Nanoseconds may_wait) {
  const bool full = gathering_.bytes >= options_.commit_bytes ||
                    static_cast<std::size_t>(gathering_.raw.batches().size()) >= options_.commit_batches;
  if (full || !gathering_.outputs.alerts.empty() || !gathering_.outputs.writes.empty()) {
    seal();
    commit_next();
  } else if (!due_within_ || may_wait < *due_within_) {
    due_within_ = may_wait;
    due_.expires_after(std::chrono::nanoseconds(may_wait));
    due_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      seal();
      commit_next();
    });
  }
}

// Emitted readings become signals of their own; alerts one record.
void Line::derive(Gathering& gathering, std::vector<store::Output>& outputs) {
  if (!gathering.outputs.alerts.empty()) {
    v1::AlertRecord record;
    record.set_time(gathering.commit.time());
    for (const rules::AlertEvent& event : gathering.outputs.alerts) convert(event, *record.add_events());
    outputs.push_back({store::Stream::alerts, record.SerializeAsString()});
    condition_.alerts += gathering.outputs.alerts.size();
  }
  if (gathering.outputs.emitted.empty()) return;

  std::vector<model::Series> derived;
  std::map<std::pair<model::SignalId, bool>, std::size_t> places;
  v1::DerivedRecord record;
  for (const rules::Emitted& emitted : gathering.outputs.emitted) {
    model::Signal signal;
    signal.path = emitted.path;
    signal.type = model::type_of(emitted.reading.value);
    signal.unit = emitted.unit;
    model::SignalId id = state_.signals().find(emitted.path);
    if (id == 0 || !state_.signals().knows(signal, "")) {
      auto defined = state_.define(signal, "", false);
      if (!defined) {
        log::warn("a rule's output is not kept: {}", defined.error().text());
        continue;
      }
      id = *defined;
      v1::Entry& input = *gathering.commit.add_entries();
      input.set_time(gathering.commit.time());
      v1::SignalDefined& entry = *input.mutable_signal();
      entry.set_id(id);
      wire::encode(signal, *entry.mutable_signal());
      gathering.signals_changed = true;
    }
    const auto [place, fresh] = places.try_emplace({id, emitted.revision}, derived.size());
    // A changed type begins another series.
    if (fresh || derived[place->second].type() != signal.type) {
      place->second = derived.size();
      derived.emplace_back().signal = id;
      if (emitted.revision) record.add_revisions(static_cast<std::uint32_t>(place->second));
    }
    derived[place->second].append(emitted.reading);
  }
  condition_.emitted += gathering.outputs.emitted.size();
  if (derived.empty()) return;
  record.set_time(gathering.commit.time());
  codec::encode(derived, *record.mutable_readings());
  outputs.push_back({store::Stream::derived, record.SerializeAsString()});
}

void Line::seal() {
  due_.cancel();
  due_within_.reset();
  if (gathering_.empty()) return;
  Gathering gathering = std::exchange(gathering_, {});
  Sealed sealed;
  gathering.commit.set_time(clock_.now());
  derive(gathering, sealed.transaction.outputs);
  for (auto& [driver, cursor] : gathering.cursors) sealed.cursors.push_back(std::move(cursor));

  if constexpr (kPlanted == Planted::cursor_in_another_transaction) {
    for (const v1::Cursor& cursor : planted_) *gathering.commit.add_cursors() = cursor;
    planted_ = sealed.cursors;
  } else {
    for (const v1::Cursor& cursor : sealed.cursors) *gathering.commit.add_cursors() = cursor;
  }

  if (!gathering.readings.empty()) codec::encode(gathering.readings, *gathering.raw.mutable_readings());
  if (condition_.store.suspended) gathering.raw.set_suspended(true);
  if (!gathering.readings.empty() || !gathering.raw.gaps().empty())
    sealed.transaction.raw = gathering.raw.SerializeAsString();
  sealed.transaction.commit = gathering.commit.SerializeAsString();
  sealed.transaction.time = gathering.commit.time();
  sealed.alerts = std::move(gathering.outputs.alerts);
  sealed.writes = std::move(gathering.outputs.writes);
  sealed.committed = std::move(gathering.committed);
  condition_.writes += sealed.writes.size();
  sealed.signals_changed = gathering.signals_changed;
  since_snapshot_ += sealed.transaction.commit.size() + sealed.transaction.raw.size();
  // While commits fail, what waits is small: a snapshot with each would not be.
  if ((snapshot_due() || stopping_) && !condition_.failing) {
    sealed.snapshot = state_.save();
    snapshot_size_ = sealed.snapshot->size();
    since_snapshot_ = 0;
    snapshot_wanted_ = false;
    snapshot_at_ = clock_.boottime();
  }
  if constexpr (kPlanted == Planted::ack_before_commit) handlers_.committed(sealed.cursors);
  sealed_.push_back(std::move(sealed));
}

// A snapshot that is larger than the log behind the one before would spare less of a replay than it wears out.
bool Line::snapshot_due() const {
  const Nanoseconds age = clock_.boottime() - snapshot_at_;
  return snapshot_wanted_ || since_snapshot_ >= snapshot_every_ ||
         age >= (since_snapshot_ >= snapshot_size_ ? 1 : kLazySnapshots) * options_.snapshot_interval;
}

void Line::commit_next() {
  condition_.waiting = sealed_.size();
  if (under_way_) return;
  if (sealed_.empty()) {
    if (!stopping_ || !stopped_) return;
    if (since_snapshot_ > 0 && gathering_.empty()) save_snapshot(condition_.last, state_.save());
    return std::exchange(stopped_, nullptr)();
  }
  under_way_ = true;
  std::vector<Sealed> group;
  std::vector<store::Transaction> transactions;  // the store gets a copy; ours is for another try
  for (std::size_t bytes = 0; !sealed_.empty() && bytes < kMostGrouped; sealed_.pop_front()) {
    bytes += sealed_.front().transaction.raw.size() + sealed_.front().transaction.commit.size();
    transactions.push_back(sealed_.front().transaction);
    group.push_back(std::move(sealed_.front()));
  }
  store_.commit(std::move(transactions),
                [this, group = std::move(group)](Result<std::vector<store::Committed>> result) mutable {
                  under_way_ = false;
                  if (result) committed(std::move(group), *result);
                  else failed(std::move(group), std::move(result.error()));
                });
}

void Line::committed(std::vector<Sealed> group, const std::vector<store::Committed>& results) {
  if (condition_.failing) {
    log::info("store: commits succeed again, after {}",
              to_text(std::chrono::nanoseconds(clock_.now() - condition_.failing_since)));
    condition_.failing.reset();
    backoff_.reset();
    hold();
  }
  condition_.commits += group.size();
  condition_.last = results.back().id;
  condition_.last_commit = clock_.now();
  std::map<std::string, v1::Cursor> newest;
  bool signals_changed = false;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i].snapshot) save_snapshot(results[i].id, std::move(*group[i].snapshot));
    for (v1::Cursor& cursor : group[i].cursors) newest[cursor.driver()] = std::move(cursor);
    signals_changed |= group[i].signals_changed;
  }
  std::vector<v1::Cursor> cursors;
  for (auto& [driver, cursor] : newest) cursors.push_back(std::move(cursor));
  if constexpr (kPlanted != Planted::ack_before_commit) handlers_.committed(cursors);
  for (const Sealed& sealed : group) {
    if (!sealed.alerts.empty()) handlers_.alerts(sealed.alerts);
    if (!sealed.writes.empty() && handlers_.writes) handlers_.writes(sealed.writes);
    for (const auto& told : sealed.committed) told();
  }
  handlers_.stored(signals_changed);
  commit_next();
}

void Line::failed(std::vector<Sealed> group, Error error) {
  if (!condition_.failing) {
    log::error("store: a commit failed: {}. Readings wait in the drivers until it succeeds", error.text());
    condition_.failing_since = clock_.now();
  }
  condition_.failing = std::move(error);
  hold();
  sealed_.insert(sealed_.begin(), std::make_move_iterator(group.begin()), std::make_move_iterator(group.end()));
  condition_.waiting = sealed_.size();
  under_way_ = true;
  retry_.expires_after(backoff_.next());
  retry_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    under_way_ = false;
    commit_next();
  });
}

void Line::save_snapshot(store::LogId at, std::string state) {
  store_.save_snapshot({at, std::move(state)}, [](Result<void> saved) {
    if (!saved) log::warn("store: no snapshot: {}", saved.error().text());
  });
}

void Line::store_changed(const store::Condition& condition) {
  const bool mended = condition.mended != condition_.store.mended;
  condition_.store = condition;
  hold();
  if (!mended) return;
  // The state is that of the last row only while nothing is on its way to the log.
  if (gathering_.empty() && sealed_.empty() && !under_way_ && condition_.last != 0)
    save_snapshot(condition_.last, state_.save());
  else snapshot_wanted_ = true;
}

void Line::hold() {
  const bool wanted = condition_.failing.has_value() || condition_.store.full.has_value();
  if (std::exchange(held_, wanted) != wanted) handlers_.hold(wanted);
}

void Line::set_room(std::uint64_t bytes) {
  snapshot_every_ = std::min<std::uint64_t>(options_.snapshot_bytes, std::max(bytes / kPartOfRoom, kLeastEvery));
}

void Line::stop(std::function<void()> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  seal();
  commit_next();
}

}  // namespace weir::line
