#pragma once

#include <autograd/autograd.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

// What the rows of the speed bench share: inputs, clocks, and the comparison of the engine with a loop.

namespace bench {

namespace ag = autograd;

/// A work written by hand: from inputs to outputs, over `count` elements.
using Loop = void(const float* const* inputs, float* const* outputs, long count);

/// Whether the environment keeps the engine from AVX-512, and baselines have to do without it too.
bool avx2_only();

/// One comparison of a row.
struct Detail {
  std::string name;
  double ratio;
  double engine_ns;         ///< an element
  double baseline_ns;       ///< an element
  double reference_ns = 0;  ///< the baseline on a Zen 5; 0: not known
};

struct Result {
  double value;
  std::string note = {};
  std::vector<Detail> details = {};
};

/// The same work for the engine and by hand.
struct Work {
  std::string name;
  std::vector<ag::Array> inputs;
  std::vector<ag::Tensor> (*record)(std::span<const ag::Array> inputs);  ///< the outputs
  Loop* baseline;
  double reference_ns = 0;
};

/// Median of 15 ratios of the times of the engine (a Step with recording, evaluation, reading) and the baseline, one
/// after the other. Elements are those of the first input. Throws std::runtime_error where their results differ.
Detail compare(const Work& work);

/// The worst ratio of the works.
Result worst(const std::vector<Work>& works);

/// float32 from [low, high), the same in every run.
ag::Array uniform(const ag::Shape& shape, float low, float high, uint32_t seed);

double median(std::vector<double> values);

/// Seconds that `run` takes.
template <class Run>
double seconds(Run&& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace bench
