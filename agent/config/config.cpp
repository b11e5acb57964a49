#include "config/config.h"

#include <algorithm>
#include <map>
#include <utility>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "config/description.h"
#include "config/reader.h"
#include "config/yaml_text.h"

namespace weir::config {
namespace {

constexpr const char* kRulesFolder = "rules.d";
constexpr std::size_t kMostRuleFiles = 1'000;

Diagnostic about_file(const std::string& name, Diagnostic::Severity severity, std::string message, std::string hint) {
  return {severity, {std::make_shared<const std::string>(name), 0, 0}, std::move(message), std::move(hint), 1};
}

// Over file names without folders, so that a config says the same wherever it lies.
std::string hash_of(const Source& main, const std::vector<Source>& rule_files) {
  std::string all;
  const auto add = [&](const Source& source) {
    put_bytes(all, std::filesystem::path(source.name).filename().string());
    put_bytes(all, source.text);
  };
  add(main);
  for (const Source& source : rule_files) add(source);
  std::string hash(32, '\0');
  unsigned size = 0;
  EVP_Digest(all.data(), all.size(), reinterpret_cast<unsigned char*>(hash.data()), &size, EVP_sha256(), nullptr);
  return hash;
}

// A serial port somewhere in a driver's options: a device path behind one of the usual keys, or what
// is a serial port by its name.
struct Port {
  std::string path;
  const Node* node = nullptr;
};

void collect_ports(const Node& node, std::string_view key, std::vector<Port>& out) {
  if (const auto* map = node.as_map()) {
    for (const auto& member : *map) collect_ports(member.value, member.key, out);
  } else if (const auto* list = node.as_list()) {
    for (const Node& item : *list) collect_ports(item, key, out);
  } else if (const std::string* text = node.as_string(); text != nullptr && text->starts_with("/dev/")) {
    const std::string path = std::filesystem::path(*text).lexically_normal().string();
    if (key == "serial" || key == "port" || path.starts_with("/dev/tty") || path.starts_with("/dev/serial/"))
      out.push_back({path, &node});
  }
}

void check_ports(const std::vector<Driver>& drivers, Diagnostics& diagnostics) {
  std::map<std::string, const Driver*> owners;
  for (const Driver& driver : drivers) {
    std::vector<Port> ports;
    collect_ports(driver.options, {}, ports);
    for (const Port& port : ports) {
      const Driver* owner = owners.try_emplace(port.path, &driver).first->second;
      if (owner == &driver) continue;
      diagnostics.push_back(
          {Diagnostic::Severity::error, port.node->position,
           "drivers '" + owner->name + "' and '" + driver.name + "' share the serial port " + port.path,
           "put its devices into one driver", static_cast<int>(port.node->as_string()->size())});
    }
  }
}

// Secrets in options would be shown by whoever shows the config.
void check_secrets(const Node& node, Diagnostics& diagnostics) {
  if (const auto* list = node.as_list()) {
    for (const Node& item : *list) check_secrets(item, diagnostics);
  } else if (const auto* map = node.as_map()) {
    for (const auto& member : *map) {
      const std::string key = lower(member.key);
      if (key == "password" || key == "passphrase" || key == "secret")
        diagnostics.push_back(
            {Diagnostic::Severity::error, member.key_position, "a password does not belong into this file",
             "put it into a file of its own: " + member.key + "_file: /etc/weir/NAME, for the group weir",
             static_cast<int>(member.key.size())});
      check_secrets(member.value, diagnostics);
    }
  }
}

std::string without_mark(std::string text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return text;
}

void read_into(Config& config, Parsed& document, const std::filesystem::path& folder) {
  Diagnostics found;
  Reader reader(document.root, "weir.yaml", folder, found);
  describe(reader, config);
  reader.finish();
  check_ports(config.drivers, found);
  for (const Driver& driver : config.drivers) check_secrets(driver.options, found);
  // A value that is no proper YAML is not of the wrong kind as well.
  const Diagnostics& known = document.diagnostics;
  std::erase_if(found, [&](const Diagnostic& d) {
    return std::ranges::any_of(known, [&](const Diagnostic& k) {
      return k.position.line == d.position.line && k.position.column == d.position.column;
    });
  });
  document.diagnostics.insert(document.diagnostics.end(), found.begin(), found.end());
}

void append(Diagnostics& to, Diagnostics from) { std::ranges::move(from, std::back_inserter(to)); }

}  // namespace

void sort(Diagnostics& diagnostics, const std::vector<Source>& sources) {
  const auto rank = [&](const Diagnostic& d) {
    const auto source =
        std::ranges::find_if(sources, [&](const Source& s) { return d.position.file && s.name == *d.position.file; });
    return std::tuple(source - sources.begin(), d.position.line, d.position.column, std::string_view(d.message));
  };
  std::ranges::sort(diagnostics, {}, rank);
}

Loaded load(const Source& main, const std::vector<Source>& rule_files, const std::filesystem::path& folder) {
  Loaded out;
  out.sources = {main};
  out.sources.insert(out.sources.end(), rule_files.begin(), rule_files.end());

  Config config;
  config.store.path = "/var/lib/weir/weir.db";
  Parsed document = parse_yaml(main);
  // A document that ends early would be found to lack what comes behind the end.
  if (document.complete) read_into(config, document, folder);
  append(out.diagnostics, std::move(document.diagnostics));
  for (const Source& source : rule_files) {
    Parsed rules = parse_yaml(source);
    append(out.diagnostics, std::move(rules.diagnostics));
    if (rules.complete && !rules.root.is_null()) config.rules.push_back(std::move(rules.root));
  }
  sort(out.diagnostics, out.sources);
  if (has_errors(out.diagnostics)) {
    out.draft = std::move(config);
    return out;
  }

  config.main = main;
  config.rule_files = rule_files;
  config.hash = hash_of(main, rule_files);
  out.config = std::move(config);
  return out;
}

Loaded load(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  Diagnostics unreadable;
  std::vector<Source> sources;
  const auto read = [&](const fs::path& path) {
    auto text = read_file(path, kMostBytes + 3);
    if (text) sources.push_back({path.string(), without_mark(std::move(*text))});
    else
      unreadable.push_back(
          about_file(path.string(), Diagnostic::Severity::error, text.error().what, text.error().hint));
    return text.has_value();
  };
  const bool main_is_read = read(file);

  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::vector<fs::path> rule_files;
  std::error_code error;
  fs::directory_iterator entries((file.parent_path() / kRulesFolder), error);
  if (error && error != std::errc::no_such_file_or_directory)
    unreadable.push_back(about_file((file.parent_path() / kRulesFolder).string(), Diagnostic::Severity::error,
                                    "cannot list the rule files: " + error.message(),
                                    "is it a folder that weir may read?"));
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& path = entries->path();
    const std::string name = path.filename().string();
    if (name.starts_with('.') || name.ends_with(".test.yaml")) continue;  // those are for `weir test`
    if (path.extension() == ".yaml") rule_files.push_back(path);
    else if (path.extension() == ".yml")
      unreadable.push_back(about_file(path.string(), Diagnostic::Severity::warning, "this file is not read",
                                      "rename it to " + path.stem().string() + ".yaml"));
  }
  std::ranges::sort(rule_files);
  if (rule_files.size() > kMostRuleFiles) {
    unreadable.push_back(about_file((file.parent_path() / kRulesFolder).string(), Diagnostic::Severity::error,
                                    "more than " + std::to_string(kMostRuleFiles) + " rule files",
                                    "put several rules into one file"));
    rule_files.resize(kMostRuleFiles);
  }
  for (const fs::path& path : rule_files) read(path);

  if (!main_is_read) {
    Loaded out;
    for (const Source& source : sources) append(unreadable, parse_yaml(source).diagnostics);
    out.diagnostics = std::move(unreadable);
    out.sources = std::move(sources);
    return out;
  }
  const Source main = std::move(sources.front());
  sources.erase(sources.begin());
  Loaded out = load(main, sources, folder);
  if (has_errors(unreadable) && out.config) out.draft = std::exchange(out.config, std::nullopt);
  out.diagnostics.insert(out.diagnostics.begin(), unreadable.begin(), unreadable.end());
  return out;
}

}  // namespace weir::config
