// weir replay: what rules would have done.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>

#include <CLI/CLI.hpp>

#include "agent/plan.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/replay_input.h"
#include "cli/replay_output.h"
#include "cli/store_file.h"
#include "cli/table.h"
#include "csv/text.h"
#include "rule_test/suite.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 1 << 20;  // of a file of rules

struct Given {
  std::vector<fs::path> inputs;  // CSV, or one store; none: that of weir.yaml
  StoreFile file;
  std::vector<fs::path> rules, others;
  std::string signal, from, to, only;
  bool json = false;
};

bool is_csv(const fs::path& path) { return lower(path.extension().string()) == ".csv"; }

void say(const std::string& text) { std::fprintf(stderr, "weir: %s\n", printable(text).c_str()); }

// The files that it stands for.
Result<std::vector<fs::path>> rule_files(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector{path};
  std::vector<fs::path> out;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".yaml") && !name.ends_with(rule_test::kTestSuffix))
      out.push_back(at->path());
  }
  if (error) return std::unexpected(file_error("cannot read " + path.string(), error.value()));
  if (out.empty()) return fail("there are no rules in " + path.string(), "rules are in files NAME.yaml");
  std::ranges::sort(out);
  return out;
}

Result<v1::RulesChanged> read_rules(const std::vector<fs::path>& paths, const config::Site& site) {
  config::Config config;
  config.site = site;
  for (const fs::path& path : paths) {
    const auto files = rule_files(path);
    if (!files) return std::unexpected(files.error());
    for (const fs::path& file : *files) {
      auto text = read_file(file, kMostBytes);
      if (!text) return std::unexpected(text.error());
      config.rule_files.push_back({file.string(), std::move(*text)});
    }
  }
  v1::RulesChanged rules = plan::rule_files(config);
  config::Loaded loaded;
  loaded.diagnostics = plan::compile(rules).diagnostics;
  if (!has_errors(loaded.diagnostics)) return rules;
  loaded.sources = config.rule_files;
  std::erase_if(loaded.diagnostics,
                [](const Diagnostic& one) { return one.severity != Diagnostic::Severity::error; });
  std::fputs(printable(plan::render(loaded), kLines).c_str(), stderr);
  return fail("the rules have errors");
}

// The configuration at --config; nothing if there is none there.
Result<std::optional<config::Config>> read_config(const Context& context) {
  const auto there = has_config(context);
  if (!there) return std::unexpected(there.error());
  if (!*there) return std::nullopt;
  config::Loaded loaded = config::load(context.config);
  if (loaded.config) return std::move(loaded.config);
  return fail(context.config.string() + " has errors",
              "weir check --config " + context.config.string() + " shows them");
}

Result<std::optional<Timestamp>> parse_time(std::string_view option, const std::string& text) {
  Timestamp out = 0;
  if (text.empty()) return std::nullopt;
  if (!csv::parse_time(text, out))
    return fail(std::string(option) + " " + csv::no_time(text), "write 2026-11-21T01:18:39Z, or seconds since 1970");
  return out;
}

class Replay {
 public:
  Replay(const Context& context, const Given& given) : context_(context), given_(given) {}

  Result<void> run() {
    const auto from = parse_time("--from", given_.from), to = parse_time("--to", given_.to);
    if (!from) return std::unexpected(from.error());
    if (!to) return std::unexpected(to.error());
    to_ = *to;
    const ReplayShow show{given_.json, !given_.others.empty(), given_.only,
                          from->value_or(std::numeric_limits<Timestamp>::min()),
                          to_.value_or(std::numeric_limits<Timestamp>::max())};
    if (show.from > show.to) return fail("--from is later than --to", "swap them");
    output_.emplace(show);
    const auto csv = std::ranges::count_if(given_.inputs, is_csv);
    if (csv == 0 && given_.inputs.size() <= 1) {
      if (!given_.signal.empty())
        return fail("--signal is of CSV: a store knows of what its readings are", "leave it out");
      return replay_store();
    }
    if (csv == std::ssize(given_.inputs)) {
      if (!given_.file.key_file.empty()) return fail("--key-file is of a store: CSV has no key", "leave it out");
      return replay_csv();
    }
    return fail("one store, or files *.csv: not both, and not two stores",
                "rules are named with --rules FILE, each, or a folder of them");
  }

  bool whole() const { return whole_; }
  bool differs() const { return output_ && output_->differs(); }

 private:
  Result<void> replay_csv() {
    auto config = read_config(context_);
    if (!config) return std::unexpected(config.error());
    const config::Site site = *config ? (*config)->site : config::Site();
    if (given_.rules.empty()) {
      auto player = Player::with(*config ? plan::rule_files(**config) : v1::RulesChanged());
      if (!player) return std::unexpected(player.error());
      players_.push_back(std::move(*player));
    }
    if (auto ok = add_rules(site); !ok) return ok;
    return finish(cli::replay_csv(given_.inputs, given_.signal, players_, to_, handlers()));
  }

  Result<void> replay_store() {
    StoreFile file = given_.file;
    if (!given_.inputs.empty()) file.store = given_.inputs.front();
    const SystemClock clock;
    auto opened = open_to_look(context_, file, clock);
    if (!opened) return std::unexpected(opened.error());
    if (given_.rules.empty()) players_.emplace_back();
    // The site of the box that the store is of; of the store that --config names, that may be a new one.
    config::Site site = opened->config ? opened->config->site : config::Site();
    if (given_.inputs.empty() && given_.file.store.empty()) {
      auto config = read_config(context_);
      if (!config) return std::unexpected(config.error());
      if (*config) site = (*config)->site;
    }
    if (auto ok = add_rules(site); !ok) return ok;
    return finish(cli::replay_store(*opened->database, players_, to_.value_or(std::numeric_limits<Timestamp>::max()),
                                    handlers()));
  }

  // Those that were given: before what they are compared with.
  Result<void> add_rules(const config::Site& site) {
    for (const auto* paths : {&given_.rules, &given_.others}) {
      if (paths->empty()) continue;
      const auto rules = read_rules(*paths, site);
      if (!rules) return std::unexpected(rules.error());
      auto player = Player::with(*rules);
      if (!player) return std::unexpected(player.error());
      players_.push_back(std::move(*player));
    }
    // What there would be without a rule can be asked, too: of two sides one may have none.
    if (std::ranges::all_of(players_,
                            [](const Player& one) { return one.own_rules && one.state.engine().rules().empty(); }))
      return fail("there is no rule to replay",
                  "name some with --rules FILE_OR_FOLDER, or a configuration with --config; rules.d is beside it");
    return {};
  }

  ReplayHandlers handlers() {
    return {.stepped =
                [this](Timestamp arrival) {
                  for (std::size_t side = 0; side < players_.size(); ++side) {
                    output_->add(side, arrival, players_[side].outputs);
                    players_[side].outputs.clear();
                  }
                  output_->stepped(arrival);
                  return std::ferror(stdout) == 0;
                },
            .wrong =
                [this](const std::string& what) {
                  say(what);
                  whole_ = false;
                },
            .note = say};
  }

  Result<void> finish(const Result<Replayed>& replayed) {
    output_->end();
    if (!replayed) return std::unexpected(replayed.error());
    if (std::ferror(stdout) != 0) return {};  // which is said of all commands, and ended this one early
    const Player& first = players_.front();
    if (!first.own_rules && first.state.engine().rules().empty()) say("the log has no rules; name some with --rules");
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    std::fprintf(stderr, "%s from %s to %s in %.3f s, %.0f a second\n",
                 count_text(replayed->readings, "reading").c_str(), to_iso(replayed->first).c_str(),
                 to_iso(replayed->last).c_str(), seconds, static_cast<double>(replayed->readings) / seconds);
    for (std::size_t side = 0; side < players_.size(); ++side) {
      const rules::Counters& counters = players_[side].state.engine().counters();
      std::fprintf(stderr, "%srules looked at %llu; %llu came too late, %llu twice, %llu results were unknown\n",
                   players_.size() == 1 ? ""
                   : side == 0          ? "- "
                                        : "+ ",
                   static_cast<unsigned long long>(counters.readings), static_cast<unsigned long long>(counters.late),
                   static_cast<unsigned long long>(counters.duplicate),
                   static_cast<unsigned long long>(counters.arithmetic));
    }
    return {};
  }

  const Context& context_;
  const Given& given_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::optional<Timestamp> to_;
  std::optional<ReplayOutput> output_;
  std::vector<Player> players_;
  bool whole_ = true;
};

}  // namespace

void add_replay(CLI::App& app, Context& context) {
  auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("replay", "What rules would have done, over a store or over CSV");
  command->footer(
      "Example: weir replay --diff new-rules.d\n"
      "Example: weir replay boiler-1/temperature.csv --rules overheat.yaml\n"
      "Changes nothing, also beside a running agent. Exits with 1 if a part could not be read; with --diff: 0 if "
      "the\n"
      "rules do the same, 1 if they do not, 2 if something was wrong.");
  command->add_option("INPUT", given->inputs, "A store, or files *.csv; the store that weir.yaml names if left out");
  command->add_option("--key-file", given->file.key_file, "The key of an encrypted store");
  command
      ->add_option("--rules", given->rules, "A file or folder of rules, instead of those of the log; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--diff", given->others, "Other rules: shows only what they do otherwise; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--signal", given->signal, "What CSV without paths is of: DEVICE/SIGNAL");
  command->add_option("--from", given->from, "Show what happened at this time or later");
  command->add_option("--to", given->to, "End at this time");
  command->add_option("--only", given->only, "alerts, emits or writes")
      ->check(CLI::IsMember({"alerts", "emits", "writes"}));
  command->add_flag("--json", given->json, "A JSON object a line");
  command->callback([given, &context] {
    Replay replay(context, *given);
    if (!given->others.empty()) context.failure = 2;
    if (const auto ok = replay.run(); !ok) return failed(context, ok.error());
    if (!replay.whole()) context.exit_code = context.failure;
    else if (replay.differs()) context.exit_code = 1;
  });
}

}  // namespace weir::cli
