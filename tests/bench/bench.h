#pragma once

#include <autograd/autograd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

// What the rows of the speed bench share: inputs, clocks, and the comparison of the engine with a loop.

namespace bench {

namespace ag = autograd;

/// A work written by hand: from inputs to outputs; the first input has `count` elements, in rows of `lanes`.
using Loop = void(const float* const* inputs, float* const* outputs, long count, long lanes);

/// Memory for a baseline's results, aligned like the engine's.
class Floats {
 public:
  explicit Floats(int64_t count) : count_(static_cast<size_t>(count)) {
    data_.reset(static_cast<float*>(std::aligned_alloc(64, (count_ * sizeof(float) + 63) / 64 * 64)));
  }
  float* data() const { return data_.get(); }
  std::span<const float> values() const { return {data_.get(), count_}; }

 private:
  size_t count_;
  std::unique_ptr<float, decltype(&std::free)> data_{nullptr, &std::free};
};

/// What time is taken by: the processor's time for this thread, which other programs on the machine spoil little, or
/// the time that passes, where several threads work.
enum class Clock : uint8_t { thread, wall };

/// Seconds since some moment.
double now(Clock clock);

/// Whether the environment keeps the engine from AVX-512, and baselines have to do without it too.
bool avx2_only();

/// One comparison of a row.
struct Detail {
  std::string name;
  double ratio;
  double engine_ns;         ///< an element
  double baseline_ns;       ///< an element
  double reference_ns = 0;  ///< the baseline on a Zen 5; 0: not known
  bool beside = false;      ///< not part of the row's figure
  std::array<const char*, 2> sides = {"engine", "by hand"};
};

struct Result {
  double value;
  std::string note = {};
  std::vector<Detail> details = {};
  std::string failure = {};  ///< what was asserted and is not so
};

/// The same work for the engine and by hand.
struct Work {
  std::string name;
  std::vector<ag::Array> inputs;
  std::vector<ag::Tensor> (*record)(std::span<const ag::Array> inputs);  ///< the outputs
  Loop* baseline = nullptr;
  double reference_ns = 0;
  double elements = 0;  ///< that times are divided by; 0: those of the first input
  bool beside = false;
};

/// Ratio of the times of two doings of one work, one after the other: median of 15, or of fewer, but at least 5, where
/// they take longer than four seconds.
Detail compare(const std::string& name, double elements, const std::function<void()>& engine,
               const std::function<void()>& baseline, Clock clock = Clock::thread);

/// compare() for the engine (a Step with recording, evaluation, reading) and the baseline. Throws std::runtime_error
/// where their results differ.
Detail compare(const Work& work);

/// compare() for the engine on two threads and on one.
Detail compare_threads(const Work& work);

/// Throws std::runtime_error where weighted sums of the elements differ by more than rounding.
void check_equal(const std::string& name, size_t output, std::span<const float> engine,
                 std::span<const float> baseline);

/// The worst ratio of the works.
Result worst(const std::vector<Work>& works);

/// Memory that the engine needs for the work, in bytes, beside its inputs.
int64_t peak_bytes(const Work& work);

/// float32 from [low, high), the same in every run.
ag::Array uniform(const ag::Shape& shape, float low, float high, uint32_t seed);

double median(std::vector<double> values);

/// Seconds that `run` takes.
template <class Run>
double seconds(Run&& run, Clock clock = Clock::thread) {
  const double start = now(clock);
  run();
  return now(clock) - start;
}

}  // namespace bench
