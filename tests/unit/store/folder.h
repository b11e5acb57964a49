// What the store's tests share: a folder of their own, a store in it, and a hand on the file itself.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/clock.h"
#include "store/database.h"
#include "store/open.h"

namespace weir::store {

inline constexpr Timestamp kNoon = 1'763'726'400 * kSecond;

class Folder {
 public:
  Folder() {
    // In memory where that is possible: what survives a power cut is tested elsewhere (tests/fault).
    const std::filesystem::path memory = "/dev/shm";
    const auto parent = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "weir-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    clock_.set(kNoon);
    options_.file = folder_ / "weir.db";
    options_.machine_id = folder_ / "machine-id";
    std::ofstream(options_.machine_id) << "0123456789abcdef0123456789abcdef\n";
    options_.uplinks = {"cloud"};
    options_.limits.free_space = 0;  // the disks of tests are small
  }

  void open() {
    database_.reset();
    auto opened = Database::open(options_, clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    database_ = std::move(*opened);
  }

  // Without what goes on when the disk does not.
  void open_beneath() {
    database_.reset();
    auto opened = open_file(options_, clock_, {});
    ASSERT_TRUE(opened) << opened.error().text();
    database_ = std::move(*opened);
  }

  // A commit at the clock's time; it must succeed.
  LogId commit(std::string text, std::string raw = {}, std::vector<Output> outputs = {}) {
    Transaction transaction;
    transaction.commit = std::move(text);
    transaction.raw = std::move(raw);
    transaction.time = clock_.now();
    transaction.outputs = std::move(outputs);
    const auto committed = database_->commit(transaction);
    EXPECT_TRUE(committed) << committed.error().text();
    return committed ? committed->id : 0;
  }

  std::vector<LogRow> rows(LogId after = 0) {
    std::vector<LogRow> out;
    const auto scanned = database_->scan(after, [&](LogRow row) {
      out.push_back(std::move(row));
      return true;
    });
    EXPECT_TRUE(scanned) << scanned.error().text();
    return out;
  }

  std::vector<Record> fetch(Stream stream, StreamSeq after, std::size_t bytes = 1 << 20) {
    auto records = database_->fetch(stream, after, bytes);
    EXPECT_TRUE(records) << records.error().text();
    return records ? std::move(*records) : std::vector<Record>();
  }

  std::vector<std::string> verify() {
    auto wrong = database_->verify();
    EXPECT_TRUE(wrong) << wrong.error().text();
    return wrong ? *wrong : std::vector<std::string>();
  }

  void trim() {
    for (;;) {
      const auto more = database_->trim();
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) return;
    }
  }

  // Flips a bit in the first place where the closed file holds `text`.
  void damage(const std::string& text) {
    database_.reset();
    std::fstream file(options_.file, std::ios::in | std::ios::out | std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    const auto at = all.find(text);
    ASSERT_NE(at, std::string::npos) << text;
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(text[0] ^ 1));
  }

  std::vector<std::filesystem::path> files(const std::string& containing) {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path().filename().string().find(containing) != std::string::npos) out.push_back(entry.path());
    return out;
  }

  Folder folder_;
  ManualClock clock_;
  Options options_;
  std::unique_ptr<Database> database_;
};

}  // namespace weir::store
