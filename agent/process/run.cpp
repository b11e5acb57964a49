#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "process/process.h"

namespace weir::process {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostOutput = 1 << 20;

struct Run {
  explicit Run(const asio::any_io_executor& executor) : limit(executor) {}

  void add(std::vector<std::string>& lines, std::string_view line) {
    if (line.size() + 1 > room) return;
    room -= line.size() + 1;
    lines.emplace_back(line);
  }

  void finish(Result<Output> result) {
    process.reset();
    limit.cancel();
    if (done) std::exchange(done, nullptr)(std::move(result));
  }

  asio::steady_timer limit;
  std::unique_ptr<Process> process;
  std::size_t room = kMostOutput;
  Output output;
  std::function<void(Result<Output>)> done;
};

}  // namespace

void run(asio::any_io_executor executor, Command command, std::chrono::milliseconds most,
         std::function<void(Result<Output>)> done) {
  auto run = std::make_shared<Run>(executor);
  run->done = std::move(done);
  command.longest_line = kMostOutput;
  // Weak: the limit's handler is what keeps the run, so that it goes with the executor.
  const std::weak_ptr<Run> weak = run;
  auto started = Process::start(executor, command,
                                {.out =
                                     [weak](std::string_view line) {
                                       if (const auto self = weak.lock()) self->add(self->output.out, line);
                                     },
                                 .error =
                                     [weak](std::string_view line) {
                                       if (const auto self = weak.lock()) self->add(self->output.error, line);
                                     },
                                 .exited =
                                     [weak](Exit exit) {
                                       const auto self = weak.lock();
                                       if (!self) return;
                                       self->output.exit = exit;
                                       self->finish(std::move(self->output));
                                     }});
  if (!started) {
    asio::post(executor, [run, error = started.error()] { run->finish(std::unexpected(error)); });
    return;
  }
  run->process = std::move(*started);
  run->limit.expires_after(most);
  run->limit.async_wait([run, most, name = command.executable.string()](boost::system::error_code cancelled) {
    if (!cancelled) run->finish(fail(name + " took longer than " + to_text(most) + " and was killed"));
  });
}

Result<Output> run(Command command, std::chrono::milliseconds most) {
  asio::io_context context;
  Result<Output> result = fail("did not run");
  run(context.get_executor(), std::move(command), most, [&](Result<Output> given) { result = std::move(given); });
  context.run();
  return result;
}

std::filesystem::path find_executable(std::string_view name, const std::vector<std::filesystem::path>& more) {
  std::vector<std::filesystem::path> folders;
  if (const char* path = std::getenv("PATH"); path != nullptr)
    for (const std::string_view folder : split(path, ':'))
      if (!folder.empty()) folders.emplace_back(folder);
  folders.insert(folders.end(), more.begin(), more.end());
  for (const std::filesystem::path& folder : folders) {
    std::filesystem::path candidate = folder / name;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(candidate, ignored) && ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return {};
}

}  // namespace weir::process
