#include "config/reader.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "base/text.h"
#include "config/config.h"

namespace weir::config {
namespace {

std::string list_of(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

// `Name` and `name` would be one on a case-blind topic tree, file system or reader.
class Names {
 public:
  // The name that takes its place already; empty if there is none.
  std::string add(const std::string& name) {
    const auto [at, fresh] = names_.try_emplace(lower(name), name);
    return fresh ? std::string() : at->second;
  }

 private:
  std::map<std::string, std::string> names_;
};

constexpr std::string_view kCredential = "credential:";

// A key itself, where the file that holds it should be named.
bool is_key(std::string_view text) {
  return (text.size() == 64 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos) ||
         (text.size() == 44 && text.ends_with('=') && text.find_first_of("._-") == std::string_view::npos);
}

// "06:00-14:00". An end of 24:00 is midnight.
bool parse_shift(std::string_view text, Shift& out) {
  const auto time = [](std::string_view part, Nanoseconds& of_day) {
    const auto digit = [&](std::size_t at) { return part[at] >= '0' && part[at] <= '9'; };
    if (part.size() != 5 || part[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return false;
    const int hours = (part[0] - '0') * 10 + part[1] - '0', minutes = (part[3] - '0') * 10 + part[4] - '0';
    of_day = hours * kHour + minutes * kMinute;
    return minutes < 60 && of_day <= kDay;
  };
  if (text.size() != 11 || text[5] != '-' || !time(text.substr(0, 5), out.begin) || !time(text.substr(6), out.end))
    return false;
  if (out.end == kDay) out.end = 0;
  return out.begin < kDay;
}

}  // namespace

std::filesystem::path secret_path(const std::string& text, const std::filesystem::path& folder) {
  if (!text.starts_with(kCredential)) return (folder / text).lexically_normal();
  const std::string name = text.substr(kCredential.size());
  // Without systemd's variable (weir check, by hand): where the service's credentials are.
  const char* given = std::getenv("CREDENTIALS_DIRECTORY");
  const std::filesystem::path credentials = given != nullptr ? given : "/run/credentials/weir.service";
  std::filesystem::path out = credentials / name;
  // LoadCredential=weir:FOLDER, as in our unit, hands over FOLDER/NAME as weir_NAME.
  std::error_code none;
  if (!std::filesystem::exists(out, none)) out = credentials / ("weir_" + name);
  return out;
}

Reader::Reader(const Node& node, std::string what, const std::filesystem::path& folder, Diagnostics& diagnostics)
    : node_(node),
      what_(std::move(what)),
      folder_(folder),
      diagnostics_(diagnostics),
      errors_before_(diagnostics.size()) {
  if (node.as_map() != nullptr || node.is_null()) return;
  const std::string* text = node.as_string();
  wrong(node, what_ + " wants a map, not " + node.kind(),
        text != nullptr && text->find(':') != std::string::npos ? "write a space behind the ':'"
                                                                : "write key: value, a line each");
}

void Reader::finish() {
  if (node_.as_map() == nullptr) return;
  for (const Node::Member& member : *node_.as_map()) {
    if (std::ranges::find(known_, member.key) != known_.end()) continue;
    if (std::ranges::find(forbidden_, member.key) != forbidden_.end()) continue;
    std::string hint = did_you_mean(member.key, known_);
    if (hint.empty()) hint = "there are: " + list_of(known_);
    wrong_key(member, what_ + " has no key '" + member.key + "'", std::move(hint));
  }
}

void Reader::wrong(const Node& node, std::string message, std::string hint) {
  const std::string* text = node.as_string();
  const int length = text != nullptr && node.verbatim && !text->empty() ? static_cast<int>(text->size()) : 1;
  diagnostics_.push_back({Diagnostic::Severity::error, node.position, std::move(message), std::move(hint), length});
}

void Reader::wrong_key(const Node::Member& member, std::string message, std::string hint) {
  diagnostics_.push_back({Diagnostic::Severity::error, member.key_position, std::move(message), std::move(hint),
                          std::max(1, static_cast<int>(member.key.size()))});
}

void Reader::wrong_kind(const Node::Member& member, std::string_view wanted, std::string hint) {
  if (member.value.is_null()) return wrong_key(member, member.key + ": has no value", hint + ", or remove the key");
  wrong(member.value, member.key + ": wants " + std::string(wanted) + ", not " + member.value.kind(),
        std::move(hint));
}

const Node::Member* Reader::member(const Key& key) {
  known_.emplace_back(key.name);
  if (const auto* map = node_.as_map())
    for (const Node::Member& candidate : *map)
      if (candidate.key == key.name) return &candidate;
  if (key.need == Need::required && (node_.as_map() != nullptr || node_.is_null()))
    wrong(node_, what_ + " lacks the key '" + key.name + "'", std::string("add ") + key.name + ": " + key.about);
  return nullptr;
}

const std::string* Reader::text_of(const Node::Member* member, const char* such_as) {
  if (member == nullptr) return nullptr;
  if (const std::string* text = member->value.as_string()) {
    if (!text->empty()) return text;
    wrong(member->value, member->key + ": is empty", std::string("write ") + such_as + ", or remove the key");
    return nullptr;
  }
  const bool scalar =
      !member->value.is_null() && member->value.as_list() == nullptr && member->value.as_map() == nullptr;
  wrong_kind(*member, "a text", scalar ? "put it in quotes" : std::string("write ") + such_as);
  return nullptr;
}

void Reader::text(Key key, std::string& out, Check check) {
  const Node::Member* found = member(key);
  const std::string* text = text_of(found, "a text");
  if (text == nullptr) return;
  if (check)
    if (auto fine = check(*text); !fine)
      return wrong(found->value, found->key + ": " + fine.error().what, fine.error().hint);
  out = *text;
}

void Reader::choice(Key key, std::string& out, std::vector<std::string_view> choices) {
  text(key, out, [&](std::string_view word) -> Result<void> {
    if (std::ranges::find(choices, word) != choices.end()) return {};
    const std::string hint = did_you_mean(word, choices);
    return fail("'" + std::string(word) + "' is no choice", hint.empty() ? "choices: " + list_of(choices) : hint);
  });
}

void Reader::flag(Key key, bool& out) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  if (const bool* value = found->value.as_bool()) out = *value;
  else wrong_kind(*found, "true or false", "write true or false, without quotes");
}

void Reader::version(Key key, std::int64_t only) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  const std::string right = "write " + std::to_string(only);
  const std::int64_t* value = found->value.as_int();
  if (value == nullptr) return wrong_kind(*found, "a whole number", right);
  if (*value != only)
    wrong(found->value, "version " + std::to_string(*value) + " is not read by this weir",
          right + ", or install a newer weir");
}

void Reader::duration(Key key, Nanoseconds& out, Nanoseconds least, Nanoseconds most) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  const auto spelt = [](Nanoseconds value) { return to_text(std::chrono::nanoseconds(value)); };
  if (double number = 0; found->value.as_number(number))
    return wrong(found->value, found->key + ": a duration needs a unit",
                 "write " + spelt(std::clamp<Nanoseconds>(out, least, most)) + "; units are ms, s, m, h, d, w");
  const std::string* text = text_of(found, "30s");
  if (text == nullptr) return;
  Nanoseconds value = 0;
  if (!parse_duration(*text, value))
    return wrong(found->value, found->key + ": '" + *text + "' is no duration", "write 30s, 1h30m or 7d");
  if (value < least || value > most)
    return wrong(found->value, found->key + ": " + *text + " is out of range", spelt(least) + " to " + spelt(most));
  out = value;
}

void Reader::size(Key key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  if (double number = 0; found->value.as_number(number))
    return wrong(found->value, found->key + ": a size needs a unit",
                 "write 500MB or 2GiB; units are B, kB, MB, GB, TB (of 1000) and KiB, MiB, GiB, TiB (of 1024)");
  const std::string* text = text_of(found, "2GB");
  if (text == nullptr) return;
  std::uint64_t value = 0;
  if (!parse_bytes(*text, value))
    return wrong(
        found->value, found->key + ": '" + *text + "' is no size",
        "write 500MB, 2GB or 1.5GiB; units are B, kB, MB, GB, TB (of 1000) and KiB, MiB, GiB, TiB (of 1024)");
  if (value < least || value > most)
    return wrong(found->value, found->key + ": " + *text + " is out of range",
                 bytes_text(least) + " to " + bytes_text(most));
  out = value;
}

void Reader::whole(Key key, int& out, int least, int most) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  const std::int64_t* value = found->value.as_int();
  if (value == nullptr) return wrong_kind(*found, "a whole number", "write a number from " + range);
  if (*value < least || *value > most)
    return wrong(found->value, found->key + ": " + std::to_string(*value) + " is out of range", range);
  out = static_cast<int>(*value);
}

void Reader::path(Key key, std::filesystem::path& out) {
  const Node::Member* found = member(key);
  if (const std::string* text = text_of(found, "a path")) {
    if (text->find('\0') != std::string::npos || text->size() > 4'000)
      return wrong(found->value, found->key + ": no path", "write /etc/weir/…");
    out = (folder_ / *text).lexically_normal();
  }
}

void Reader::secret(Key key, std::filesystem::path& out) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  const std::string* text = found->value.as_string();
  if (text != nullptr && is_key(*text))
    return wrong(found->value, found->key + ": this is a secret itself, and not the file that holds it",
                 "put it into /etc/weir/credentials/NAME, and write " + found->key + ": credential:NAME");
  if (text == nullptr || !text->starts_with(kCredential)) return path(key, out);
  const std::string name = text->substr(kCredential.size());
  const bool odd = name.empty() || name.front() == '.' || name.size() > 255 || std::ranges::any_of(name, [](char c) {
                     return c == '/' || static_cast<unsigned char>(c) <= 0x20;
                   });
  if (odd)
    return wrong(found->value, found->key + ": '" + name + "' is no name of a credential",
                 "write credential:NAME for the file /etc/weir/credentials/NAME");
  out = secret_path(*text, folder_);
}

void Reader::each_text(const Node::Member* found, std::string_view such_as,
                       const std::function<void(const Node&)>& use) {
  if (found == nullptr) return;
  const Node::List* list = found->value.as_list();
  if (list == nullptr) return wrong_kind(*found, "a list", "write [" + std::string(such_as) + "]");
  for (const Node& item : *list) {
    if (item.as_string() != nullptr) use(item);
    else wrong(item, found->key + ": wants texts, not " + item.kind(), "write [" + std::string(such_as) + "]");
  }
}

void Reader::texts(Key key, std::vector<std::string>& out, Check check) {
  const Node::Member* found = member(key);
  each_text(found, "\"boiler-{n}/setpoint\"", [&](const Node& item) {
    if (auto fine = check(*item.as_string()); !fine)
      return wrong(item, found->key + ": " + fine.error().what, fine.error().hint);
    out.push_back(*item.as_string());
  });
}

void Reader::choices(Key key, std::vector<std::string>& out, std::vector<std::string_view> choices) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  std::vector<std::string> chosen;
  each_text(found, list_of(choices), [&](const Node& item) {
    const std::string& word = *item.as_string();
    if (std::ranges::find(choices, word) == choices.end()) {
      const std::string hint = did_you_mean(word, choices);
      return wrong(item, found->key + ": '" + word + "' is no choice",
                   hint.empty() ? "choices: " + list_of(choices) : hint);
    }
    if (std::ranges::find(chosen, word) != chosen.end())
      return wrong(item, found->key + ": '" + word + "' stands twice", "once will do");
    chosen.push_back(word);
  });
  if (const auto* list = found->value.as_list(); list != nullptr && list->empty())
    return wrong(found->value, found->key + ": is empty", "choices: " + list_of(choices));
  out = std::move(chosen);
}

void Reader::numbers(Key key, std::vector<std::pair<std::string, double>>& out, Check check_name) {
  const Node::Member* found = member(key);
  if (found == nullptr || found->value.is_null()) return;
  const Node::Map* map = found->value.as_map();
  if (map == nullptr) return wrong_kind(*found, "a map", "write NAME: 42, a line each");
  for (const Node::Member& constant : *map) {
    if (auto fine = check_name(constant.key); !fine)
      wrong_key(constant, found->key + ": " + fine.error().what, fine.error().hint);
    double value = 0;
    if (constant.value.as_number(value)) out.emplace_back(constant.key, value);
    else wrong_kind(constant, "a number", "write a number, without quotes");
  }
}

void Reader::shifts(Key key, std::vector<Shift>& out, Check check_name) {
  const Node::Member* found = member(key);
  if (found == nullptr || found->value.is_null()) return;
  const Node::Map* map = found->value.as_map();
  constexpr const char* kForm = "write early: \"06:00-14:00\", a line each";
  if (map == nullptr) return wrong_kind(*found, "a map", kForm);
  for (const Node::Member& shift : *map) {
    if (auto fine = check_name(shift.key); !fine)
      wrong_key(shift, found->key + ": " + fine.error().what, fine.error().hint);
    const std::string* text = shift.value.as_string();
    Shift read{shift.key};
    if (text == nullptr) wrong_kind(shift, "a span of the day", kForm);
    else if (!parse_shift(*text, read))
      wrong(shift.value, found->key + ": '" + *text + "' is no span of the day", "write \"06:00-14:00\"");
    else out.push_back(std::move(read));
  }
}

void Reader::anything(Key key, Node& out) {
  const Node::Member* found = member(key);
  if (found == nullptr || found->value.is_null()) return;
  if (found->value.as_map() == nullptr) return wrong_kind(*found, "a map", "write key: value, a line each");
  out = found->value;
}

void Reader::section(Key key, const Body& body, const char* shorthand) {
  const Node::Member* found = member(key);
  if (found == nullptr) return;
  Node map;
  const Node* node = &found->value;
  if (shorthand != nullptr && node->as_string() != nullptr) {
    map = Node(Node::Map{{shorthand, found->value.position, found->value}}, found->value.position);
    node = &map;
  } else if (node->is_null()) {
    if (key.need == Need::optional) return;
    map = Node({}, found->key_position);
    node = &map;
  }
  Reader reader(*node, found->key + ":", folder_, diagnostics_);
  body(reader);
  reader.finish();
}

void Reader::named(Key key, Check check_name, const NamedBody& body) {
  const Node::Member* found = member(key);
  if (found == nullptr || found->value.is_null()) return;
  const Node::Map* map = found->value.as_map();
  if (map == nullptr) return wrong_kind(*found, "a map", "write NAME: and, below it, its keys");
  Names names;
  for (const Node::Member& entry : *map) {
    if (auto fine = check_name(entry.key); !fine)
      wrong_key(entry, found->key + ": " + fine.error().what, fine.error().hint);
    if (const std::string other = names.add(entry.key); !other.empty())
      wrong_key(entry, "'" + entry.key + "' and '" + other + "' differ only in case",
                "give one of them another name");
    Node empty({}, entry.key_position);
    Reader reader(entry.value.is_null() ? empty : entry.value, "'" + entry.key + "'", folder_, diagnostics_);
    body(reader, entry.key);
    reader.finish();
  }
}

void Reader::place(const char* key, Position& out) {
  const Node* value = node_.find(key);
  out = value != nullptr ? value->position : node_.position;
}

void Reader::require(bool holds, const char* key, std::string what, std::string hint) {
  // What hangs together is judged only where each key is fine by itself.
  if (holds || diagnostics_.size() != errors_before_) return;
  if (const auto* map = node_.as_map())
    for (const Node::Member& candidate : *map)
      if (candidate.key == key) return wrong(candidate.value, std::move(what), std::move(hint));
  wrong(node_, std::move(what), std::move(hint));
}

void Reader::never(const char* key, std::string what, std::string hint) {
  forbidden_.emplace_back(key);
  if (const auto* map = node_.as_map())
    for (const Node::Member& candidate : *map)
      if (candidate.key == key) wrong_key(candidate, what, hint);
}

}  // namespace weir::config
