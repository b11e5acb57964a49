#include "cli/test_report.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/text.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMostRows = 20;  // of one test
constexpr std::string_view kGap = "  ";

std::string milliseconds(Nanoseconds time) {
  char text[40];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(time) / 1e6);
  return text;
}

struct Line {
  std::string place, expected, actual;
};

// Blanks up to where the two texts part, and a mark there.
std::string mark_where_they_part(std::string_view expected, std::string_view actual) {
  const auto parted = std::ranges::mismatch(expected, actual).in2 - actual.begin();
  return std::string(width(actual.substr(0, static_cast<std::size_t>(parted))), ' ') + "^";
}

std::vector<Line> lines_of(const rule_test::Row& row, std::size_t time_width) {
  const auto side = [&](const rule_test::Row::Side& of) {
    return of.time + std::string(time_width - width(of.time), ' ') + std::string(kGap) + printable(of.what);
  };
  std::vector<Line> out{
      {row.position.line > 0 ? std::to_string(row.position.line) : "", side(row.expected), side(row.actual)}};
  const std::string indent(time_width + kGap.size(), ' ');
  for (const auto& [key, expected, actual] : row.differences) {
    const std::string wanted = key + " " + printable(expected), got = key + " " + printable(actual);
    out.push_back({"", indent + wanted, indent + got});
    if (key == "message") out.push_back({"", "", indent + mark_where_they_part(wanted, got)});
  }
  return out;
}

std::vector<Line> table_of(const rule_test::Verdict& verdict) {
  std::size_t time_width = 0;
  for (const rule_test::Row& row : verdict.rows)
    time_width = std::max({time_width, width(row.expected.time), width(row.actual.time)});
  std::vector<Line> out{{"line", "expected", "actual"}};
  for (std::size_t i = 0; i < std::min(verdict.rows.size(), kMostRows); ++i)
    for (Line& line : lines_of(verdict.rows[i], time_width)) out.push_back(std::move(line));
  return out;
}

std::string text_of(const std::vector<Line>& lines, std::size_t columns, const Paint& paint) {
  std::size_t place = 0, expected = 0, actual = 0;
  for (const Line& line : lines) {
    place = std::max(place, width(line.place));
    expected = std::max(expected, width(line.expected));
    actual = std::max(actual, width(line.actual));
  }
  const std::string indent(4, ' ');
  const bool fits = indent.size() + place + expected + actual + 2 * kGap.size() + 1 <= columns;
  std::string out;
  const auto put = [&](std::string text, Colour colour) {
    text.erase(text.find_last_not_of(' ') + 1);
    if (!text.empty()) out += paint(colour, text) + "\n";
  };
  for (const Line& line : lines) {
    const bool heading = &line == &lines.front();
    const std::string start = indent + line.place + std::string(place - width(line.place), ' ') + std::string(kGap);
    const std::string beside = std::string(expected - width(line.expected), ' ') + " " + std::string(kGap);
    if (fits) {
      put(start + line.expected + beside + line.actual, heading ? Colour::dim : Colour::none);
    } else if (!heading) {
      const std::string again(width(start), ' ');
      if (!line.expected.empty()) put(start + "expected  " + line.expected, Colour::none);
      put(again + (line.expected.empty() ? "          " : "actual    ") + line.actual, Colour::none);
    }
  }
  return out;
}

std::string failure_text(const TestRun& run, std::size_t columns, const Paint& paint) {
  std::string out = text_of(table_of(run.verdict), columns, paint);
  if (run.verdict.rows.size() > kMostRows)
    out += "    and " + std::to_string(run.verdict.rows.size() - kMostRows) + " more\n";
  for (const std::string& note : run.notes) out += "    " + printable(note) + "\n";
  return out;
}

// Character data and attributes of XML 1.0, which lacks most control characters.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : to_utf8(text)) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') out += "\xEF\xBF\xBD";
    else out += c;
  }
  return out;
}

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + escaped(value) + "\"";
}

std::string seconds(Nanoseconds time) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>(time) / 1e9);
  return text;
}

struct Count {
  std::size_t tests = 0, failed = 0, unread = 0;
  Nanoseconds took = 0;
};

Count count(const FileRun& file) {
  Count out;
  out.tests = file.tests.size();
  out.unread = file.errors.empty() ? 0 : 1;
  for (const TestRun& run : file.tests) {
    out.failed += run.verdict.passed() ? 0 : 1;
    out.took += run.took;
  }
  return out;
}

Count count(const std::vector<FileRun>& files) {
  return std::accumulate(files.begin(), files.end(), Count{}, [](Count sum, const FileRun& file) {
    const Count one = count(file);
    return Count{sum.tests + one.tests, sum.failed + one.failed, sum.unread + one.unread, sum.took + one.took};
  });
}

std::string counts_as_attributes(const Count& of) {
  return attribute("tests", std::to_string(of.tests + of.unread)) + attribute("failures", std::to_string(of.failed)) +
         attribute("errors", std::to_string(of.unread)) + attribute("time", seconds(of.took));
}

std::string testcase(const FileRun& file, const TestRun& run) {
  std::string out = "    <testcase" + attribute("name", run.name) + attribute("classname", file.file) +
                    attribute("file", file.file) + attribute("line", std::to_string(run.line)) +
                    attribute("time", seconds(run.took));
  if (run.verdict.passed()) return out + "/>\n";
  const std::size_t wrong = run.verdict.rows.size();
  return out + ">\n      <failure" + attribute("message", count_text(wrong, "difference")) + ">" +
         escaped(failure_text(run, 120, Paint())) + "</failure>\n    </testcase>\n";
}

}  // namespace

std::string report(const std::string& file, const TestRun& run, std::size_t columns, const Paint& paint) {
  const bool fine = run.verdict.passed();
  std::string out = paint(fine ? Colour::green : Colour::red, fine ? "ok  " : "FAIL") + std::string(kGap) +
                    printable(file) + ":" + std::to_string(run.line) + ": " + printable(run.name) +
                    std::string(kGap) + paint(Colour::dim, milliseconds(run.took)) + "\n";
  return fine ? out : out + failure_text(run, columns, paint);
}

std::string summary(const std::vector<FileRun>& files) {
  const Count all = count(files);
  std::string out = count_text(all.tests, "test") + " in " + count_text(files.size(), "file") + ", ";
  out += all.failed > 0 ? std::to_string(all.failed) + " failed" : all.unread > 0 ? "none failed" : "all passed";
  if (all.unread > 0) out += ", " + count_text(all.unread, "file") + " with errors";
  return out + ", " + milliseconds(all.took);
}

bool passed(const std::vector<FileRun>& files) {
  const Count all = count(files);
  return all.failed == 0 && all.unread == 0;
}

std::string junit(const std::vector<FileRun>& files) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + counts_as_attributes(count(files)) + ">\n";
  for (const FileRun& file : files) {
    out += "  <testsuite" + attribute("name", file.file) + counts_as_attributes(count(file)) + ">\n";
    if (!file.errors.empty())
      out += "    <testcase" + attribute("name", "the file") + attribute("classname", file.file) + ">\n      <error" +
             attribute("message", "it has errors") + ">" + escaped(file.errors) + "</error>\n    </testcase>\n";
    for (const TestRun& run : file.tests) out += testcase(file, run);
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace weir::cli
