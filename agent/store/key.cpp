#include "store/key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string>

namespace weir::store {
namespace {

constexpr const char* kHow = "make one with: openssl rand -hex 32";
constexpr std::size_t kMostRead = 1'024;

// Bytes that are wiped when they go.
template <std::size_t size>
struct Wiped : std::array<char, size> {
  Wiped() { this->fill(0); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { OPENSSL_cleanse(this->data(), size); }
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool from_hex(std::string_view text, Wiped<Key::kSize>& out) {
  if (text.size() != 2 * Key::kSize) return false;
  for (std::size_t i = 0; i < Key::kSize; ++i) {
    const int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<char>(high << 4 | low);
  }
  return true;
}

bool from_base64(std::string_view text, Wiped<Key::kSize>& out) {
  constexpr std::size_t kLength = 44;  // of 32 bytes, with one '=' behind them
  if (text.size() != kLength || text[kLength - 1] != '=' || text[kLength - 2] == '=') return false;
  Wiped<kLength / 4 * 3> decoded;
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(kLength));
  if (size != static_cast<int>(decoded.size())) return false;
  std::copy_n(decoded.begin(), Key::kSize, out.begin());
  return true;
}

bool is_text(std::string_view bytes) {
  return std::ranges::all_of(bytes,
                             [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; });
}

}  // namespace

Key::Key(std::string_view bytes) {
  assert(bytes.size() == kSize);
  std::copy_n(bytes.begin(), std::min(bytes.size(), kSize), bytes_.begin());
}

Key::~Key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Result<Key> Key::parse(std::string_view content) {
  Wiped<kSize> bytes;
  const std::string_view text = trimmed(content);
  if (from_hex(text, bytes) || from_base64(text, bytes)) return Key({bytes.data(), bytes.size()});
  // 32 random bytes are never all text: that is a password, or half a key.
  if (content.size() == kSize && !is_text(content)) return Key(content);
  if (text.empty()) return fail("it is empty", kHow);
  return fail("what it holds is no key: 64 hex digits are one, 32 bytes as base64, or 32 random bytes as they are",
              kHow);
}

Result<Key> Key::read(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  Wiped<kMostRead> content;
  std::size_t size = 0;
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0 && size < content.size()) {
    got = ::read(fd, content.data() + size, content.size() - size);
    if (got > 0) size += static_cast<std::size_t>(got);
    else if (got < 0 && errno == EINTR) got = 1;
  }
  const int error = errno;
  if (fd >= 0) ::close(fd);
  const std::string what = "the key file " + file.string();
  if (got < 0)
    return fail(what + " cannot be read: " + std::strerror(error),
                error == ENOENT ? "is store.key_file right? A new key is made with: openssl rand -hex 32"
                                : "it must be readable for the user that weir runs as");
  auto key = parse({content.data(), size});
  if (!key) return context(what, key.error());
  return key;
}

}  // namespace weir::store
