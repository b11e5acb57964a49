#include "config/description.h"

#include <algorithm>
#include <charconv>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "base/text.h"
#include "model/path.h"

namespace weir::config {
namespace {

constexpr std::uint64_t kMostBytesOfStore = 1ULL << 50;

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool made_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text,
                             [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

// Names are levels of MQTT topics, user names and file names.
Result<void> check_plain_name(std::string_view name) {
  if (auto fine = model::check_name(name); !fine) return fine;
  if (name.size() > 64) return fail("a name of " + std::to_string(name.size()) + " characters", "64 are allowed");
  if (!made_of(name, "-_.") || !is_alphanumeric(name.front()))
    return fail("'" + std::string(name) + "' is no name",
                "letters, digits, - _ and . only, with a letter or digit first");
  return {};
}

Result<void> check_identifier(std::string_view name) {
  if (name.empty() || !made_of(name, "_") || (name.front() >= '0' && name.front() <= '9'))
    return fail("'" + std::string(name) + "' cannot stand in an expression",
                "letters, digits and _ only, no digit first");
  return {};
}

Result<void> check_shift_name(std::string_view name) {
  const auto odd = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (name.empty() || name.size() > 64 || std::ranges::any_of(name, odd))
    return fail("the name of a shift has 0 or more than 64 bytes, or odd ones", "write early: \"06:00-14:00\"");
  return {};
}

Result<void> check_timezone(std::string_view name) {
  const bool odd =
      name.empty() || name.front() == '/' || name.find("..") != std::string_view::npos || name.size() > 64;
  if (odd || !made_of(name, "/_+-"))
    return fail("'" + std::string(name) + "' is no time zone", "write Europe/Berlin, or UTC");
  return {};
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

Result<void> check_url(std::string_view text) {
  constexpr const char* kForm = "write mqtt://HOST:1883, or mqtts://HOST:8883";
  const auto url = boost::urls::parse_uri(text);
  if (!url) return fail("'" + std::string(text) + "' is no url", kForm);
  if (url->scheme() != "mqtt" && url->scheme() != "mqtts")
    return fail("the url's scheme is '" + std::string(url->scheme()) + "'", kForm);
  if (url->has_userinfo())
    return fail("a user or password within the url", "write username: and password_file: beside it");
  if (url->encoded_host().empty()) return fail("the url names no host", kForm);
  if (url->has_port() && !is_port(url->port()))
    return fail("port '" + std::string(url->port()) + "' does not exist", "ports are 1 to 65535");
  if (!(url->encoded_path().empty() || url->encoded_path() == "/") || url->has_query() || url->has_fragment())
    return fail("something behind host and port in the url", kForm);
  return {};
}

Result<void> check_bus_url(std::string_view text) {
  if (text == "managed") return {};
  auto fine = check_url(text);
  if (!fine)
    fine.error().hint = "write managed, " + fine.error().hint.substr(fine.error().hint.starts_with("write ") ? 6 : 0);
  return fine;
}

Result<void> check_pattern(std::string_view text) {
  auto pattern = model::PathPattern::parse(text);
  if (!pattern) return std::unexpected(std::move(pattern.error()));
  return {};
}

bool is_encrypted(std::string_view url) { return url.starts_with("mqtts:"); }

void describe_tls(Fields& fields, std::optional<Tls>& tls) {
  fields.section({"tls", "Certificates for mqtts://"}, [&](Fields& f) {
    tls.emplace();
    f.path({"ca", "PEM of the authority to trust; the system's if left out"}, tls->ca);
    f.path({"certificate", "PEM of our own certificate"}, tls->certificate);
    f.path({"key", "PEM of its key"}, tls->key);
    f.require(tls->certificate.empty() == tls->key.empty(), tls->key.empty() ? "certificate" : "key",
              "certificate: and key: belong together", "write both, or none");
  });
}

// Who we are to a broker.
template <class Broker>
void describe_login(Fields& fields, Broker& broker) {
  fields.text({"username", "User at the broker"}, broker.username);
  fields.secret({"password_file", "File that holds the password, or credential:NAME"}, broker.password_file);
  fields.never("password", "a password does not belong into this file",
               "put it into /etc/weir/credentials/NAME, and write password_file: credential:NAME");
  describe_tls(fields, broker.tls);
  fields.require(broker.password_file.empty() || !broker.username.empty(), "password_file",
                 "password_file: without username:", "write username: beside it");
  fields.require(!broker.tls || is_encrypted(broker.url), "tls", "tls: has no effect on '" + broker.url + "'",
                 "write mqtts:// in the url");
}

void describe_site(Fields& fields, Site& site) {
  fields.text({"name", "what this place is called", Need::required}, site.name,
              [](std::string_view name) -> Result<void> {
                if (name.empty() || name.size() > 128)
                  return fail("the name of the site has 0 or more than 128 bytes", "write pump-house-7");
                return {};
              });
  fields.text({"agent", "The agent's name upstream; the site's if left out"}, site.agent, check_plain_name);
  describe_surroundings(fields, site);
  if (site.agent.empty()) {
    const auto fit = check_plain_name(site.name);
    fields.require(site.name.empty() || fit.has_value(), "name",
                   "the site's name cannot be the agent's name upstream",
                   "add agent: with letters, digits, - _ and . only");
    site.agent = site.name;
  }
}

void describe_bus(Fields& fields, Bus& bus) {
  bus.url = "managed";
  fields.text({"url", "managed (the agent runs a private broker), or mqtt://HOST of the box's own"}, bus.url,
              check_bus_url);
  bus.managed = bus.url == "managed";
  describe_login(fields, bus);
  fields.require(!bus.managed || bus.username.empty(), "username", "the managed bus makes its own accounts",
                 "remove username:, or name the box's own broker: url: mqtt://127.0.0.1");
  if (bus.managed) bus.url.clear();
}

void describe_driver(Fields& fields, Driver& driver) {
  fields.text({"kind", "modbus, host, simulator: runs weir-driver-KIND"}, driver.kind, check_plain_name);
  fields.path({"command", "An executable of one's own that keeps the driver contract"}, driver.command);
  fields.place(driver.command.empty() ? "kind" : "command", driver.place);
  fields.flag({"external", "Somebody else starts it; the agent only talks to it"}, driver.external);
  fields.texts({"writes", "Path patterns of the signals that may be written; none: read-only"}, driver.writes,
               check_pattern);
  fields.anything({"options", "What the driver itself reads; see its --schema"}, driver.options);
  fields.require(driver.external || !driver.kind.empty() || !driver.command.empty(), "kind",
                 "driver '" + driver.name + "' has no kind:", "write kind: modbus, or command: and an executable");
  fields.require(!driver.external || driver.command.empty(), "command",
                 "driver '" + driver.name + "' is external, and has a command:", "remove one of the two");
}

void describe_stream(Fields& fields, Store::Stream& stream) {
  fields.size({"quota", "Bytes that may wait in it; beyond, its oldest go"}, stream.quota, 64 << 10,
              kMostBytesOfStore);
  fields.duration({"max_age", "How long its records may wait; then they go"}, stream.max_age, kMinute, 3'650 * kDay);
  fields.whole({"priority", "When the store is full, the stream of the lowest gives first"}, stream.priority, 0, 100);
}

void describe_store(Fields& fields, Store& store) {
  fields.path({"path", "The database file"}, store.path);
  fields.secret({"key_file", "File that holds the key to encrypt it with, or credential:NAME"}, store.key_file);
  fields.place("key_file", store.key_place);
  fields.never("key", "a key does not belong into this file",
               "put it into /etc/weir/credentials/NAME, and write key_file: credential:NAME");
  fields.duration({"retain", "Local history beyond what uplinks still need"}, store.retain, 0, 3'650 * kDay);
  fields.duration({"commit_interval", "How long readings may wait for the disk"}, store.commit_interval,
                  10 * kMillisecond, kMinute);
  fields.size({"quota", "Bytes that the whole store may take on the disk"}, store.quota, 32 << 20, kMostBytesOfStore);
  constexpr std::uint64_t kUnsaid = ~0ULL;
  std::uint64_t free_space = kUnsaid;
  fields.size({"free_space", "Bytes of the file system that are left to others"}, free_space, 0, kMostBytesOfStore);
  if (free_space != kUnsaid) store.free_space = free_space;
  fields.choice({"when_full", "thin: coarser readings; drop_oldest: fewer; block: no new ones"}, store.when_full,
                {"thin", "drop_oldest", "block"});
  fields.section({"streams", "Limits of what waits in each stream"}, [&](Fields& f) {
    const std::pair<const char*, Store::Stream*> streams[] = {
        {"alerts", &store.alerts}, {"derived", &store.derived}, {"raw", &store.raw}, {"backfill", &store.backfill}};
    for (const auto& [name, stream] : streams)
      f.section({name, "Limits of this stream"}, [&](Fields& g) { describe_stream(g, *stream); });
  });
  fields.size({"volatile", "Bytes that are kept in memory while the disk takes nothing"}, store.volatile_bytes,
              1 << 20, 1 << 30);
  fields.size({"endurance", "Bytes that the card or disk is specified to take in its life"}, store.endurance, 1 << 30,
              kMostBytesOfStore);
}

void describe_uplink(Fields& fields, Uplink& uplink) {
  fields.text({"url", "mqtt://HOST:1883 or mqtts://HOST:8883", Need::required}, uplink.url, check_url);
  fields.choices({"streams", "What to send"}, uplink.streams, {"alerts", "derived", "raw", "backfill"});
  describe_login(fields, uplink);
}

}  // namespace

void describe_surroundings(Fields& fields, Site& site) {
  fields.text({"timezone", "Of shifts and days in rules, as in /usr/share/zoneinfo"}, site.timezone, check_timezone);
  fields.place("timezone", site.timezone_place);
  fields.shifts({"shifts", "Of the calendar in rules: early: \"06:00-14:00\""}, site.shifts, check_shift_name);
  fields.place("shifts", site.shifts_place);
  fields.numbers({"constants", "Numbers that rules read as site.NAME"}, site.constants, check_identifier);
}

void describe(Fields& fields, Config& config) {
  fields.version({"version", "1, the version of this format", Need::required}, 1);
  fields.section(
      {"site", "the name of the place where this box stands, or a map", Need::required},
      [&](Fields& f) { describe_site(f, config.site); }, "name");
  fields.section({"bus", "The local MQTT broker"}, [&](Fields& f) { describe_bus(f, config.bus); }, "url");
  fields.named({"drivers", "Who reads the devices"}, check_plain_name, [&](Fields& f, const std::string& name) {
    Driver& driver = config.drivers.emplace_back();
    driver.name = name;
    driver.options.data = Node::Map{};
    describe_driver(f, driver);
  });
  fields.section({"store", "Where readings wait"}, [&](Fields& f) { describe_store(f, config.store); });
  fields.named({"uplinks", "Where readings and alerts go"}, check_plain_name,
               [&](Fields& f, const std::string& name) {
                 Uplink& uplink = config.uplinks.emplace_back();
                 uplink.name = name;
                 describe_uplink(f, uplink);
               });
  std::string writes = config.rules_write ? "enabled" : "disabled";
  fields.choice({"writes", "enabled: rules write to the signals that their drivers' writes: name"}, writes,
                {"disabled", "enabled"});
  config.rules_write = writes == "enabled";
  fields.section({"intake", "What is done to readings as they come"}, [&](Fields& f) {
    f.section({"future", "Readings with a time from the future"}, [&](Fields& g) {
      g.duration({"tolerance", "How far ahead of our clock is still now"}, config.future_tolerance, 0, kDay);
      std::string policy = config.clamp_future ? "clamp" : "refuse";
      g.choice({"policy", "clamp their time to ours, or refuse them"}, policy, {"clamp", "refuse"});
      config.clamp_future = policy == "clamp";
    });
  });
}

}  // namespace weir::config
