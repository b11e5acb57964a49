#include "rules/language/expand.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace weir::rules {
namespace {

class Expander {
 public:
  Expander(const Scope& scope, const std::function<void(Fault)>& complain) : scope_(scope), complain_(complain) {}

  std::unique_ptr<Expr> run(const Expr& expr) {
    auto out = visit(expr, scope_.lets.size(), 1);
    return too_large_ ? nullptr : std::move(out);
  }

 private:
  void fail(const Expr& at, std::string message, std::string hint) {
    complain_({at.offset, at.length, std::move(message), std::move(hint)});
  }

  // `lets`: how many of them, from the first on, may be spoken of here.
  std::unique_ptr<Expr> visit(const Expr& expr, std::size_t lets, unsigned depth) {
    if (too_large_) return nullptr;
    if (++parts_ > kMostParts || depth > kDeepestExpression) {
      too_large_ = true;
      fail(expr, "with what its names under let: stand for, this expression is too large",
           "split the rule: one emits what the other reads");
      return nullptr;
    }
    if (expr.kind == ExprKind::constant) return constant(expr);
    if (expr.kind == ExprKind::name) {
      const auto let = std::ranges::find(scope_.lets, expr.text, &LetName::name);
      const auto index = static_cast<std::size_t>(let - scope_.lets.begin());
      if (index < lets) return visit(*let->value, index, depth);
    }
    auto out = like(expr);
    for (const auto& child : expr.children) {
      out->children.push_back(visit(*child, lets, depth + 1));
      if (out->children.back()) out->depth = std::max(out->depth, out->children.back()->depth + 1);
    }
    return out;
  }

  // One that there is not counts as 0, so that what else is wrong is found, too.
  std::unique_ptr<Expr> constant(const Expr& expr) {
    auto out = like(expr);
    out->kind = ExprKind::number;
    std::vector<std::string_view> names;
    if (scope_.site != nullptr) {
      for (const auto& [name, value] : scope_.site->constants) {
        names.push_back(name);
        out->number = value;
        if (name == expr.text) return out;
      }
    }
    const std::string hint = did_you_mean(expr.text, names);
    fail(expr, "the site has no constant '" + expr.text + "'",
         hint.empty() ? "constants stand under site: constants:" : hint);
    return out;
  }

  // Without its children.
  static std::unique_ptr<Expr> like(const Expr& expr) {
    auto out = std::make_unique<Expr>();
    out->kind = expr.kind;
    out->offset = expr.offset;
    out->length = expr.length;
    out->number = expr.number;
    out->duration = expr.duration;
    out->truth = expr.truth;
    out->text = expr.text;
    return out;
  }

  const Scope& scope_;
  const std::function<void(Fault)>& complain_;
  std::size_t parts_ = 0;
  bool too_large_ = false;
};

}  // namespace

std::unique_ptr<Expr> expand(const Expr& expr, const Scope& scope, const std::function<void(Fault)>& complain) {
  return Expander(scope, complain).run(expr);
}

}  // namespace weir::rules
