// The one description of weir.yaml, read by two: the reader fills the structs from a document, the
// schema writer tells editors what may stand there. So the two cannot drift apart.
//
// description.cpp calls these functions once for each key, with the place in the struct where its
// value goes; what is there before is the default.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/document.h"
#include "base/error.h"

namespace weir::config {

struct Shift;

using Check = std::function<Result<void>(std::string_view)>;

enum class Need { optional, required };

struct Key {
  const char* name;
  const char* about;  // a line for editors and for whoever left it out
  Need need = Need::optional;
};

class Fields {
 public:
  virtual ~Fields() = default;

  virtual void text(Key key, std::string& out, Check check = {}) = 0;
  virtual void choice(Key key, std::string& out, std::vector<std::string_view> choices) = 0;
  virtual void flag(Key key, bool& out) = 0;
  virtual void version(Key key, std::int64_t only) = 0;
  virtual void duration(Key key, Nanoseconds& out, Nanoseconds least, Nanoseconds most) = 0;
  virtual void size(Key key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) = 0;  // of bytes
  virtual void whole(Key key, int& out, int least, int most) = 0;
  virtual void path(Key key, std::filesystem::path& out) = 0;    // relative ones: to the config's folder
  virtual void secret(Key key, std::filesystem::path& out) = 0;  // a path, or credential:NAME

  virtual void texts(Key key, std::vector<std::string>& out, Check check) = 0;
  virtual void choices(Key key, std::vector<std::string>& out, std::vector<std::string_view> choices) = 0;
  virtual void numbers(Key key, std::vector<std::pair<std::string, double>>& out, Check check_name) = 0;
  virtual void shifts(Key key, std::vector<Shift>& out, Check check_name) = 0;  // names, each with 06:00-14:00

  // Whatever map stands there.
  virtual void anything(Key key, Node& out) = 0;

  // Where the key's value stands, or else the section.
  virtual void place(const char* key, Position& out) = 0;

  // A map of keys. A text in its place is the value of the key `shorthand`, if there is one.
  using Body = std::function<void(Fields&)>;
  virtual void section(Key key, const Body& body, const char* shorthand = nullptr) = 0;

  // A map of names, each with a map of keys.
  using NamedBody = std::function<void(Fields&, const std::string& name)>;
  virtual void named(Key key, Check check_name, const NamedBody& body) = 0;

  // What hangs together of the keys before; the schema does not know it. The complaint is put at the
  // key's value, or at the whole section if the key is absent.
  virtual void require(bool holds, const char* key, std::string what, std::string hint) = 0;

  // A key that people try and that must not be.
  virtual void never(const char* key, std::string what, std::string hint) = 0;
};

}  // namespace weir::config
