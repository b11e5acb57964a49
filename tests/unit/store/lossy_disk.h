// A disk as the power leaves it. What was synced is there. Of what was not, some is there: any of the writes, in
// any order, one of them torn between two sectors; sizes and names as of any moment since their last sync.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "store/vfs.h"

namespace weir::store {

class LossyDisk {
 public:
  struct Change {
    Io io = Io::write;  // open: a new file
    std::string file;
    std::size_t offset = 0;  // of truncate: the size
    std::string data;
  };

  void apply(const Change& change) {
    if (change.io == Io::open) {
      names_[change.file].push_back(files_.size());
      files_.emplace_back();
      return;
    }
    auto& versions = names_[change.file];
    if (change.io == Io::remove) {
      versions.push_back(kNone);
    } else if (change.io == Io::sync) {
      File& file = files_[versions.back()];
      for (const Change& pending : file.pending) put(file.synced, pending, pending.data.size());
      file.pending.clear();
      // With the first sync of a journal or WAL, SQLite syncs the folder.
      if (!file.was_synced && change.file.find('-') != std::string::npos)
        for (auto& [name, all] : names_) all.erase(all.begin(), all.end() - 1);
      file.was_synced = true;
    } else {
      files_[versions.back()].pending.push_back(change);
    }
  }

  // The files that are found, and what is in them.
  std::map<std::string, std::string> after_power_cut(std::uint64_t& seed) const {
    std::map<std::string, std::string> out;
    for (const auto& [name, versions] : names_) {
      // Mostly the newest, or hardly anything of the rest would ever be seen.
      const std::size_t back = split_mix(seed) % 3 != 0 ? 0 : split_mix(seed) % versions.size();
      const std::size_t version = versions[versions.size() - 1 - back];
      if (version != kNone) out[name] = content(files_[version], seed);
    }
    return out;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  static constexpr std::size_t kSector = 512;

  struct File {
    std::string synced;
    std::vector<Change> pending;
    bool was_synced = false;
  };

  static void put(std::string& bytes, const Change& change, std::size_t size) {
    if (change.io == Io::truncate) {
      bytes.resize(change.offset);
      return;
    }
    if (bytes.size() < change.offset + size) bytes.resize(change.offset + size);
    bytes.replace(change.offset, size, change.data, 0, size);
  }

  static std::string content(const File& file, std::uint64_t& seed) {
    std::string out = file.synced;
    std::vector<const Change*> left;
    const std::uint64_t share = split_mix(seed) % 5;  // of four: none, all, or some
    for (const Change& change : file.pending)
      if (split_mix(seed) % 4 < share) left.push_back(&change);
    if (split_mix(seed) % 2 == 0)
      for (std::size_t i = left.size(); i > 1; --i) std::swap(left[i - 1], left[split_mix(seed) % i]);
    const std::size_t torn = left.empty() || split_mix(seed) % 2 == 0 ? kNone : split_mix(seed) % left.size();
    for (std::size_t i = 0; i < left.size(); ++i) {
      const std::size_t size = left[i]->data.size();
      // Sectors are where they are on the disk, not where the write begins.
      const std::size_t start = left[i]->offset / kSector * kSector;
      const std::size_t sectors = (left[i]->offset + size - start) / kSector;
      const std::size_t end = start + split_mix(seed) % (sectors + 1) * kSector;
      put(out, *left[i], i != torn ? size : end > left[i]->offset ? std::min(size, end - left[i]->offset) : 0);
    }
    // The size is metadata: it may be older than the bytes.
    if (out.size() > file.synced.size() && split_mix(seed) % 4 == 0) {
      const std::size_t more = (out.size() - file.synced.size()) / kSector;
      out.resize(file.synced.size() + split_mix(seed) % (more + 1) * kSector);
    }
    return out;
  }

  std::vector<File> files_;
  std::map<std::string, std::vector<std::size_t>> names_;  // the files each was since the folder was synced
};

}  // namespace weir::store
