// The damage table: a small store, each of its pages damaged in turn in each of several ways, its WAL too; what is
// kept and what is not. docs/store.md shows the table that the last test prints.
#include <gmock/gmock.h>

#include <cstring>
#include <iomanip>
#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <tuple>

#include "base/random.h"
#include "folder.h"
#include "store/digest.h"

namespace weir::store {
namespace {

using testing::IsEmpty;

constexpr std::size_t kPage = 4'096;

// Each part of a body names it, so that any page tells what it holds a part of.
std::string body_of(const std::string& name, std::size_t size) {
  std::string out;
  while (out.size() < size) out += "<" + name + ">";
  return out;
}

std::set<std::string> names_in(std::string_view bytes) {
  static const std::regex kName("<([a-z]+ [0-9]+)>");
  std::set<std::string> out;
  for (std::cregex_iterator at(bytes.data(), bytes.data() + bytes.size(), kName), end; at != end; ++at)
    out.insert((*at)[1]);
  return out;
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

class SayGap final : public Digest {
 public:
  std::optional<std::string> thin(const Replaced&) const override { return std::nullopt; }
  std::string gap(const Replaced& replaced, std::string_view reason,
                  const std::optional<std::string>& before) const override {
    return before.value_or("gaps:") + " " + to_text(replaced.stream) + " " + std::to_string(replaced.first) + "-" +
           std::to_string(replaced.last) + " " + std::string(reason);
  }
};

struct Identity {
  std::string incarnation;
  Stream stream = Stream::raw;
  StreamSeq seq = 0;
  auto operator<=>(const Identity&) const = default;
};

// What became of a store.
struct Outcome {
  bool refused = false, set_aside = false, said = false;
  std::size_t kept = 0, lost = 0;  // records of the original
};

class DamageTableTest : public StoreTest {
 protected:
  static constexpr LogId kRows = 200, kTrimmed = 40;

  DamageTableTest() {
    options_.digest = &digest_;
    options_.retain = kDay;
    fill();
  }

  void fill() {
    open();
    std::filesystem::create_hard_link(options_.file, original());
    EXPECT_TRUE(database_->keep("config", body_of("config 1", 6'000)));
    StreamSeq derived = 0, raw = 0;
    for (LogId id = 1; id <= kRows; ++id) {
      if (id == kTrimmed + 1) {
        ASSERT_TRUE(database_->save_snapshot({kTrimmed, body_of("state 1", 3'000)}));
        ASSERT_TRUE(database_->save_snapshot({kTrimmed, body_of("state 2", 20'000)}));
        ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, raw));
        ASSERT_TRUE(database_->acknowledge("cloud", Stream::derived, derived));
      }
      clock_.advance(id == kTrimmed ? 2 * kDay : kSecond);
      const std::string number = std::to_string(id);
      std::vector<Output> outputs;
      if (id % 2 == 0) outputs.push_back({Stream::derived, body_of("derived " + std::to_string(++derived), 60)});
      if (id % 10 == 0) outputs.push_back({Stream::alerts, body_of("alerts " + std::to_string(id / 10), 900)});
      const bool has_raw = id % 3 != 0;
      if (has_raw) ++raw;
      commit(body_of("commit " + number, 80),
             has_raw ? body_of("raw " + std::to_string(raw), id % 16 == 1 ? 13'000 : 350) : "", outputs);
    }
    trim();
    ASSERT_TRUE(database_->save_snapshot({100, body_of("state 3", 9'000)}));
    trim();
    database_.reset();
    open();
    ASSERT_GE(database_->stats().first, 2U);
    read(originals_, rows_);
    database_.reset();
    // What the disk holds at rest, and while it is open.
    whole_ = {content(options_.file), "", content(lock())};
    open();
    for (LogId id = kRows + 1; id <= kRows + 12; ++id) {
      clock_.advance(3 * kSecond);
      commit(body_of("commit " + std::to_string(id), 80), body_of("raw " + std::to_string(++raw), 5'000),
             {{Stream::derived, body_of("derived " + std::to_string(++derived), 60)}});
    }
    live_ = {content(options_.file), content(options_.file.string() + "-wal"), content(lock())};
    read(live_originals_, live_rows_);
    database_.reset();
    ASSERT_GT(live_.wal.size(), 20 * kPage);
  }

  // The same file again in each case, and not a copy of it, which would begin a life of its own.
  std::filesystem::path original() const { return folder_ / "original"; }
  std::filesystem::path lock() const { return options_.file.string() + ".lock"; }

  struct Files {
    std::string database, wal, lock;
  };
  using Records = std::map<Identity, std::string>;

  void read(Records& records, std::map<LogId, std::string>& rows) {
    for (const Stream stream : kStreams)
      for (const Record& record : fetch(stream, 0, 100 << 20))
        if (!record.damaged) records[{record.incarnation, stream, record.seq}] = record.body;
    EXPECT_TRUE(database_->scan(0, [&](const LogRow& row) {
      rows[row.id] = row.commit;
      return true;
    }));
  }

  std::size_t pages() const { return whole_.database.size() / kPage; }
  static std::string page_of(const std::string& file, std::size_t page) { return file.substr(page * kPage, kPage); }

  // Opens what is left, reads everything, goes on. `may_go`: what was in the damaged places.
  Outcome live_with(const Files& files, const std::set<std::string>& may_go, bool live = false) {
    Outcome out;
    database_.reset();
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path() != options_.machine_id && entry.path() != original())
        std::filesystem::remove_all(entry.path());
    std::filesystem::create_hard_link(original(), options_.file);
    write(options_.file, files.database);
    if (!files.wal.empty()) write(options_.file.string() + "-wal", files.wal);
    write(lock(), files.lock);
    return judge(may_go, live);
  }

  Outcome judge(const std::set<std::string>& may_go, bool live) {
    Outcome out;
    const Records& originals = live ? live_originals_ : originals_;
    const auto& rows = live ? live_rows_ : rows_;
    auto opened = Database::open(options_, clock_);
    if (!opened) {
      const std::string why = opened.error().text();
      EXPECT_TRUE(why.find("newer weir") != std::string::npos || why.find("not one of weir's") != std::string::npos)
          << why;
      out.refused = true;
      return out;
    }
    database_ = std::move(*opened);
    EXPECT_FALSE(database_->condition().suspended) << database_->condition().suspended->why;
    Records found;
    std::map<LogId, std::string> left;
    read(found, left);
    static_cast<void>(database_->kept("config"));
    // What reading did not come across 'weir queue verify' finds.
    if (const auto wrong = verify(); !wrong.empty()) {
      clock_.advance(kHour);
      EXPECT_TRUE(database_->mend({wrong.front(), "", true}));
    }
    found.clear();  // what was read may have shown the damage
    left.clear();
    read(found, left);

    for (const auto& [identity, body] : found) {
      const auto original = originals.find(identity);
      if (original != originals.end()) {
        EXPECT_TRUE(original->second == body) << to_text(identity.stream) << " " << identity.seq << " is another";
        continue;
      }
      // Nothing that was there before comes under a second identity.
      const auto names = names_in(body);
      const auto is_original = [&](const auto& each) { return names_in(each.second) == names; };
      EXPECT_TRUE(names.empty() || std::ranges::none_of(originals, is_original))
          << to_text(identity.stream) << " " << identity.seq << " has another identity";
    }
    for (const auto& [identity, body] : originals) {
      if (found.contains(identity)) {
        ++out.kept;
        continue;
      }
      ++out.lost;
      auto names = names_in(body);
      for (const auto& [id, commit] : rows)  // a row goes as a whole
        if (identity.stream == Stream::raw && raw_of(id) == identity.seq) names.merge(names_in(commit));
      EXPECT_TRUE(std::ranges::any_of(names, [&](const auto& name) { return may_go.contains(name); }))
          << to_text(identity.stream) << " " << identity.seq << " is gone, and was not damaged";
    }
    for (const auto& [id, commit] : left)
      if (const auto original = rows.find(id); original != rows.end() && !commit.empty()) {
        EXPECT_TRUE(commit == original->second) << "row " << id << " is another";
      }
    if (const auto snapshot = database_->newest_snapshot(); !snapshot || !*snapshot) {
      EXPECT_TRUE(may_go.contains("state 3") && may_go.contains("state 2")) << "no snapshot is left";
    } else {
      EXPECT_TRUE((*snapshot)->at == 100 || may_go.contains("state 3")) << "the snapshot is an older one";
    }
    // What is new has an identity that nothing ever had.
    EXPECT_THAT(verify(), IsEmpty());
    const LogId id = commit("new", "new", {{Stream::alerts, "new"}, {Stream::derived, "new"}});
    EXPECT_FALSE(left.contains(id));
    Records all;
    left.clear();
    read(all, left);
    for (const auto& [identity, body] : all)
      if (body == "new") {
        EXPECT_FALSE(originals.contains(identity));
      }
    EXPECT_THAT(verify(), IsEmpty());
    out.said = !database_->notes().empty();
    out.set_aside = !files(".damaged-").empty();
    // Either all is there, or it was said.
    EXPECT_TRUE(out.lost == 0 || out.said);
    database_.reset();
    open();
    EXPECT_FALSE(testing::Test::HasFatalFailure());
    EXPECT_EQ(database_->condition().suspended, std::nullopt);
    database_.reset();
    return out;
  }

  static StreamSeq raw_of(LogId id) {
    return id % 3 == 0 && id <= kRows ? 0 : id <= kRows ? id - id / 3 : id - kRows / 3;
  }

  // One line of the table.
  struct Line {
    std::size_t cases = 0, refused = 0, set_aside = 0, kept = 0, lost = 0, untouched = 0;
    void add(const Outcome& outcome) {
      ++cases;
      refused += outcome.refused;
      set_aside += outcome.set_aside;
      untouched += !outcome.set_aside && !outcome.refused && outcome.lost == 0;
      kept += outcome.kept;
      lost += outcome.lost;
    }
  };

  void say(const std::string& kind, const Line& line) {
    std::cout << "| " << std::left << std::setw(44) << kind << " | " << std::right << std::setw(5) << line.cases
              << " | " << std::setw(6) << line.set_aside << " | " << std::setw(7) << line.refused << " | "
              << std::setw(7) << line.kept << " | " << std::setw(6) << line.lost << " |\n";
    RecordProperty(kind, std::to_string(line.kept) + " kept, " + std::to_string(line.lost) + " lost in " +
                             std::to_string(line.cases) + " cases");
  }

  // `damage` changes the file, and says which pages it damaged.
  template <class Damage>
  void each_page(const std::string& kind, Damage damage, std::size_t step = 1) {
    Line line;
    if (std::getenv("WEIR_ALL_DAMAGE") != nullptr) step = 1;
    for (std::size_t page = 0; page < pages(); page += step) {
      Files files = whole_;
      std::set<std::string> may_go;
      for (const std::size_t damaged : damage(files.database, page)) {
        const std::string bytes = page_of(whole_.database, damaged);
        may_go.merge(names_in(bytes));
      }
      const Outcome outcome = live_with(files, may_go);
      line.add(outcome);
      if (HasFailure()) FAIL() << kind << ", page " << page + 1 << " of " << pages();
    }
    say(kind, line);
  }

  SayGap digest_;
  Files whole_, live_;
  Records originals_, live_originals_;
  std::map<LogId, std::string> rows_, live_rows_;
};

using Pages = std::vector<std::size_t>;

TEST_F(DamageTableTest, NothingIsWrong) {
  const Outcome outcome = live_with(whole_, {});
  EXPECT_FALSE(outcome.set_aside);
  EXPECT_EQ(outcome.lost, 0U);
  const Outcome live = live_with(live_, {}, true);
  EXPECT_FALSE(live.set_aside);
  EXPECT_EQ(live.lost, 0U);
}

TEST_F(DamageTableTest, APageOfZeros) {
  each_page("a page of zeros", [](std::string& file, std::size_t page) {
    std::memset(&file[page * kPage], 0, kPage);
    return Pages{page};
  });
}

TEST_F(DamageTableTest, APageOfGarbage) {
  std::uint64_t state = 1;
  each_page("a page of garbage", [&](std::string& file, std::size_t page) {
    for (std::size_t i = 0; i < kPage; ++i) file[page * kPage + i] = static_cast<char>(split_mix(state));
    return Pages{page};
  });
}

TEST_F(DamageTableTest, ABitInAPage) {
  std::uint64_t state = 2;
  each_page("a bit in a page (its first bytes)", [&](std::string& file, std::size_t page) {
    const std::size_t at = page * kPage + (page == 0 ? 100 : 0) + split_mix(state) % 40;
    file[at] = static_cast<char>(file[at] ^ (1 << split_mix(state) % 8));
    return Pages{page};
  });
  each_page("a bit in a page (anywhere)", [&](std::string& file, std::size_t page) {
    const std::size_t at = page * kPage + 100 + split_mix(state) % (kPage - 100);
    file[at] = static_cast<char>(file[at] ^ (1 << split_mix(state) % 8));
    return Pages{page};
  });
}

TEST_F(DamageTableTest, TwoPagesSwapped) {
  const std::size_t count = pages();
  each_page(
      "two pages swapped",
      [count](std::string& file, std::size_t page) {
        const std::size_t other = (page + 7) % count;
        std::swap_ranges(&file[page * kPage], &file[page * kPage] + kPage, &file[other * kPage]);
        return Pages{page, other};
      },
      2);
}

TEST_F(DamageTableTest, AFileThatIsCutOff) {
  const std::size_t count = pages();
  each_page(
      "the file is cut off at a page",
      [count](std::string& file, std::size_t page) {
        file.resize(page * kPage);
        Pages gone;
        for (; page < count; ++page) gone.push_back(page);
        return gone;
      },
      4);
}

TEST_F(DamageTableTest, AFileThatIsNone) {
  std::set<std::string> all = names_in(whole_.database);
  Line line;
  line.add(live_with({std::string(50'000, 'g'), "", whole_.lock}, all));
  line.add(live_with({"", "", whole_.lock}, all));
  live_with(whole_, {});
  database_.reset();
  std::filesystem::remove(options_.file);
  std::filesystem::create_directory(options_.file);
  line.add(judge(all, false));
  say("garbage, an empty file, a folder", line);
}

TEST_F(DamageTableTest, TheWal) {
  constexpr std::size_t kFrame = kPage + 24;
  std::size_t frames = (live_.wal.size() - 32) / kFrame;
  while (live_.wal.substr(32 + (frames - 1) * kFrame, 4) == std::string(4, '\0')) --frames;  // it grows ahead
  const auto names_from = [&](std::size_t frame) {
    return names_in(std::string_view(live_.wal).substr(32 + frame * kFrame));
  };
  // SQLite takes a transaction as a whole; the frame that ends one says so.
  const auto begin_of = [&](std::size_t frame) {
    while (frame > 0 && live_.wal.substr(32 + (frame - 1) * kFrame + 4, 4) == std::string(4, '\0')) --frame;
    return frame;
  };
  Line removed, torn, bit, header;
  Files files = live_;
  files.wal.clear();
  removed.add(live_with(files, names_from(0), true));
  say("the -wal is removed", removed);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    files.wal = live_.wal.substr(0, 32 + frame * kFrame + 1'000);
    torn.add(live_with(files, names_from(begin_of(frame)), true));
    if (HasFailure()) FAIL() << "torn at frame " << frame;
  }
  say("the -wal is torn at a frame", torn);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    files.wal = live_.wal;
    files.wal[32 + frame * kFrame + 2'000] ^= 4;
    // The last transaction may not have been synced: SQLite drops it, which after a power cut is right. So it is with
    // the last two if it is not to be seen any more where the first of them ends.
    const std::size_t last = begin_of(frames - 1), before_last = begin_of(last - 1);
    const std::set<std::string> here = names_in(std::string_view(live_.wal).substr(32 + frame * kFrame, kFrame));
    bit.add(live_with(files, frame >= before_last ? names_from(begin_of(frame)) : here, true));
    if (HasFailure()) FAIL() << "a bit in frame " << frame << " of " << frames;
  }
  say("a bit in a frame of the -wal", bit);
  for (std::size_t at = 0; at < 32; ++at) {
    files.wal = live_.wal;
    files.wal[at] ^= 0x10;
    header.add(live_with(files, {}, true));
    if (HasFailure()) FAIL() << "a bit in byte " << at << " of the WAL's header";
  }
  say("a bit in the header of the -wal", header);
}

TEST_F(DamageTableTest, ABitInTheHeaderOfTheFile) {
  Line line;
  for (std::size_t at = 0; at < 100; ++at)
    for (const int bit : {0x01, 0x40}) {
      if (std::getenv("WEIR_ALL_DAMAGE") == nullptr && at % 2 != (bit == 1 ? 0U : 1U)) continue;
      Files files = whole_;
      files.database[at] = static_cast<char>(files.database[at] ^ bit);
      const Outcome outcome = live_with(files, {});
      EXPECT_TRUE(!outcome.refused || (at >= 60 && at < 64) || (at >= 68 && at < 72))
          << "what it is and of which version";
      line.add(outcome);
      if (HasFailure()) FAIL() << "byte " << at << " of the header";
    }
  say("a bit in the header of the file", line);
}

TEST_F(DamageTableTest, AnIndexThatIsGarbage) {
  Line line;
  live_with(live_, {}, true);
  database_.reset();
  write(options_.file, live_.database);
  write(options_.file.string() + "-wal", live_.wal);
  write(options_.file.string() + "-shm", std::string(32'768, 'g'));
  write(lock(), live_.lock);
  line.add(judge({}, true));
  EXPECT_EQ(line.lost, 0U);
  say("garbage in the -shm", line);
}

}  // namespace
}  // namespace weir::store
