#include "rule_test/load.h"

#include <algorithm>

#include "base/file.h"
#include "rule_test/read.h"
#include "rule_test/run.h"

namespace weir::rule_test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 1 << 20;  // of one file
constexpr std::size_t kMostFiles = 10'000;

// Files with that ending in a folder, or in it and below, by name: all of them, or an error.
template <class Iterator>
Result<std::vector<fs::path>> files_in(const fs::path& folder, std::string_view ending) {
  std::vector<fs::path> out;
  std::error_code error;
  for (Iterator entries(folder, error); !error && entries != Iterator() && out.size() < kMostFiles;
       entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(ending)) out.push_back(entries->path());
  }
  if (error) return std::unexpected(file_error("cannot read all of " + folder.string(), error.value()));
  std::ranges::sort(out);
  return out;
}

class Loader {
 public:
  Loaded run(const fs::path& file) {
    const auto tests = read(file, {});
    if (tests) out_.suite = read_suite(*tests, file, out_.diagnostics);
    std::vector<Node> documents;
    for (const Suite::RuleFile& rules : out_.suite.rules)
      for (const fs::path& path : files_of(rules))
        if (auto document = read(path, rules.position); document && !document->is_null())
          documents.push_back(std::move(*document));
    if (!has_errors(out_.diagnostics)) {
      rules::Compiled compiled = rule_test::compile(documents, out_.suite.site);
      std::ranges::move(compiled.diagnostics, std::back_inserter(out_.diagnostics));
      out_.rules = std::move(compiled.rules);
    }
    std::erase_if(out_.diagnostics, [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::warning; });
    config::sort(out_.diagnostics, out_.sources);
    return std::move(out_);
  }

 private:
  void error(const Position& at, std::string message, std::string hint = {}) {
    out_.diagnostics.push_back({Diagnostic::Severity::error, at, std::move(message), std::move(hint), 1});
  }

  // The files that an entry of `rules:` stands for.
  std::vector<fs::path> files_of(const Suite::RuleFile& rules) {
    std::error_code ignored;
    if (!fs::is_directory(rules.path, ignored)) return {rules.path};
    auto out = files_in<fs::directory_iterator>(rules.path, ".yaml");
    if (!out) {
      error(rules.position, out.error().what, out.error().hint);
      return {};
    }
    std::erase_if(*out, [](const fs::path& path) { return path.string().ends_with(kTestSuffix); });
    if (out->empty())
      error(rules.position, "there are no rules in the folder " + rules.path.string(),
            "rules are in files NAME.yaml");
    return std::move(*out);
  }

  // Nothing if it cannot be read, which is said where it is named.
  std::optional<Node> read(const fs::path& path, const Position& named_at) {
    if (std::ranges::find(out_.sources, path.string(), &config::Source::name) != out_.sources.end()) {
      error(named_at, path.string() + " is named twice", "remove one of the two");
      return std::nullopt;
    }
    auto text = read_file(path, kMostBytes);
    if (!text) {
      error(named_at, text.error().what, text.error().hint);
      return std::nullopt;
    }
    out_.sources.push_back({path.string(), std::move(*text)});
    config::Parsed parsed = config::parse_yaml(out_.sources.back());
    const bool whole = parsed.complete;
    std::ranges::move(parsed.diagnostics, std::back_inserter(out_.diagnostics));
    return whole ? std::optional<Node>(std::move(parsed.root)) : std::nullopt;
  }

  Loaded out_;
};

}  // namespace

Loaded load(const fs::path& file) { return Loader().run(file); }

Result<std::vector<fs::path>> find_tests(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::not_found)
    return fail("there is no " + path.string(), "name a file of tests, or a folder with *.test.yaml");
  if (error) return std::unexpected(file_error("cannot read " + path.string(), error.value()));
  if (type != fs::file_type::directory) return std::vector{path};
  auto out = files_in<fs::recursive_directory_iterator>(path, kTestSuffix);
  if (!out) return out;
  for (fs::path& test : *out) test = test.lexically_normal();
  if (out->empty()) return fail("there are no tests in " + path.string(), "tests are in files NAME.test.yaml");
  return out;
}

}  // namespace weir::rule_test
