// Runs a fuzz target over files, each as it is, cut short at many places, and with single bytes changed:
// a corpus as a plain test, without a fuzzer.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t kVariants = 64;
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      run(input);
      const std::size_t step = input.size() / kVariants + 1;
      for (std::size_t at = 0; at < input.size(); at += step) {
        run(input.substr(0, at));
        std::string changed = input;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
        run(changed);
      }
      ++files;
    }
  std::printf("%zu files\n", files);
  return files > 0 ? 0 : 1;
}
