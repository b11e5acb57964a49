#include "agent/plan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "rules/rule_set.h"
#include "supervisor/driver.h"

namespace weir::plan {

rules::Site site(const config::Site& site) {
  rules::Site out{site.timezone, {}, site.constants};
  for (const config::Shift& shift : site.shifts) out.shifts.push_back({shift.name, shift.begin, shift.end});
  std::ranges::stable_sort(out.shifts, {}, &calendar::Shift::begin);
  return out;
}

namespace {

void encode(const rules::Site& site, v1::Site& out) {
  out.set_timezone(site.timezone);
  for (const calendar::Shift& shift : site.shifts) {
    v1::Site::Shift& to = *out.add_shifts();
    to.set_name(shift.name);
    to.set_begin(shift.begin);
    to.set_end(shift.end);
  }
  for (const auto& [name, value] : site.constants) {
    v1::Site::Constant& to = *out.add_constants();
    to.set_name(name);
    to.set_value(value);
  }
}

rules::Site decode(const v1::Site& site) {
  rules::Site out;
  if (!site.timezone().empty()) out.timezone = site.timezone();
  for (const v1::Site::Shift& shift : site.shifts()) out.shifts.push_back({shift.name(), shift.begin(), shift.end()});
  for (const v1::Site::Constant& constant : site.constants())
    out.constants.emplace_back(constant.name(), constant.value());
  return out;
}

// Says what is wrong with the site where it is written, and makes `site` one that rules can be compiled for.
void check_site(const config::Site& written, rules::Site& site, Diagnostics& diagnostics) {
  const auto complain = [&](const Position& at, const Error& error) {
    diagnostics.push_back({Diagnostic::Severity::error, at, "site: " + error.what, error.hint});
  };
  if (const auto fine = calendar::Calendar::make(site.timezone, {}); !fine) {
    complain(written.timezone_place, fine.error());
    site.timezone = "UTC";
  }
  if (const auto fine = calendar::Calendar::make("UTC", site.shifts); !fine) {
    complain(written.shifts_place, fine.error());
    site.shifts.resize(1);
    site.shifts.front() = {"shift", 0, 0};
  }
}

}  // namespace

v1::RulesChanged rule_files(const config::Config& config) {
  v1::RulesChanged rules;
  // Left out where it says nothing, so that rules of a log from before it existed are the same rules.
  if (const rules::Site here = site(config.site); here != rules::Site()) encode(here, *rules.mutable_site());
  for (const config::Source& source : config.rule_files) {
    v1::RuleFile& file = *rules.add_files();
    file.set_name(source.name);
    file.set_text(source.text);
  }
  return rules;
}

rules::Compiled compile(const v1::RulesChanged& rules) {
  std::vector<Node> documents;
  Diagnostics diagnostics;
  for (const v1::RuleFile& file : rules.files()) {
    config::Parsed parsed = config::parse_yaml({file.name(), file.text()});
    diagnostics.insert(diagnostics.end(), parsed.diagnostics.begin(), parsed.diagnostics.end());
    documents.push_back(std::move(parsed.root));
  }
  if (has_errors(diagnostics)) return {nullptr, std::move(diagnostics)};
  return rules::compile(documents, decode(rules.site()));
}

v1::KeptConfig kept(const config::Config& config, const std::filesystem::path& folder) {
  v1::KeptConfig kept;
  kept.mutable_main()->set_name(config.main.name);
  kept.mutable_main()->set_text(config.main.text);
  const v1::RulesChanged rules = rule_files(config);
  *kept.mutable_rules() = rules.files();
  kept.set_folder(folder.string());
  return kept;
}

config::Loaded load(const v1::KeptConfig& kept) {
  std::vector<config::Source> rules;
  for (const v1::RuleFile& file : kept.rules()) rules.push_back({file.name(), file.text()});
  return config::load({kept.main().name(), kept.main().text()}, rules, kept.folder());
}

namespace {

// What stands below `store:` in a config of which the rest may be wrong; empty if it does not.
std::string of_store(const std::filesystem::path& config_file, std::string_view key) {
  const auto text = read_file(config_file, 1 << 20);
  if (!text) return {};
  const config::Parsed parsed = config::parse_yaml({config_file.string(), *text});
  const Node* store = parsed.root.find("store");
  const Node* value = store != nullptr ? store->find(key) : nullptr;
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

// Of a file that systemd hands over.
void hint_at_credential(const std::filesystem::path& file, Error& error) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  if (credentials != nullptr && file.parent_path() == credentials)
    error.hint = "is it in /etc/weir/credentials? systemd hands it over at the start: systemctl restart weir";
}

// What of the key's file can be told before the store is opened with it.
void check_key_file(const config::Store& store, Diagnostics& diagnostics) {
  struct ::stat status{};
  const bool there = ::stat(store.key_file.c_str(), &status) == 0 && ::access(store.key_file.c_str(), R_OK) == 0;
  const auto key = store_key(store.key_file);
  const auto say = [&](Diagnostic::Severity severity, const std::string& what, const std::string& hint) {
    diagnostics.push_back({severity, store.key_place, what, hint});
  };
  // By hand, outside of the service, a credential is not there; and the file may be for root alone.
  if (!key)
    say(there ? Diagnostic::Severity::error : Diagnostic::Severity::warning, key.error().what, key.error().hint);
  else if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    say(Diagnostic::Severity::warning, "others can read or change the key file " + store.key_file.string(),
        "chmod 640 it, or 600; and make a new key if others were on this machine");
}

// Of what rules want to write and may not.
void warn_of_writes(const rules::RuleSet& rules, Diagnostics& diagnostics) {
  for (const rules::Rule& rule : rules.rules)
    for (const auto* writes : {&rule.writes, &rule.clear_writes})
      for (const rules::Write& write : *writes)
        diagnostics.push_back({Diagnostic::Severity::warning, write.position,
                               "rule '" + rule.name + "' writes, and rules may not",
                               "add `writes: enabled` to weir.yaml, and the signal to its driver's writes:"});
}

}  // namespace

std::filesystem::path store_path(const std::filesystem::path& config_file) {
  const std::string path = of_store(config_file, "path");
  return path.empty() ? std::filesystem::path(kUsualStore) : config_file.parent_path() / path;
}

std::filesystem::path store_key_file(const std::filesystem::path& config_file) {
  const std::string file = of_store(config_file, "key_file");
  return file.empty() ? std::filesystem::path() : config::secret_path(file, config_file.parent_path());
}

Result<std::optional<store::Key>> store_key(const std::filesystem::path& file) {
  if (file.empty()) return std::nullopt;
  auto key = store::Key::read(file);
  if (key) return *key;
  hint_at_credential(file, key.error());
  return std::unexpected(std::move(key.error()));
}

store::Limits limits(const config::Store& store) {
  const auto of = [](const config::Store::Stream& stream) {
    return store::StreamLimit{stream.quota, stream.max_age, stream.priority};
  };
  store::Limits limits;
  limits.quota = store.quota;
  limits.free_space = store.free_space;
  limits.when_full = store.when_full == "block"         ? store::WhenFull::block
                     : store.when_full == "drop_oldest" ? store::WhenFull::drop_oldest
                                                        : store::WhenFull::thin;
  limits.streams = {store::StreamLimit{}, of(store.alerts), of(store.derived), of(store.raw), of(store.backfill)};
  return limits;
}

void set_config_folder(const std::filesystem::path& config_file) {
  ::setenv("WEIR_CONFIG_DIR", std::filesystem::absolute(config_file).parent_path().c_str(), 1);
}

Checked check(config::Loaded loaded, const std::vector<std::filesystem::path>& driver_folders,
              std::span<const model::Signal> announced) {
  Checked out{std::move(loaded)};
  if (!out.loaded.config && !out.loaded.draft) return out;
  const config::Config& config = out.loaded.config ? *out.loaded.config : *out.loaded.draft;
  Diagnostics diagnostics;

  if (!config.store.key_file.empty()) check_key_file(config.store, diagnostics);
  for (const config::Driver& driver : config.drivers) {
    if (driver.external || (driver.kind.empty() && driver.command.empty())) continue;
    const auto say = [&](Diagnostic::Severity severity, const Position& at, const std::string& what,
                         const std::string& hint) {
      diagnostics.push_back({severity, at.line > 0 ? at : driver.place, "driver " + driver.name + ": " + what, hint});
    };
    const auto complain = [&](const Error& error) {
      say(Diagnostic::Severity::error, driver.place, error.what, error.hint);
    };
    std::filesystem::path executable = driver.command;
    if (executable.empty()) {
      auto found = supervisor::find_driver(driver.kind, driver_folders);
      if (!found) {
        complain(found.error());
        continue;
      }
      executable = *found;
    }
    const auto findings = supervisor::check(executable, to_json(driver.options));
    if (!findings) {
      complain(findings.error());
      continue;
    }
    for (const supervisor::Finding& finding : *findings)
      say(finding.severity, at_pointer(driver.options, finding.at).position, finding.message, finding.hint);
  }

  rules::Site here = site(config.site);
  check_site(config.site, here, diagnostics);
  rules::Compiled compiled = rules::compile(config.rules, here, announced);
  diagnostics.insert(diagnostics.end(), compiled.diagnostics.begin(), compiled.diagnostics.end());
  if (compiled.rules && !config.rules_write) warn_of_writes(*compiled.rules, diagnostics);

  // One fault is said once: by who read it first.
  Diagnostics& said = out.loaded.diagnostics;
  const std::size_t before = said.size();
  for (Diagnostic& found : diagnostics)
    if (std::none_of(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(before), [&](const Diagnostic& known) {
          return known.position.file && found.position.file && *known.position.file == *found.position.file &&
                 known.position.line == found.position.line && known.position.column == found.position.column;
        }))
      said.push_back(std::move(found));
  config::sort(said, out.loaded.sources);
  return out;
}

std::string render(const config::Loaded& loaded) {
  std::string out;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    std::string_view source;
    for (const config::Source& candidate : loaded.sources)
      if (diagnostic.position.file && *diagnostic.position.file == candidate.name) source = candidate.text;
    out += weir::render(diagnostic, source);
  }
  return out;
}

std::string remarks(const config::Loaded& good, std::span<const model::Signal> announced) {
  config::Loaded said = good;
  said.diagnostics = rules::compile(good.config->rules, site(good.config->site), announced).diagnostics;
  return render(said);
}

std::vector<std::string> driver_names(const config::Config& config) {
  std::vector<std::string> names;
  for (const config::Driver& driver : config.drivers) names.push_back(driver.name);
  return names;
}

std::map<std::string, std::vector<model::PathPattern>> writable(const config::Config& config) {
  std::map<std::string, std::vector<model::PathPattern>> out;
  for (const config::Driver& driver : config.drivers)
    for (const std::string& text : driver.writes)
      if (auto pattern = model::PathPattern::parse(text)) out[driver.name].push_back(std::move(*pattern));
  return out;
}

Result<std::vector<supervisor::Spec>> driver_specs(const config::Config& config,
                                                   const std::vector<std::filesystem::path>& driver_folders,
                                                   const std::function<bus::Endpoint(const std::string&)>& endpoint) {
  std::vector<supervisor::Spec> specs;
  for (const config::Driver& driver : config.drivers) {
    if (driver.external) continue;
    std::filesystem::path executable = driver.command;
    if (executable.empty()) {
      auto found = supervisor::find_driver(driver.kind, driver_folders);
      if (!found) return context("driver " + driver.name, found.error());
      executable = *found;
    }
    const bus::Endpoint at = endpoint(driver.name);
    supervisor::Spec spec =
        supervisor::driver_spec(driver.name, std::move(executable), to_json(driver.options), at.url, at.password);
    // On the box's own broker all drivers share the account that weir.yaml names.
    for (auto& [name, value] : spec.environment)
      if (name == "WEIR_BUS_USERNAME" && !at.username.empty()) value = at.username;
    if (!config.bus.managed && config.bus.tls) {
      spec.environment.emplace_back("WEIR_BUS_CA", config.bus.tls->ca.string());
      spec.environment.emplace_back("WEIR_BUS_CERTIFICATE", config.bus.tls->certificate.string());
      spec.environment.emplace_back("WEIR_BUS_KEY", config.bus.tls->key.string());
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

namespace {

Result<mqtt::Options> options(const std::string& url, const std::string& username,
                              const std::filesystem::path& password_file, const std::optional<config::Tls>& tls,
                              const std::string& client_id) {
  mqtt::Options out;
  out.url = url;
  out.client_id = client_id;
  out.username = username;
  if (!password_file.empty()) {
    auto password = read_secret(password_file);
    if (!password) {
      hint_at_credential(password_file, password.error());
      return context(url, password.error());
    }
    out.password = std::move(*password);
  }
  if (tls) out.tls = mqtt::Tls{tls->ca, tls->certificate, tls->key};
  return out;
}

}  // namespace

std::vector<std::string> keep_until_restart(config::Config& next, const config::Config& running) {
  std::vector<std::string> differed;
  const auto keep = [&differed](const char* key, auto& now, const auto& was) {
    if (now == was) return;
    differed.emplace_back(key);
    now = was;
  };
  keep("store: path", next.store.path, running.store.path);
  keep("store: key_file", next.store.key_file, running.store.key_file);
  keep("store: commit_interval", next.store.commit_interval, running.store.commit_interval);
  keep("store: volatile", next.store.volatile_bytes, running.store.volatile_bytes);
  keep("bus", next.bus, running.bus);
  keep("site: agent", next.site.agent, running.site.agent);
  return differed;
}

Result<mqtt::Options> bus_options(const config::Bus& bus, const std::string& agent) {
  return options(bus.url, bus.username, bus.password_file, bus.tls, "weir-agent-" + agent);
}

Result<mqtt::Options> uplink_options(const config::Uplink& uplink, const std::string& agent) {
  return options(uplink.url, uplink.username, uplink.password_file, uplink.tls, "weir-" + agent + "-" + uplink.name);
}

}  // namespace weir::plan
