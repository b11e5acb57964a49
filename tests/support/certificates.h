// Throw-away certificates: a CA, and what it vouches for.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace weir::test {

struct Certificate {
  std::filesystem::path certificate, key;  // PEM
};

class CertificateAuthority {
 public:
  // Writes ca.pem to `folder`, and all else there, too.
  explicit CertificateAuthority(std::filesystem::path folder, const std::string& name = "weir test CA");
  ~CertificateAuthority();

  std::filesystem::path ca() const { return folder_ / (name_ + ".pem"); }

  // For a server of this name or address, or for a client of this name. `days` from now until it
  // expires; negative: it has.
  Certificate issue(const std::string& name, int days = 1);

 private:
  struct Keys;
  std::filesystem::path folder_;
  std::string name_;
  std::unique_ptr<Keys> keys_;
};

}  // namespace weir::test
