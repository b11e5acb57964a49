#include "rule_test/notation.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "model/value.h"

namespace weir::rule_test {
namespace {

constexpr std::string_view kBlanks = " \t\n";
constexpr const char* kForms = "write a number, true, false, 'a text', bad or _; 1x5 and 1+2x5 repeat";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  Parser(std::string_view text, Fault& fault) : text_(text), fault_(fault) {}

  bool run(std::vector<Item>& out) {
    std::size_t samples = 0;
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) {
      Item item;
      item.offset = at_;
      if (!read_item(item)) return false;
      item.length = at_ - item.offset;
      samples += item.count;
      if (samples > kMostSamples)
        return wrong(item.offset, item.length, "a series of more than " + std::to_string(kMostSamples) + " samples",
                     "put it into a CSV file, or make every: longer");
      out.push_back(std::move(item));
    }
    if (out.empty()) return wrong(0, 1, "a series without values", kForms);
    return true;
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool at_end_of_word() const { return at_ == text_.size() || kBlanks.find(text_[at_]) != kBlanks.npos; }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

  bool wrong(std::size_t offset, std::size_t length, std::string message, std::string hint) {
    fault_ = {std::min(offset, text_.size()), std::max<std::size_t>(length, 1), std::move(message), std::move(hint)};
    return false;
  }

  std::size_t end_of_word(std::size_t from) const {
    return std::min(text_.find_first_of(kBlanks, from), text_.size());
  }

  // About the word that begins at `offset`.
  bool wrong_word(std::size_t offset, const std::string& what, const std::string& hint = kForms) {
    const std::size_t length = end_of_word(offset) - offset;
    const std::string_view word = text_.substr(offset, std::min<std::size_t>(length, 40));
    return wrong(offset, length, "'" + std::string(word) + "' " + what, hint);
  }

  bool take(std::string_view word) {
    if (!rest().starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool read_item(Item& item) {
    if (!read_value(item)) return false;
    if (item.kind == Item::Kind::number && (next() == '+' || next() == '-')) {
      if (!read_step(item)) return false;
      if (next() != 'x') return wrong_word(item.offset, "does not say how many times", "write 91+1x6: 91 and 6 more");
    }
    if (next() == 'x' && !read_count(item)) return false;
    if (!read_mark(item)) return false;
    return at_end_of_word() || wrong_word(item.offset, "is not understood");
  }

  bool read_value(Item& item) {
    const std::size_t begin = at_;
    if (next() == '"' || next() == '\'') return read_text(item);
    item.truth = rest().starts_with("true");
    if (take("bad")) item.quality = model::kBad;
    if (item.quality.bad()) item.kind = Item::Kind::unknown;
    else if (take("_")) item.kind = Item::Kind::gap;
    else if (take("true") || take("false")) item.kind = Item::Kind::truth;
    else if (read_number(item.number)) item.kind = Item::Kind::number;
    else if (rest().starts_with("stale"))
      return wrong_word(begin, "has no meaning here", "write bad for a bad reading, _ where nothing comes");
    else return wrong_word(begin, "is no value", std::string(kForms) + "; texts need quotes");
    return true;
  }

  // A sign, digits, a fraction, an exponent; NaN and Inf.
  bool read_number(double& out) {
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    const char* from = begin != end && *begin == '+' ? begin + 1 : begin;
    const char* const first = from != end && *from == '-' && from == begin ? from + 1 : from;
    const std::string_view word(first, static_cast<std::size_t>(end - first));
    if (word.empty() || !(is_digit(word[0]) || word.starts_with("NaN") || word.starts_with("Inf"))) return false;
    const auto [to, error] = std::from_chars(from, end, out);
    // 1e400 is no number; but Infinity would be taken for one, and "nan(…)".
    if (error != std::errc{} || (!is_digit(word[0]) && to != first + 3)) return false;
    at_ += static_cast<std::size_t>(to - begin);
    return true;
  }

  bool read_step(Item& item) {
    const std::size_t begin = at_;
    if ((rest().size() < 2 || !is_digit(rest()[1])) || !read_number(item.step))
      return wrong(begin, 1, "no number behind the sign", "write 91+1x6 or 91-0.5x6");
    if (item.step == 0) item.step = 0;  // not -0
    return true;
  }

  bool read_count(Item& item) {
    const std::size_t begin = at_++;
    std::size_t count = 0;
    const auto [to, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), count);
    const std::size_t length = static_cast<std::size_t>(to - text_.data()) - at_;
    if (length == 0) return wrong(begin, 1, "no number behind the x", "write 1x5: 1 and 5 more");
    if (error != std::errc{} || count >= kMostSamples)
      return wrong(at_, length, "more than " + std::to_string(kMostSamples) + " samples",
                   "put it into a CSV file, or make every: longer");
    if (count == 0 && item.kind == Item::Kind::gap)
      return wrong(begin, length + 1, "nothing, no times", "leave it out");
    at_ += length;
    item.count = item.kind == Item::Kind::gap ? count : count + 1;
    return true;
  }

  bool read_mark(Item& item) {
    const std::size_t begin = at_;
    model::Quality quality;
    if (take("~") || take("!uncertain")) quality = model::kUncertain;
    else if (take("!bad")) quality = model::kBad;
    else if (take("!good")) quality = model::kGood;
    else if (next() == '!')
      return wrong(begin, end_of_word(begin) - begin, "no such mark", "write !uncertain (or ~), or !bad");
    else return true;
    if (next() == 'x') return wrong(begin, at_ - begin, "the mark comes last", "write 60x3~");
    if (item.kind == Item::Kind::gap || item.kind == Item::Kind::unknown)
      return wrong(begin, at_ - begin, "a mark on what has no value", "leave it out");
    item.quality = quality;
    return true;
  }

  bool read_text(Item& item) {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    item.kind = Item::Kind::text;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      item.text += text_[at_];
    }
    if (at_ == text_.size()) return wrong(begin, 1, "this quote is never closed", "close it with the same sign");
    ++at_;
    if (item.text.size() > kLongestText)
      return wrong(begin, at_ - begin, "a text of more than " + std::to_string(kLongestText) + " bytes",
                   "make it shorter");
    return true;
  }

  std::string_view text_;
  Fault& fault_;
  std::size_t at_ = 0;
};

std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Inf" : "-Inf";
  return model::to_text(model::Value(number));
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string print(const Item& item) {
  std::string out;
  switch (item.kind) {
    case Item::Kind::gap: out = "_"; break;
    case Item::Kind::number: out = number_text(item.number); break;
    case Item::Kind::truth: out = item.truth ? "true" : "false"; break;
    case Item::Kind::text: out = quoted(item.text); break;
    case Item::Kind::unknown: out = "bad"; break;
  }
  if (item.step != 0) out += (item.step > 0 ? "+" : "") + number_text(item.step);
  const std::size_t more = item.kind == Item::Kind::gap ? item.count : item.count - 1;
  if (item.step != 0 || item.count > 1) out += "x" + std::to_string(more);
  if (item.quality.uncertain()) out += "~";
  if (item.quality.bad() && item.kind != Item::Kind::unknown) out += "!bad";
  return out;
}

}  // namespace

bool parse_notation(std::string_view text, std::vector<Item>& out, Fault& fault) {
  return Parser(text, fault).run(out);
}

std::string print(const std::vector<Item>& items) {
  std::string out;
  for (const Item& item : items) out += (out.empty() ? "" : " ") + print(item);
  return out;
}

}  // namespace weir::rule_test
