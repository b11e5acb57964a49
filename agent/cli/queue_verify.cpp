// weir queue verify: whether every record is what was written.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "cli/queue.h"
#include "cli/table.h"

namespace weir::cli {

void add_queue_verify(CLI::App& queue, Context& context, QueueFile file) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verify = queue.add_subcommand("verify", "Read all of it and check every checksum");
  verify->footer("Example: weir queue verify\nExits with 1 if anything is damaged; weir queue repair mends it.");
  verify->add_flag("--json", *json, "As a document: {ok, first, last, faults[]}");
  verify->callback([json, file, &context] {
    const SystemClock clock;
    auto store = open_to_look(context, *file, clock);
    if (!store && store.error().damage) store.error().hint = "what is sound can be taken over: weir queue repair";
    if (!store) return failed(context, store.error());
    const auto wrong = store->database->verify();
    if (!wrong) return failed(context, wrong.error());
    const store::Stats stats = store->database->stats();
    if (!wrong->empty()) context.exit_code = 1;
    if (*json) {
      Node::List faults;
      for (const std::string& line : *wrong) faults.push_back(Node::of(line));
      Node node = Node::object();
      node.set("ok", wrong->empty()).set("first", stats.first).set("last", stats.last);
      std::puts(to_json(node.set("faults", std::move(faults))).c_str());
      return;
    }
    for (const std::string& line : *wrong) std::puts(printable(line).c_str());
    if (wrong->empty())
      std::printf("all is well: rows %llu to %llu of the log, every checksum holds\n",
                  static_cast<unsigned long long>(stats.first), static_cast<unsigned long long>(stats.last));
    else std::puts(count_text(wrong->size(), "fault").c_str());
  });
}

}  // namespace weir::cli
