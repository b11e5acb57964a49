// weir.yaml and rules.d/*.yaml, read strictly into typed structs: docs/configuration.md says what is
// read, description.cpp is the one description behind the reader and the JSON Schema.
//
// Pure functions of the texts, but for load() of a path, which reads files; thread-safe. Nothing here
// throws: whatever is wrong is a Diagnostic.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/document.h"
#include "base/error.h"

namespace weir::config {

// Paths are absolute or relative to the folder of weir.yaml as it was named; `credential:NAME` is a file
// in $CREDENTIALS_DIRECTORY.
struct Tls {
  std::filesystem::path ca, certificate, key;
  friend bool operator==(const Tls&, const Tls&) = default;
};

struct Bus {
  bool managed = true;  // the agent runs a private mosquitto
  std::string url;      // if not: the box's own broker
  std::string username;
  std::filesystem::path password_file;
  std::optional<Tls> tls;
  friend bool operator==(const Bus&, const Bus&) = default;
};

struct Driver {
  std::string name;
  std::string kind;                 // modbus: the executable weir-driver-modbus
  std::filesystem::path command;    // an executable of one's own instead; empty: by kind
  bool external = false;            // somebody else starts it; the agent only talks to it
  Node options;                     // as written; positions for the driver's own check
  Position place;                   // of its kind, or command, or else of the driver
  std::vector<std::string> writes;  // path patterns that may be written through it; none: read-only
};

struct Store {
  // Of what waits in one stream; 0: no limit of its own.
  struct Stream {
    std::uint64_t quota = 0;  // bytes
    Nanoseconds max_age = 0;
    int priority = 0;  // the higher, the later it is given up
    friend bool operator==(const Stream&, const Stream&) = default;
  };

  std::filesystem::path path;      // the database file
  std::filesystem::path key_file;  // what it is encrypted with; empty: it is not
  Position key_place;
  Nanoseconds retain = 7 * kDay;
  Nanoseconds commit_interval = kSecond;
  // In bytes:
  std::uint64_t quota = 2ULL << 30;           // of the whole store
  std::uint64_t volatile_bytes = 8ULL << 20;  // kept in memory while the disk takes nothing
  std::uint64_t endurance = 0;                // what the card is specified to take; 0: not known
  std::optional<std::uint64_t> free_space;    // of the file system, left to others; none: the store knows
  std::string when_full = "thin";             // thin, drop_oldest, block
  Stream alerts{0, 0, 4}, derived{0, 0, 3}, raw{0, 0, 2}, backfill{0, 0, 2};
};

struct Uplink {
  std::string name;
  std::string url;  // mqtt:// or mqtts://
  std::string username;
  std::filesystem::path password_file;
  std::optional<Tls> tls;
  std::vector<std::string> streams = {"alerts", "derived", "raw"};
  friend bool operator==(const Uplink&, const Uplink&) = default;
};

struct Shift {
  std::string name;
  Nanoseconds begin = 0,
              end = 0;  // since local midnight; one that ends at or before its beginning ends on the next day
  friend bool operator==(const Shift&, const Shift&) = default;
};

struct Site {
  std::string name;  // also the agent's name upstream, unless agent: says another
  std::string agent;
  std::string timezone = "UTC";
  std::vector<Shift> shifts;  // as written
  Position timezone_place, shifts_place;
  std::vector<std::pair<std::string, double>> constants;  // site.NAME in rules
};

struct Source {      // a file as it was read
  std::string name;  // as shown in diagnostics
  std::string text;
};

struct Config {
  Site site;
  Bus bus;
  std::vector<Driver> drivers;
  Store store;
  std::vector<Uplink> uplinks;
  Nanoseconds future_tolerance = 5 * kSecond;  // intake: { future: {tolerance: 5s, policy: clamp|refuse} }
  bool clamp_future = true;
  bool rules_write = false;  // writes: enabled
  std::vector<Node> rules;   // the documents of rules.d, for rules::compile
  Source main;               // weir.yaml
  std::vector<Source> rule_files;
  std::string hash;  // SHA-256 over the sources' file names and texts, 32 bytes
};

struct Loaded {
  std::optional<Config> config;  // nothing if there are errors
  std::optional<Config> draft;   // if there are: what could be read, to be checked further and never to be run
  Diagnostics diagnostics;
  std::vector<Source> sources;  // what was read, for render()
};

// Reads `file` and, beside it, rules.d/*.yaml (in the order of their names).
Loaded load(const std::filesystem::path& file);

// The same from texts, e.g. the last good config out of the store. Touches no file. `folder` is what
// relative paths are relative to.
Loaded load(const Source& main, const std::vector<Source>& rule_files, const std::filesystem::path& folder);

// The file that `credential:NAME`, or a path relative to `folder`, stands for.
std::filesystem::path secret_path(const std::string& text, const std::filesystem::path& folder);

// One YAML document into a tree, strictly: see docs/configuration.md for what is refused. Bounded in
// size, depth and nodes.
struct Parsed {
  Node root;  // nothing for an empty document
  Diagnostics diagnostics;
  bool complete = false;  // read to the end: the root is what the document says, but for what is refused
};
Parsed parse_yaml(const Source& source);

// By file in the order of `sources`, then by place.
void sort(Diagnostics& diagnostics, const std::vector<Source>& sources);

std::string schema();  // JSON Schema of weir.yaml, for editors

}  // namespace weir::config
