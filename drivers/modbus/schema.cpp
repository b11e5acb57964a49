#include "driver_modbus/options.h"

namespace weir::modbus {

std::string options_schema() {
  return R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Options of the modbus driver",
  "type": "object",
  "additionalProperties": false,
  "required": ["devices"],
  "properties": {
    "devices": {
      "type": "object", "minProperties": 1, "maxProperties": 500,
      "description": "By name: the first part of the paths of their signals",
      "additionalProperties": {"$ref": "#/$defs/device"}
    }
  },
  "$defs": {
    "duration": {"type": "string", "pattern": "^([0-9]+(ns|us|ms|s|m|h|d|w))+$", "examples": ["500ms", "10s"]},
    "word_order": {
      "enum": ["ABCD", "CDAB", "BADC", "DCBA"], "default": "ABCD",
      "description": "Where the bytes of a 32-bit value stand on the wire, A the most significant"
    },
    "address": {"type": "integer", "minimum": 0, "maximum": 65535, "description": "Zero-based: Modicon's 40001 is {holding: 0}"},
    "device": {
      "type": "object",
      "additionalProperties": false,
      "oneOf": [{"required": ["tcp"]}, {"required": ["rtu"]}],
      "anyOf": [{"required": ["signals"]}, {"required": ["profile"]}],
      "properties": {
        "tcp": {"type": "string", "examples": ["10.0.0.7:502", "plc.local", "[fe80::1]:502"]},
        "rtu": {
          "type": "object",
          "additionalProperties": false,
          "required": ["serial"],
          "properties": {
            "serial": {"type": "string", "pattern": "^/", "examples": ["/dev/serial/by-id/usb-FTDI-if00"]},
            "baud": {"type": "integer", "minimum": 300, "maximum": 4000000, "default": 9600},
            "parity": {"enum": ["none", "even", "odd"], "default": "even"},
            "data_bits": {"type": "integer", "minimum": 7, "maximum": 8, "default": 8},
            "stop_bits": {"type": "integer", "minimum": 1, "maximum": 2, "default": 1}
          }
        },
        "unit": {"type": "integer", "minimum": 0, "maximum": 255, "default": 1},
        "interval": {"$ref": "#/$defs/duration", "default": "1s", "description": "For the signals that have none of their own"},
        "timeout": {"$ref": "#/$defs/duration", "default": "1s", "description": "For one request, connecting included"},
        "word_order": {"$ref": "#/$defs/word_order"},
        "max_gap": {
          "type": "integer", "minimum": 0, "maximum": 124, "default": 8,
          "description": "Registers that nobody asked for, read along to save a request"
        },
        "zero_based": {
          "type": "boolean", "default": false,
          "description": "Yes, addresses that look like Modicon's notation (holding 40070) are zero-based ones"
        },
        "profile": {"type": "string", "description": "A file with these settings and signals, from the folder of weir.yaml"},
        "description": {"type": "string"},
        "signals": {"type": "object", "additionalProperties": {"$ref": "#/$defs/signal"}}
      }
    },
    "signal": {
      "type": "object",
      "additionalProperties": false,
      "oneOf": [{"required": ["holding"]}, {"required": ["input"]}, {"required": ["coil"]}, {"required": ["discrete"]}],
      "properties": {
        "holding": {"$ref": "#/$defs/address"},
        "input": {"$ref": "#/$defs/address"},
        "coil": {"$ref": "#/$defs/address"},
        "discrete": {"$ref": "#/$defs/address"},
        "type": {
          "enum": ["bit", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string"],
          "default": "uint16"
        },
        "bit": {"type": "integer", "minimum": 0, "maximum": 15, "description": "One bit of a register, 0 the lowest"},
        "length": {"type": "integer", "minimum": 1, "maximum": 246, "description": "Characters of a string, two in a register"},
        "scale": {"type": "number", "default": 1, "description": "The value is raw * scale + offset, a double"},
        "offset": {"type": "number", "default": 0},
        "word_order": {"$ref": "#/$defs/word_order"},
        "unit": {"type": "string", "description": "UCUM spelling", "examples": ["Cel", "bar", "m3/h"]},
        "interval": {"$ref": "#/$defs/duration"},
        "writable": {"type": "boolean", "default": false},
        "description": {"type": "string"}
      }
    }
  }
}
)json";
}

}  // namespace weir::modbus
