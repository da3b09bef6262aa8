#include <autograd/autograd.h>

#include <limits>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::SparseCholesky;
using ag::SparseEntry;
using ag::Tensor;

namespace {

/// A random sparse matrix that is symmetric and diagonally dominant, dense and as entries.
struct System {
  int32_t size;
  std::vector<double> dense;
  std::vector<SparseEntry> entries;

  System(int32_t rows, uint64_t seed) : size(rows), dense(static_cast<size_t>(rows) * static_cast<size_t>(rows), 0) {
    Random random(seed);
    for (int k = 0; k < 3 * size; ++k) {
      const auto i = static_cast<int32_t>(random.below(size)), j = static_cast<int32_t>(random.below(size));
      if (i == j) continue;
      const double value = random.uniform(-1, 1);
      add(i, j, value);
      add(j, i, value);
    }
    for (int32_t i = 0; i < size; ++i) add(i, i, 3.0 * size);
  }
  void add(int32_t row, int32_t column, double value) {
    dense[static_cast<size_t>(row * size + column)] += value;
    entries.push_back({row, column, value});
  }
};

/// Gaussian elimination of a matrix with a dominant diagonal.
std::vector<double> dense_solve(const System& system, std::vector<double> b, size_t columns) {
  std::vector<double> a = system.dense;
  const auto n = static_cast<size_t>(system.size);
  for (size_t pivot = 0; pivot < n; ++pivot) {
    for (size_t row = 0; row < n; ++row) {
      if (row == pivot) continue;
      const double factor = a[row * n + pivot] / a[pivot * n + pivot];
      for (size_t k = 0; k < n; ++k) a[row * n + k] -= factor * a[pivot * n + k];
      for (size_t k = 0; k < columns; ++k) b[row * columns + k] -= factor * b[pivot * columns + k];
    }
  }
  for (size_t row = 0; row < n; ++row) {
    for (size_t k = 0; k < columns; ++k) b[row * columns + k] /= a[row * n + row];
  }
  return b;
}

}  // namespace

TEST_CASE("A sparse solve agrees with a dense one") {
  for (int32_t size : {1, 2, 7, 40}) {
    const System system(size, static_cast<uint64_t>(size));
    const SparseCholesky cholesky(size, system.entries);
    CHECK(cholesky.size() == size);
    for (int64_t columns : {1, 2, 3, 4, 7}) {
      Random random(40);
      const Array b = random_array<double>(random, {size, columns}, -1, 1);
      const std::vector<double> expected = dense_solve(system, b.to_vector<double>(), static_cast<size_t>(columns));
      const ag::Step step;
      const std::vector<double> x = ag::solve(cholesky, b).to_vector<double>();
      const std::vector<float> narrow = ag::solve(cholesky, b.cast(ag::DType::float32)).to_vector<float>();
      REQUIRE(x.size() == expected.size());
      for (size_t i = 0; i < x.size(); ++i) {
        CHECK(x[i] == Approx(expected[i]).epsilon(1e-10).margin(1e-14));
        CHECK(static_cast<double>(narrow[i]) == Approx(expected[i]).epsilon(1e-5).margin(1e-7));
      }
    }
  }
}

TEST_CASE("Columns of a solve do not depend on each other") {
  const System system(30, 41);
  const SparseCholesky cholesky(30, system.entries);
  Random random(42);
  const Array b = random_array<double>(random, {30, 5}, -1, 1);
  const ag::Step step;
  const Tensor all = ag::solve(cholesky, b);
  for (int column = 0; column < 5; ++column) {
    const Tensor one = ag::solve(cholesky, ag::select(b, 1, column));
    CHECK(one.shape() == Shape{30});
    CHECK(same_values(ag::select(all, 1, column).values<double>(), one.values<double>()));
  }
}

TEST_CASE("Equal positions are added, and the lower triangle is enough") {
  const System system(12, 43);
  std::vector<SparseEntry> lower;
  for (const SparseEntry& entry : system.entries) {
    if (entry.row < entry.column) continue;
    lower.push_back({entry.row, entry.column, entry.value / 4});
    lower.push_back({entry.row, entry.column, entry.value * 3 / 4});
  }
  Random random(44);
  const Array b = random_array<double>(random, {12}, -1, 1);
  const ag::Step step;
  const std::vector<double> both = ag::solve(SparseCholesky(12, system.entries), b).to_vector<double>();
  const std::vector<double> halves = ag::solve(SparseCholesky(12, lower), b).to_vector<double>();
  for (size_t i = 0; i < both.size(); ++i) CHECK(halves[i] == Approx(both[i]).epsilon(1e-12));
}

TEST_CASE("Gradients of a sparse solve") {
  const System system(6, 45);
  const SparseCholesky cholesky(6, system.entries);
  Random random(46);
  for (const Shape& shape : {Shape{6}, Shape{6, 3}, Shape{6, 0}}) {
    const ag::GradcheckResult result =
        ag::gradcheck([&](std::span<const Tensor> x) { return ag::square(ag::solve(cholesky, ag::square(x[0]))); },
                      {random_array<double>(random, shape, 1, 2)});
    INFO(result.message);
    CHECK(result.passed);
  }
}

TEST_CASE("A matrix that cannot be factorised is refused") {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto make = [](std::vector<SparseEntry> entries) { return SparseCholesky(2, entries); };
  CHECK_THROWS_AS(make({{0, 0, 1}, {1, 1, -1}}), ag::ValueError);
  CHECK_THROWS_AS(make({{0, 0, 1}, {1, 0, 2}, {1, 1, 1}}), ag::ValueError);
  CHECK_THROWS_AS(make({{0, 0, 1}}), ag::ValueError);
  CHECK_THROWS_AS(make({}), ag::ValueError);
  CHECK_THROWS_WITH(make({{0, 0, 1}, {1, 1, 0}}), ContainsSubstring("not positive definite"));
  CHECK_THROWS_AS(make({{0, 0, 1}, {1, 1, infinity}}), ag::ValueError);
  CHECK_THROWS_WITH(make({{0, 0, 1}, {1, 1, infinity}}), ContainsSubstring("(1, 1)") && ContainsSubstring("finite"));
  CHECK_THROWS_AS(make({{0, 0, 1}, {2, 0, 1}}), ag::ValueError);
  CHECK_THROWS_AS(make({{0, -1, 1}}), ag::ValueError);
  CHECK_THROWS_WITH(make({{0, 2, 1}}), ContainsSubstring("(0, 2)") && ContainsSubstring("2 rows"));
}

TEST_CASE("A right-hand side that does not fit is refused") {
  const SparseCholesky cholesky(2, std::vector<SparseEntry>{{0, 0, 1}, {1, 1, 1}});
  const ag::Step step;
  CHECK_THROWS_AS(ag::solve(cholesky, ag::zeros({3})), ag::ShapeError);
  CHECK_THROWS_WITH(ag::solve(cholesky, ag::zeros({3})), ContainsSubstring("[3]") && ContainsSubstring("[2, *]"));
  CHECK_THROWS_AS(ag::solve(cholesky, ag::zeros({2, 1, 1})), ag::ShapeError);
  CHECK_THROWS_AS(ag::solve(cholesky, Array::scalar(1.0)), ag::ShapeError);
  CHECK_THROWS_AS(ag::solve(cholesky, Array::of({1, 2})), ag::DTypeError);
  CHECK_THROWS_WITH(ag::solve(cholesky, Array::of({1, 2})), ContainsSubstring("int32"));
}

TEST_CASE("A factorisation outlives its maker inside a Step") {
  const ag::Step step;
  Tensor x;
  {
    const SparseCholesky cholesky(2, std::vector<SparseEntry>{{0, 0, 4}, {1, 1, 2}});
    x = ag::solve(cholesky, Array::of({2.F, 3.F}));
  }
  CHECK(x.to_vector<float>() == std::vector<float>{0.5, 1.5});
}
