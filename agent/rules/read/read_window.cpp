// window, lateness, late: what a rule gathers before it speaks.
#include <algorithm>
#include <chrono>

#include "rules/read/read_parts.h"

namespace weir::rules {
namespace {

constexpr DurationRange kWindow{.least = kMillisecond, .most = 366 * kDay};
constexpr std::uint32_t kMostReadings = 100'000;  // of a window of the last so many
constexpr Nanoseconds kMostPanes = 20'000;        // of a window that hops

constexpr std::string_view kWindowKeys[] = {"size", "every", "session", "last", "calendar", "since"};
constexpr KeyHint kWindowHints[] = {
    {"hop", "write every: how often it speaks"},
    {"slide", "write every: how often it speaks"},
    {"advance", "write every: how often it speaks"},
    {"tumbling", "write window: 5m"},
    {"hopping", "write window: {size: 5m, every: 1m}"},
    {"sliding", "leave window: out, and write the span into the expression: mean(t, 5m)"},
    {"count", "write window: {last: 100}"},
    {"gap", "write window: {session: 30s}"},
    {"timeout", "write window: {session: 30s}"},
    {"lateness", "it belongs beside window:, not into it"},
    {"late", "it belongs beside window:, not into it"}};
constexpr std::string_view kUnits[] = {"hour", "day", "week", "month", "shift"};  // as calendar::Unit
constexpr std::string_view kExample =
    "window: 1m, {size: 5m, every: 1m}, {session: 30s}, {last: 100}, {calendar: shift} or {since: reset}";

// The divisors of `size` next to `every`, below and above; whole seconds, or milliseconds, if size is.
std::string nearest_divisors(std::int64_t size, std::int64_t every, std::int64_t grain, const auto& show) {
  const auto fits = [&](std::int64_t n) { return n > 0 && size % n == 0 && (size / n) % grain == 0; };
  std::string out;
  constexpr int kTries = 100'000;
  const std::int64_t times = size / every;  // `every` lies between size / times and size / (times + 1)
  for (std::int64_t n = times + 1, tries = 0; n <= size && tries < kTries; ++n, ++tries)
    if (fits(n)) {
      out = show(size / n);
      break;
    }
  for (std::int64_t n = times; n > 0; --n)
    if (fits(n)) return out + (out.empty() ? "" : " or ") + show(size / n);
  return out;
}

std::string show(Nanoseconds duration) { return weir::to_text(std::chrono::nanoseconds(duration)); }

class WindowReader {
 public:
  WindowReader(Draft& draft, const Node::Member& member)
      : draft_(draft), reporter_(draft.reporter), member_(member), window_(draft.rule.window) {}

  void run() {
    const Node& node = member_.value;
    if (node.as_map() == nullptr) return read_plain(node);
    if (read_map(node, {"a window", kExample, kWindowKeys, kWindowHints}, reporter_) == nullptr) return;
    const Node::Member* kind = nullptr;
    for (const std::string_view key : {"size", "session", "last", "calendar", "since"}) {
      const Node::Member* found = find_member(node, key);
      if (found == nullptr) continue;
      if (kind != nullptr)
        return reporter_.error(*found, "a window has one kind: " + kind->key + ": or " + found->key + ":",
                               "keep one of them");
      kind = found;
    }
    const bool only_known = std::ranges::all_of(*node.as_map(), [](const Node::Member& member) {
      return std::ranges::find(kWindowKeys, member.key) != std::end(kWindowKeys);
    });
    if (kind == nullptr) {
      if (only_known) reporter_.error(member_, "a window without its kind", "write " + std::string(kExample));
      return;
    }
    every_ = find_member(node, "every");
    read_kind(*kind);
  }

 private:
  void read_plain(const Node& node) {
    if (const std::string* text = node.as_string();
        text != nullptr && std::ranges::find(kUnits, *text) != std::end(kUnits))
      return reporter_.error(node, "this is no duration: '" + *text + "'", "write window: {calendar: " + *text + "}");
    set(Window::Kind::tumbling, node);
  }

  void read_kind(const Node::Member& kind) {
    if (every_ != nullptr && (kind.key == "session" || kind.key == "calendar"))
      reporter_.error(*every_, "a window of this kind speaks when it ends, and has no every:", "leave it out");
    if (kind.key == "size") read_size(kind.value);
    else if (kind.key == "session") set(Window::Kind::session, kind.value);
    else if (kind.key == "last") read_last(kind.value);
    else if (kind.key == "calendar") read_calendar(kind.value);
    else read_since(kind.value);
  }

  void set(Window::Kind kind, const Node& size) {
    if (const auto read = read_duration(size, kWindow, reporter_)) {
      window_.kind = kind;
      window_.size = *read;
    }
  }

  void read_size(const Node& node) {
    set(Window::Kind::tumbling, node);
    if (every_ == nullptr || !window_) return;
    const auto every = read_duration(every_->value, kWindow, reporter_);
    if (!every || *every == window_.size) return;
    if (*every > window_.size)
      return reporter_.error(every_->value,
                             "every: " + show(*every) + " would leave time between windows of " + show(window_.size),
                             "every: is at most the size");
    if (window_.size % *every != 0)
      return reporter_.error(
          every_->value, "every: has to divide the size of " + show(window_.size),
          "write " + nearest_divisors(window_.size, *every,
                                      *every >= kSecond && window_.size % kSecond == 0 ? kSecond : 1, show));
    if (window_.size / *every > kMostPanes)
      return reporter_.error(every_->value, "more than " + std::to_string(kMostPanes) + " steps to a window",
                             "write " + show((window_.size + kMostPanes - 1) / kMostPanes) + " or more");
    window_.kind = Window::Kind::hopping;
    window_.every = *every;
  }

  void read_last(const Node& node) {
    const auto count = read_count(node, 2, kMostReadings, reporter_);
    if (!count) return;
    window_.kind = Window::Kind::last;
    window_.count = *count;
    if (every_ == nullptr) return;
    const auto every = read_count(every_->value, 1, *count, reporter_);
    if (!every) return;
    window_.every_count = *every;
    if (*count % *every != 0)
      reporter_.error(
          every_->value, "every: has to divide the last " + std::to_string(*count),
          "write " + nearest_divisors(*count, *every, 1, [](std::int64_t n) { return std::to_string(n); }));
  }

  void read_calendar(const Node& node) {
    const auto unit = read_choice(node, "window of the calendar", kUnits, reporter_);
    if (!unit) return;
    window_.kind = Window::Kind::calendar;
    window_.unit = static_cast<calendar::Unit>(*unit);
    if (window_.unit == calendar::Unit::shift && draft_.site.shifts.empty())
      reporter_.error(node, "the site has no shifts",
                      "add shifts: {early: \"06:00-14:00\", …} below site: in weir.yaml");
  }

  void read_since(const Node& node) {
    static constexpr std::string_view kReset[] = {"reset"};
    if (!read_choice(node, "beginning of a window", kReset, reporter_)) return;
    window_.kind = Window::Kind::since_reset;
    if (every_ != nullptr)
      window_.every = read_duration(every_->value, {.least = kSecond, .most = 366 * kDay}, reporter_).value_or(0);
  }

  Draft& draft_;
  Reporter& reporter_;
  const Node::Member& member_;
  Window& window_;
  const Node::Member* every_ = nullptr;
};

void read_lateness(Draft& draft, const Node::Member& member) {
  Rule& rule = draft.rule;
  rule.lateness = read_duration(member.value, {.most = 366 * kDay}, draft.reporter).value_or(0);
  // A rule with several inputs waits for those that are behind anyway.
  if (rule.inputs.size() == 1 && !rule.members && draft.find("when") != nullptr && draft.find("window") == nullptr)
    draft.reporter.error(member,
                         "without a window, when: is judged as each reading comes, and waits for none that is late",
                         "leave it out, or gather first: window: 1m");
}

// "boiler-{n}/temperature_late", by the numbers of its captures: some have no name.
PathTemplate late_path(const Input& input) {
  PathTemplate out;
  out.text = input.pattern.text() + "_late";
  std::size_t at = 0;
  for (const std::uint16_t capture : input.captures) {
    const std::size_t open = out.text.find('{', at);
    out.parts.push_back({out.text.substr(at, open - at), capture});
    at = out.text.find('}', open) + 1;
  }
  out.parts.push_back({out.text.substr(at), -1});
  return out;
}

void read_side(Draft& draft, const Node& node) {
  Rule& rule = draft.rule;
  const std::string* text = read_text(node, "the path of late readings", draft.reporter);
  if (text == nullptr || !draft.captures_known) return;
  if (rule.inputs.size() > 1)
    return draft.reporter.error(node, "one path for the late readings of several inputs",
                                "write late: side, and each gets its own");
  rule.side.push_back(parse_path_template(*text, rule.captures, draft.reporter.inside(node)));
  for (std::size_t c = 0; c < rule.captures.size(); ++c)
    if (std::ranges::none_of(rule.side[0].parts,
                             [&](const auto& part) { return part.capture == static_cast<int>(c); }))
      return draft.reporter.error(
          node, "without {" + rule.captures[c] + "} this path is the same for several signals",
          rule.captures[c].empty() ? "give {} a name, and put it into the path" : "put it into the path");
}

void read_late(Draft& draft, const Node& node) {
  static constexpr std::string_view kChoices[] = {"drop", "revise", "side"};  // as Late
  static constexpr std::string_view kSide[] = {"side"};
  Rule& rule = draft.rule;
  if (node.as_map() != nullptr) {
    rule.late = Late::side;
    read_map(node, {"late:", "late: {side: \"device/signal_late\"}", kSide}, draft.reporter);
    if (const Node* path = node.find("side")) read_side(draft, *path);
    else
      draft.reporter.error(node, "late: without what becomes of late readings", "write late: drop, revise or side");
    return;
  }
  const auto choice = read_choice(node, "way with late readings", kChoices, draft.reporter);
  if (!choice) return;
  rule.late = static_cast<Late>(*choice);
  const Window::Kind kind = rule.window.kind;
  // Of the others, one late reading would begin and end all that came after it elsewhere.
  if (rule.late == Late::revise &&
      (kind == Window::Kind::session || kind == Window::Kind::last || kind == Window::Kind::since_reset))
    draft.reporter.error(node, "only windows that the clock begins and ends can be revised",
                         "write late: drop or side; or a window such as 1h or {calendar: shift}");
  if (rule.late == Late::side && draft.captures_known)
    for (const Input& input : rule.inputs) rule.side.push_back(late_path(input));
}

}  // namespace

void read_window(Draft& draft) {
  if (const Node::Member* window = find_member(draft.node, "window")) {
    WindowReader(draft, *window).run();
    // One that is wrong is a window all the same: what is gathered over it is no fault, too.
    if (!draft.rule.window) draft.rule.window.kind = Window::Kind::tumbling;
  }
  if (const Node::Member* lateness = find_member(draft.node, "lateness")) read_lateness(draft, *lateness);
  if (const Node* late = draft.find("late")) read_late(draft, *late);
}

}  // namespace weir::rules
