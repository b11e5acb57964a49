#include "driver_host/sources.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include <sys/statvfs.h>

#include "base/file.h"
#include "base/text.h"

namespace weir::driver_host {
namespace {

constexpr std::size_t kMostFile = 1 << 20;
constexpr std::size_t kMostSensors = 64;

// Collects sources; a path that is there already gets no second one.
class Collector {
 public:
  explicit Collector(const Settings& settings) : settings_(settings) {}

  void add(std::string name, model::ValueType type, std::string unit, std::string description,
           std::function<Result<model::Value>(Files&)> read) {
    model::Signal signal;
    signal.path = settings_.device + "/" + std::move(name);
    if (!paths_.insert(lower(signal.path)).second) return;
    signal.type = type;
    signal.unit = std::move(unit);
    signal.interval = std::chrono::milliseconds(settings_.interval / kMillisecond);
    signal.description = std::move(description);
    found.push_back({std::move(signal), std::move(read)});
  }

  std::vector<Source> found;

 private:
  const Settings& settings_;
  std::set<std::string> paths_;
};

Result<model::Value> whole(std::uint64_t value) { return static_cast<std::int64_t>(value & INT64_MAX); }

// The share of a CPU state since the last reading, in percent.
class CpuShare {
 public:
  CpuShare(int state, CpuTimes now) : state_(state), last_(now) {}

  Result<model::Value> operator()(Files& files) {
    const auto& text = files.proc("stat");
    if (!text) return std::unexpected(text.error());
    const auto now = parse_stat(*text);
    if (!now) return fail("/proc/stat has no line of the CPU");
    const CpuTimes last = std::exchange(last_, *now);
    const std::uint64_t passed = now->total() - last.total();
    // Counters of some states may step back a little (proc(5) warns of iowait).
    if (now->total() <= last.total()) return 0.0;
    const auto share = [&](std::size_t i) {
      return now->ticks[i] > last.ticks[i] ? static_cast<double>(now->ticks[i] - last.ticks[i]) : 0.0;
    };
    constexpr std::size_t kIdle = 3, kIowait = 4;
    const double part = state_ < 0 ? static_cast<double>(passed) - share(kIdle) - share(kIowait)
                                   : share(static_cast<std::size_t>(state_));
    return std::clamp(100 * part / static_cast<double>(passed), 0.0, 100.0);
  }

 private:
  int state_;  // an index into CpuTimes; -1: all that is work
  CpuTimes last_;
};

void find_cpu(Collector& out, Files& files) {
  const auto& text = files.proc("stat");
  const auto now = text ? parse_stat(*text) : std::nullopt;
  if (!now) return;
  out.add("cpu_used", model::ValueType::real, "%", "CPU time spent working", CpuShare(-1, *now));
  for (std::size_t i = 0; i < CpuTimes::kNames.size(); ++i)
    out.add(std::string("cpu_") + CpuTimes::kNames[i], model::ValueType::real, "%",
            std::string("CPU time in state ") + CpuTimes::kNames[i], CpuShare(static_cast<int>(i), *now));
}

// The n-th word of a small file, as a number.
auto word(std::string file, std::size_t n) {
  return [file = std::move(file), n](Files& files) -> Result<model::Value> {
    const auto& text = files.proc(file);
    if (!text) return std::unexpected(text.error());
    const auto parts = words(*text);
    const auto number = n < parts.size() ? parse_decimal(parts[n]) : std::nullopt;
    if (!number) return fail("/proc/" + file + " does not have the expected form");
    return *number;
  };
}

void find_load(Collector& out, Files& files) {
  constexpr const char* kNames[] = {"load_1m", "load_5m", "load_15m"};
  for (std::size_t i = 0; i < 3; ++i)
    if (auto read = word("loadavg", i); read(files))
      out.add(kNames[i], model::ValueType::real, "1", "processes that run or wait to", std::move(read));
  if (auto read = word("uptime", 0); read(files))
    out.add("uptime", model::ValueType::real, "s", "since the machine started", std::move(read));
}

void find_memory(Collector& out, Files& files) {
  const auto value = [](std::string name) {
    return [name = std::move(name)](Files& from) -> Result<model::Value> {
      const auto& text = from.proc("meminfo");
      if (!text) return std::unexpected(text.error());
      const auto table = parse_meminfo(*text);
      const auto it = table.find(name);
      if (it == table.end()) return fail("/proc/meminfo has no " + name);
      return it->second;
    };
  };
  const auto used = [value](std::string total, std::string free) {
    return [total = value(std::move(total)), free = value(std::move(free))](Files& from) -> Result<model::Value> {
      const auto all = total(from), left = free(from);
      if (!all) return all;
      if (!left) return left;
      const auto whole_of = static_cast<double>(std::get<std::int64_t>(*all));
      if (whole_of <= 0) return fail("/proc/meminfo says that there is none");
      return std::clamp(100 - 100 * static_cast<double>(std::get<std::int64_t>(*left)) / whole_of, 0.0, 100.0);
    };
  };
  const auto add = [&](const char* name, model::ValueType type, const char* unit, const char* about, auto read) {
    if (read(files)) out.add(name, type, unit, about, std::move(read));
  };
  add("memory_total", model::ValueType::integer, "By", "memory", value("MemTotal"));
  add("memory_available", model::ValueType::integer, "By", "memory that programs can still get",
      value("MemAvailable"));
  add("memory_used", model::ValueType::real, "%", "memory that is not available", used("MemTotal", "MemAvailable"));
  add("swap_used", model::ValueType::real, "%", "swap space in use", used("SwapTotal", "SwapFree"));
}

Result<struct statvfs> file_system(const std::string& point) {
  struct statvfs out{};
  if (statvfs(point.c_str(), &out) != 0) return fail(point + ": " + std::strerror(errno));
  if (out.f_blocks == 0) return fail(point + " has no blocks");
  return out;
}

void find_mounts(Collector& out, const Settings& settings, Files& files) {
  std::set<std::string> points;
  if (!settings.mounts.empty()) {
    points.insert(settings.mounts.begin(), settings.mounts.end());
  } else if (const auto& text = files.proc("mounts")) {
    // A device that is mounted in several places counts once, at its shortest.
    std::map<std::string, std::string> by_source;
    for (const Mount& mount : parse_mounts(*text)) {
      if (!mount.source.starts_with("/dev/") || mount.source.starts_with("/dev/loop")) continue;
      std::string& point = by_source[mount.source];
      if (point.empty() || mount.point.size() < point.size()) point = mount.point;
    }
    for (const auto& [source, point] : by_source) points.insert(point);
  }
  for (const std::string& point : points) {
    if (settings.mounts.empty() && !file_system(point)) continue;
    const std::string name = level_name(point);
    out.add("disk_" + name + "_used", model::ValueType::real, "%", "of the file system at " + point,
            [point](Files&) -> Result<model::Value> {
              const auto about = file_system(point);
              if (!about) return std::unexpected(about.error());
              // As df(1): of what ordinary users can have.
              const auto used = static_cast<double>(about->f_blocks - about->f_bfree);
              const double all = used + static_cast<double>(about->f_bavail);
              return all <= 0 ? 100.0 : 100 * used / all;
            });
    out.add("disk_" + name + "_free", model::ValueType::integer, "By", "left on the file system at " + point,
            [point](Files&) -> Result<model::Value> {
              const auto about = file_system(point);
              if (!about) return std::unexpected(about.error());
              return whole(static_cast<std::uint64_t>(about->f_bavail) * about->f_frsize);
            });
  }
}

// A counter out of a table by name; gone when its row is.
template <class Table, class Row>
auto counter(const char* file, Table (*parse)(std::string_view), std::string name, std::uint64_t Row::* column) {
  return [=](Files& files) -> Result<model::Value> {
    const auto& text = files.proc(file);
    if (!text) return std::unexpected(text.error());
    const Table table = parse(*text);
    const auto row = table.find(name);
    if (row == table.end()) return fail(name + " is gone");
    return whole(row->second.*column);
  };
}

void find_disk_io(Collector& out, const Settings& settings, Files& files) {
  const auto& text = files.proc("diskstats");
  if (!text) return;
  std::error_code none;
  for (const auto& [disk, io] : parse_diskstats(*text)) {
    const bool virtual_disk = disk.starts_with("loop") || disk.starts_with("ram") || disk.starts_with("zram");
    // Partitions are not in /sys/block.
    if (virtual_disk || !std::filesystem::exists(settings.sys / "block" / disk, none)) continue;
    const auto add = [&](const char* what, const char* unit, const char* about, std::uint64_t DiskIo::* column) {
      out.add("io_" + level_name(disk) + "_" + what, model::ValueType::integer, unit, about,
              counter("diskstats", &parse_diskstats, disk, column));
    };
    add("read", "By", "read since the start", &DiskIo::read_bytes);
    add("written", "By", "written since the start", &DiskIo::written_bytes);
    add("busy", "ms", "spent on input and output since the start", &DiskIo::busy_ms);
  }
}

void find_network(Collector& out, const Settings& settings, Files& files) {
  const auto& text = files.proc("net/dev");
  if (!text) return;
  for (const auto& [name, io] : parse_net_dev(*text)) {
    const bool wanted = settings.interfaces.empty()
                            ? name != "lo"
                            : std::ranges::find(settings.interfaces, name) != settings.interfaces.end();
    if (!wanted) continue;
    const auto add = [&](const char* what, const char* unit, const char* about, std::uint64_t NetIo::* column) {
      out.add("net_" + level_name(name) + "_" + what, model::ValueType::integer, unit, about,
              counter("net/dev", &parse_net_dev, name, column));
    };
    add("received", "By", "received since the start", &NetIo::received_bytes);
    add("sent", "By", "sent since the start", &NetIo::sent_bytes);
    add("receive_errors", "1", "since the start", &NetIo::received_errors);
    add("send_errors", "1", "since the start", &NetIo::sent_errors);
  }
}

// The entries of a folder under /sys, by name.
std::vector<std::string> entries(const Settings& settings, const std::string& folder, std::string_view prefix) {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator it(settings.sys / folder, error), end; !error && it != end;
       it.increment(error))
    if (const std::string name = it->path().filename(); name.starts_with(prefix) && out.size() < kMostSensors)
      out.push_back(name);
  std::ranges::sort(out);
  return out;
}

std::string label(Files& files, const std::string& file, const std::string& otherwise) {
  const auto& text = files.sys(file);
  return text && !text->empty() ? level_name(text->substr(0, text->find('\n'))) : otherwise;
}

void find_temperatures(Collector& out, const Settings& settings, Files& files) {
  const auto add = [&](const std::string& name, const std::string& file) {
    if (!files.sys_number(file)) return;
    out.add("temperature_" + name, model::ValueType::real, "Cel", "/sys/" + file,
            [file](Files& from) -> Result<model::Value> {
              const auto millis = from.sys_number(file);
              if (!millis) return std::unexpected(millis.error());
              return static_cast<double>(*millis) / 1'000;
            });
  };
  for (const std::string& zone : entries(settings, "class/thermal", "thermal_zone")) {
    const std::string folder = "class/thermal/" + zone + "/";
    add(zone.substr(8) + "_" + label(files, folder + "type", "zone"), folder + "temp");
  }
  for (const std::string& chip : entries(settings, "class/hwmon", "hwmon")) {
    const std::string folder = "class/hwmon/" + chip + "/";
    for (const std::string& input : entries(settings, folder, "temp"))
      if (input.ends_with("_input")) {
        const std::string sensor = input.substr(0, input.size() - 6);
        add(chip + "_" + label(files, folder + "name", "chip") + "_" +
                label(files, folder + sensor + "_label", sensor),
            folder + input);
      }
  }
}

void find_throttling(Collector& out, const Settings& settings, Files& files) {
  for (const std::string& cpu : entries(settings, "devices/system/cpu", "cpu")) {
    const std::string folder = "devices/system/cpu/" + cpu + "/";
    const std::string frequency = folder + "cpufreq/scaling_cur_freq";
    if (files.sys_number(frequency))
      out.add(cpu + "_frequency", model::ValueType::real, "MHz", "/sys/" + frequency,
              [frequency](Files& from) -> Result<model::Value> {
                const auto khz = from.sys_number(frequency);
                if (!khz) return std::unexpected(khz.error());
                return static_cast<double>(*khz) / 1'000;
              });
    const std::string throttled = folder + "thermal_throttle/core_throttle_count";
    if (files.sys_number(throttled))
      out.add(cpu + "_throttled", model::ValueType::integer, "1", "times since the start",
              [throttled](Files& from) -> Result<model::Value> {
                const auto count = from.sys_number(throttled);
                if (!count) return std::unexpected(count.error());
                return *count;
              });
  }
  // Raspberry Pi: bits for low voltage, a capped frequency and throttling, now and since the start.
  const std::string flags = "devices/platform/soc/soc:firmware/get_throttled";
  const auto read = [flags](Files& from) -> Result<model::Value> {
    const auto& text = from.sys(flags);
    if (!text) return std::unexpected(text.error());
    std::string_view digits = std::string_view(*text).substr(0, text->find('\n'));
    if (digits.starts_with("0x")) digits.remove_prefix(2);
    std::int64_t out_of = 0;
    if (digits.empty() || digits.size() > 15) return fail("/sys/" + flags + " is no number");
    for (const char c : digits) {
      const std::size_t value = std::string_view("0123456789abcdef").find(c);
      if (value == std::string_view::npos) return fail("/sys/" + flags + " is no number");
      out_of = out_of * 16 + static_cast<std::int64_t>(value);
    }
    return out_of;
  };
  if (read(files))
    out.add("throttled_flags", model::ValueType::integer, "1", "bits as of vcgencmd get_throttled", read);
}

}  // namespace

const Result<std::string>& Files::read(const std::filesystem::path& path) {
  const auto it = texts_.find(path);
  return it != texts_.end() ? it->second : texts_.emplace(path, read_file(path, kMostFile)).first->second;
}

Result<std::int64_t> Files::sys_number(const std::string& name) {
  const auto& text = sys(name);
  if (!text) return std::unexpected(text.error());
  const auto number = parse_number(*text);
  if (!number) return fail("/sys/" + name + " is no whole number");
  return *number;
}

std::vector<Source> find_sources(const Settings& settings, Files& files) {
  Collector out(settings);
  find_cpu(out, files);
  find_load(out, files);
  find_memory(out, files);
  find_mounts(out, settings, files);
  find_disk_io(out, settings, files);
  find_network(out, settings, files);
  find_temperatures(out, settings, files);
  find_throttling(out, settings, files);
  return std::move(out.found);
}

}  // namespace weir::driver_host
