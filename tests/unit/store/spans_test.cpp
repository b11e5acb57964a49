// Which incarnation a number was given under, and which numbers there are none of.
#include "store/spans.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "folder.h"
#include "store/holes.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string id(char letter) { return std::string(kIncarnationSize, letter); }

PerStream from(StreamSeq alerts, StreamSeq derived, StreamSeq raw, StreamSeq backfill) {
  return {0, alerts, derived, raw, backfill};
}

std::string names(const Spans& spans) {
  std::string out;
  for (const Incarnation& span : spans.all()) out += span.id[0];
  return out;
}

Spans three() {
  return Spans({{id('a'), Spans::from_one()}, {id('b'), from(1, 5, 10, 1)}, {id('c'), from(3, 5, 20, 1)}});
}

TEST(Spans, KnowUnderWhichANumberWasGiven) {
  const Spans spans = three();
  EXPECT_EQ(spans.newest().id, id('c'));
  for (const auto& [seq, letter, end] :
       {std::tuple(1U, 'a', 9), {9U, 'a', 9}, {10U, 'b', 19}, {19U, 'b', 19}, {20U, 'c', 0}, {1'000U, 'c', 0}}) {
    EXPECT_EQ(spans.id_of(Stream::raw, seq), id(letter)) << seq;
    EXPECT_EQ(spans.end_of(Stream::raw, seq).value_or(0), static_cast<StreamSeq>(end)) << seq;
  }
  // Of a span in which a stream has no numbers there is no record.
  EXPECT_EQ(spans.id_of(Stream::alerts, 2), id('b'));
  EXPECT_EQ(spans.id_of(Stream::alerts, 3), id('c'));
  EXPECT_EQ(spans.id_of(Stream::derived, 4), id('a'));
  EXPECT_EQ(spans.id_of(Stream::derived, 5), id('c'));
  EXPECT_EQ(Spans().id_of(Stream::raw, 1), "");
}

TEST(Spans, BeginWhereTheOneBeforeEnds) {
  Spans spans;
  spans.begin(id('a'), Spans::from_one());
  spans.begin(id('b'), from(1, 1, 2, 1));
  EXPECT_EQ(names(spans), "ab");
  spans.begin(id('c'), from(1, 1, 2, 1));
  EXPECT_EQ(names(spans), "ac") << "nothing was numbered in b";
  spans.begin(id('d'), from(1, 2, 2, 1));
  EXPECT_EQ(names(spans), "acd");
  EXPECT_EQ(spans.id_of(Stream::raw, 1), id('a'));
  EXPECT_EQ(spans.id_of(Stream::derived, 1), id('c'));
}

TEST(Spans, GoWithTheirRecords) {
  Spans spans = three();
  EXPECT_FALSE(spans.prune(Spans::from_one()));
  EXPECT_FALSE(spans.prune(from(1, 5, 9, 1))) << "raw 9 is left";
  EXPECT_FALSE(spans.prune(from(1, 4, 10, 1))) << "derived 4 is left";
  EXPECT_TRUE(spans.prune(from(1, 5, 10, 1)));
  EXPECT_EQ(names(spans), "bc");
  EXPECT_TRUE(spans.prune(from(100, 100, 100, 100)));
  EXPECT_EQ(names(spans), "c") << "the newest stays";
  spans = three();
  EXPECT_TRUE(spans.prune(from(3, 5, 20, 1)));
  EXPECT_EQ(names(spans), "c");
}

TEST(Spans, RefuseWhatTheyCannotBe) {
  EXPECT_THROW(Spans({{"short", Spans::from_one()}}), sqlite::Failure);
  EXPECT_THROW(Spans({{id('a'), from(1, 1, 0, 1)}}), sqlite::Failure);
  EXPECT_THROW(Spans({{id('a'), from(1, 1, 9, 1)}, {id('b'), from(1, 2, 8, 1)}}), sqlite::Failure);
}

// Each byte is set to each value, each length is cut: it is refused as damage or is what its bytes say.
template <class Value>
void spoil(const std::string& bytes) {
  const auto take = [](const std::string& spoilt) {
    try {
      const Value value = Value::decode(spoilt);
      const Value again = Value::decode(value.encode());
      EXPECT_EQ(again.encode(), value.encode());
      return true;
    } catch (const sqlite::Failure& failure) {
      EXPECT_TRUE(failure.is_damage());
      return false;
    }
  };
  ASSERT_TRUE(take(bytes));
  EXPECT_EQ(Value::decode(bytes).encode(), bytes);
  for (std::size_t length = 0; length < bytes.size(); ++length) EXPECT_FALSE(take(bytes.substr(0, length))) << length;
  EXPECT_FALSE(take(bytes + '\0'));
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int value = 0; value < 256; ++value) {
      std::string spoilt = bytes;
      spoilt[at] = static_cast<char>(value);
      take(spoilt);
    }
  // More than there can be is not believed, nor are numbers beyond 64 bits.
  EXPECT_FALSE(take(std::string(9, '\xff') + '\x01' + bytes));
  EXPECT_FALSE(take(std::string(20, '\xff')));
}

TEST(Spans, AreReadBackAndNothingElseIsBelieved) { spoil<Spans>(three().encode()); }

TEST(Holes, AreKeptInOrderAndJoined) {
  Holes holes;
  holes.add({10, 12, 5});
  holes.add({20, 20, 1});
  holes.add({9, 8, 7});  // none
  EXPECT_THAT(holes.all(), ElementsAre(Hole{10, 12, 5}, Hole{20, 20, 1}));
  holes.add({13, 13, 2});
  holes.add({5, 9, 3});
  EXPECT_THAT(holes.all(), ElementsAre(Hole{5, 13, 10}, Hole{20, 20, 1}));
  holes.add({14, 19, 4});
  EXPECT_THAT(holes.all(), ElementsAre(Hole{5, 20, 15}));
}

TEST(Holes, SayWhatIsMissing) {
  Holes holes;
  holes.add({10, 12, 5});
  holes.add({20, 20, 1});
  EXPECT_TRUE(holes.covers(10, 12));
  EXPECT_TRUE(holes.covers(11, 11));
  EXPECT_FALSE(holes.covers(9, 10));
  EXPECT_FALSE(holes.covers(12, 13));
  EXPECT_FALSE(holes.covers(10, 20));
  for (const auto& [number, count, bytes] :
       {std::tuple(0U, 4U, 6U), {9U, 4U, 6U}, {10U, 3U, 1U}, {12U, 1U, 1U}, {19U, 1U, 1U}, {20U, 0U, 0U}}) {
    EXPECT_EQ(holes.count_after(number), count) << number;
    EXPECT_EQ(holes.bytes_after(number), bytes) << number;
  }
  EXPECT_FALSE(holes.prune(12)) << "row 12 may be within one";
  EXPECT_TRUE(holes.prune(13));
  EXPECT_THAT(holes.all(), ElementsAre(Hole{20, 20, 1}));
}

TEST(Holes, AreReadBackAndNothingElseIsBelieved) {
  AllHoles holes;
  spoil<AllHoles>(holes.encode());
  holes.log.add({10, 300, 70'000});
  holes.log.add({400, 400, 1});
  holes.of(Stream::raw).add({7, 290, 70'000});
  holes.of(Stream::backfill).add({1, 1, 0});
  spoil<AllHoles>(holes.encode());
  EXPECT_THAT(AllHoles::decode(holes.encode()).of(Stream::raw).all(), ElementsAre(Hole{7, 290, 70'000}));
}

// A store whose file and machine change under it.
class Identity : public StoreTest {
 protected:
  // By seq: the first letter of its identity, in the order in which identities were seen.
  std::string raw_identities() {
    std::string out;
    for (const Record& record : fetch(Stream::raw, 0)) {
      EXPECT_THAT(record.incarnation, SizeIs(kIncarnationSize));
      out += letters_.try_emplace(record.incarnation, static_cast<char>('a' + letters_.size())).first->second;
    }
    return out;
  }

  // As cp does where there is no file.
  void copy_file_anew(const fs::path& source, const fs::path& target) {
    fs::copy_file(source, target.string() + ".new");
    fs::rename(target.string() + ".new", target);
  }

  std::map<std::string, char> letters_;
};

TEST_F(Identity, OfACloneIsNewForWhatComes) {
  open();
  commit("1", "r1", {{Stream::alerts, "a1"}});
  commit("2", "r2");
  for (int machine = 0; machine < 2; ++machine) {
    std::ofstream(options_.machine_id) << std::string(32, static_cast<char>('a' + machine)) << "\n";
    open();
    EXPECT_THAT(database_->notes(), ElementsAre(HasSubstr("cloned")));
    commit("next", "r");
  }
  EXPECT_EQ(raw_identities(), "aabc");
  EXPECT_EQ(fetch(Stream::alerts, 0).at(0).incarnation, fetch(Stream::raw, 0).at(0).incarnation);
  EXPECT_THAT(database_->incarnations(), SizeIs(3));
  EXPECT_EQ(database_->incarnations()[1].first, from(2, 1, 3, 1));
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  EXPECT_EQ(raw_identities(), "aabc");
}

TEST_F(Identity, OfARestoredCopyIsNewForWhatComes) {
  open_beneath();
  commit("1", "r1");
  database_.reset();
  copy_file_anew(options_.file, folder_ / "backup");
  copy_file_anew(folder_ / "backup", options_.file);
  open_beneath();
  EXPECT_THAT(database_->notes(), ElementsAre(HasSubstr("a backup")));
  commit("2", "r2");
  EXPECT_EQ(raw_identities(), "ab");

  database_.reset();
  fs::rename(options_.file, folder_ / "elsewhere");
  fs::rename(folder_ / "elsewhere", options_.file);
  open_beneath();
  EXPECT_THAT(database_->notes(), IsEmpty()) << "it is the same file";
  commit("3", "r3");
  EXPECT_EQ(raw_identities(), "abb");
}

// The numbers of the lock file tell what the file itself cannot: `cp backup weir.db` leaves its inode as it is.
TEST_F(Identity, OfACopyWrittenOverTheFileIsNewThoughItIsNoShorterThanWhatWasThere) {
  const auto write_over = [&](const fs::path& source) {
    database_.reset();
    fs::copy_file(source, options_.file, fs::copy_options::overwrite_existing);
  };
  const auto keep_as = [&](const std::string& name) {
    database_.reset();
    fs::copy_file(options_.file, folder_ / name);
    open();
  };
  open();
  commit("1", "r1");
  keep_as("one");
  for (int i = 0; i < 4; ++i) commit("of a", "r");
  keep_as("five");
  commit("of a", "given once");
  write_over(folder_ / "one");
  open();
  commit("of b", "r2");
  EXPECT_EQ(raw_identities(), "ab");
  write_over(folder_ / "five");  // newer than what is there, and yet behind what was given
  open();
  commit("of c", "given twice");
  EXPECT_EQ(raw_identities(), "aaaaac");
}

// Whatever is put back, in whatever order: what a cloud took under an identity is what it will always stand for.
TEST_F(Identity, IsNeverThatOfTwoContents) {
  enum class Way { beneath, anew, over };
  for (const Way way : {Way::beneath, Way::anew, Way::over})
    for (unsigned seed = 1; seed <= 8; ++seed) {
      SCOPED_TRACE("way " + std::to_string(static_cast<int>(way)) + " seed " + std::to_string(seed));
      std::minstd_rand random(seed);
      database_.reset();
      for (const auto& file : files("weir.db")) fs::remove(file);
      for (const auto& file : files("backup")) fs::remove(file);
      std::map<std::tuple<std::string, Stream, StreamSeq>, std::string> given;
      std::vector<fs::path> backups;
      int written = 0;
      const auto reopen = [&] { way == Way::beneath ? open_beneath() : open(); };
      reopen();
      for (int step = 0; step < 60; ++step) {
        switch (random() % 8) {
          case 0:
            database_.reset();
            backups.push_back(folder_ / ("backup" + std::to_string(backups.size())));
            fs::copy_file(options_.file, backups.back());
            reopen();
            break;
          case 1:
            if (backups.empty()) break;
            database_.reset();
            if (const fs::path& backup = backups[random() % backups.size()]; way != Way::over)
              copy_file_anew(backup, options_.file);
            else fs::copy_file(backup, options_.file, fs::copy_options::overwrite_existing);
            reopen();
            break;
          case 2: reopen(); break;
          default: {
            const std::string text = std::to_string(++written);
            commit("c" + text, random() % 4 == 0 ? "" : "r" + text,
                   random() % 2 == 0 ? std::vector<Output>{} : std::vector<Output>{{Stream::alerts, "a" + text}});
          }
        }
        for (const Stream stream : {Stream::raw, Stream::alerts})
          for (const Record& record : fetch(stream, 0)) {
            const auto [at, is_new] = given.try_emplace({record.incarnation, stream, record.seq}, record.body);
            ASSERT_EQ(at->second, record.body) << to_text(stream) << " " << record.seq << " in step " << step;
          }
      }
      EXPECT_THAT(verify(), IsEmpty());
    }
}

}  // namespace
}  // namespace weir::store
