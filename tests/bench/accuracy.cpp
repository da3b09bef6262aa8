#include "tests/autograd/accuracy.h"

#include <autograd/autograd.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

// The largest error of the float32 functions, of one argument over every float there is, of two over 2^30 pairs:
//
//   accuracy [function...]        all of them take an hour on one core, most of it in libm
//
// What it prints belongs into autograd/ir/maths.h. It ends with 1 if a bound is broken.

namespace {

using accuracy::Function;
using accuracy::Worst;

constexpr size_t chunk = size_t{1} << 22;

/// fill(x, y) gives the next chunk of arguments.
template <class Fill>
bool report(const Function& function, uint64_t chunks, Fill&& fill) {
  std::vector<float> x(chunk), y(chunk);
  Worst worst;
  for (uint64_t i = 0; i < chunks; ++i) {
    fill(i, x, y);
    const Worst here = accuracy::worst_of(function, x, y);
    if (here.error > worst.error) worst = here;
  }
  const bool kept = worst.error <= function.bound;
  fmt::print("{:8} | {:7.3f} | {:14.8g} | {:14.8g} | {}\n", function.name, worst.error, worst.x, worst.y,
             kept ? "" : fmt::format("more than {}", function.bound));
  std::fflush(stdout);
  return kept;
}

template <class Pair>
bool report_pairs(const Function& function, Pair&& random_pair) {
  Random random(1);
  return report(function, (uint64_t{1} << 30) / chunk, [&](uint64_t, std::vector<float>& x, std::vector<float>& y) {
    for (size_t i = 0; i < chunk; ++i) std::tie(x[i], y[i]) = random_pair(random);
  });
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> names(arguments + 1, arguments + count);
  const auto wanted = [&](const Function& function) {
    return names.empty() || std::find(names.begin(), names.end(), function.name) != names.end();
  };
  fmt::print("function | error   | at             | and            |\n");
  bool kept = true;
  for (const Function& function : accuracy::one_argument) {
    if (!wanted(function)) continue;
    kept &= report(function, (uint64_t{1} << 32) / chunk, [](uint64_t i, std::vector<float>& x, std::vector<float>& y) {
      for (size_t k = 0; k < chunk; ++k) x[k] = y[k] = std::bit_cast<float>(static_cast<uint32_t>(i * chunk + k));
    });
  }
  if (wanted(accuracy::pow)) kept &= report_pairs(accuracy::pow, accuracy::random_power);
  if (wanted(accuracy::atan2)) kept &= report_pairs(accuracy::atan2, accuracy::random_direction);
  return kept ? 0 : 1;
}
