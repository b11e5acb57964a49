#include "uplink/tap.h"

#include <algorithm>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "codec/codec.h"
#include "uplink/seq_ranges.h"
#include "weir/v1/uplink.pb.h"

namespace weir::uplink {
namespace {

// What a stranger on the broker can make a tap remember.
constexpr std::size_t kMostAgents = 1'000;
constexpr std::size_t kMostStreams = 4'000;
constexpr std::size_t kMostRanges = 10'000;
constexpr std::size_t kMostSignals = 1'000'000;
constexpr std::size_t kMostLives = 10'000;

// The stream that a topic's last level stands for.
std::optional<Stream> stream_of(std::string_view name) {
  for (const auto stream : {Stream::alerts, Stream::derived, Stream::raw, Stream::backfill}) {
    if (name == to_text(stream)) return stream;
  }
  return {};
}

std::uint64_t size_of(const std::vector<SeqRanges::Range>& ranges) {
  std::uint64_t out = 0;
  for (const SeqRanges::Range& range : ranges) out += range.last - range.first + 1;
  return out;
}

// The series of one signal in a body whose readings were thinned: see weir.v1.Thinned.
struct ThinnedSignal {
  v1::Thinned::Form form = v1::Thinned::ORIGINAL;
  Nanoseconds interval = 0;
  std::span<const model::Series> series;
};

std::size_t series_of(v1::Thinned::Form form) {
  switch (form) {
    case v1::Thinned::SUMMARY: return 4;
    case v1::Thinned::LATEST: return 2;
    case v1::Thinned::ORIGINAL: return 1;
    default: return 0;
  }
}

bool sound(const ThinnedSignal& signal) {
  using model::ValueType;
  for (const model::Series& one : signal.series)
    if (one.signal != signal.series[0].signal || one.size() != signal.series[0].size()) return false;
  if (signal.form == v1::Thinned::ORIGINAL) return true;
  if (signal.interval <= 0 || signal.series.back().type() != ValueType::integer) return false;
  return signal.form == v1::Thinned::LATEST ||
         std::ranges::all_of(signal.series.first(3), [](const auto& one) { return one.type() == ValueType::real; });
}

// All of them; without heads all are as they were. Nothing if heads and series do not fit.
std::optional<std::vector<ThinnedSignal>> divide(const v1::RawRecord& raw, std::span<const model::Series> series) {
  std::vector<ThinnedSignal> out;
  for (const v1::Thinned& head : raw.thinned()) {
    const std::size_t width = series_of(head.form());
    for (std::uint32_t i = 0; i < std::max(head.signals(), 1U); ++i) {
      if (width == 0 || series.size() < width) return {};
      const bool original = head.form() == v1::Thinned::ORIGINAL;
      out.push_back({head.form(), original ? 0 : head.interval(), series.first(width)});
      if (!sound(out.back())) return {};
      series = series.subspan(width);
    }
  }
  if (!raw.thinned().empty() && !series.empty()) return {};
  for (; !series.empty(); series = series.subspan(1)) out.push_back({.series = series.first(1)});
  return out;
}

}  // namespace

class Tap::Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(std::unique_ptr<mqtt::Client> client, std::string root)
      : client_(std::move(client)), root_(std::move(root)) {}

  void start(std::function<void(const Seen&)> handler) {
    handler_ = std::make_shared<std::function<void(const Seen&)>>(std::move(handler));
    const auto weak = weak_from_this();
    client_->start({.connected =
                        [weak] {
                          if (auto self = weak.lock()) self->subscribe();
                        },
                    .disconnected =
                        [weak](const Error& error) {
                          if (auto self = weak.lock()) self->tell(seen::Connection{false, error.text()});
                        },
                    .message =
                        [weak](mqtt::Message message) {
                          if (auto self = weak.lock()) self->take(message);
                        }});
  }

  void stop(std::function<void()> stopped) {
    client_->stop([weak = weak_from_this(), stopped = std::move(stopped)] {
      if (weak.lock() && stopped) stopped();
    });
  }

  void abandon() {
    handler_.reset();
    client_.reset();
  }

  TapCounts counts() const {
    auto out = counts_;
    for (const auto& [key, watched] : streams_) out.missing += watched.missing(std::get<Stream>(key));
    return out;
  }

  std::vector<TapStream> streams() const {
    std::vector<TapStream> out;
    for (const auto& [key, watched] : streams_) {
      const auto& [agent, incarnation, stream] = key;
      const bool any = !watched.seen.empty();
      out.push_back({agent, incarnation, stream, watched.records, watched.repeats, any ? watched.seen.first() : 0,
                     any ? watched.seen.last() : 0, watched.missing(stream), watched.numbers_given_up});
    }
    return out;
  }

 private:
  struct Agent {
    std::set<std::string> incarnations;                                      // for which the ids mean these signals
    std::map<model::SignalId, std::pair<std::string, std::string>> signals;  // path and unit
  };

  struct Watched {
    SeqRanges seen, given_up;
    std::uint64_t records = 0, repeats = 0, numbers_given_up = 0;

    std::uint64_t missing(Stream stream) const {
      std::uint64_t out = 0;
      if (stream == Stream::backfill) return out;
      for (const SeqRanges::Range& gap : seen.gaps()) out += size_of(given_up.outside(gap));
      return out;
    }
  };

  template <class What>
  void tell(What what) {
    // The handler may destroy the tap, and itself with it.
    if (auto handler = handler_; handler && *handler) (*handler)(Seen(std::move(what)));
  }

  void subscribe() {
    client_->subscribe({root_ + "/#"}, [weak = weak_from_this()](Result<void> done) {
      auto self = weak.lock();
      if (!self) return;
      if (done) self->tell(seen::Connection{true, {}});
      else self->tell(seen::Connection{false, "cannot subscribe to " + self->root_ + "/#: " + done.error().text()});
    });
  }

  void take(const mqtt::Message& message) {
    if (auto taken = decode(message); !taken) {
      ++counts_.malformed;
      tell(seen::Malformed{message.topic, taken.error().text()});
    }
  }

  Result<void> decode(const mqtt::Message& message) {
    std::string_view rest = message.topic;
    if (!rest.starts_with(root_ + "/")) return fail("not a topic below " + root_);
    rest.remove_prefix(root_.size() + 1);
    const auto slash = rest.find('/');
    if (slash == 0 || slash == rest.npos) return fail("the topic names no agent, or nothing of it");
    const std::string agent(rest.substr(0, slash));
    const auto what = rest.substr(slash + 1);
    if (what == "birth") return take_birth(agent, message.payload);
    if (what == "state") return take_state(agent, message.payload);
    if (const auto stream = stream_of(what)) return take_record(agent, *stream, message.payload);
    return fail("unknown kind of message '" + std::string(what) + "'");
  }

  Result<void> take_birth(const std::string& agent, const std::string& payload) {
    v1::Birth birth;
    if (!birth.ParseFromString(payload)) return fail("not a birth message");
    if (static_cast<std::size_t>(birth.signals_size()) > kMostSignals) return fail("a birth with too many signals");
    if (static_cast<std::size_t>(birth.earlier_size()) > kMostLives)
      return fail("a birth with too many incarnations");
    if (!agents_.contains(agent) && agents_.size() >= kMostAgents) return fail("more agents than this can follow");
    auto& known = agents_[agent];
    known = {{birth.incarnation()}, {}};
    known.incarnations.insert(birth.earlier().begin(), birth.earlier().end());
    for (const auto& defined : birth.signals()) {
      known.signals[defined.id()] = {defined.signal().path(), defined.signal().unit()};
    }
    tell(seen::Birth{agent, birth.site(), birth.version(), birth.incarnation(), known.signals.size(), birth.time()});
    return {};
  }

  Result<void> take_state(const std::string& agent, const std::string& payload) {
    v1::AgentState state;
    if (!state.ParseFromString(payload)) return fail("not a state message");
    tell(seen::State{agent, state.reason(), state.online(), state.time()});
    return {};
  }

  Result<void> take_record(const std::string& agent, Stream stream, const std::string& payload) {
    v1::Record record;
    if (!record.ParseFromString(payload)) return fail("not a record");
    if (record.incarnation().size() != 16) return fail("a record without an incarnation of 16 bytes");
    if (record.seq() == 0) return fail("a record without a number");
    if (static_cast<int>(record.stream()) != static_cast<int>(stream)) {
      return fail("a record of another stream than its topic");
    }
    // Read before it counts as seen: a record that cannot be read has not arrived.
    std::vector<model::Series> series;
    v1::AlertRecord alerts;
    v1::RawRecord raw;
    std::set<std::size_t> revisions;
    if (stream == Stream::alerts) {
      if (!alerts.ParseFromString(record.body())) return fail("a record of alerts that cannot be read");
    } else {
      v1::DerivedRecord derived;
      const bool parsed =
          stream == Stream::derived ? derived.ParseFromString(record.body()) : raw.ParseFromString(record.body());
      if (!parsed) return fail("a record of readings that cannot be read");
      const auto& block = stream == Stream::derived ? derived.readings() : raw.readings();
      if (!block.empty()) {
        auto decoded = codec::decode(block);
        if (!decoded) return context("record " + std::to_string(record.seq()), std::move(decoded.error()));
        series = std::move(*decoded);
        revisions.insert(derived.revisions().begin(), derived.revisions().end());
      }
    }
    const auto signals = divide(raw, series);
    if (!signals)
      return fail("record " + std::to_string(record.seq()) + ": what it says of its series does not fit them");
    auto fresh = check_sequence(agent, record.incarnation(), stream, record.seq());
    if (!fresh) return std::unexpected(std::move(fresh.error()));
    if (!*fresh) return {};
    ++counts_.records;
    tell_alerts(agent, alerts);
    for (const auto& gap : raw.gaps()) take_gap(agent, gap);
    tell_readings(agent, record.incarnation(), stream, *signals, revisions);
    return {};
  }

  void take_gap(const std::string& agent, const v1::Gap& gap) {
    seen::Gap out{.agent = agent,
                  .driver = gap.driver(),
                  .reason = gap.reason(),
                  .from = gap.from(),
                  .to = gap.to(),
                  .count = gap.count(),
                  .stream = {},
                  .incarnation = gap.incarnation(),
                  .first = gap.first(),
                  .last = gap.last(),
                  .records = gap.records()};
    if (gap.stream() >= v1::ALERTS && gap.stream() <= v1::BACKFILL) {
      const auto stream = static_cast<Stream>(gap.stream());
      out.stream = stream;
      const std::tuple key(agent, gap.incarnation(), stream);
      const bool known = streams_.contains(key) || streams_.size() < kMostStreams;
      if (known && gap.first() > 0 && gap.first() <= gap.last()) {
        Watched& watched = streams_[key];
        watched.numbers_given_up += size_of(watched.given_up.outside({gap.first(), gap.last()}));
        watched.given_up.insert({gap.first(), gap.last()});
        while (watched.given_up.size() > kMostRanges) watched.given_up.forget_lowest_gap();
      }
    }
    tell(std::move(out));
  }

  // Whether it is new.
  Result<bool> check_sequence(const std::string& agent, const std::string& incarnation, Stream stream,
                              std::uint64_t seq) {
    const std::tuple key(agent, incarnation, stream);
    if (!streams_.contains(key) && streams_.size() >= kMostStreams) return fail("more streams than this can follow");
    auto& watched = streams_[key];
    auto& ranges = watched.seen;
    using Problem = seen::SequenceProblem;
    const auto problem = [&](Problem::Kind kind, std::uint64_t first, std::uint64_t last) {
      tell(Problem{kind, agent, incarnation, stream, first, last});
    };
    const bool first = ranges.empty();
    const auto last = first ? 0 : ranges.last();
    const bool late = !first && seq > ranges.first() && seq < last;
    if (!ranges.insert(seq)) {
      ++counts_.repeats;
      ++watched.repeats;
      problem(Problem::Kind::repeat, seq, seq);
      return false;
    }
    ++watched.records;
    while (ranges.size() > kMostRanges) ranges.forget_lowest_gap();
    if (late) problem(Problem::Kind::late, seq, seq);
    else if (!first && seq > last + 1 && stream != Stream::backfill) {
      for (const SeqRanges::Range& gap : watched.given_up.outside({last + 1, seq - 1}))
        problem(Problem::Kind::gap, gap.first, gap.last);
    }
    return true;
  }

  void tell_alerts(const std::string& agent, const v1::AlertRecord& record) {
    for (const auto& event : record.events()) {
      ++counts_.alerts;
      tell(seen::Alert{.agent = agent,
                       .id = event.id(),
                       .rule = event.rule(),
                       .group = {event.group().begin(), event.group().end()},
                       .severity = event.severity(),
                       .change = event.change(),
                       .message = event.message(),
                       .active = event.active(),
                       .acknowledged = event.acknowledged(),
                       .latched = event.latched(),
                       .shelved = event.shelved(),
                       .suppressed = event.suppressed(),
                       .uncertain = event.uncertain(),
                       .since = event.since(),
                       .time = event.time(),
                       .who = event.who(),
                       .why = event.why(),
                       .shelved_until = event.shelved_until()});
    }
  }

  void tell_readings(const std::string& agent, const std::string& incarnation, Stream stream,
                     const std::vector<ThinnedSignal>& signals, const std::set<std::size_t>& revisions) {
    for (std::size_t place = 0; place < signals.size(); ++place) {
      const ThinnedSignal& thinned = signals[place];
      const bool summary = thinned.form == v1::Thinned::SUMMARY;
      const model::Series& one = thinned.series[summary ? 1 : 0];
      seen::Reading row{.agent = agent,
                        .path = "#" + std::to_string(one.signal),
                        .unit = {},
                        .reading = {},
                        .stream = stream,
                        .interval = thinned.interval};
      row.revision = revisions.contains(place);  // of derived records only, in which each series is a signal
      // The ids of one life of the store mean nothing in another, unless the birth says so.
      if (const auto known = agents_.find(agent);
          known != agents_.end() && known->second.incarnations.contains(incarnation)) {
        if (const auto signal = known->second.signals.find(one.signal); signal != known->second.signals.end()) {
          std::tie(row.path, row.unit) = signal->second;
        }
      }
      for (std::size_t i = 0; i < one.size(); ++i) {
        ++counts_.readings;
        row.reading = one.reading(i);
        if (row.interval > 0)
          row.count =
              static_cast<std::uint64_t>(std::get<std::vector<std::int64_t>>(thinned.series.back().values)[i]);
        if (summary) {
          row.min = std::get<std::vector<double>>(thinned.series[0].values)[i];
          row.max = std::get<std::vector<double>>(thinned.series[2].values)[i];
        }
        tell(row);
      }
    }
  }

  std::unique_ptr<mqtt::Client> client_;
  std::string root_;
  std::shared_ptr<std::function<void(const Seen&)>> handler_;
  std::map<std::string, Agent> agents_;
  std::map<std::tuple<std::string, std::string, Stream>, Watched> streams_;
  TapCounts counts_;
};

Tap::Tap(boost::asio::any_io_executor executor, const mqtt::MakeClient& make_client, mqtt::Options mqtt,
         std::string root)
    : watch_(std::make_shared<Watch>(make_client(std::move(executor), std::move(mqtt)), std::move(root))) {}
Tap::~Tap() { watch_->abandon(); }
void Tap::start(std::function<void(const Seen&)> handler) { watch_->start(std::move(handler)); }
void Tap::stop(std::function<void()> stopped) { watch_->stop(std::move(stopped)); }
TapCounts Tap::counts() const { return watch_->counts(); }
std::vector<TapStream> Tap::streams() const { return watch_->streams(); }

}  // namespace weir::uplink
