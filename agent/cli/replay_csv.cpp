#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <map>
#include <memory>

#include "base/file.h"
#include "base/text.h"
#include "cli/replay_input.h"
#include "csv/text.h"
#include "model/path.h"
#include "rule_test/recording.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
using rule_test::RecordingReader;

// Windows end, and rules with several inputs judge, a second late.
constexpr Nanoseconds kSettle = 2 * kSecond;

struct Known {
  std::string unit;
  rule_test::TypeGuess guess;
  bool has_numbers = false;
  std::string first_text;  // where it stands, and what it is
  model::ValueType type = model::ValueType::real;
  model::SignalId id = 0;
};

using Signals = std::map<std::string, Known, std::less<>>;

// One of the files, at one of its rows.
class File {
 public:
  File(const fs::path& path, const std::string& signal)
      : name_(path.string()), in_(path, std::ios::binary), error_(in_ ? 0 : errno), reader_(in_), own_(signal) {
    if (own_.empty() && path.has_parent_path()) own_ = (path.parent_path().filename() / path.stem()).string();
  }

  Result<void> begin() {
    if (!in_) return context(name_, file_error("it cannot be opened", error_));
    if (auto ok = reader_.begin(); !ok) return context(name_, ok.error());
    if (reader_.has_paths()) return {};
    if (auto fine = model::check_path(own_); !fine)
      return context(
          name_, Error{"it does not say of which signal its readings are",
                       "add --signal DEVICE/SIGNAL, or a column path, or put it into a folder: DEVICE/SIGNAL.csv"});
    return {};
  }

  // False at the end.
  Result<bool> next() {
    auto more = reader_.next(row_);
    if (!more) return context(name_, more.error());
    arrival_ = std::max(arrival_, row_.time);
    return more;
  }

  bool has_paths() const { return reader_.has_paths(); }
  std::string place() const { return name_ + ":" + std::to_string(reader_.line()); }
  std::string_view path() const { return reader_.has_paths() ? row_.path : std::string_view(own_); }
  const RecordingReader::Row& row() const { return row_; }
  Timestamp arrival() const { return arrival_; }
  std::unexpected<Error> fault(const Error& error) const {
    return context(name_, reader_.fault(error.what, error.hint).error());
  }

 private:
  std::string name_;
  std::ifstream in_;
  int error_;
  RecordingReader reader_;
  std::string own_;
  RecordingReader::Row row_;
  Timestamp arrival_ = std::numeric_limits<Timestamp>::min();
};

void see(Known& known, const File& file) {
  const std::string_view value = file.row().value;
  known.guess.see(value);
  double number = 0;
  if (csv::parse_number(value, number)) known.has_numbers = true;
  else if (!value.empty() && known.first_text.empty())
    known.first_text = file.place() + ": '" + to_utf8(value, 40) + "'";
}

// One text makes texts of all numbers beside it, and no rule can compare them any more.
void warn_of_texts(const Signals& signals, const ReplayHandlers& handlers) {
  for (const auto& [path, known] : signals)
    if (known.has_numbers && known.guess.type() == model::ValueType::string)
      handlers.note(known.first_text + " is no number: all values of " + path + " are taken for texts");
}

Result<void> survey(File& file, Signals& signals) {
  if (auto ok = file.begin(); !ok) return ok;
  for (;;) {
    const auto more = file.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    auto known = signals.find(file.path());
    if (known == signals.end()) {
      if (auto fine = model::check_path(file.path()); !fine) return file.fault(fine.error());
      if (signals.size() == model::SignalTable::kMost) return file.fault(Error{"there are too many signals", {}});
      known = signals.emplace(std::string(file.path()), Known{}).first;
    }
    see(known->second, file);
    if (known->second.unit.empty()) known->second.unit = file.row().unit;
  }
}

Result<void> define(Signals& signals, std::span<Player> players) {
  for (auto& [path, known] : signals) {
    model::Signal signal;
    signal.path = path;
    signal.unit = known.unit;
    signal.type = known.type = known.guess.type();
    for (Player& player : players) {
      const auto id = player.state.define(signal, "csv", false);
      if (!id) return std::unexpected(id.error());
      known.id = *id;
    }
  }
  return {};
}

void take(std::span<Player> players, Timestamp arrival, const model::Series& series,
          std::vector<model::Series>& batch) {
  for (Player& player : players) {
    player.pass_until(arrival, kSecond);
    batch.assign(1, series);  // each marks it as its own rules have it
    player.state.apply(arrival, batch, player.outputs);
  }
}

}  // namespace

Result<Replayed> replay_csv(const std::vector<fs::path>& files, const std::string& signal, std::span<Player> players,
                            std::optional<Timestamp> until, const ReplayHandlers& handlers) {
  if (!signal.empty())
    if (auto fine = model::check_path(signal); !fine)
      return context("--signal", Error{fine.error().what, "write DEVICE/SIGNAL: boiler-1/temperature"});
  Signals signals;
  bool all_have_paths = true;
  for (const fs::path& path : files) {
    File file(path, signal);
    if (auto ok = survey(file, signals); !ok) return std::unexpected(ok.error());
    all_have_paths = all_have_paths && file.has_paths();
  }
  if (!signal.empty() && all_have_paths)
    return fail("--signal says nothing here: the column path says of what each reading is", "leave it out");
  warn_of_texts(signals, handlers);
  if (auto ok = define(signals, players); !ok) return std::unexpected(ok.error());

  std::vector<std::unique_ptr<File>> open;
  const auto advance = [&](std::size_t at) -> Result<void> {
    const auto more = open[at]->next();
    if (!more) return std::unexpected(more.error());
    if (!*more) open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  };
  for (const fs::path& path : files) {
    open.push_back(std::make_unique<File>(path, signal));
    if (auto ok = open.back()->begin(); !ok) return std::unexpected(ok.error());
    if (auto ok = advance(open.size() - 1); !ok) return std::unexpected(ok.error());
  }

  Replayed out;
  model::Series series;
  std::vector<model::Series> batch;
  while (!open.empty()) {
    const auto earliest = std::ranges::min_element(open, {}, [](const auto& file) { return file->arrival(); });
    const File& file = **earliest;
    const auto known = signals.find(file.path());
    if (known == signals.end()) return file.fault(Error{"the file has changed while it was read", "try again"});
    if (until && file.arrival() > *until) break;
    out.last = file.arrival();
    if (out.readings++ == 0) {
      out.first = out.last;
      for (Player& player : players) player.ticked = out.first - kSecond;
    }
    series = {};
    series.signal = known->second.id;
    series.append({file.row().time, rule_test::value_of(file.row().value, known->second.type), file.row().quality});
    take(players, out.last, series, batch);
    if (!handlers.stepped(out.last)) return out;
    if (auto ok = advance(static_cast<std::size_t>(earliest - open.begin())); !ok) return std::unexpected(ok.error());
  }
  if (out.readings == 0)
    return fail("there are no readings",
                until ? "is --to too early?" : "a row is a time and a value: 2026-01-01T00:00:00Z,20.5");
  for (Player& player : players)
    player.pass_until(std::max(until.value_or(out.last + kSettle), out.last) + 1, kSecond);
  handlers.stepped(out.last);
  return out;
}

}  // namespace weir::cli
