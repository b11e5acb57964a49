#include "driver_modbus/options.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace weir::modbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Profile no_profiles(const std::string& path) {
  return {{}, {{Diagnostic::Severity::error, {}, "cannot open " + path, {}, 1}}};
}

struct Read {
  std::optional<Options> options;
  std::vector<std::string> errors;  // "PLACE: message (hint)"
};

Read read(std::string_view json, const ReadProfile& profiles = no_profiles) {
  Diagnostics diagnostics;
  const auto root = parse_json(json);
  EXPECT_TRUE(root) << json;
  Read out;
  out.options = read_options(*root, profiles, diagnostics);
  for (const Diagnostic& d : diagnostics)
    out.errors.push_back((d.position.file ? *d.position.file : "") + ": " + d.message +
                         (d.hint.empty() ? "" : " (" + d.hint + ")"));
  EXPECT_EQ(out.options.has_value(), out.errors.empty());
  return out;
}

Read with_signal(const std::string& signal, const std::string& device = "") {
  return read(R"({"devices": {"d": {"tcp": "h", )" + device + R"("signals": {"s": )" + signal + "}}}}");
}

TEST(Options, EverythingThatCanBeSaidIsRead) {
  const auto got = read(R"({"devices": {
    "boiler-1": {"tcp": "10.0.0.7:1502", "unit": 3, "interval": "2s", "timeout": "300ms", "word_order": "CDAB", "max_gap": 2,
      "signals": {
        "temperature": {"holding": 7, "type": "int16", "scale": 0.1, "offset": -40, "unit": "Cel", "interval": "500ms",
                        "description": "at the outlet"},
        "energy": {"input": 0, "type": "uint32"},
        "running": {"coil": 3, "writable": true},
        "serial": {"holding": 100, "type": "string", "length": 8, "word_order": "ABCD"},
        "alarm": {"holding": 5, "bit": 3}}},
    "meter-1": {"rtu": {"serial": "/dev/ttyUSB0", "baud": 19200, "parity": "none", "stop_bits": 2}, "unit": 9,
      "signals": {"power": {"input": 0}}}}})");
  ASSERT_THAT(got.errors, IsEmpty());
  const DeviceOptions& boiler = got.options->devices[0];
  EXPECT_EQ(boiler.name, "boiler-1");
  EXPECT_EQ(std::get<TcpAddress>(boiler.address), (TcpAddress{"10.0.0.7", "1502"}));
  EXPECT_EQ(boiler.unit, 3);
  EXPECT_EQ(boiler.timeout, 300 * kMillisecond);
  EXPECT_EQ(boiler.max_gap, 2);
  const SignalOptions& temperature = boiler.signals[0];
  EXPECT_EQ(temperature.table, Table::holding);
  EXPECT_EQ(temperature.first, 7);
  EXPECT_EQ(temperature.format.type, Type::int16);
  EXPECT_EQ(temperature.format.order, WordOrder::cdab);
  EXPECT_DOUBLE_EQ(temperature.format.scaling->offset, -40);
  EXPECT_EQ(temperature.interval, 500 * kMillisecond);
  EXPECT_EQ(temperature.unit, "Cel");
  EXPECT_EQ(temperature.description, "at the outlet");
  EXPECT_EQ(boiler.signals[1].interval, 2 * kSecond);
  EXPECT_FALSE(boiler.signals[1].format.scaling);
  EXPECT_EQ(boiler.signals[2].format.type, Type::bit);
  EXPECT_TRUE(boiler.signals[2].writable);
  EXPECT_EQ(boiler.signals[3].count(), 4);
  EXPECT_EQ(boiler.signals[3].format.order, WordOrder::abcd);
  EXPECT_EQ(boiler.signals[4].format.type, Type::bit);
  EXPECT_EQ(boiler.signals[4].format.bit, 3);
  const DeviceOptions& meter = got.options->devices[1];
  EXPECT_EQ(std::get<SerialPort>(meter.address), (SerialPort{"/dev/ttyUSB0", 19200, 'N', 8, 2}));
  EXPECT_EQ(meter.signals[0].format.type, Type::uint16);
}

TEST(Options, HostsHavePortsAndBrackets) {
  const auto address = [](const std::string& tcp) {
    const auto got = read(R"({"devices": {"d": {"tcp": ")" + tcp + R"(", "signals": {"s": {"holding": 0}}}}})");
    return got.options ? to_text(got.options->devices[0].address) : got.errors[0];
  };
  EXPECT_EQ(address("plc.local"), "plc.local:502");
  EXPECT_EQ(address("[fe80::1]:1502"), "[fe80::1]:1502");
  EXPECT_EQ(address("[::1]"), "[::1]:502");
  for (const char* wrong :
       {"", ":502", "host:", "host:0", "host:70000", "host:5x", "fe80::1", "[::1", "mqtt://h", "a b"})
    EXPECT_EQ(address(wrong), std::string("/devices/d/tcp: '") + wrong +
                                  "' is not an address (write \"10.0.0.7:502\", \"plc.local\" or \"[fe80::1]:502\")");
}

TEST(Options, ModiconNotationIsRefusedWithTheRightSpelling) {
  EXPECT_THAT(with_signal("40001").errors,
              ElementsAre("/devices/d/signals/s: a bare 40001 does not say which table is meant (write {holding: 0}: "
                          "zero-based; 40001 is Modicon notation for it)"));
  EXPECT_THAT(
      with_signal(R"({"address": 30010})").errors,
      ElementsAre("/devices/d/signals/s/address: 'address' does not say which table is meant (write {input: 9}: "
                  "zero-based; 30010 is Modicon notation for it)"));
  EXPECT_THAT(
      with_signal(R"({"holding": 40001, "type": "int16"})").errors,
      ElementsAre("/devices/d/signals/s/holding: holding 40001 is not zero-based (write {holding: 0}: zero-based; "
                  "40001 is Modicon notation for it. If the device really has the zero-based address 40001, say "
                  "zero_based: true in the device)"));
  EXPECT_THAT(with_signal(R"({"holding": 400123})").errors,
              ElementsAre("/devices/d/signals/s/holding: holding 400123 is not zero-based (write {holding: 122}: "
                          "zero-based; 400123 is Modicon notation for it)"));
  EXPECT_THAT(with_signal(R"({"discrete": 10003})").errors, ElementsAre(HasSubstr("write {discrete: 2}")));
  EXPECT_THAT(
      with_signal("7").errors,
      ElementsAre("/devices/d/signals/s: a bare 7 does not say which table is meant (write {holding: N}, {input: N}, "
                  "{coil: N} or {discrete: N}, where the first N is 0)"));
}

TEST(Options, AddressesOfSunSpecAreZeroBasedIfOneSaysSo) {
  EXPECT_THAT(with_signal(R"({"holding": 40000})").errors, IsEmpty());  // "SunS" itself is no Modicon notation
  const auto got = with_signal(R"({"holding": 40070})", R"("zero_based": true, )");
  ASSERT_THAT(got.errors, IsEmpty());
  EXPECT_EQ(got.options->devices[0].signals[0].first, 40070);
}

TEST(Options, EachMistakeInASignalIsSaidAtItsPlace) {
  const auto errors = [](const std::string& signal) { return with_signal(signal).errors; };
  EXPECT_THAT(errors(R"({"holdng": 3})"),
              ElementsAre(HasSubstr("/devices/d/signals/s: 's' does not say where it stands"),
                          "/devices/d/signals/s/holdng: there is no option 'holdng' (did you mean 'holding'?)"));
  EXPECT_THAT(
      errors(R"({"holding": 3, "coil": 3})"),
      ElementsAre(
          "/devices/d/signals/s/holding: 's' stands in two tables (keep one of coil, discrete, holding and input)"));
  EXPECT_THAT(errors(R"({"holding": 70000})"),
              ElementsAre("/devices/d/signals/s/holding: 'holding' is an address from 0 to 65535, not 70000 (write "
                          "{holding: 0} for the first)"));
  EXPECT_THAT(errors(R"({"holding": 1, "type": "int61"})"),
              ElementsAre("/devices/d/signals/s/type: 'type' is 'int61' (did you mean 'int16'?)"));
  EXPECT_THAT(errors(R"({"coil": 1, "type": "int16", "bit": 2})"),
              ElementsAre("/devices/d/signals/s/type: a coil is one bit (leave 'type' out)",
                          "/devices/d/signals/s/bit: a coil is one bit (leave 'bit' out)"));
  EXPECT_THAT(errors(R"({"holding": 1, "type": "bit"})"),
              ElementsAre("/devices/d/signals/s: which bit of the register? (add bit: 0 for the lowest, up to 15)"));
  EXPECT_THAT(errors(R"({"holding": 1, "type": "int16", "bit": 2})"),
              ElementsAre("/devices/d/signals/s/bit: 'bit' and type int16 contradict each other (keep one of them)"));
  EXPECT_THAT(
      errors(R"({"holding": 1, "type": "string"})"),
      ElementsAre("/devices/d/signals/s: how long is the text? (add length: its characters, two in a register)"));
  EXPECT_THAT(errors(R"({"holding": 1, "length": 4})"),
              ElementsAre("/devices/d/signals/s/length: only a string has a length, not uint16"));
  EXPECT_THAT(errors(R"({"holding": 1, "scale": 0})"),
              ElementsAre("/devices/d/signals/s/scale: a scale of 0 makes everything 0 (leave it out, or write 1)"));
  EXPECT_THAT(errors(R"({"coil": 1, "offset": 2})"),
              ElementsAre("/devices/d/signals/s/offset: a bit cannot be scaled"));
  EXPECT_THAT(
      errors(R"({"input": 1, "writable": true})"),
      ElementsAre(
          "/devices/d/signals/s/writable: Modbus has no way to write an input register (leave 'writable' out, or "
          "use a coil or a holding register)"));
  EXPECT_THAT(errors(R"({"holding": 65535, "type": "int32"})"),
              ElementsAre("/devices/d/signals/s: 's' goes on past the last address, 65535"));
  EXPECT_THAT(errors(R"({"holding": 1, "interval": 5})"),
              ElementsAre(HasSubstr("/devices/d/signals/s/interval: 'interval' must be a duration")));
  EXPECT_THAT(errors("[]"), ElementsAre("/devices/d/signals/s: a signal is a map, not a list"));
}

TEST(Options, AllMistakesOfAllDevicesAreSaidAtOnce) {
  EXPECT_THAT(
      read(R"({"devices": {
      "a": {"tcp": "h", "rtu": {"serial": "/dev/x"}, "signals": {"s": {"coil": 1}}},
      "b/c": {"tcp": "h", "unit": 250, "signals": {"s": {"coil": 1}}},
      "d": {"rtu": {"serial": "COM3", "bauds": 9600}, "unit": 0, "signals": {"s": {"coil": 1}}},
      "e": {"tcp": "h"},
      "E": {"tcp": "h", "signals": {"s": {"coil": 1}, "S": {"coil": 2}}}}, "device": 1})")
          .errors,
      testing::UnorderedElementsAre(
          "/device: there is no option 'device' (did you mean 'devices'?)",
          "/devices/E: there is a device 'e' already (names must differ by more than case)",
          "/devices/a: 'a' is reached in two ways (write either tcp: \"10.0.0.7:502\" or rtu: {serial: /dev/ttyUSB0, "
          "baud: 9600})",
          "/devices/b~1c: 'b/c' holds '/' (names hold none of / + # { })",
          "/devices/b~1c/unit: there is no unit 250 (units are 0 to 247, or 255 for the device itself)",
          "/devices/d/rtu/serial: 'serial' is the path of a serial port (write serial: /dev/ttyUSB0, or better a "
          "name under /dev/serial/by-id)",
          "/devices/d/rtu/bauds: there is no option 'bauds' (did you mean 'baud'?)",
          "/devices/d/unit: there is no unit 0 on a serial line (units are 1 to 247; 0 would be all of them at once)",
          "/devices/e: 'e' has no signals (add signals: {temperature: {holding: 0}}, or a profile)",
          "/devices/E/signals/S: there is a signal 's' already (names must differ by more than case)"));
  EXPECT_THAT(read("[]").errors, testing::Contains(HasSubstr("expected a map of options, not a list")));
  EXPECT_THAT(read(R"({"devices": {}})").errors,
              ElementsAre(HasSubstr("/devices: 'devices' is a map of one device or more")));
}

TEST(Options, DevicesOnOnePortAgreeAboutItAndDifferByTheirUnits) {
  EXPECT_THAT(
      read(R"({"devices": {
      "a": {"rtu": {"serial": "/dev/x"}, "signals": {"s": {"coil": 1}}},
      "b": {"rtu": {"serial": "/dev/x", "baud": 19200}, "signals": {"s": {"coil": 1}}}}})")
          .errors,
      ElementsAre(
          "/devices/b: 'b' and 'a' use /dev/x with different settings (all devices on a line speak at the same "
          "speed, parity and stop bits)",
          "/devices/b: 'b' and 'a' are both unit 1 on /dev/x (each device on a line has a unit of its own)"));
}

TEST(Options, AProfileGivesSignalsAndTheDeviceHasTheLastWord) {
  const auto profiles = [](const std::string& path) -> Profile {
    EXPECT_EQ(path, "profiles/p.yaml");
    return {*parse_json(R"({"interval": "5s", "word_order": "CDAB", "max_gap": 0, "description": "a pump",
                            "signals": {"a": {"input": 0, "type": "int32"}, "b": {"input": 2}}})"),
            {}};
  };
  const auto got = read(R"({"devices": {"d": {"tcp": "h", "interval": "1s", "profile": "profiles/p.yaml",
                            "signals": {"b": {"input": 9}, "c": {"coil": 0}}}}})",
                        profiles);
  ASSERT_THAT(got.errors, IsEmpty());
  const DeviceOptions& device = got.options->devices[0];
  EXPECT_EQ(device.max_gap, 0);
  ASSERT_EQ(device.signals.size(), 3U);
  EXPECT_EQ(device.signals[0].interval, kSecond);
  EXPECT_EQ(device.signals[0].format.order, WordOrder::cdab);
  EXPECT_EQ(device.signals[1].first, 9);
  EXPECT_EQ(device.signals[2].name, "c");
}

TEST(Options, MistakesInAProfileAreSaidWhereItIsNamed) {
  const auto profiles = [](const std::string& path) -> Profile {
    Node root = *parse_json(R"({"signals": {"a": {"holding": 40001}}})");
    // As a parser of files sets positions.
    auto& place =
        std::get<Node::Map>(std::get<Node::Map>(std::get<Node::Map>(root.data)[0].value.data)[0].value.data)[0];
    place.value.position = {std::make_shared<const std::string>(path), 4, 17};
    return {std::move(root), {}};
  };
  EXPECT_THAT(read(R"({"devices": {"d": {"tcp": "h", "profile": "p.yaml"}}})", profiles).errors,
              ElementsAre(HasSubstr("/devices/d/profile: p.yaml:4:17: holding 40001 is not zero-based")));
  EXPECT_THAT(read(R"({"devices": {"d": {"tcp": "h", "profile": "p.yaml"}}})").errors,
              ElementsAre("/devices/d/profile: cannot open p.yaml"));
}

TEST(Options, TheSchemaIsJsonAndKnowsEveryOption) {
  const auto schema = parse_json(options_schema());
  ASSERT_TRUE(schema) << schema.error().text();
  const auto named = [&](const Node& properties, const std::string& around_before, const std::string& around_after) {
    for (const auto& member : *properties.as_map())
      for (const std::string& error : read(around_before + "\"" + member.key + "\": []" + around_after).errors)
        EXPECT_THAT(error, testing::Not(HasSubstr("there is no option '" + member.key + "'"))) << member.key;
  };
  const Node& definitions = *schema->find("$defs");
  named(*definitions.find("device")->find("properties"), R"({"devices": {"d": {)", "}}}");
  named(*definitions.find("signal")->find("properties"), R"({"devices": {"d": {"tcp": "h", "signals": {"s": {)",
        "}}}}}");
  named(*definitions.find("device")->find("properties")->find("rtu")->find("properties"),
        R"({"devices": {"d": {"rtu": {)", "}}}}");
}

}  // namespace
}  // namespace weir::modbus
