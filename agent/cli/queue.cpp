#include <cstdio>
#include <map>
#include <span>

#include <CLI/CLI.hpp>

#include "agent/clouds.h"
#include "agent/plan.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "codec/codec.h"
#include "model/path.h"
#include "store/database.h"
#include "weir/v1/log.pb.h"
#include "wire/wire.h"

namespace weir::cli {
namespace {

using DatabasePtr = std::unique_ptr<store::Database>;

struct Given {
  std::filesystem::path store;              // empty: as in the config
  std::string format = "csv", since, path;  // of export
  bool json = false;                        // of ls
};

// To look at, never to change; also beside a running agent.
Result<DatabasePtr> open(const Context& context, const Given& given, const Clock& clock) {
  wire::silence_protobuf();
  store::Options options;
  options.file = given.store.empty() ? plan::store_path(context.config) : given.store;
  options.read_only = true;
  auto database = store::Database::open(options, clock);
  if (!database) return database;
  // What waits depends on for whom: the config that the agent ran with last says that.
  const auto bytes = (*database)->kept("config");
  v1::KeptConfig kept;
  if (!bytes || !*bytes || !kept.ParseFromString(**bytes)) return database;
  const config::Loaded loaded = plan::load(kept);
  if (!loaded.config || loaded.config->uplinks.empty()) return database;
  options.uplinks = Clouds::streams(loaded.config->uplinks);
  return store::Database::open(options, clock);
}

constexpr store::Stream kStreams[] = {store::Stream::alerts, store::Stream::derived, store::Stream::raw,
                                      store::Stream::backfill};

Result<Node> describe(store::Database& database) {
  const store::Stats stats = database.stats();
  Node node = Node::object();
  node.set("incarnation", to_hex(database.incarnation())).set("bytes", stats.file_bytes);
  node.set("first", stats.first).set("last", stats.last).set("snapshot", stats.snapshot);
  Node::List streams;
  for (std::size_t i = 0; i < std::size(kStreams) && i < stats.streams.size(); ++i) {
    const store::StreamStats& stream = stats.streams[i];
    if (stream.last == 0) continue;
    auto oldest = database.fetch(kStreams[i], 0, 1);
    if (!oldest) return std::unexpected(oldest.error());
    Node one = Node::object();
    one.set("stream", store::to_text(kStreams[i])).set("first", oldest->empty() ? 0 : oldest->front().seq);
    one.set("last", stream.last).set("waiting", stream.waiting).set("acknowledged", stream.acknowledged);
    streams.push_back(std::move(one));
  }
  node.set("streams", std::move(streams));
  Node::List notes;
  for (const std::string& note : database.notes()) notes.push_back(Node::of(note));
  return node.set("notes", std::move(notes));
}

void print(const Node& store, const std::string& file) {
  std::printf("%s: %s, incarnation %s\n", file.c_str(),
              bytes_text(static_cast<std::uint64_t>(number_of(store, "bytes"))).c_str(),
              text_of(store, "incarnation").substr(0, 8).c_str());
  if (number_of(store, "last") == 0) std::puts("the log is empty");
  else
    std::printf("the log has rows %lld to %lld, the newest snapshot is at %lld\n",
                static_cast<long long>(number_of(store, "first")), static_cast<long long>(number_of(store, "last")),
                static_cast<long long>(number_of(store, "snapshot")));
  Table table({{"STREAM"}, {"FIRST", true}, {"LAST", true}, {"ACKNOWLEDGED", true}, {"WAITING", true}});
  for (const Node& stream : list_of(store, "streams")) {
    const std::int64_t first = number_of(stream, "first");
    table.add({text_of(stream, "stream"), first > 0 ? std::to_string(first) : "none kept",
               std::to_string(number_of(stream, "last")), std::to_string(number_of(stream, "acknowledged")),
               std::to_string(number_of(stream, "waiting"))});
  }
  if (!table.empty()) std::printf("\n%s", table.text(Paint(stdout)).c_str());
  for (const Node& note : list_of(store, "notes")) std::printf("note: %s\n", printable(*note.as_string()).c_str());
}

// Readings out of the log, a line each.
class Export {
 public:
  Export(bool as_csv, Timestamp since, std::optional<model::PathPattern> pattern)
      : csv_(as_csv), since_(since), pattern_(std::move(pattern)) {}

  // False if a part could not be read; that is said on standard error.
  bool run(store::Database& database) {
    names_of_snapshot(database);
    if (csv_) std::puts("time,path,value,unit,quality");
    const store::LogId last = database.stats().last;
    store::LogId after = 0;
    while (true) {
      const auto scanned = database.scan(after, [&](const store::LogRow& row) {
        after = row.id;
        if (auto ok = take(row); !ok) complain("row " + std::to_string(row.id) + ": " + ok.error().text());
        return std::ferror(stdout) == 0;
      });
      if (scanned || after >= last || failures_ >= kMostFailures) {
        if (!scanned) complain(scanned.error().text());
        return failures_ == 0;
      }
      complain(scanned.error().text());
      ++after;  // ids are dense: what comes behind the damaged row can be read
    }
  }

 private:
  struct Name {
    std::string path, unit;
    bool wanted = true;
  };
  static constexpr int kMostFailures = 1'000;

  void complain(const std::string& what) {
    ++failures_;
    std::fprintf(stderr, "weir: %s\n", printable(what).c_str());
  }

  void define(const v1::SignalDefined& defined) {
    const std::string& path = defined.signal().path();
    names_[defined.id()] = {path, defined.signal().unit(), !pattern_ || pattern_->match(path).has_value()};
  }

  // An id stands for one path for good, so a later snapshot names the signals of rows before it.
  void names_of_snapshot(store::Database& database) {
    const auto snapshot = database.newest_snapshot();
    v1::Snapshot state;
    if (!snapshot) return complain(snapshot.error().text());
    if (!*snapshot || !state.ParseFromString((*snapshot)->state)) return;
    for (const v1::SignalDefined& defined : state.signals()) define(defined);
  }

  Result<void> take(const store::LogRow& row) {
    if (!commit_.ParseFromString(row.commit) || !raw_.ParseFromString(row.raw)) return fail("it is no commit");
    for (const v1::Entry& entry : commit_.entries())
      if (entry.has_signal()) define(entry.signal());
    if (raw_.readings().empty()) return {};
    const auto series = codec::decode(raw_.readings());
    if (!series) return std::unexpected(series.error());
    for (const model::Series& one : *series) print(one);
    return {};
  }

  void print(const model::Series& series) {
    Name& name = names_[series.signal];
    if (name.path.empty()) {
      name.path = "#" + std::to_string(series.signal);
      name.wanted = !pattern_;
    }
    if (!name.wanted) return;
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (series.times[i] < since_) continue;
      const std::string time = to_iso(series.times[i]), quality = model::to_text(series.quality(i));
      const model::Value value = series.value(i);
      if (csv_) {
        std::printf("%s,%s,%s,%s,%s\n", time.c_str(), csv(name.path).c_str(), csv(model::to_text(value)).c_str(),
                    csv(name.unit).c_str(), csv(quality).c_str());
      } else {
        Node node = Node::object();
        node.set("time", time).set("path", name.path).set("value", json_value(value));
        node.set("unit", name.unit).set("quality", quality);
        std::puts(to_json(node).c_str());
      }
    }
  }

  const bool csv_;
  const Timestamp since_;
  const std::optional<model::PathPattern> pattern_;
  std::map<model::SignalId, Name> names_;
  v1::Commit commit_;
  v1::RawRecord raw_;
  int failures_ = 0;
};

// "2026-11-21T01:18:39Z", or a duration: so long ago.
Result<Timestamp> since(const std::string& text, Timestamp now) {
  Timestamp out = INT64_MIN;
  Nanoseconds ago = 0;
  if (text.empty() || parse_iso(text, out)) return out;
  if (parse_duration(text, ago)) return now - ago;
  return fail("--since " + text + " is no time", "write 2h for the last two hours, or 2026-11-21T01:18:39Z");
}

Result<void> run_export(const Context& context, const Given& given, bool& whole) {
  const SystemClock clock;
  const auto from = since(given.since, clock.now());
  if (!from) return std::unexpected(from.error());
  std::optional<model::PathPattern> pattern;
  if (!given.path.empty()) {
    auto parsed = model::PathPattern::parse(given.path);
    if (!parsed) return weir::context("--path", parsed.error());
    pattern = std::move(*parsed);
  }
  auto database = open(context, given, clock);
  if (!database) return std::unexpected(database.error());
  whole = Export(given.format == "csv", *from, std::move(pattern)).run(**database);
  return {};
}

}  // namespace

void add_queue(CLI::App& app, Context& context) {
  auto given = std::make_shared<Given>();
  CLI::App* queue = app.add_subcommand("queue", "Look at the store of a running or a stopped agent; changes nothing");
  queue->require_subcommand(1);
  queue->footer("Example: weir queue ls\nMay have to be run as root or as the user weir, whose file it is.");
  queue->add_option("--store", given->store, "The database file; else the one that weir.yaml names");

  CLI::App* ls = queue->add_subcommand("ls", "The streams to the clouds and what waits in them");
  ls->footer(
      "Example: weir queue ls --store /var/lib/weir/weir.db\n"
      "Acknowledgements are written down every half a minute: up to that much more may wait here than in weir "
      "status.");
  ls->add_flag("--json", given->json, "As a document");
  ls->callback([given, &context] {
    const SystemClock clock;
    auto database = open(context, *given, clock);
    if (!database) return failed(context, database.error());
    auto node = describe(**database);
    if (!node) return failed(context, node.error());
    if (given->json) std::puts(to_json(*node).c_str());
    else print(*node, (given->store.empty() ? plan::store_path(context.config) : given->store).string());
  });

  CLI::App* verify = queue->add_subcommand("verify", "Read all of it and check every checksum");
  verify->footer("Example: weir queue verify\nExits with 1 if anything is damaged.");
  verify->callback([given, &context] {
    const SystemClock clock;
    auto database = open(context, *given, clock);
    if (!database) return failed(context, database.error());
    const auto wrong = (*database)->verify();
    if (!wrong) return failed(context, wrong.error());
    for (const std::string& line : *wrong) std::puts(printable(line).c_str());
    const store::Stats stats = (*database)->stats();
    if (wrong->empty()) {
      std::printf("all is well: rows %llu to %llu of the log, every checksum holds\n",
                  static_cast<unsigned long long>(stats.first), static_cast<unsigned long long>(stats.last));
    } else {
      std::puts(count_text(wrong->size(), "fault").c_str());
      context.exit_code = 1;
    }
  });

  CLI::App* exported = queue->add_subcommand("export", "The readings that are still in the log");
  exported->footer("Example: weir queue export --since 2h --path 'boiler-{n}/temperature' > boilers.csv");
  exported->add_option("--format", given->format, "csv or jsonl (JSON lines)")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str();
  exported->add_option("--since", given->since, "Only readings since this time, or this long ago: 2h");
  exported->add_option("--path", given->path, "Only signals that match this pattern, as in rules");
  exported->callback([given, &context] {
    bool whole = true;
    if (auto ok = run_export(context, *given, whole); !ok) return failed(context, ok.error());
    if (!whole) context.exit_code = 1;
  });
}

}  // namespace weir::cli
