#include <fmt/format.h>
#include <tests/bench/bench.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string_view>

namespace bench {

namespace {

constexpr size_t most_pairs = 15, fewest_pairs = 5;
constexpr double shortest_sample = 1e-3, longest_row = 4;  // seconds; a shorter work is repeated
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

/// The baseline with memory for its results, which have the sizes of the engine's.
class Hand {
 public:
  explicit Hand(const Work& work) : loop_(work.baseline), count_(static_cast<long>(work.inputs[0].size())) {
    const ag::Shape& shape = work.inputs[0].shape();
    lanes_ = static_cast<long>(shape.rank() == 0 ? 1 : shape[shape.rank() - 1]);
    // Indices pass as what they are not; a loop that expects them knows.
    for (const ag::Array& input : work.inputs) inputs_.push_back(static_cast<const float*>(input.data()));
    const ag::Step step;
    for (const ag::Tensor& output : work.record(work.inputs)) {
      results_.emplace_back(output.size());
      outputs_.push_back(results_.back().data());
    }
  }
  void run() const { loop_(inputs_.data(), outputs_.data(), count_, lanes_); }
  std::span<const float> result(size_t i) const { return results_[i].values(); }

 private:
  Loop* loop_;
  long count_, lanes_;
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
  for (size_t i = 0; i < outputs.size(); ++i) check_equal(work.name, i, outputs[i].values<float>(), hand.result(i));
}

double elements(const Work& work) {
  return work.elements > 0 ? work.elements : static_cast<double>(work.inputs[0].size());
}

}  // namespace

double now(Clock clock) {
  timespec time;
  clock_gettime(clock == Clock::thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

bool avx2_only() {
  const char* backend = std::getenv("BACKLIGHT_BACKEND");
  return backend != nullptr && std::string_view(backend) == "avx2";
}

void check_equal(const std::string& name, size_t output, std::span<const float> engine,
                 std::span<const float> baseline) {
  const Checksum a(engine), b(baseline);
  const double tolerance = engine.size() == 1 ? scalar_tolerance : array_tolerance;
  // Written so that a NaN fails.
  if (std::abs(a.sum - b.sum) <= tolerance * b.magnitude) return;
  throw std::runtime_error(
      fmt::format("{}, output {}: the engine's checksum is {}, the baseline's {}", name, output, a.sum, b.sum));
}

Detail compare(const std::string& name, double elements, const std::function<void()>& engine,
               const std::function<void()>& baseline, Clock clock) {
  const int repeats = 1 + static_cast<int>(shortest_sample / seconds(baseline, clock));
  const auto repeated = [&](const std::function<void()>& run) {
    return seconds(
        [&] {
          for (int i = 0; i < repeats; ++i) run();
        },
        clock);
  };
  std::vector<double> ratios, engine_times, baseline_times;
  double total = 0;
  while (ratios.size() < fewest_pairs || (ratios.size() < most_pairs && total < longest_row)) {
    engine_times.push_back(repeated(engine));
    baseline_times.push_back(repeated(baseline));
    ratios.push_back(engine_times.back() / baseline_times.back());
    total += engine_times.back() + baseline_times.back();
  }
  const double to_ns = 1e9 / repeats / elements;
  return {name, median(ratios), median(engine_times) * to_ns, median(baseline_times) * to_ns};
}

Detail compare(const Work& work) {
  const Hand hand(work);
  hand.run();  // the first touch of the memory
  check_results(work, hand);
  Detail detail = compare(
      work.name, elements(work), [&] { run_engine(work); }, [&] { hand.run(); });
  detail.reference_ns = work.reference_ns;
  detail.beside = work.beside;
  return detail;
}

Detail compare_threads(const Work& work) {
  const auto run_with = [&](int threads) {
    return [&work, threads] {
      ag::set_threads(threads);
      run_engine(work);
    };
  };
  run_with(2)();  // starts the second
  Detail detail = compare(work.name, elements(work), run_with(2), run_with(1), Clock::wall);
  detail.sides = {"2 threads", "1 thread"};
  ag::set_threads(1);
  return detail;
}

Result worst(const std::vector<Work>& works) {
  Result result{.value = 0};
  for (const Work& work : works) {
    result.details.push_back(compare(work));
    if (!work.beside) result.value = std::max(result.value, result.details.back().ratio);
  }
  return result;
}

int64_t peak_bytes(const Work& work) {
  const ag::Step step;
  ag::evaluate(work.record(work.inputs));
  return ag::report().peak_bytes;
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
