#include <autograd/autograd.h>

#include <cfenv>
#include <cfloat>
#include <functional>
#include <vector>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "tests/autograd/support.h"
#include "tests/catch.h"

// What the caller has set in the floating-point unit changes no result, and is still set afterwards.

namespace ag = autograd;
using ag::Array;
using ag::Tensor;

namespace {

class Rounding {
 public:
  explicit Rounding(int mode) : saved_(std::fegetround()) { std::fesetround(mode); }
  ~Rounding() { std::fesetround(saved_); }
  Rounding(const Rounding&) = delete;
  Rounding& operator=(const Rounding&) = delete;

 private:
  int saved_;
};

/// Every kind of region: fused, gather, all reductions, scatter_add, matmul, a sparse solve, a custom loop.
std::vector<float> results(const Array& x, const Array& index, const ag::SparseCholesky& cholesky) {
  const ag::Step step;
  const Tensor y = ag::exp(x) / 3 + ag::sqrt(ag::abs(x)) * 0.1;
  const Tensor rows = ag::reshape(y, {300, 100});
  const Tensor tiny = ag::sum(x * 1e-38, 0);
  const std::vector<Tensor> all{y,
                                tiny * 0.01,
                                ag::sum(y),
                                ag::mean(rows, 0),
                                ag::sum(rows, 1),
                                ag::sum(ag::reshape(y, {30, 10, 100}), {0, 2}),
                                ag::scatter_add(y, index, 50),
                                ag::scatter_add(y * 1e-42, index, 50),
                                ag::flatten(ag::matmul(rows, ag::transpose(rows))),
                                ag::solve(cholesky, ag::slice(y, 0, {.stop = 4})),
                                ag::cast(x * 0.1, ag::DType::float32),
                                ag::cast(ag::cast(y, ag::DType::float64) / 3, ag::DType::float32)};
  ag::evaluate(all);
  std::vector<float> values;
  for (const Tensor& tensor : all)
    values.insert(values.end(), tensor.values<float>().begin(), tensor.values<float>().end());
  return values;
}

}  // namespace

TEST_CASE("The caller's rounding mode and flushing of denormals change nothing") {
  Random random(60);
  const Array x = random_array<float>(random, {30000}, -1, 1), index = random_array<int32_t>(random, {30000}, 0, 50);
  std::vector<ag::SparseEntry> entries;
  for (int32_t i = 0; i < 4; ++i) entries.push_back({i, i, 3.3}), entries.push_back({3, 0, 0.1});
  const ag::SparseCholesky cholesky(4, entries);
  for (int threads : {1, 3}) {
    const Threads scope(threads);
    const std::vector<float> expected = results(x, index, cholesky);
    for (int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      const Rounding rounding(mode);
      INFO("rounding mode " << mode << ", threads " << threads);
      CHECK(first_difference(results(x, index, cholesky), expected) == -1);
      CHECK(std::fegetround() == mode);
    }
#ifdef __SSE__
    const unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040);  // flush to zero, denormals are zero
    const std::vector<float> flushed = results(x, index, cholesky);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(saved);
    CHECK(first_difference(flushed, expected) == -1);
    CHECK((after & 0x8040) == 0x8040);
#endif
  }
}

TEST_CASE("An exception restores the caller's environment") {
  const Rounding rounding(FE_UPWARD);
  const ag::Step step;
  CHECK_THROWS_AS(ag::gather(ag::zeros({2}), Array::of({5})).values<float>(), ag::IndexError);
  CHECK_THROWS_AS((Array::of({1}) / Array::of({0})).values<int32_t>(), ag::ValueError);
  CHECK(std::fegetround() == FE_UPWARD);
}

TEST_CASE("parallel_for() runs every part in the default environment") {
  std::vector<double> rounded(64, 0), denormal(64, 0);
  const Threads threads(3);
  const volatile double one = 1, little = 1e-300, least = DBL_MIN;
  for (double cost : {1.0, 1e9}) {
    const Rounding rounding(FE_UPWARD);
#ifdef __SSE__
    const unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040);
#endif
    ag::parallel_for(64, cost, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        rounded[i] = one + little;
        denormal[i] = least * 0.5;
      }
    });
#ifdef __SSE__
    _mm_setcsr(saved);
#endif
    CHECK(rounded == std::vector<double>(64, 1));
    CHECK(denormal == std::vector<double>(64, DBL_MIN / 2));
  }
}
