#include <cstdio>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "mqtt/paho.h"
#include "mqtt/url.h"
#include "uplink/tap.h"
#include "wire/wire.h"

namespace weir::cli {
namespace {

namespace asio = boost::asio;
namespace seen = uplink::seen;

enum class Format { table, jsonl, csv };

struct Given {
  std::string url, format = "table", agent, username, lasts;
  std::filesystem::path password_file, ca, certificate, key;
  std::uint64_t count = 0;   // of readings; 0: no end
  Nanoseconds duration = 0;  // 0: no end
  unsigned patience = 10;    // seconds, until it is connected
};

Result<mqtt::Options> client_options(const Given& given) {
  if (auto url = mqtt::parse_url(given.url); !url) return std::unexpected(url.error());
  mqtt::Options options;
  options.url = given.url;
  options.client_id = "weir-tap-" + to_hex(random_bytes(8));
  options.username = given.username;
  if (!given.password_file.empty()) {
    auto password = read_secret(given.password_file);
    if (!password) return std::unexpected(password.error());
    options.password = std::move(*password);
  }
  if (!given.ca.empty() || !given.certificate.empty())
    options.tls = mqtt::Tls{given.ca, given.certificate, given.key};
  options.longest_retry = std::chrono::seconds(2);
  return options;
}

std::string numbers(std::uint64_t first, std::uint64_t last) {
  return first == last ? std::to_string(first) : std::to_string(first) + " to " + std::to_string(last);
}

// " (60 in 1m, 20.1 to 22.9)" behind what stands for many readings.
std::string stands_for(const seen::Reading& reading) {
  if (reading.interval == 0) return {};
  std::string out =
      " (" + std::to_string(reading.count) + " in " + to_text(std::chrono::nanoseconds(reading.interval));
  if (std::holds_alternative<double>(reading.reading.value) && reading.count > 0)
    out += ", " + short_text(reading.min) + " to " + short_text(reading.max);
  return out + ")";
}

// The last four columns of CSV: empty for a reading as it was.
std::string of_interval(const seen::Reading& reading) {
  if (reading.interval == 0) return ",,,";
  const bool number = std::holds_alternative<double>(reading.reading.value);
  return to_text(std::chrono::nanoseconds(reading.interval)) + "," +
         (number ? model::to_text(reading.min) + "," + model::to_text(reading.max) : ",") + "," +
         std::to_string(reading.count);
}

// " (revised)" behind what stands for a value that was told before.
std::string revised(const seen::Reading& reading) { return reading.revision ? " (revised)" : ""; }

// Readings go to standard output; what is wrong with the streams, and the summary, to standard error.
class Watch {
 public:
  Watch(const Given& given, mqtt::Options options)
      : given_(given),
        format_(given.format == "csv"     ? Format::csv
                : given.format == "jsonl" ? Format::jsonl
                                          : Format::table),
        tap_(std::make_unique<uplink::Tap>(io_.get_executor(), mqtt::make_paho_client, std::move(options))) {}

  // Whether nothing is missing.
  Result<bool> run() {
    signals_.async_wait([this](boost::system::error_code cancelled, int) {
      if (!cancelled) finish();
    });
    if (given_.duration > 0) end_after(end_, std::chrono::nanoseconds(given_.duration));
    end_after(patience_, std::chrono::seconds(given_.patience));
    header();
    tap_->start([this](const uplink::Seen& what) {
      if (finished_) return;
      std::visit([this](const auto& one) { show(one); }, what);
      flush_soon();
    });
    io_.run();
    std::fflush(stdout);
    if (!connected_once_)
      return fail("no connection to " + given_.url + (why_not_.empty() ? "" : ": " + why_not_),
                  "is the broker there, and the account right?");
    return summary();
  }

 private:
  void end_after(asio::steady_timer& timer, std::chrono::nanoseconds most) {
    timer.expires_after(most);
    timer.async_wait([this, &timer](boost::system::error_code cancelled) {
      if (!cancelled && !(&timer == &patience_ && connected_once_)) finish();
    });
  }

  void finish() {
    if (std::exchange(finished_, true)) return;
    // Not from within a handler of the tap.
    asio::post(io_, [this] { tap_->stop([this] { io_.stop(); }); });
    // A broker that is silent does not keep anybody here.
    end_.expires_after(std::chrono::seconds(2));
    end_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) io_.stop();
    });
  }

  // Once for all that came at once. Paho has SIGPIPE ignored: who reads us may be gone.
  void flush_soon() {
    if (std::exchange(flushing_, true)) return;
    asio::post(io_, [this] {
      flushing_ = false;
      if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) finish();
    });
  }

  bool wanted(const std::string& agent) const { return given_.agent.empty() || agent == given_.agent; }

  void header() {
    if (format_ == Format::csv) std::puts("time,agent,path,value,unit,quality,interval,min,max,count,revision");
    if (format_ == Format::table) row("TIME", "AGENT", "PATH", "VALUE", "QUALITY", Colour::none);
  }

  void show(const seen::Reading& reading) {
    if (!wanted(reading.agent) || finished_) return;
    const std::string time = to_iso(reading.reading.time), value = model::to_text(reading.reading.value);
    const std::string quality = model::to_text(reading.reading.quality);
    switch (format_) {
      case Format::csv:
        std::printf("%s,%s,%s,%s,%s,%s,%s,%s\n", time.c_str(), csv(reading.agent).c_str(), csv(reading.path).c_str(),
                    csv(value).c_str(), csv(reading.unit).c_str(), csv(quality).c_str(), of_interval(reading).c_str(),
                    reading.revision ? "true" : "");
        break;
      case Format::jsonl: {
        Node node = Node::object();
        node.set("time", time).set("agent", reading.agent).set("path", reading.path);
        node.set("value", json_value(reading.reading.value)).set("unit", reading.unit).set("quality", quality);
        node.set("stream", uplink::to_text(reading.stream));
        if (reading.interval > 0) {
          node.set("interval", to_text(std::chrono::nanoseconds(reading.interval)));
          node.set("count", Node::of(static_cast<std::int64_t>(reading.count)));
          if (std::holds_alternative<double>(reading.reading.value))
            node.set("min", json_value(reading.min)).set("max", json_value(reading.max));
        }
        if (reading.revision) node.set("revision", true);
        std::puts(to_json(node).c_str());
        break;
      }
      case Format::table:
        row(time_text(reading.reading.time), reading.agent, reading.path,
            short_text(reading.reading.value) + (reading.unit.empty() ? "" : " " + reading.unit) +
                stands_for(reading) + revised(reading),
            quality, reading.reading.quality.good() ? Colour::none : colour_of(quality));
        break;
    }
    if (++shown_ == given_.count) finish();
  }

  void show(const seen::Alert& alert) {
    if (!wanted(alert.agent)) return;
    if (format_ == Format::jsonl) {
      Node node = Node::object(), group = Node::object();
      for (const auto& [name, value] : alert.group) group.set(name, value);
      node.set("time", to_iso(alert.time)).set("agent", alert.agent).set("alert", alert.rule).set("id", alert.id);
      node.set("change", alert.change).set("severity", alert.severity).set("message", alert.message);
      node.set("group", std::move(group)).set("active", alert.active).set("acknowledged", alert.acknowledged);
      node.set("latched", alert.latched).set("shelved", alert.shelved).set("suppressed", alert.suppressed);
      node.set("uncertain", alert.uncertain);
      node.set("since", to_iso(alert.since));
      if (!alert.who.empty()) node.set("who", alert.who);
      if (!alert.why.empty()) node.set("why", alert.why);
      if (alert.shelved_until != 0) node.set("shelved_until", to_iso(alert.shelved_until));
      std::puts(to_json(node).c_str());
      return;
    }
    // In a table it has its place among the readings; CSV has one kind of row, and none for it.
    std::FILE* to = format_ == Format::table ? stdout : stderr;
    const std::string by =
        (alert.who.empty() ? "" : " by " + alert.who) + (alert.why.empty() ? "" : ", '" + alert.why + "'");
    const std::string line = printable(time_text(alert.time) + "  " + alert.agent + "  ALERT " + alert.change + by +
                                       " (" + alert.severity + ") " + alert.rule + ": " + alert.message);
    const Colour colour = !alert.active ? Colour::green : alert.severity == "critical" ? Colour::red : Colour::yellow;
    std::fprintf(to, "%s\n", Paint(to)(colour, line).c_str());
  }

  void show(const seen::SequenceProblem& problem) {
    if (!wanted(problem.agent)) return;
    using Kind = seen::SequenceProblem::Kind;
    const char* what = problem.kind == Kind::gap ? "GAP" : problem.kind == Kind::late ? "late" : "repeat";
    note(std::string(what) + ": " + problem.agent + " " + uplink::to_text(problem.stream) + " " +
         numbers(problem.first, problem.last));
  }

  void show(const seen::Gap& gap) {
    if (!wanted(gap.agent)) return;
    std::string what = gap.count > 0 ? count_text(gap.count, "reading") : "readings";
    if (gap.stream) what += std::string(" in ") + uplink::to_text(*gap.stream) + " " + numbers(gap.first, gap.last);
    else if (!gap.driver.empty()) what += " of driver " + gap.driver;
    note(gap.agent + " says that " + what + " were " +
         (gap.reason == "thinned" ? "thinned" : "given up: " + gap.reason) +
         (gap.to > 0 ? ", between " + to_iso(gap.from) + " and " + to_iso(gap.to) : ""));
  }

  void show(const seen::Birth& birth) {
    if (wanted(birth.agent))
      note("agent " + birth.agent + ": site " + birth.site + ", weir " + birth.version + ", " +
           count_text(birth.signals, "signal"));
  }

  void show(const seen::State& state) {
    if (wanted(state.agent))
      note("agent " + state.agent + " is " + (state.online ? "online" : "OFFLINE") +
           (state.reason.empty() ? "" : ": " + state.reason));
  }

  void show(const seen::Malformed& malformed) {
    note("cannot be read: " + malformed.topic + ": " + malformed.reason);
  }

  void show(const seen::Connection& connection) {
    if (connection.connected) {
      if (!std::exchange(connected_once_, true)) patience_.cancel();
      else note("connected again");
    } else if (connected_once_) {
      if (why_not_ != connection.reason) note("not connected: " + connection.reason);
    }
    why_not_ = connection.reason;
  }

  void note(const std::string& text) {
    if (given_.format == "table") std::fflush(stdout);
    std::fprintf(stderr, "tap: %s\n", printable(text).c_str());
  }

  // Columns grow as needed: what comes next is not known.
  void row(const std::string& time, const std::string& agent, const std::string& path, const std::string& value,
           const std::string& quality, Colour colour) {
    const std::string cells[] = {time, printable(agent), printable(path), printable(value), quality};
    std::string line;
    for (std::size_t i = 0; i < std::size(cells); ++i) {
      widths_[i] = std::max(widths_[i], std::min<std::size_t>(width(cells[i]), 60));
      const std::string blanks(widths_[i] - std::min(widths_[i], width(cells[i])), ' ');
      line += i == 4 ? paint_(colour, cells[i]) : cells[i] + blanks + "  ";
    }
    std::puts(line.c_str());
  }

  bool summary() const {
    const uplink::TapCounts counts = tap_->counts();
    Table table({{"AGENT"},
                 {"INCARNATION"},
                 {"STREAM"},
                 {"RECORDS", true},
                 {"FIRST", true},
                 {"LAST", true},
                 {"MISSING", true},
                 {"REPEATS", true},
                 {"GIVEN UP", true}});
    bool whole = true;
    for (const uplink::TapStream& stream : tap_->streams()) {
      if (!wanted(stream.agent)) continue;
      whole = whole && stream.missing == 0;
      table.add({stream.agent, to_hex(stream.incarnation).substr(0, 8), uplink::to_text(stream.stream),
                 std::to_string(stream.records), std::to_string(stream.first), std::to_string(stream.last),
                 std::to_string(stream.missing), std::to_string(stream.repeats), std::to_string(stream.given_up)});
    }
    std::fprintf(stderr, "\n%s", table.empty() ? "" : table.text(Paint(stderr)).c_str());
    std::fprintf(stderr, "%s, %s, %llu malformed: %s\n", count_text(counts.readings, "reading").c_str(),
                 count_text(counts.alerts, "alert").c_str(), static_cast<unsigned long long>(counts.malformed),
                 whole ? "no gaps" : "RECORDS ARE MISSING");
    return whole;
  }

  const Given& given_;
  const Format format_;
  const Paint paint_{stdout};
  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  asio::steady_timer end_{io_}, patience_{io_};
  std::unique_ptr<uplink::Tap> tap_;
  std::size_t widths_[5] = {24, 8, 28, 14, 4};
  std::uint64_t shown_ = 0;
  std::string why_not_;
  bool connected_once_ = false;
  bool finished_ = false;
  bool flushing_ = false;
};

}  // namespace

void add_tap(CLI::App& app, Context& context) {
  auto given = std::make_shared<Given>();
  CLI::App* tap = app.add_subcommand("tap", "Show what reaches a cloud, and check it for gaps and repeats");
  tap->footer(
      "Example: weir tap mqtt://127.0.0.1:1883 --for 1m --format csv > readings.csv\n"
      "Readings go to standard output; gaps, repeats and a summary to standard error. Ends on Ctrl-C, too.\n"
      "Exits with 1 if records are missing, or if it cannot connect.");
  tap->add_option("url", given->url, "mqtt://HOST[:1883] or mqtts://HOST[:8883]")->required();
  tap->add_option("--format", given->format, "table, jsonl (JSON lines) or csv")
      ->check(CLI::IsMember({"table", "jsonl", "csv"}))
      ->capture_default_str();
  tap->add_option("--count", given->count, "End after so many readings")->check(CLI::PositiveNumber);
  tap->add_option("--for", given->lasts, "End after this time, for example 30s or 1h");
  tap->add_option("--agent", given->agent, "Only what comes from this agent");
  tap->add_option("--username", given->username);
  tap->add_option("--password-file", given->password_file, "A file that holds the password, and nothing else");
  tap->add_option("--ca", given->ca, "For mqtts: whom to trust, PEM; else the system's");
  auto* certificate = tap->add_option("--cert", given->certificate, "Client certificate, PEM");
  auto* key = tap->add_option("--key", given->key, "Its key, PEM")->needs(certificate);
  certificate->needs(key);
  tap->add_option("--patience", given->patience, "Seconds to wait for the first connection")->capture_default_str();
  tap->callback([given, &context] {
    if (!given->lasts.empty() && (!parse_duration(given->lasts, given->duration) || given->duration <= 0))
      return failed(context, {"--for " + given->lasts + " is no duration", "write 30s, 5m or 1h30m"});
    auto options = client_options(*given);
    if (!options) return failed(context, options.error());
    wire::silence_protobuf();
    auto whole = Watch(*given, std::move(*options)).run();
    if (!whole) return failed(context, whole.error());
    if (!*whole) context.exit_code = 1;
  });
}

}  // namespace weir::cli
