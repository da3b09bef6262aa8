#include <autograd/autograd.h>
#include <autograd/io/idx.h>
#include <autograd/io/npy.h>
#include <autograd/io/safetensors.h>
#include <tests/fuzz/corpus.h>
#include <tests/fuzz/targets.h>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// A corpus run: the fuzzers' targets over their corpus and over deterministic mutations of it, under whatever
// sanitizers the tests are built with. tests/fuzz/run searches for longer, led by coverage.

namespace ag = autograd;

namespace {

/// Once or a few times: what headers take badly.
FileBytes mutated(Random& random, FileBytes bytes, const FileBytes& other) {
  const auto place = [&](size_t size) { return static_cast<std::ptrdiff_t>(random.below(static_cast<int64_t>(size))); };
  constexpr unsigned char extremes[] = {0, 1, 0x7f, 0x80, 0xff, '0', '9', '-', '(', '[', '{', '"', ','};
  for (int64_t round = 1 + random.below(4); round > 0; --round) {
    if (bytes.empty()) return other;
    const std::ptrdiff_t at = place(bytes.size()),
                         length = 1 + place(std::min<size_t>(bytes.size() - static_cast<size_t>(at), 8));
    const auto here = bytes.begin() + at;
    switch (random.below(7)) {
      case 0: *here = static_cast<unsigned char>(*here ^ 1 << random.below(8)); break;
      case 1: *here = extremes[random.below(std::ssize(extremes))]; break;
      case 2: std::fill_n(here, length, extremes[random.below(5)]); break;
      case 3: bytes.erase(here, here + length); break;
      case 4: bytes.insert(here, static_cast<size_t>(length), extremes[random.below(std::ssize(extremes))]); break;
      case 5: bytes.resize(static_cast<size_t>(at)); break;
      default: {  // goes on as another file
        const FileBytes tail(other.begin() + place(other.size() + 1), other.end());
        bytes.resize(static_cast<size_t>(at));
        bytes = bytes + tail;
      }
    }
  }
  return bytes;
}

void read(const std::string& format, const FileBytes& bytes) {
  if (format == "npy") ag::read_npy(bytes);
  if (format == "npz") ag::read_npz(bytes);
  if (format == "safetensors") ag::read_safetensors(bytes);
  if (format == "idx") ag::read_idx(bytes);
}

}  // namespace

TEST_CASE("Readers take their corpus, and refuse in words what was made of it") {
  constexpr int mutations = 300;  // of each file
  for (const fuzz::Target& target : fuzz::targets) {
    INFO(target.name);
    Random random(510);
    const std::vector<fuzz::Seed> seeds = fuzz::corpus(target.name);
    for (const fuzz::Seed& seed : seeds) {
      REQUIRE_NOTHROW(read(target.name, seed.file(seed.bytes)));
      for (int i = 0; i < mutations; ++i) {
        const fuzz::Seed& other = seeds[static_cast<size_t>(random.below(std::ssize(seeds)))];
        target.run(seed.file(mutated(random, seed.bytes, other.bytes)));
      }
    }
  }
}
