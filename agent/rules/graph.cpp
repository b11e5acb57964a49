#include "rules/graph.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "rules/pattern_index.h"

namespace weir::rules {
namespace {

struct Output {
  std::uint32_t rule;
  std::uint32_t emit;
};

// The outputs by number of levels and last level, so that 10,000 rules are not compared pairwise.
class Outputs {
 public:
  void add(std::string_view path, Output output) { buckets_[key(path)].push_back(output); }

  template <class Visit>
  void candidates(std::string_view path, Visit&& visit) const {
    const std::size_t levels = static_cast<std::size_t>(std::ranges::count(path, '/'));
    if (key(path) == open(levels)) {
      for (const auto& [name, outputs] : buckets_)
        if (name.starts_with(open(levels)))
          for (const Output& output : outputs) visit(output);
      return;
    }
    for (const std::string& name : {key(path), open(levels)})
      if (const auto found = buckets_.find(name); found != buckets_.end())
        for (const Output& output : found->second) visit(output);
  }

 private:
  static std::string open(std::size_t levels) { return std::to_string(levels) + "/"; }
  static std::string key(std::string_view path) {
    const auto levels = static_cast<std::size_t>(std::ranges::count(path, '/'));
    const std::string_view last = path.substr(path.rfind('/') + 1);
    return open(levels) + (last.find('{') == std::string_view::npos ? std::string(last) : std::string());
  }
  std::unordered_map<std::string, std::vector<Output>> buckets_;
};

class Graph {
 public:
  Graph(std::vector<Rule>& rules, Diagnostics& diagnostics) : rules_(rules), diagnostics_(diagnostics) {}

  void run() {
    collect_outputs();
    connect();
    sort();
  }

 private:
  void complain(const Emit& emit, std::string message, std::string hint) {
    diagnostics_.push_back({Diagnostic::Severity::error, emit.position, std::move(message), std::move(hint),
                            static_cast<int>(emit.path.text.size())});
  }

  void collect_outputs() {
    for (std::uint32_t r = 0; r < rules_.size(); ++r)
      for (std::uint32_t e = 0; e < rules_[r].emits.size(); ++e) {
        const Emit& emit = rules_[r].emits[e];
        const Emit* other = nullptr;
        std::uint32_t owner = 0;
        outputs_.candidates(emit.path.text, [&](Output output) {
          const Emit& candidate = rules_[output.rule].emits[output.emit];
          if (other == nullptr && may_overlap(candidate.path.text, emit.path.text)) {
            other = &candidate;
            owner = output.rule;
          }
        });
        if (other != nullptr)
          complain(emit, "rule '" + rules_[owner].name + "' may emit the same path as " + other->path.text,
                   "give each output a path of its own");
        outputs_.add(emit.path.text, {r, e});
      }
  }

  void connect() {
    readers_.resize(rules_.size());
    sources_.resize(rules_.size());
    for (std::uint32_t r = 0; r < rules_.size(); ++r)
      for (const Input& input : rules_[r].inputs)
        outputs_.candidates(input.pattern.text(), [&](Output output) {
          Emit& emit = rules_[output.rule].emits[output.emit];
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
    const Emit& emit = rules_[from.rule].emits[from.emit];
    if (walk.size() == 1)
      return complain(emit, "rule '" + rules_[at].name + "' may read what it emits itself",
                      "emit under another name, or with a further level: " + emit.path.text + "/mean");
    std::string names;
    for (const std::uint32_t r : walk) names += "'" + rules_[r].name + "' → ";
    complain(emit, "rules that read each other's outputs in a circle: " + names + "'" + rules_[walk.front()].name + "'",
             "emit under another name somewhere on the way");
  }

  std::vector<Rule>& rules_;
  Diagnostics& diagnostics_;
  Outputs outputs_;
  std::vector<std::vector<std::uint32_t>> readers_;
  std::vector<std::vector<Output>> sources_;
};

}  // namespace

void order(std::vector<Rule>& rules, Diagnostics& diagnostics) { Graph(rules, diagnostics).run(); }

}  // namespace weir::rules
