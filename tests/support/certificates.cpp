#include "test_support/certificates.h"

#include <cstdio>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/random.h"

namespace weir::test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Paper = std::unique_ptr<X509, decltype(&X509_free)>;
using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

Key make_key() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

void add_extension(X509* paper, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, paper, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
  if (extension == nullptr) throw std::runtime_error("bad certificate extension " + value);
  X509_add_ext(paper, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer` with `signer`; by itself if that is null.
Paper make_paper(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* signer, int days) {
  constexpr long kDaySeconds = 86'400;
  Paper paper{X509_new(), &X509_free};
  X509_set_version(paper.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(paper.get()), random_u64() >> 1);
  X509_gmtime_adj(X509_getm_notBefore(paper.get()), -10 * kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(paper.get()), days * kDaySeconds);
  X509_set_pubkey(paper.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(paper.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(paper.get(), X509_get_subject_name(issuer != nullptr ? issuer : paper.get()));
  if (issuer == nullptr) {
    add_extension(paper.get(), paper.get(), NID_basic_constraints, "critical,CA:TRUE");
  } else {
    const bool address = name.find_first_not_of("0123456789.") == name.npos || name.find(':') != name.npos;
    add_extension(paper.get(), issuer, NID_subject_alt_name, (address ? "IP:" : "DNS:") + name);
  }
  X509_sign(paper.get(), signer, EVP_sha256());
  return paper;
}

File open_file(const std::filesystem::path& path) {
  File file{std::fopen(path.c_str(), "w"), &std::fclose};
  if (!file) throw std::runtime_error("cannot write " + path.string());
  return file;
}

}  // namespace

struct CertificateAuthority::Keys {
  Key key;
  Paper paper;
};

CertificateAuthority::CertificateAuthority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), name_(name) {
  auto key = make_key();
  auto paper = make_paper(name, key.get(), nullptr, key.get(), 2);
  PEM_write_X509(open_file(ca()).get(), paper.get());
  keys_ = std::make_unique<Keys>(Keys{std::move(key), std::move(paper)});
}

CertificateAuthority::~CertificateAuthority() = default;

Certificate CertificateAuthority::issue(const std::string& name, int days) {
  const auto key = make_key();
  const auto paper = make_paper(name, key.get(), keys_->paper.get(), keys_->key.get(), days);
  Certificate out{folder_ / (name + ".pem"), folder_ / (name + ".key")};
  PEM_write_X509(open_file(out.certificate).get(), paper.get());
  PEM_write_PrivateKey(open_file(out.key).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return out;
}

}  // namespace weir::test
