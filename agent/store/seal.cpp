#include "store/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <limits>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

constexpr std::size_t kChecksum = 4;
constexpr std::size_t kNonce = 12, kTag = 16;
constexpr std::size_t kTrailer = Seal::kSaltSize + 8;  // of a snapshot
constexpr char kPurpose[] = "weir store 1 aes-256-gcm";

// Its place is no row's.
constexpr Place kCheck{Role::kept, std::numeric_limits<std::uint64_t>::max()};

std::string bytes_of(const Place& place) {
  std::string out(1, static_cast<char>(place.role));
  put_fixed64(out, place.id);
  put_fixed64(out, place.first);
  put_fixed64(out, place.second);
  return out;
}

std::uint32_t checksum(const Place& place, std::string_view bytes) { return crc32c(bytes, crc32c(bytes_of(place))); }

std::string close_plain(const Place& place, std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + kChecksum);
  out = bytes;
  put_fixed32(out, checksum(place, bytes));
  return out;
}

std::optional<std::string> open_plain(const Place& place, std::string_view sealed) {
  if (sealed.size() < kChecksum) return std::nullopt;
  const std::string_view bytes = sealed.substr(0, sealed.size() - kChecksum);
  if (ByteReader(sealed.substr(bytes.size())).fixed32() != checksum(place, bytes)) return std::nullopt;
  return std::string(bytes);
}

// The row of the log that a record came with; nothing for what is rewritten when the key comes.
std::optional<std::uint64_t> log_id(const Place& place) {
  switch (place.role) {
    case Role::commit:
    case Role::raw:
    case Role::snapshot: return place.id;
    case Role::output: return place.first;
    case Role::kept: break;
  }
  return std::nullopt;
}

void must(bool done) {
  if (!done)
    throw sqlite::Failure(sqlite::Failure::Kind::other,
                          {"OpenSSL cannot encrypt or decrypt", "is there memory left on this machine?"});
}

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
void* any(std::string_view bytes) { return const_cast<char*>(bytes.data()); }  // OpenSSL only reads it

int size_of(std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw sqlite::Failure(sqlite::Failure::Kind::other, {"a record of 2 GiB or more cannot be", {}});
  return static_cast<int>(bytes.size());
}

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes the key schedule
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

struct RecordKey {
  RecordKey(const Key& key, std::string_view salt) {
    const Owned<EVP_KDF> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    must(kdf != nullptr);
    const Owned<EVP_KDF_CTX> context(EVP_KDF_CTX_new(kdf.get()));
    must(context != nullptr);
    char digest[] = "SHA256";
    const std::array<OSSL_PARAM, 5> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, any(key.bytes()), key.bytes().size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, any(salt), salt.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, any(kPurpose), sizeof kPurpose - 1),
        OSSL_PARAM_construct_end()};
    must(EVP_KDF_derive(context.get(), bytes.data(), bytes.size(), parameters.data()) == 1);
  }
  RecordKey(const RecordKey&) = delete;
  RecordKey& operator=(const RecordKey&) = delete;
  ~RecordKey() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

  std::array<unsigned char, 32> bytes{};
};

}  // namespace

class Seal::Cipher {
 public:
  Cipher(const Key& key, std::string_view salt, std::uint64_t plain_through)
      : salt_(salt), plain_through_(plain_through), encrypt_(EVP_CIPHER_CTX_new()), decrypt_(EVP_CIPHER_CTX_new()) {
    must(encrypt_ != nullptr && decrypt_ != nullptr);
    const RecordKey record_key(key, salt);
    must(EVP_EncryptInit_ex(encrypt_.get(), EVP_aes_256_gcm(), nullptr, record_key.bytes.data(), nullptr) == 1);
    must(EVP_DecryptInit_ex(decrypt_.get(), EVP_aes_256_gcm(), nullptr, record_key.bytes.data(), nullptr) == 1);
  }

  std::uint64_t plain_through() const { return plain_through_; }

  std::string close(const Place& place, std::string_view bytes) {
    const std::string trailer = trailer_of(place);
    const std::string about = bytes_of(place) + trailer;
    std::string out;
    out.reserve(kNonce + bytes.size() + kTag + trailer.size());
    out += random_bytes(kNonce);
    out.resize(kNonce + bytes.size() + kTag);
    int length = 0;
    must(EVP_EncryptInit_ex(encrypt_.get(), nullptr, nullptr, nullptr, raw(out)) == 1 &&
         EVP_EncryptUpdate(encrypt_.get(), nullptr, &length, raw(about), size_of(about)) == 1 &&
         EVP_EncryptUpdate(encrypt_.get(), raw(&out[kNonce]), &length, raw(bytes), size_of(bytes)) == 1 &&
         EVP_EncryptFinal_ex(encrypt_.get(), raw(&out[kNonce + bytes.size()]), &length) == 1 &&
         EVP_CIPHER_CTX_ctrl(encrypt_.get(), EVP_CTRL_AEAD_GET_TAG, kTag, &out[kNonce + bytes.size()]) == 1);
    return out += trailer;
  }

  std::optional<std::string> open(const Place& place, std::string_view sealed) {
    const std::string trailer = trailer_of(place);
    if (sealed.size() < kNonce + kTag + trailer.size() || !sealed.ends_with(trailer)) return std::nullopt;
    sealed.remove_suffix(trailer.size());
    const std::string about = bytes_of(place) + trailer;
    const std::string_view tag = sealed.substr(sealed.size() - kTag);
    const std::string_view hidden = sealed.substr(kNonce, sealed.size() - kNonce - kTag);
    std::string out(hidden.size(), '\0');
    int length = 0;
    must(EVP_DecryptInit_ex(decrypt_.get(), nullptr, nullptr, nullptr, raw(sealed)) == 1 &&
         EVP_DecryptUpdate(decrypt_.get(), nullptr, &length, raw(about), size_of(about)) == 1 &&
         EVP_DecryptUpdate(decrypt_.get(), raw(out.data()), &length, raw(hidden), size_of(hidden)) == 1 &&
         EVP_CIPHER_CTX_ctrl(decrypt_.get(), EVP_CTRL_AEAD_SET_TAG, kTag, any(tag)) == 1);
    std::array<unsigned char, kTag> rest{};
    if (EVP_DecryptFinal_ex(decrypt_.get(), rest.data(), &length) != 1) return std::nullopt;
    return out;
  }

 private:
  std::string trailer_of(const Place& place) const {
    if (place.role != Role::snapshot) return {};
    std::string out = salt_;
    put_fixed64(out, plain_through_);
    return out;
  }

  std::string salt_;
  std::uint64_t plain_through_;
  Owned<EVP_CIPHER_CTX> encrypt_, decrypt_;
};

Seal::Seal() = default;
Seal::Seal(const Key& key, std::string_view salt, std::uint64_t plain_through)
    : cipher_(std::make_unique<Cipher>(key, salt, plain_through)) {}
Seal::Seal(Seal&& other) noexcept = default;
Seal& Seal::operator=(Seal&& other) noexcept = default;
Seal::~Seal() = default;

std::optional<Seal> Seal::fit(const Key& key, std::string_view salt, std::string_view check) {
  const auto plain_through = Cipher(key, salt, 0).open(kCheck, check);
  if (!plain_through) return std::nullopt;
  return Seal(key, salt, ByteReader(*plain_through).fixed64());
}

std::optional<Seal> Seal::fit_snapshot(const Key& key, std::uint64_t at, std::string_view sealed) {
  if (sealed.size() < kTrailer) return std::nullopt;
  ByteReader trailer(sealed.substr(sealed.size() - kTrailer));
  const std::string_view salt = trailer.take(kSaltSize);
  Seal seal(key, salt, trailer.fixed64());
  if (!seal.cipher_->open({Role::snapshot, at}, sealed)) return std::nullopt;
  return seal;
}

std::uint64_t Seal::plain_through() const { return cipher_ ? cipher_->plain_through() : 0; }

std::string Seal::check() const {
  std::string plain_through;
  put_fixed64(plain_through, cipher_->plain_through());
  return cipher_->close(kCheck, plain_through);
}

std::string Seal::close(const Place& place, std::string_view bytes) const {
  return cipher_ ? cipher_->close(place, bytes) : close_plain(place, bytes);
}

std::optional<std::string> Seal::open(const Place& place, std::string_view sealed) const {
  if (!cipher_) return open_plain(place, sealed);
  if (auto bytes = cipher_->open(place, sealed)) return bytes;
  const auto id = log_id(place);
  return id && *id <= cipher_->plain_through() ? open_plain(place, sealed) : std::nullopt;
}

}  // namespace weir::store
