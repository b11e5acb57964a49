// What the state of a rule belongs to: its name, and what computes that state. Not what is said, how loud and how
// often, where writes go, or when groups are forgotten: those may change, and the state goes on.
//
// Sources of programs are expressions in one spelling, with what stands under let: and the site's constants in place.
#include <bit>
#include <optional>

#include "rules/read/read_parts.h"

namespace weir::rules {
namespace {

class KeyMaker {
 public:
  KeyMaker(const Rule& rule, const Site& site) : rule_(rule), site_(site) {}

  Hash128 run() {
    key_.add_text(rule_.name);
    add_inputs();
    for (const Program* program : {&rule_.where, &rule_.when, &rule_.clear}) key_.add_text(program->source);
    for (const Nanoseconds duration : {rule_.hold, rule_.clear_hold, rule_.missing, rule_.lateness}) add(duration);
    add_window();
    if (rule_.detect) add(*rule_.detect);
    for (const Emit& emit : rule_.emits) {
      key_.add_text(emit.path.text);
      key_.add_text(emit.value.source);
    }
    // With them those that only a message or a write speaks of: they are state, too.
    for (const Aggregate& aggregate : rule_.aggregates) key_.add_text(aggregate.source);
    for (const Step& step : rule_.steps) {
      key_.add_text(step.source);
      add(static_cast<std::int64_t>(step.stage));
    }
    return key_;
  }

 private:
  void add(std::int64_t number) { key_.add_number(static_cast<std::uint64_t>(number)); }
  void add(double number) { key_.add_number(std::bit_cast<std::uint64_t>(number)); }

  void add(const std::optional<double>& number) {
    add(static_cast<std::int64_t>(number.has_value()));
    if (number) add(*number);
  }

  void add(const detect::Settings& settings) {
    key_.add_text(settings.method);
    if (settings.method == "default") key_.add_text(site_.timezone);  // whose days and weeks it learns
    add(static_cast<std::int64_t>(settings.sensitivity));
    add(settings.threshold);
    add(static_cast<std::int64_t>(settings.window.value_or(0)));
    add(settings.alpha);
    add(settings.drift);
  }

  void add_inputs() {
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      const Input& input = rule_.inputs[i];
      key_.add_text(input.name);
      key_.add_text(input.pattern.text());
      key_.add_text(input.unit ? input.unit->text : "");
      add(std::int64_t{input.type == Type::text});
      add(rule_.within[i]);
    }
    add(static_cast<std::int64_t>(rule_.group_captures.size()));
    for (const std::string& capture : rule_.captures) key_.add_text(capture);
  }

  void add_window() {
    const Window& window = rule_.window;
    add(static_cast<std::int64_t>(window.kind));
    add(window.size);
    add(window.every);
    add(std::int64_t{window.count});
    add(std::int64_t{window.every_count});
    add(static_cast<std::int64_t>(rule_.late));
    if (window.kind != Window::Kind::calendar) return;
    add(static_cast<std::int64_t>(window.unit));
    key_.add_text(site_.timezone);
    if (window.unit != calendar::Unit::shift) return;
    for (const calendar::Shift& shift : site_.shifts) {
      add(shift.begin);
      add(shift.end);
    }
  }

  const Rule& rule_;
  const Site& site_;
  Hash128 key_;
};

}  // namespace

Hash128 key_of(const Rule& rule, const Site& site) { return KeyMaker(rule, site).run(); }

}  // namespace weir::rules
