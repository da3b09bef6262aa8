#include <fmt/format.h>
#include <tests/bench/baselines.h>
#include <tests/bench/blas.h>
#include <tests/bench/rows.h>

#include <algorithm>

// Matrix products, as the fraction of the processor's peak: what a loop of as many multiplications with an addition,
// all in registers, takes beside them. Lines give nanoseconds of a thousand of them.

namespace bench {

namespace {

struct Case {
  const char* name;
  Gemm shape;
};

ag::Array factor(int64_t rows, int64_t columns, bool transposed, uint32_t seed) {
  return transposed ? uniform({columns, rows}, -1, 1, seed) : uniform({rows, columns}, -1, 1, seed);
}

ag::Tensor in_place(const ag::Array& matrix, bool transposed) {
  return transposed ? ag::transpose(matrix) : ag::tensor(matrix);
}

class Product {
 public:
  explicit Product(const Case& work)
      : work_(work),
        multiply_adds_(work.shape.rows * work.shape.depth * work.shape.columns),
        a_(factor(work.shape.rows, work.shape.depth, work.shape.a_transposed, 1)),
        b_(factor(work.shape.depth, work.shape.columns, work.shape.b_transposed, 2)),
        c_(work.shape.rows * work.shape.columns) {}

  /// The engine first, then other libraries.
  std::vector<Detail> measure() const {
    std::vector<Detail> lines{fraction(work_.name, "engine", [this] { run_engine(); })};
    for (const Blas& library : other_libraries()) {
      const auto run = [&] { run_library(library); };
      run();
      check(library);
      lines.push_back(fraction(fmt::format("{} {}", work_.name, library.name), library.name, run));
      lines.back().beside = true;
    }
    return lines;
  }

 private:
  void run_engine() const {
    const ag::Step step;
    ag::evaluate({ag::matmul(in_place(a_, work_.shape.a_transposed), in_place(b_, work_.shape.b_transposed))});
  }

  void run_library(const Blas& library) const {
    library.multiply(work_.shape, a_.values<float>().data(), b_.values<float>().data(), c_.data());
  }

  void check(const Blas& library) const {
    const ag::Step step;
    const ag::Tensor product =
        ag::matmul(in_place(a_, work_.shape.a_transposed), in_place(b_, work_.shape.b_transposed));
    check_equal(fmt::format("{}, {}", work_.name, library.name), 0, product.values<float>(), c_.values());
  }

  Detail fraction(const std::string& name, const char* side, const std::function<void()>& run) const {
    const float numbers[] = {0.999f, 0.001f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const float* const in[] = {numbers};
    float sums[16];
    float* const out[] = {sums};
    // BACKLIGHT_BACKEND does not keep products from what the processor has.
    const auto peak = [&] { baseline::native_multiply_adds(in, out, static_cast<long>(multiply_adds_), 1); };
    Detail line = compare(name, static_cast<double>(multiply_adds_) / 1000, run, peak);
    line.ratio = 1 / line.ratio;
    line.sides = {side, "peak"};
    return line;
  }

  Case work_;
  int64_t multiply_adds_;
  ag::Array a_, b_;
  Floats c_;
};

Result least_fraction(std::initializer_list<Case> cases) {
  Result result{.value = 1};
  for (const Case& work : cases) {
    for (Detail& line : Product(work).measure()) {
      if (!line.beside) result.value = std::min(result.value, line.ratio);
      result.details.push_back(std::move(line));
    }
  }
  return result;
}

}  // namespace

Result gemm_worst() {
  return least_fraction({{"32x784 784x256", {32, 784, 256}},
                         {"its gradient to B", {784, 32, 256, true, false}},
                         {"its gradient to A", {32, 256, 784, false, true}},
                         {"128^3", {128, 128, 128}},
                         {"1024^3", {1024, 1024, 1024}}});
}

Result gemm_512() { return least_fraction({{"512^3", {512, 512, 512}}}); }

Result mlp_step_us() {
  constexpr int64_t batch = 32;
  constexpr int until_steady = 20, steps = 200;
  ag::Rng rng(1);
  const ag::Mlp model(rng, {784, 256, 128, 10}, ag::relu);
  ag::Sgd optimiser(model.parameters(), {.learning_rate = 0.01});
  const ag::Array images = uniform({batch, 784}, 0, 1, 1);
  const ag::Array labels = ag::Array::make<int32_t>({batch}, [](std::span<int32_t> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<int32_t>(i % 10);
  });
  const auto descend = [&] {
    const ag::Step step;
    optimiser.minimise(ag::cross_entropy(model(images), labels));
  };
  for (int i = 0; i < until_steady; ++i) descend();
  std::vector<double> times;
  for (int i = 0; i < steps; ++i) times.push_back(seconds(descend));
  return {median(times) * 1e6, fmt::format("{} passes over memory a step", ag::report().regions)};
}

}  // namespace bench
