// weir queue repair: what the checksums of a damaged store vouch for, in a new one.
#include <cstdio>

#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "agent/startup.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/queue.h"
#include "cli/table.h"
#include "store/maintenance.h"

namespace weir::cli {
namespace {

// Whether every record is what was written; with `force` nobody asks for that. An error: that cannot be found out,
// and it is not for damage.
Result<bool> is_sound(const Context& context, const StoreFile& file, const Clock& clock, bool force) {
  const auto store = open_to_look(context, file, clock);
  if (!store && store.error().damage) return false;
  if (!store) return std::unexpected(store.error());
  if (force) return false;
  const auto wrong = store->database->verify();
  if (!wrong && !wrong.error().damage) return std::unexpected(wrong.error());
  return wrong && wrong->empty();
}

// As the agent would have it: with its uplinks, whose marks are kept.
Result<store::Options> options_of_agent(const Context& context, const StoreFile& file, const Clock& clock) {
  auto looked = store_options(context, file);
  if (!looked) return looked;
  std::optional<config::Config> config = config::load(context.config).config;
  if (!config)
    if (auto store = open_to_look(context, file, clock)) config = std::move(store->config);
  if (!config)
    return fail("which uplinks have what of it is not known: " + context.config.string() + " cannot be used",
                "mend it (weir check), or name another with --config");
  config->store.path = looked->file;
  config->store.key_file.clear();
  auto options = weir::store_options(*config);
  if (options) options->key = looked->key;
  return options;
}

// What root has made in the place of the service's file is the service's.
void give_back(const std::filesystem::path& file, const std::filesystem::path& aside) {
  struct stat before{};
  if (::geteuid() != 0 || ::stat(aside.c_str(), &before) != 0) return;
  if (::chown(file.c_str(), before.st_uid, before.st_gid) != 0 || ::chmod(file.c_str(), before.st_mode & 07777) != 0)
    std::fprintf(stderr, "weir: %s may not be the agent's to open: chown it as %s is\n",
                 printable(file.string()).c_str(), printable(aside.string()).c_str());
}

Node kept_node(const store::Salvaged::Kept& kept) {
  Node::List missing;
  for (const store::Missing& range : kept.missing)
    missing.push_back(Node::of(Node::List{Node::of(static_cast<std::int64_t>(range.first)),
                                          Node::of(static_cast<std::int64_t>(range.last))}));
  Node node = Node::object();
  return node.set("kept", kept.count).set("bytes", kept.bytes).set("missing", std::move(missing));
}

Node to_node(const store::Salvaged& salvaged) {
  Node node = Node::object(), streams = Node::object();
  for (const store::Stream stream : store::kStreams)
    streams.set(store::to_text(stream), kept_node(salvaged.streams[static_cast<std::size_t>(stream)]));
  Node::List notes;
  for (const std::string& note : salvaged.notes) notes.push_back(Node::of(note));
  node.set("log", kept_node(salvaged.log)).set("streams", std::move(streams)).set("snapshot", salvaged.snapshot);
  node.set("spoilt", salvaged.spoilt).set("unread_pages", salvaged.unread);
  node.set("incarnation", to_hex(salvaged.incarnation)).set("aside", salvaged.aside.string());
  return node.set("repaired", true).set("notes", std::move(notes));
}

std::string missing_text(const std::vector<store::Missing>& missing) {
  constexpr std::size_t kShown = 3;
  std::string out;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const auto& [first, last] = missing[i];
    count += last - first + 1;
    if (i < kShown)
      out += (i > 0 ? ", " : "") + std::to_string(first) + (last > first ? " to " + std::to_string(last) : "");
  }
  if (missing.size() > kShown) out += ", …";
  return count == 0 ? "none" : std::to_string(count) + ": " + out;
}

void print(const store::Salvaged& salvaged, const std::filesystem::path& file) {
  Table table({{"WHAT"}, {"KEPT", true}, {"BYTES", true}, {"MISSING"}});
  const auto add = [&](const std::string& what, const store::Salvaged::Kept& kept) {
    if (kept.count > 0 || !kept.missing.empty())
      table.add({what, std::to_string(kept.count), bytes_text(kept.bytes), missing_text(kept.missing)});
  };
  add("rows of the log", salvaged.log);
  for (const store::Stream stream : store::kStreams)
    add("records of " + std::string(store::to_text(stream)), salvaged.streams[static_cast<std::size_t>(stream)]);
  if (!table.empty()) std::printf("%s\n", table.text(Paint(stdout)).c_str());
  for (const std::string& note : salvaged.notes) std::printf("%s\n", printable(note).c_str());
  std::printf("%s is repaired, incarnation %s; the damaged file is %s\n", printable(file.string()).c_str(),
              to_hex(salvaged.incarnation).substr(0, 8).c_str(), printable(salvaged.aside.string()).c_str());
}

}  // namespace

void add_queue_repair(CLI::App& queue, Context& context, QueueFile file) {
  struct Given {
    bool force = false, json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* repair = queue.add_subcommand("repair", "Take over what is sound in a damaged store into a new one");
  repair->footer(
      "Example: weir queue repair --store /var/lib/weir/weir.db\n"
      "The agent does this by itself when it meets damage. While it runs, this is refused: systemctl stop weir.\n"
      "The damaged file is kept beside the new one.");
  repair->add_flag("--force", given->force, "Also if nothing is found to be wrong");
  repair->add_flag("--json", given->json, "What was kept and what was not, as a document");
  repair->callback([given, file, &context] {
    const SystemClock clock;
    const auto sound = is_sound(context, *file, clock, given->force);
    if (!sound) return failed(context, sound.error());
    if (*sound) {
      std::puts(given->json ? "{\"repaired\":false}" : "all is well: every checksum holds, and nothing was done");
      return;
    }
    const auto options = options_of_agent(context, *file, clock);
    if (!options) return failed(context, options.error());
    const auto salvaged = store::repair(*options, clock);
    if (!salvaged) return failed(context, salvaged.error());
    give_back(options->file, salvaged->aside);
    if (given->json) std::puts(to_json(to_node(*salvaged)).c_str());
    else print(*salvaged, options->file);
  });
}

}  // namespace weir::cli
