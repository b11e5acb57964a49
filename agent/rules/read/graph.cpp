#include "rules/read/graph.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "rules/pattern_index.h"
#include "rules/validity.h"

namespace weir::rules {
namespace {

constexpr std::uint32_t kNobody = 0xFFFFFFFF;

enum class Kind : std::uint8_t { emit, side, write, clear_write, repair };

struct Output {
  std::uint32_t rule;   // kNobody: of no rule
  std::uint32_t index;  // among the rule's outputs of that kind; of a repair: among those
  Kind kind;
  bool written() const { return kind == Kind::write || kind == Kind::clear_write; }
};

// The outputs by what stands at each level of their paths, in lower case: paths are unique ignoring it. So 10,000
// rules are not compared pairwise.
class Outputs {
 public:
  struct Entry {
    std::string path;  // in lower case
    Output output;
  };

  void add(std::string path, Output output) {
    const auto entry = static_cast<std::uint32_t>(entries_.size());
    const auto levels = split(path, '/');
    buckets_[key(levels.size())].push_back(entry);
    for (std::size_t i = 0; i < levels.size(); ++i) buckets_[key(levels.size(), i, levels[i])].push_back(entry);
    entries_.push_back({std::move(path), output});
  }

  // Those that may overlap with `path`, and others: by the level that leaves the fewest.
  template <class Visit>
  void candidates(const std::string& path, Visit&& visit) const {
    const auto levels = split(path, '/');
    Buckets fewest{&bucket(key(levels.size())), &kNone};
    for (std::size_t i = 0; i < levels.size(); ++i) {
      if (is_open(levels[i])) continue;
      const Buckets here{&bucket(key(levels.size(), i, levels[i])), &bucket(key(levels.size(), i, "{}"))};
      if (here.size() < fewest.size()) fewest = here;
    }
    for (const auto* entries : {fewest.same, fewest.open})
      for (const std::uint32_t entry : *entries) visit(entries_[entry]);
  }

 private:
  using Bucket = std::vector<std::uint32_t>;
  struct Buckets {
    const Bucket *same, *open;
    std::size_t size() const { return same->size() + open->size(); }
  };

  static bool is_open(std::string_view level) { return level.find('{') != std::string_view::npos; }
  static std::string key(std::size_t levels) { return std::to_string(levels); }
  static std::string key(std::size_t levels, std::size_t level, std::string_view name) {
    return std::to_string(levels) + '/' + std::to_string(level) + '/' + (is_open(name) ? "{}" : std::string(name));
  }
  const Bucket& bucket(const std::string& key) const {
    const auto found = buckets_.find(key);
    return found == buckets_.end() ? kNone : found->second;
  }

  static inline const Bucket kNone;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, Bucket> buckets_;
};

class Graph {
 public:
  Graph(std::vector<Rule>& rules, const ValiditySet& validity, Diagnostics& diagnostics)
      : rules_(rules), diagnostics_(diagnostics) {
    for (const Profile& profile : validity.profiles)
      for (const Check& check : profile.checks)
        if (check.repair != Repair::none) repairs_.push_back(&check);
  }

  void run() {
    collect_outputs();
    connect();
    sort();
  }

 private:
  struct Place {
    const std::string& path;
    Position position;
  };

  Place place(Output output) const {
    if (output.kind == Kind::repair) return {repairs_[output.index]->repaired.text, {}};
    const Rule& rule = rules_[output.rule];
    switch (output.kind) {
      case Kind::emit: return {rule.emits[output.index].path.text, rule.emits[output.index].position};
      case Kind::side: return {rule.side[output.index].text, rule.position};
      case Kind::write: return {rule.writes[output.index].path.text, rule.writes[output.index].position};
      default: return {rule.clear_writes[output.index].path.text, rule.clear_writes[output.index].position};
    }
  }

  void complain(Output output, std::string message, std::string hint) {
    const Place at = place(output);
    diagnostics_.push_back({Diagnostic::Severity::error, at.position, std::move(message), std::move(hint),
                            output.kind == Kind::side ? 1 : static_cast<int>(at.path.size())});
  }

  void collect_outputs() {
    for (std::uint32_t i = 0; i < repairs_.size(); ++i)
      outputs_.add(lower(repairs_[i]->repaired.text), {kNobody, i, Kind::repair});
    for (std::uint32_t r = 0; r < rules_.size(); ++r) {
      const auto collect = [&](Kind kind, std::size_t count) {
        for (std::uint32_t i = 0; i < count; ++i) collect_output({r, i, kind});
      };
      collect(Kind::emit, rules_[r].emits.size());
      collect(Kind::side, rules_[r].side.size());
      collect(Kind::write, rules_[r].writes.size());
      collect(Kind::clear_write, rules_[r].clear_writes.size());
    }
  }

  void collect_output(Output output) {
    std::string path = lower(place(output).path);
    bool said = false;
    outputs_.candidates(path, [&](const Outputs::Entry& entry) {
      const Output other = entry.output;
      // What a rule writes, it may take back.
      if (output.rule == other.rule && output.written() && other.written() && output.kind != other.kind) return;
      if (said || !may_overlap(entry.path, path)) return;
      said = true;
      refuse(output, other);
    });
    outputs_.add(std::move(path), output);
  }

  void refuse(Output output, Output other) {
    const std::string same = " the same path: " + place(other).path;
    if (other.kind == Kind::repair)
      return complain(output,
                      "what valid: repairs of " + repairs_[other.index]->pattern.text() + " goes out under" + same,
                      "give this output another path");
    const std::string owner = "rule '" + rules_[other.rule].name + "' may ";
    if (!output.written() && !other.written())
      return complain(output, owner + (other.kind == Kind::side ? "put late readings under" : "emit") + same,
                      "give each output a path of its own");
    if (output.written() && other.written())
      return complain(output, owner + "write to" + same,
                      "one rule for each target: let it judge what the others emit");
    complain(output, owner + (other.written() ? "write to" : "emit") + same,
             "signals of drivers are written, those of rules emitted; give one of them another name");
  }

  void connect() {
    readers_.resize(rules_.size());
    sources_.resize(rules_.size());
    for (std::uint32_t r = 0; r < rules_.size(); ++r)
      for (const Input& input : rules_[r].inputs)
        outputs_.candidates(lower(input.pattern.text()), [&](const Outputs::Entry& entry) {
          const Output output = entry.output;
          if (output.kind != Kind::emit) return;
          Emit& emit = rules_[output.rule].emits[output.index];
          if (!may_overlap(input.pattern.text(), emit.path.text)) return;
          emit.has_readers = rules_[output.rule].has_readers = true;
          readers_[output.rule].push_back(r);
          sources_[r].push_back(output);
        });
  }

  void sort() {
    std::vector<std::size_t> waiting(rules_.size());
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
    for (std::uint32_t r = 0; r < rules_.size(); ++r) {
      waiting[r] = sources_[r].size();
      if (waiting[r] == 0) ready.push(r);
    }
    std::vector<Rule> sorted;
    sorted.reserve(rules_.size());
    std::vector<bool> done(rules_.size());
    while (!ready.empty()) {
      const std::uint32_t r = ready.top();
      ready.pop();
      done[r] = true;
      sorted.push_back(std::move(rules_[r]));
      for (const std::uint32_t reader : readers_[r])
        if (--waiting[reader] == 0) ready.push(reader);
    }
    if (sorted.size() == rules_.size()) {
      rules_ = std::move(sorted);
      return;
    }
    report_cycle(done);
  }

  // Backwards from a rule that is left, every step leads to another that is left, at last in a circle.
  void report_cycle(const std::vector<bool>& done) {
    auto at = static_cast<std::uint32_t>(std::ranges::find(done, false) - done.begin());
    std::vector<std::uint32_t> walk;
    std::vector<bool> seen(rules_.size());
    Output from{};
    while (!seen[at]) {
      seen[at] = true;
      walk.push_back(at);
      from = *std::ranges::find_if(sources_[at], [&](Output output) { return !done[output.rule]; });
      at = from.rule;
    }
    walk.erase(walk.begin(), std::ranges::find(walk, at));
    std::ranges::reverse(walk);
    std::ranges::rotate(walk, std::ranges::min_element(walk));
    if (walk.size() == 1)
      return complain(from, "rule '" + rules_[at].name + "' may read what it emits itself",
                      "emit under another name, or with a further level: " + place(from).path + "/mean");
    std::string names;
    for (const std::uint32_t r : walk) names += "'" + rules_[r].name + "' → ";
    complain(from,
             "rules that read each other's outputs in a circle: " + names + "'" + rules_[walk.front()].name + "'",
             "emit under another name somewhere on the way");
  }

  std::vector<Rule>& rules_;
  Diagnostics& diagnostics_;
  std::vector<const Check*> repairs_;
  Outputs outputs_;
  std::vector<std::vector<std::uint32_t>> readers_;
  std::vector<std::vector<Output>> sources_;
};

}  // namespace

void order(std::vector<Rule>& rules, const ValiditySet& validity, Diagnostics& diagnostics) {
  Graph(rules, validity, diagnostics).run();
}

}  // namespace weir::rules
