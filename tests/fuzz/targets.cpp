#include <autograd/io/file.h>
#include <autograd/io/idx.h>
#include <autograd/io/npy.h>
#include <autograd/io/safetensors.h>
#include <tests/fuzz/targets.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

namespace fuzz {

namespace {

namespace ag = autograd;
using Bytes = std::span<const unsigned char>;

const std::string name = "some file";
constexpr uint64_t limit = 1 << 24;  // bytes that an archive may ask for

[[noreturn]] void fail(const char* what, const char* text) {
  std::fprintf(stderr, "fuzz: %s: %s\n", what, text);
  std::abort();
}

/// All elements are there.
void touch(const ag::Array& array) {
  if (array.bytes() < 0 || array.size() != array.shape().size())
    fail("a wrong size", array.shape().to_string().c_str());
  const auto* const elements = static_cast<const unsigned char*>(array.data());
  unsigned char sum = 0;
  for (int64_t i = 0; i < array.bytes(); ++i) sum = static_cast<unsigned char>(sum + elements[i]);
  [[maybe_unused]] const volatile unsigned char kept = sum;
}

template <class Read>
void run(Read&& read) {
  try {
    read();
  } catch (const ag::FileError& error) {
    const std::string text = error.what();
    if (!text.starts_with(name)) fail("no name in", error.what());
    const bool plain =
        std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
    if (!plain) fail("control characters in", error.what());
  } catch (const std::exception& error) {
    fail("no FileError", error.what());
  }
}

}  // namespace

const Target targets[4] = {
    {"npy", [](Bytes bytes) { run([&] { touch(ag::read_npy(bytes, name)); }); }},
    {"npz",
     [](Bytes bytes) {
       run([&] {
         for (const auto& [key, array] : ag::read_npz(bytes, name, limit)) touch(array);
       });
     }},
    {"safetensors",
     [](Bytes bytes) {
       run([&] {
         for (const auto& [key, array] : ag::read_safetensors(bytes, name).tensors) touch(array);
       });
     }},
    {"idx", [](Bytes bytes) { run([&] { touch(ag::read_idx(bytes, name)); }); }},
};

}  // namespace fuzz
