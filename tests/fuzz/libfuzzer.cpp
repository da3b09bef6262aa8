#include <tests/fuzz/corpus.h>
#include <tests/fuzz/targets.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

// libFuzzer's program for the format BACKLIGHT_FUZZ_TARGET. Where CORPUS is set in the environment, the files to begin
// with are written to that folder first.

namespace {

const fuzz::Target& target() {
  for (const fuzz::Target& each : fuzz::targets) {
    if (std::strcmp(each.name, BACKLIGHT_FUZZ_TARGET) == 0) return each;
  }
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const folder = std::getenv("CORPUS");
  if (folder == nullptr) return 0;
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const fuzz::Seed& seed : fuzz::corpus(target().name)) {
    const FileBytes file = seed.file(seed.bytes);
    std::ofstream out(std::filesystem::path(folder) / ("seed-" + std::to_string(number++)), std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  target().run({bytes, size});
  return 0;
}
