#include "config/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/json.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Loaded load_text(std::string text) { return load({"weir.yaml", std::move(text)}, {}, "/etc/weir"); }

std::vector<std::string> said(const Loaded& loaded) {
  std::vector<std::string> out;
  for (const Diagnostic& d : loaded.diagnostics)
    out.push_back(std::to_string(d.position.line) + ":" + std::to_string(d.position.column) + " " + d.message +
                  " | " + d.hint);
  return out;
}

constexpr const char* kTenLines = R"(version: 1
site: pump-house-7
drivers:
  plc:
    kind: modbus
    options: {devices: {boiler-1: {tcp: "10.0.0.7:502", signals: {temperature: {holding: 0}}}}}
uplinks:
  cloud: {url: "mqtts://cloud.example:8883"}
)";

TEST(Config, ReadsTenLines) {
  const Loaded loaded = load_text(kTenLines);
  ASSERT_THAT(said(loaded), IsEmpty());
  const Config& config = *loaded.config;
  EXPECT_EQ(config.site.name, "pump-house-7");
  EXPECT_EQ(config.site.agent, "pump-house-7");
  EXPECT_TRUE(config.bus.managed);
  ASSERT_EQ(config.drivers.size(), 1U);
  EXPECT_EQ(config.drivers[0].name, "plc");
  EXPECT_EQ(config.drivers[0].kind, "modbus");
  EXPECT_FALSE(config.drivers[0].external);
  EXPECT_THAT(config.drivers[0].writes, IsEmpty());
  EXPECT_EQ(to_json(config.drivers[0].options),
            R"({"devices":{"boiler-1":{"tcp":"10.0.0.7:502","signals":{"temperature":{"holding":0}}}}})");
  EXPECT_EQ(config.drivers[0].options.find("devices")->position.line, 6);
  EXPECT_EQ(config.store.path, "/var/lib/weir/weir.db");
  EXPECT_EQ(config.store.retain, 7 * kDay);
  EXPECT_EQ(config.store.commit_interval, kSecond);
  EXPECT_EQ(config.store.quota, 2ULL << 30);
  EXPECT_FALSE(config.store.free_space);
  EXPECT_EQ(config.store.when_full, "thin");
  EXPECT_EQ(config.store.raw, (Store::Stream{0, 0, 2}));
  EXPECT_EQ(config.store.endurance, 0U);
  ASSERT_EQ(config.uplinks.size(), 1U);
  EXPECT_EQ(config.uplinks[0].url, "mqtts://cloud.example:8883");
  EXPECT_THAT(config.uplinks[0].streams, ElementsAre("alerts", "derived", "raw"));
  EXPECT_EQ(config.hash.size(), 32U);
}

TEST(Config, ReadsEveryKey) {
  ::unsetenv("CREDENTIALS_DIRECTORY");
  const Loaded loaded = load_text(R"(
version: 1
site: {name: Pump house 7, agent: ph7, timezone: Europe/Berlin, constants: {limit: 90, half: 0.5},
       shifts: {night: "22:00-06:00", early: "06:00-14:00", late: 14:00-22:00}}
bus:
  url: mqtts://127.0.0.1:8883
  username: weir
  password_file: secrets/bus
  tls: {ca: ca.pem, certificate: /c.pem, key: k.pem}
drivers:
  own: {command: bin/own, writes: ["a/{b}", c/d]}
  far: {external: true}
store:
  path: weir.db
  key_file: store.key
  retain: 0s
  commit_interval: 250ms
  quota: 1.5GiB
  free_space: 500MB
  when_full: block
  streams:
    alerts: {priority: 100}
    derived: {quota: 64KiB, max_age: 1m}
    raw: {quota: 1 GB, max_age: 30d, priority: 0}
    backfill:
  volatile: 16MiB
  endurance: 30TB
uplinks:
  a: {url: "mqtt://[::1]", streams: [raw], username: u, password_file: "credential:a.pass"}
intake: {future: {tolerance: 1m, policy: refuse}}
writes: enabled
)");
  ASSERT_THAT(said(loaded), IsEmpty());
  const Config& config = *loaded.config;
  EXPECT_EQ(config.site.agent, "ph7");
  EXPECT_EQ(config.site.timezone, "Europe/Berlin");
  EXPECT_THAT(config.site.shifts,
              ElementsAre(Shift{"night", 22 * kHour, 6 * kHour}, Shift{"early", 6 * kHour, 14 * kHour},
                          Shift{"late", 14 * kHour, 22 * kHour}));
  EXPECT_EQ(config.site.timezone_place.line, 3);
  EXPECT_EQ(config.site.shifts_place.line, 4);
  EXPECT_THAT(config.site.constants, ElementsAre(std::pair("limit", 90.0), std::pair("half", 0.5)));
  EXPECT_FALSE(config.bus.managed);
  EXPECT_EQ(config.bus.url, "mqtts://127.0.0.1:8883");
  EXPECT_EQ(config.bus.password_file, "/etc/weir/secrets/bus");
  EXPECT_EQ(*config.bus.tls, (Tls{"/etc/weir/ca.pem", "/c.pem", "/etc/weir/k.pem"}));
  EXPECT_EQ(config.drivers[0].command, "/etc/weir/bin/own");
  EXPECT_THAT(config.drivers[0].writes, ElementsAre("a/{b}", "c/d"));
  EXPECT_TRUE(config.drivers[1].external);
  EXPECT_NE(config.drivers[1].options.as_map(), nullptr);
  EXPECT_EQ(config.store.path, "/etc/weir/weir.db");
  EXPECT_EQ(config.store.key_file, "/etc/weir/store.key");
  EXPECT_EQ(config.store.retain, 0);
  EXPECT_EQ(config.store.commit_interval, 250 * kMillisecond);
  EXPECT_EQ(config.store.quota, 3ULL << 29);
  EXPECT_EQ(config.store.free_space, 500'000'000U);
  EXPECT_EQ(config.store.when_full, "block");
  EXPECT_EQ(config.store.alerts, (Store::Stream{0, 0, 100}));
  EXPECT_EQ(config.store.derived, (Store::Stream{64 << 10, kMinute, 3}));
  EXPECT_EQ(config.store.raw, (Store::Stream{1'000'000'000, 30 * kDay, 0}));
  EXPECT_EQ(config.store.backfill, (Store::Stream{0, 0, 2}));
  EXPECT_EQ(config.store.volatile_bytes, 16U << 20);
  EXPECT_EQ(config.store.endurance, 30'000'000'000'000U);
  EXPECT_THAT(config.uplinks[0].streams, ElementsAre("raw"));
  EXPECT_EQ(config.uplinks[0].password_file, "/run/credentials/weir.service/weir_a.pass");
  EXPECT_EQ(config.future_tolerance, kMinute);
  EXPECT_FALSE(config.clamp_future);
  EXPECT_TRUE(config.rules_write);
}

struct Wrong {
  std::string rest;  // behind version: 1 and site: x, from line 3 on
  std::vector<std::string> said;
};

class Refused : public testing::TestWithParam<Wrong> {};

TEST_P(Refused, WithPlaceAndRemedy) {
  const Loaded loaded = load_text("version: 1\nsite: x\n" + GetParam().rest);
  EXPECT_FALSE(loaded.config.has_value());
  EXPECT_EQ(said(loaded), GetParam().said) << GetParam().rest;
}

const std::string kNoPassword = " a password does not belong into this file | put it into a file of its own: ";

const std::string kUnitList = "units are B, kB, MB, GB, TB (of 1000) and KiB, MiB, GiB, TiB (of 1024)";
const std::string kUnits = " | write 500MB or 2GiB; " + kUnitList;

INSTANTIATE_TEST_SUITE_P(
    Config, Refused,
    testing::ValuesIn<Wrong>({
        {"dirvers: {}", {"3:1 weir.yaml has no key 'dirvers' | did you mean 'drivers'?"}},
        {"zzzzzzzzzz: 1",
         {"3:1 weir.yaml has no key 'zzzzzzzzzz' | there are: version, site, bus, drivers, store, uplinks, writes, "
          "intake"}},
        {"store: {retian: 7d}", {"3:9 store: has no key 'retian' | did you mean 'retain'?"}},
        {"store: {retain: 30}", {"3:17 retain: a duration needs a unit | write 7d; units are ms, s, m, h, d, w"}},
        {"store: {retain: week}", {"3:17 retain: 'week' is no duration | write 30s, 1h30m or 7d"}},
        {"store: {retain: 5000d}", {"3:17 retain: 5000d is out of range | 0s to 3650d"}},
        {"store: {commit_interval: 1ms}", {"3:26 commit_interval: 1ms is out of range | 10ms to 1m"}},
        {"store: {path: \"\"}", {"3:16 path: is empty | write a path, or remove the key"}},
        {"store: {path: 7}", {"3:15 path: wants a text, not a whole number | put it in quotes"}},
        {"store: {quota: 2}", {"3:16 quota: a size needs a unit" + kUnits}},
        {"store: {quota: 2gb}", {"3:16 quota: '2gb' is no size | write 500MB, 2GB or 1.5GiB; " + kUnitList}},
        {"store: {quota: 2GB5}", {"3:16 quota: '2GB5' is no size | write 500MB, 2GB or 1.5GiB; " + kUnitList}},
        {"store: {quota: 2MB}", {"3:16 quota: 2MB is out of range | 32 MiB to 1024 TiB"}},
        {"store: {quota: [2GB]}", {"3:16 quota: wants a text, not a list | write 2GB"}},
        {"store: {when_full: thinn}", {"3:20 when_full: 'thinn' is no choice | did you mean 'thin'?"}},
        {"store: {streams: {row: {}}}", {"3:19 streams: has no key 'row' | did you mean 'raw'?"}},
        {"store: {streams: {raw: {priority: high}}}",
         {"3:35 priority: wants a whole number, not a text | write a number from 0 to 100"}},
        {"store: {streams: {raw: {priority: -1}}}", {"3:35 priority: -1 is out of range | 0 to 100"}},
        {"store: weir.db", {"3:8 store: wants a map, not a text | write key: value, a line each"}},
        {"store: {path:}", {"3:9 path: has no value | write a path, or remove the key"}},
        {"drivers: {a: {}}", {"3:14 driver 'a' has no kind: | write kind: modbus, or command: and an executable"}},
        {"drivers: {a: {kind: x, external: 1}}",
         {"3:34 external: wants true or false, not a whole number | write true or false, without quotes"}},
        {"drivers: {a: {kind: x, external: yes}}",
         {R"(3:34 'yes' is not a bool | write true, or "yes" if it is a text)"}},
        {"drivers: {a: {command: /x, external: true}}",
         {"3:24 driver 'a' is external, and has a command: | remove one of the two"}},
        {"drivers: {a: {kind: ../x}}", {"3:21 kind: '../x' holds '/' | names hold none of / + # { }"}},
        {"drivers: {\"a b\": {kind: x}}",
         {"3:12 drivers: 'a b' is no name | letters, digits, - _ and . only, with a letter or digit first"}},
        {"drivers: {a/b: {kind: x}}", {"3:11 drivers: 'a/b' holds '/' | names hold none of / + # { }"}},
        {"drivers: {plc: {kind: x}, PLC: {kind: x}}",
         {"3:27 'PLC' and 'plc' differ only in case | give one of them another name"}},
        {"drivers: {a: {kind: x, writes: [b]}}", {"3:33 writes: 'b' is not a path | write device/signal"}},
        {"drivers: {a: {kind: x, writes: b/c}}",
         {R"(3:32 writes: wants a list, not a text | write ["boiler-{n}/setpoint"])"}},
        {"drivers: {a: {kind: x, options: {p: [{password: y}]}}}",
         {"3:39" + kNoPassword + "password_file: /etc/weir/NAME, for the group weir"}},
        {"drivers:\n  a: {kind: m, options: {b: {serial: /dev/ttyUSB0}}}\n  c: {kind: m, options: {l: [{port: "
         "/dev/../dev/ttyUSB0}]}}",
         {"5:37 drivers 'a' and 'c' share the serial port /dev/ttyUSB0 | put its devices into one driver"}},
        {"bus: {url: \"http://h\"}",
         {"3:13 url: the url's scheme is 'http' | write managed, mqtt://HOST:1883, or mqtts://HOST:8883"}},
        {"bus: {password: x}",
         {"3:7 a password does not belong into this file | put it into /etc/weir/credentials/NAME, and write "
          "password_file: credential:NAME"}},
        {"store: {key: abc}",
         {"3:9 a key does not belong into this file | put it into /etc/weir/credentials/NAME, and write key_file: "
          "credential:NAME"}},
        {"store: {key_file: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F}",
         {"3:19 key_file: this is a secret itself, and not the file that holds it | put it into "
          "/etc/weir/credentials/NAME, and write key_file: credential:NAME"}},
        {"store: {key_file: \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}",
         {"3:20 key_file: this is a secret itself, and not the file that holds it | put it into "
          "/etc/weir/credentials/NAME, and write key_file: credential:NAME"}},
        {"store: {key_file: \"credential:a/b\"}",
         {"3:20 key_file: 'a/b' is no name of a credential | write credential:NAME for the file "
          "/etc/weir/credentials/NAME"}},
        {"bus: {username: x}",
         {"3:17 the managed bus makes its own accounts | remove username:, or name the box's own "
          "broker: url: mqtt://127.0.0.1"}},
        {"uplinks: {c: {}}", {"3:14 'c' lacks the key 'url' | add url: mqtt://HOST:1883 or mqtts://HOST:8883"}},
        {"uplinks: {c: {url: mqtt://h:0}}", {"3:20 url: port '0' does not exist | ports are 1 to 65535"}},
        {"uplinks: {c: {url: mqtt://h:65536}}", {"3:20 url: port '65536' does not exist | ports are 1 to 65535"}},
        {"uplinks: {c: {url: \"mqtt://u:p@h\"}}",
         {"3:21 url: a user or password within the url | write username: and "
          "password_file: beside it"}},
        {"uplinks: {c: {url: \"mqtt://\"}}",
         {"3:21 url: the url names no host | write mqtt://HOST:1883, or mqtts://HOST:8883"}},
        {"uplinks: {c: {url: mqtt://h/x}}",
         {"3:20 url: something behind host and port in the url | write mqtt://HOST:1883, or mqtts://HOST:8883"}},
        {"uplinks: {c: {url: mqtt://h, streams: [raw, rwa, raw]}}",
         {"3:45 streams: 'rwa' is no choice | did you mean 'raw'?",
          "3:50 streams: 'raw' stands twice | once will do"}},
        {"uplinks: {c: {url: mqtt://h, streams: []}}",
         {"3:39 streams: is empty | choices: alerts, derived, raw, backfill"}},
        {"uplinks: {c: {url: mqtt://h, tls: {ca: x}}}",
         {"3:35 tls: has no effect on 'mqtt://h' | write mqtts:// in the url"}},
        {"uplinks: {c: {url: mqtts://h, tls: {key: x}}}",
         {"3:42 certificate: and key: belong together | write both, or none"}},
        {"uplinks: {c: {url: mqtt://h, password_file: x}}",
         {"3:45 password_file: without username: | write username: beside it"}},
        {"uplinks: {c: {url: mqtt://h, username: u, password_file: credential:../x}}",
         {"3:58 password_file: '../x' is no name of a credential | write credential:NAME for the file "
          "/etc/weir/credentials/NAME"}},
        {"writes: true", {"3:9 writes: wants a text, not true or false | put it in quotes"}},
        {"intake: {future: {policy: clmap}}", {"3:27 policy: 'clmap' is no choice | did you mean 'clamp'?"}},
    }));

TEST(Config, SiteNameMustFitOrAgentBeSaid) {
  EXPECT_THAT(
      said(load_text("version: 1\nsite: Pump house 7\n")),
      ElementsAre("2:7 the site's name cannot be the agent's name upstream | add agent: with letters, digits, - _ "
                  "and . only"));
  EXPECT_THAT(said(load_text("version: 1\nsite: {name: x, timezone: /etc/passwd}\n")),
              ElementsAre("2:27 timezone: '/etc/passwd' is no time zone | write Europe/Berlin, or UTC"));
  EXPECT_THAT(
      said(load_text("version: 1\nsite: {name: x, constants: {1a: 5, b: x}}\n")),
      ElementsAre("2:29 constants: '1a' cannot stand in an expression | letters, digits and _ only, no digit first",
                  "2:39 b: wants a number, not a text | write a number, without quotes"));
}

TEST(Config, ShiftsAreSpansOfTheDay) {
  const auto of = [](const std::string& shifts) {
    return said(load_text("version: 1\nsite: {name: x, shifts: " + shifts + "}\n"));
  };
  EXPECT_THAT(of("{a: \"00:00-24:00\", b: 23:59-00:00}"), IsEmpty());
  for (const char* wrong : {"6:00-14:00", "06:00-14:60", "24:00-06:00", "06:00-24:01", "06:00", "06:00 - 14:00",
                            "06-14", "0a:00-14:00", "06:00-14:00:00",
                            "06:00\xe2\x80\x93"
                            "14:00"})
    EXPECT_THAT(
        of("{a: \"" + std::string(wrong) + "\"}"),
        ElementsAre("2:30 shifts: '" + std::string(wrong) + "' is no span of the day | write \"06:00-14:00\""));
  EXPECT_THAT(of("[06:00-14:00]"),
              ElementsAre("2:25 shifts: wants a map, not a list | write early: \"06:00-14:00\", a line each"));
  EXPECT_THAT(
      of("{a: 6}"),
      ElementsAre("2:29 a: wants a span of the day, not a whole number | write early: \"06:00-14:00\", a line each"));
  EXPECT_THAT(of("{\"\": \"06:00-14:00\"}"),
              ElementsAre("2:27 shifts: the name of a shift has 0 or more than 64 bytes, or odd ones | write early: "
                          "\"06:00-14:00\""));
}

TEST(Config, VersionAndSiteAreNeeded) {
  const std::string version = "weir.yaml lacks the key 'version' | add version: 1, the version of this format";
  const std::string site =
      "weir.yaml lacks the key 'site' | add site: the name of the place where this box stands, or a map";
  EXPECT_THAT(said(load_text("")), ElementsAre("1:1 " + site, "1:1 " + version));
  EXPECT_THAT(said(load_text("site: x")), ElementsAre("1:1 " + version));
  EXPECT_THAT(said(load_text("version: 2\nsite: x")),
              ElementsAre("1:10 version 2 is not read by this weir | write 1, or install a newer weir"));
  EXPECT_THAT(said(load_text("- a")),
              ElementsAre("1:1 weir.yaml wants a map, not a list | write key: value, a line each"));
}

TEST(Config, ErrorsOfAllFilesAtOnceInTheirOrder) {
  const Loaded loaded =
      load({"weir.yaml", "version: 1\nsite: x\nstor: {}\n"},
           {{"rules.d/a.yaml", "rules:\n  - when: !x\n"}, {"rules.d/b.yaml", "a: yes\nb: \"\n"}}, "/");
  std::vector<std::string> places;
  for (const Diagnostic& d : loaded.diagnostics)
    places.push_back(*d.position.file + ":" + std::to_string(d.position.line));
  EXPECT_THAT(places, ElementsAre("weir.yaml:3", "rules.d/a.yaml:2", "rules.d/b.yaml:1", "rules.d/b.yaml:2"));
  EXPECT_FALSE(loaded.config.has_value());
}

TEST(Config, HashIsOfNamesAndTexts) {
  const auto hash = [](std::string main, std::vector<Source> rules, std::string folder = "") {
    return load({folder + "weir.yaml", std::move(main)}, rules, "/").config.value().hash;
  };
  const std::string text = "version: 1\nsite: x\n";
  const std::string first = hash(text, {{"rules.d/a.yaml", "rules: []"}});
  EXPECT_EQ(first, hash(text, {{"/etc/weir/rules.d/a.yaml", "rules: []"}}, "/etc/weir/"))
      << "the folder does not matter";
  EXPECT_NE(first, hash(text, {{"rules.d/b.yaml", "rules: []"}}));
  EXPECT_NE(first, hash(text + "\n", {{"rules.d/a.yaml", "rules: []"}}));
  EXPECT_NE(hash(text, {{"a.yaml", "a: 1\n"}, {"b.yaml", "b: 1"}}),
            hash(text, {{"a.yaml", "a: 1\nb: 1"}, {"b.yaml", ""}}));
  // printf '\x09weir.yaml\x13version: 1\nsite: x\n' | sha256sum
  EXPECT_EQ(to_hex(hash(text, {})), "d011bf727412538ae17cf10afff61ff8b7e0aba1ad5462d868c1a25ca7ae8e31");
}

class Files : public testing::Test {
 protected:
  Files() : folder_(std::filesystem::path(testing::TempDir()) / ("config-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_ / "rules.d");
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
};

// A folder of them, as our unit loads it, comes with weir_ before each name; LoadCredential=p:FILE without.
TEST_F(Files, CredentialsLieWhereSystemdSays) {
  const auto password_file = [&] {
    ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
    const Loaded loaded =
        load_text("version: 1\nsite: x\nuplinks: {a: {url: mqtt://h, username: u, password_file: credential:p}}");
    ::unsetenv("CREDENTIALS_DIRECTORY");
    return loaded.config ? loaded.config->uplinks[0].password_file : std::filesystem::path();
  };
  EXPECT_EQ(password_file(), folder_ / "weir_p");
  write("p", "open-sesame");
  EXPECT_EQ(password_file(), folder_ / "p");
}

TEST_F(Files, RulesAreReadByName) {
  write("weir.yaml", "\xEF\xBB\xBFversion: 1\nsite: x\nstore: {path: weir.db}\n");
  write("rules.d/b.yaml", "rules: []\n");
  write("rules.d/a.yaml", "rules: []\n");
  write("rules.d/.hidden.yaml", ": : :");
  write("rules.d/a.test.yaml", ": : :");
  write("rules.d/c.yml", ": : :");
  write("rules.d/README", ": : :");
  const Loaded loaded = load(folder_ / "weir.yaml");
  ASSERT_TRUE(loaded.config.has_value());
  EXPECT_THAT(said(loaded), ElementsAre("0:0 this file is not read | rename it to c.yaml"));
  EXPECT_EQ(loaded.config->store.path, folder_ / "weir.db");
  ASSERT_EQ(loaded.config->rule_files.size(), 2U);
  EXPECT_EQ(loaded.config->rule_files[0].name, (folder_ / "rules.d/a.yaml").string());
  EXPECT_EQ(loaded.config->rules.size(), 2U);

  // What was kept reads the same without the files.
  const Loaded again = load(loaded.config->main, loaded.config->rule_files, folder_);
  ASSERT_TRUE(again.config.has_value());
  EXPECT_EQ(again.config->hash, loaded.config->hash);
}

TEST_F(Files, WhatCannotBeReadIsSaid) {
  write("rules.d/a.yaml", "a: yes\n");
  const Loaded loaded = load(folder_ / "weir.yaml");
  EXPECT_FALSE(loaded.config.has_value());
  EXPECT_THAT(said(loaded), ElementsAre("0:0 cannot open " + (folder_ / "weir.yaml").string() +
                                            ": No such file or directory | is the path right?",
                                        R"(1:4 'yes' is not a bool | write true, or "yes" if it is a text)"));
}

TEST_F(Files, AFolderInPlaceOfARuleFileIsSaid) {
  write("weir.yaml", "version: 1\nsite: x\n");
  std::filesystem::create_directory(folder_ / "rules.d/a.yaml");
  const Loaded loaded = load(folder_ / "weir.yaml");
  EXPECT_FALSE(loaded.config.has_value());
  EXPECT_THAT(said(loaded), ElementsAre(testing::HasSubstr("cannot read " + (folder_ / "rules.d/a.yaml").string())));
}

TEST(Schema, NamesWhatTheReaderReads) {
  const auto schema_json = parse_json(schema());
  ASSERT_TRUE(schema_json.has_value());
  const auto keys = [&](std::string_view pointer) {
    std::vector<std::string> out;
    for (const auto& member : *at_pointer(*schema_json, pointer).as_map()) out.push_back(member.key);
    return out;
  };
  EXPECT_THAT(keys("/properties"),
              ElementsAre("version", "site", "bus", "drivers", "store", "uplinks", "writes", "intake"));
  EXPECT_THAT(keys("/properties/drivers/anyOf/0/additionalProperties/properties"),
              ElementsAre("kind", "command", "external", "writes", "options"));
  EXPECT_EQ(to_json(at_pointer(*schema_json, "/required")), R"(["version","site"])");
  EXPECT_EQ(to_json(at_pointer(*schema_json, "/additionalProperties")), "false");
  const std::string store = "/properties/store/anyOf/0/properties";
  EXPECT_EQ(to_json(at_pointer(*schema_json, store + "/retain/type")), R"("string")");
  EXPECT_THAT(keys(store + "/streams/anyOf/0/properties"), ElementsAre("alerts", "derived", "raw", "backfill"));
  EXPECT_EQ(to_json(at_pointer(*schema_json,
                               store + "/streams/anyOf/0/properties/raw/anyOf/0/properties/priority/maximum")),
            "100");
  const std::regex size(*at_pointer(*schema_json, store + "/quota/pattern").as_string());
  for (const char* right : {"2GB", "1.5 GiB", "500kB", "7B"}) EXPECT_TRUE(std::regex_match(right, size)) << right;
  for (const char* wrong : {"2", "2gb", "2GiBs", ".5GB"}) EXPECT_FALSE(std::regex_match(wrong, size)) << wrong;
}

}  // namespace
}  // namespace weir::config
