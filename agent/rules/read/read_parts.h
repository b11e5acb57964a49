// The parts of a rule. Each reads some of its keys into the draft, says what is wrong with them, and goes on.
#pragma once

#include <string>
#include <vector>

#include "base/document.h"
#include "rules/read/expressions.h"
#include "rules/read/fields.h"
#include "rules/read/known_signals.h"
#include "rules/read/reporter.h"
#include "rules/rule_set.h"

namespace weir::rules {

// A rule while it is read.
struct Draft {
  Draft(const Node& node_in, const Site& site_in, const KnownSignals& signals_in, Diagnostics& diagnostics)
      : node(node_in), site(site_in), signals(signals_in), reporter(diagnostics), expressions(rule, site, reporter) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const Node* find(std::string_view key) const { return node.find(key); }

  const Node& node;
  const Site& site;
  const KnownSignals& signals;
  Reporter reporter;
  Rule rule;
  Expressions expressions;
  std::vector<const Node*> paths;  // of the inputs
  bool captures_known = false;     // from: was right, so that what speaks of captures can be judged
};

void read_inputs(Draft& draft);   // from, across, by, within
void read_window(Draft& draft);   // window, lateness, late
void read_alert(Draft& draft);    // alert
void read_detect(Draft& draft);   // detect
void read_outputs(Draft& draft);  // emit, write, on_clear, write_limit, max_age

// When the types are known.
void check_inputs(Draft& draft);
void check_outputs(Draft& draft);

// Of what computes the rule's state: what has the same key can go on with it.
Hash128 key_of(const Rule& rule, const Site& site);

}  // namespace weir::rules
