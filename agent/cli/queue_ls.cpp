// weir queue ls: what waits for the clouds.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/bytes.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/queue.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

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
  std::printf("%s: %s, incarnation %s\n", printable(file).c_str(),
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

}  // namespace

void add_queue_ls(CLI::App& queue, Context& context, QueueFile file) {
  auto json = std::make_shared<bool>(false);
  CLI::App* ls = queue.add_subcommand("ls", "The streams to the clouds and what waits in them");
  ls->footer(
      "Example: weir queue ls --store /var/lib/weir/weir.db\n"
      "Acknowledgements are written down every half a minute: up to that much more may wait here than in weir "
      "status.");
  ls->add_flag("--json", *json, "As a document");
  ls->callback([json, file, &context] {
    const SystemClock clock;
    auto store = open_to_look(context, *file, clock);
    if (!store) return failed(context, store.error());
    auto node = describe(*store->database);
    if (!node) return failed(context, node.error());
    if (*json) std::puts(to_json(*node).c_str());
    else print(*node, store->path.string());
  });
}

}  // namespace weir::cli
