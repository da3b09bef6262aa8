#include <fmt/format.h>
#include <tests/bench/bench.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>
#include <string_view>

namespace bench {

namespace {

constexpr int pairs = 15;
constexpr double shortest_sample = 1e-3;  // seconds; a shorter work is repeated
// Relative, of a checksum. Rounding moves the mean of many elements little, but a single sum over 2^22 of them, which
// cancel, by 2e-5 when its order changes.
constexpr double array_tolerance = 1e-5, scalar_tolerance = 2e-4;

double read_volatile(const float& value) { return *static_cast<const volatile float*>(&value); }

/// Reads each output, as a user would to go on with it.
double run_engine(const Work& work) {
  const ag::Step step;
  const std::vector<ag::Tensor> outputs = work.record(work.inputs);
  ag::evaluate(outputs);
  double read = 0;
  for (const ag::Tensor& output : outputs) read += read_volatile(output.values<float>()[0]);
  return read;
}

/// Aligned like the engine's memory.
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

/// The baseline with memory for its results, which have the sizes of the engine's.
class Hand {
 public:
  explicit Hand(const Work& work) : loop_(work.baseline), count_(static_cast<long>(work.inputs[0].size())) {
    for (const ag::Array& input : work.inputs) inputs_.push_back(input.values<float>().data());
    const ag::Step step;
    for (const ag::Tensor& output : work.record(work.inputs)) {
      results_.emplace_back(output.size());
      outputs_.push_back(results_.back().data());
    }
  }
  void run() const { loop_(inputs_.data(), outputs_.data(), count_); }
  std::span<const float> result(size_t i) const { return results_[i].values(); }

 private:
  Loop* loop_;
  long count_;
  std::vector<const float*> inputs_;
  std::vector<Floats> results_;
  std::vector<float*> outputs_;
};

/// A sum in which each element has a weight of its own, so that exchanged elements show.
struct Checksum {
  explicit Checksum(std::span<const float> values) {
    for (size_t i = 0; i < values.size(); ++i) {
      const double weighted = static_cast<double>(values[i]) * (1 + static_cast<double>(i % 97) / 97);
      sum += weighted;
      magnitude += std::abs(weighted);
    }
  }
  double sum = 0, magnitude = 0;
};

void check_results(const Work& work, const Hand& hand) {
  const ag::Step step;
  const std::vector<ag::Tensor> outputs = work.record(work.inputs);
  ag::evaluate(outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Checksum engine(outputs[i].values<float>()), baseline(hand.result(i));
    const double tolerance = outputs[i].size() == 1 ? scalar_tolerance : array_tolerance;
    // Written so that a NaN fails.
    if (std::abs(engine.sum - baseline.sum) <= tolerance * baseline.magnitude) continue;
    throw std::runtime_error(fmt::format("{}, output {}: the engine's checksum is {}, the baseline's {}", work.name, i,
                                         engine.sum, baseline.sum));
  }
}

}  // namespace

bool avx2_only() {
  const char* backend = std::getenv("BACKLIGHT_BACKEND");
  return backend != nullptr && std::string_view(backend) == "avx2";
}

Detail compare(const Work& work) {
  const Hand hand(work);
  hand.run();  // the first touch of the memory
  check_results(work, hand);
  const int repeats = 1 + static_cast<int>(shortest_sample / seconds([&] { hand.run(); }));
  const auto repeated = [&](auto&& run) {
    return seconds([&] {
      for (int i = 0; i < repeats; ++i) run();
    });
  };
  std::vector<double> ratios, engine, baseline;
  for (int i = 0; i < pairs; ++i) {
    engine.push_back(repeated([&] { run_engine(work); }));
    baseline.push_back(repeated([&] { hand.run(); }));
    ratios.push_back(engine.back() / baseline.back());
  }
  const double to_ns = 1e9 / repeats / static_cast<double>(work.inputs[0].size());
  return {work.name, median(ratios), median(engine) * to_ns, median(baseline) * to_ns, work.reference_ns};
}

Result worst(const std::vector<Work>& works) {
  Result result{.value = 0};
  for (const Work& work : works) {
    result.details.push_back(compare(work));
    result.value = std::max(result.value, result.details.back().ratio);
  }
  return result;
}

ag::Array uniform(const ag::Shape& shape, float low, float high, uint32_t seed) {
  std::mt19937 bits(seed);
  return ag::Array::make<float>(shape, [&](std::span<float> out) {
    for (float& value : out) value = low + (high - low) * static_cast<float>(bits() >> 8) / 16777216.0f;
  });
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace bench
