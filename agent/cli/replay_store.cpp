#include <algorithm>

#include "agent/plan.h"
#include "cli/replay_input.h"

namespace weir::cli {
namespace {

constexpr int kMostFailures = 1'000;
constexpr Nanoseconds kLongestPause = 366 * kDay;  // more than that is a clock that was wrong

// An agent ticks once a second, and never to the nanosecond: where its ticks stand in the log, none are added.
constexpr Nanoseconds kTickSlack = 2 * kSecond;

// What of a log these rules are to see. Theirs may wait for time where those of the log did not: then the log has no
// ticks for them.
bool wants(Player& player, const v1::Entry& entry, Timestamp until) {
  if (entry.time() > until) return false;
  if (!player.own_rules) return true;
  if (entry.has_rules() || (entry.has_signal() && entry.signal().driver().empty())) return false;
  if (entry.has_started()) player.ticked = entry.time();  // until then no agent ran
  player.pass_until(entry.time(), kTickSlack);
  if (entry.has_tick()) player.ticked = entry.time();
  return true;
}

// Where the beginning of the log is gone: what its signals are, and which rules there were, as far as that is known.
Result<void> begin_without(store::Database& database, std::span<Player> players, const ReplayHandlers& handlers) {
  const auto saved = database.newest_snapshot();
  if (!saved) return std::unexpected(saved.error());
  v1::Snapshot snapshot;
  if (!*saved || !snapshot.ParseFromString((*saved)->state)) return {};
  for (Player& player : players) {
    for (const v1::SignalDefined& defined : snapshot.signals())
      if (!player.own_rules || !defined.driver().empty()) player.state.apply(defined);
    if (player.own_rules || !snapshot.has_installed()) continue;
    if (auto ok = player.state.apply(0, snapshot.installed(), player.outputs); !ok) handlers.note(ok.error().text());
  }
  return {};
}

class LogReplay {
 public:
  LogReplay(std::span<Player> players, Timestamp until, const ReplayHandlers& handlers)
      : players_(players), until_(until), handlers_(handlers) {}

  // False ends it.
  bool take(const store::LogRow& row) {
    if (auto ok = replay(row); !ok)
      handlers_.wrong("row " + std::to_string(row.id) + " of the log: " + ok.error().text());
    return handlers_.stepped(out_.last) && out_.last <= until_;
  }

  const Replayed& out() const { return out_; }

 private:
  Result<void> replay(const store::LogRow& row) {
    if (!commit_.ParseFromString(row.commit) || !raw_.ParseFromString(row.raw)) return fail("it is no commit");
    for (const v1::Entry& entry : commit_.entries()) {
      if (out_.first == 0) {
        out_.first = entry.time();
        for (Player& player : players_) player.ticked = entry.time();
      }
      out_.last = entry.time();
      if (entry.time() <= until_ && entry.has_batch() &&
          entry.batch() < static_cast<std::size_t>(raw_.batches().size()))
        out_.readings += raw_.batches(static_cast<int>(entry.batch())).readings();
    }
    for (Player& player : players_)
      if (auto ok = player.state.replay(commit_, raw_, player.outputs,
                                        [&](const v1::Entry& entry) { return wants(player, entry, until_); });
          !ok)
        return ok;
    return {};
  }

  std::span<Player> players_;
  const Timestamp until_;
  const ReplayHandlers& handlers_;
  Replayed out_;
  v1::Commit commit_;
  v1::RawRecord raw_;
};

}  // namespace

Player::Player() : state(plan::compile) {}

Result<Player> Player::with(const v1::RulesChanged& rules) {
  Player out;
  out.own_rules = true;
  if (auto ok = out.state.apply(0, rules, out.outputs); !ok) return std::unexpected(ok.error());
  return out;
}

void Player::pass_until(Timestamp time, Nanoseconds slack) {
  // Of times on both sides of 1970 the difference may not fit.
  if (time > 0 ? ticked < time - kLongestPause : time - ticked > kLongestPause) ticked = time;
  while (ticked < time - slack && state.engine().waits_for_time()) state.tick(ticked += kSecond, outputs);
  if (ticked < time - slack) ticked += (time - ticked - 1) / kSecond * kSecond;
}

Result<Replayed> replay_store(store::Database& database, std::span<Player> players, Timestamp until,
                              const ReplayHandlers& handlers) {
  const store::Stats stats = database.stats();
  if (stats.last == 0) return fail("the log is empty", "has the agent taken anything yet?");
  if (stats.first > 1) {
    handlers.note("the log begins at row " + std::to_string(stats.first) +
                  ": windows and alerts begin anew there, and rules that changed before are those of now");
    if (auto ok = begin_without(database, players, handlers); !ok) return std::unexpected(ok.error());
  }
  LogReplay replay(players, until, handlers);
  store::LogId after = stats.first - 1;
  for (int failures = 0; failures < kMostFailures; ++failures) {
    const auto scanned = database.scan(after, [&](const store::LogRow& row) {
      after = row.id;
      return replay.take(row);
    });
    if (scanned) break;
    handlers.wrong(scanned.error().text());
    if (++after >= stats.last) break;  // what comes behind the damaged row can be read
  }
  for (Player& player : players)
    for (const std::string& note : player.state.notes()) handlers.note(note);
  return replay.out();
}

}  // namespace weir::cli
