#include "model/signal_table.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "model/path.h"

namespace weir::model {
namespace {

constexpr std::size_t kMostBytes = 1 << 30;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool are_alike(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// FNV-1a, and its upper half into the lower, which picks the slot.
std::size_t hash_of(std::string_view path) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(lower(c))) * 0x100000001B3;
  return hash ^ hash >> 32;
}

// The path first, the driver next: they are looked at most.
std::string pack(const Signal& signal, std::string_view driver) {
  std::string out;
  put_bytes(out, signal.path);
  put_bytes(out, driver);
  put_varint(out, static_cast<std::uint64_t>(signal.type) << 1 | (signal.writable ? 1 : 0));
  put_varint(out, zigzag(signal.interval.count()));
  put_bytes(out, signal.unit);
  put_bytes(out, signal.description);
  return out;
}

SignalTable::Entry unpack(ByteReader& reader) {
  SignalTable::Entry out;
  out.signal.path = reader.bytes();
  out.driver = reader.bytes();
  const std::uint64_t kind = reader.varint();
  out.signal.type = static_cast<ValueType>(kind >> 1);
  out.signal.writable = (kind & 1) != 0;
  out.signal.interval = std::chrono::milliseconds(unzigzag(reader.varint()));
  out.signal.unit = reader.bytes();
  out.signal.description = reader.bytes();
  return out;
}

}  // namespace

SignalTable::SignalTable() : packed_(pack({}, "")), places_(1), index_(16) {}

Result<SignalId> SignalTable::define(Signal signal, std::string_view driver, bool take_over) {
  if (auto ok = check_path(signal.path); !ok) return std::unexpected(ok.error());
  SignalId id = alike(signal.path);
  if (id == 0) {
    if (size() >= kMost)
      return fail("there are already " + std::to_string(kMost) + " signals", "more are not taken: split the box");
    id = static_cast<SignalId>(size() + 1);
  } else if (path(id) != signal.path) {
    return fail("'" + signal.path + "' differs from '" + std::string(path(id)) + "' only in case",
                "paths are unique ignoring case: rename one of them");
  } else if (this->driver(id) != driver && !take_over) {
    const auto owner = [](std::string_view name) {
      return name.empty() ? std::string("a rule") : "driver " + std::string(name);
    };
    return fail("'" + signal.path + "' already belongs to " + owner(this->driver(id)) + " and is now claimed by " +
                    owner(driver),
                "give one of them another path");
  }
  if (packed_.size() > kMostBytes)
    return fail("what is known of the signals takes more than " + std::to_string(kMostBytes >> 20) + " MiB",
                "give them shorter descriptions");
  restore(id, signal, driver);
  return id;
}

void SignalTable::restore(SignalId id, const Signal& signal, std::string_view driver) {
  if (id > size()) places_.resize(std::size_t{id} + 1);
  put(id, pack(signal, driver));
  make_room();
  SignalId& slot = index_[slot_of(signal.path)];
  if (slot == 0) ++indexed_;
  slot = id;
}

void SignalTable::put(SignalId id, std::string_view packed) {
  if (places_[id] != 0) unused_ += pack(at(id).signal, driver(id)).size();
  if (unused_ > packed_.size() / 2) {
    const SignalTable before = std::exchange(*this, SignalTable());
    for (SignalId each = 1; each <= before.size(); ++each)
      if (each != id && before.places_[each] != 0) restore(each, before.at(each).signal, before.driver(each));
    places_.resize(before.places_.size());
  }
  places_[id] = static_cast<std::uint32_t>(packed_.size());
  packed_ += packed;
}

SignalId SignalTable::find(std::string_view path) const {
  const SignalId id = alike(path);
  return id != 0 && this->path(id) == path ? id : 0;
}

SignalTable::Entry SignalTable::at(SignalId id) const {
  ByteReader reader(std::string_view(packed_).substr(places_[id]));
  return unpack(reader);
}

std::string_view SignalTable::path(SignalId id) const {
  return ByteReader(std::string_view(packed_).substr(places_[id])).bytes();
}

std::string_view SignalTable::driver(SignalId id) const {
  ByteReader reader(std::string_view(packed_).substr(places_[id]));
  reader.bytes();
  return reader.bytes();
}

bool SignalTable::knows(const Signal& signal, std::string_view driver) const {
  const SignalId id = find(signal.path);
  return id != 0 && this->driver(id) == driver && at(id).signal == signal;
}

SignalId SignalTable::alike(std::string_view path) const { return index_[slot_of(path)]; }

std::size_t SignalTable::slot_of(std::string_view path) const {
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash_of(path) & mask;
  while (index_[slot] != 0 && !are_alike(this->path(index_[slot]), path)) slot = (slot + 1) & mask;
  return slot;
}

void SignalTable::make_room() {
  if ((indexed_ + 1) * 4 <= index_.size() * 3) return;
  const std::vector<SignalId> before = std::exchange(index_, std::vector<SignalId>(index_.size() * 2));
  for (const SignalId id : before)
    if (id != 0) index_[slot_of(path(id))] = id;
}

}  // namespace weir::model
