#include <autograd/autograd.h>

#include <limits>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::SparseCholesky;
using ag::SparseEntry;
using ag::SparsePattern;
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
  CHECK_THROWS_WITH(SparseCholesky(-1, {}), ContainsSubstring("-1 rows"));
  CHECK_THROWS_AS(SparseCholesky(-1, {}), ag::ValueError);
  CHECK(SparseCholesky(0, {}).size() == 0);
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

// A matrix whose values are a tensor ---------------------------------------------------------------------------------

namespace {

/// [4, 3] with an empty row, an empty column, and a position that stands twice.
const std::vector<int32_t> starts{0, 2, 2, 5, 6}, indices{2, 0, 0, 2, 2, 2};
const Array places = Array::of({0 * 3 + 2, 0 * 3 + 0, 2 * 3 + 0, 2 * 3 + 2, 2 * 3 + 2, 3 * 3 + 2});

Tensor dense(const Tensor& values) { return ag::reshape(ag::scatter_add(values, places, 12), {4, 3}); }

/// The pattern of a system's matrix, with a position that stands twice, and its values.
ag::SparseMatrix compressed(const System& system, bool lower_only) {
  std::vector<int32_t> row_starts{0}, columns;
  std::vector<double> values;
  for (int32_t i = 0; i < system.size; ++i) {
    for (int32_t j = 0; j < system.size; ++j) {
      const double value = system.dense[static_cast<size_t>(i * system.size + j)];
      if (value == 0 || (lower_only && j > i)) continue;
      for (int part = 0; part < (i == j + 1 ? 2 : 1); ++part) {
        columns.push_back(j);
        values.push_back(i == j + 1 ? value / 2 : value);
      }
    }
    row_starts.push_back(static_cast<int32_t>(columns.size()));
  }
  const auto count = static_cast<int64_t>(values.size());
  return {SparsePattern(system.size, system.size, row_starts, columns), Array::from(values, {count})};
}

}  // namespace

TEST_CASE("A sparse product agrees with a dense one") {
  const SparsePattern pattern(4, 3, starts, indices);
  CHECK((pattern.rows() == 4 && pattern.columns() == 3 && pattern.entries() == 6));
  Random random(90);
  const Array values = random_array<double>(random, {6}, -1, 1), x = random_array<double>(random, {3, 5}, -1, 1);
  const ag::Step step;
  const Tensor expected = ag::matmul(dense(ag::tensor(values)), x);
  const Tensor product = ag::sparse_matmul(pattern, values, x);
  CHECK(product.shape() == Shape{4, 5});
  CHECK(ag::max(ag::abs(product - expected)).item() < 1e-15);
  const Tensor one = ag::sparse_matmul(pattern, values, ag::select(x, 1, 2));
  CHECK(one.shape() == Shape{4});
  CHECK(same_values(one.values<double>(), ag::select(product, 1, 2).values<double>()));
  const Tensor narrow = ag::sparse_matmul(pattern, values.cast(ag::DType::float32), x.cast(ag::DType::float32));
  CHECK(ag::max(ag::abs(ag::cast(narrow, ag::DType::float64) - expected)).item() < 1e-6);
}

TEST_CASE("A sparse product of many rows gives the same bits for any number of threads") {
  Random random(91);
  std::vector<SparseEntry> entries;
  for (int i = 0; i < 200000; ++i) {
    entries.push_back(
        {static_cast<int32_t>(random.below(20000)), static_cast<int32_t>(random.below(5000)), random.uniform(-1, 1)});
  }
  const ag::SparseMatrix a = ag::sparse_matrix(20000, 5000, entries);
  const Array x = random_array<float>(random, {5000, 3}, -1, 1);
  std::vector<std::vector<float>> results;
  for (int count : {1, 3}) {
    const Threads threads(count);
    const ag::Step step;
    const Tensor variable = ag::tensor(x);
    const Tensor product = ag::sparse_matmul(a.pattern, a.values, variable);
    results.push_back(ag::grad(ag::sum(product * product), variable).to_vector<float>());
  }
  CHECK(same_values(results[0], results[1]));
}

TEST_CASE("Gradients of a sparse product") {
  const SparsePattern pattern(4, 3, starts, indices);
  Random random(92);
  for (const Shape& shape : {Shape{3}, Shape{3, 2}, Shape{3, 0}}) {
    check_gradients("sparse_matmul",
                    [&](std::span<const Tensor> x) { return ag::square(ag::sparse_matmul(pattern, x[0], x[1])); },
                    {random_array<double>(random, {6}, -1, 1), random_array<double>(random, shape, -1, 1)});
  }
  const SparsePattern nothing(2, 0, std::vector<int32_t>{0, 0, 0}, {});
  const ag::Step step;
  CHECK(ag::sparse_matmul(nothing, ag::zeros({0}), ag::zeros({0})).to_vector<float>() == std::vector<float>{0, 0});
}

TEST_CASE("Entries in any order make a sparse matrix") {
  const ag::SparseMatrix a = ag::sparse_matrix(
      2, 3, std::vector<SparseEntry>{{1, 2, 5}, {0, 1, 2}, {1, 0, 3}, {0, 1, 0.5}}, ag::DType::float64);
  CHECK(a.pattern.entries() == 3);
  CHECK(a.values.to_vector<double>() == std::vector<double>{2.5, 3, 5});
  const ag::Step step;
  CHECK(ag::sparse_matmul(a.pattern, a.values, Array::of({1.0, 10.0, 100.0})).to_vector<double>() ==
        std::vector<double>{25, 503});
  CHECK_THROWS_WITH(ag::sparse_matrix(2, 3, std::vector<SparseEntry>{{0, 3, 1}}),
                    ContainsSubstring("sparse_matrix: entry (0, 3) of a matrix [2, 3]"));
  CHECK_THROWS_AS(ag::sparse_matrix(2, 3, std::vector<SparseEntry>{{-1, 0, 1}}), ag::ValueError);
}

TEST_CASE("A sparse pattern that is none, and operands that do not fit") {
  const auto make = [](std::vector<int32_t> from, std::vector<int32_t> columns) {
    return SparsePattern(2, 2, from, columns);
  };
  CHECK_THROWS_WITH(make({0, 1}, {0}), ContainsSubstring("SparsePattern: 2 starts for 2 rows"));
  CHECK_THROWS_AS(make({0, 2, 1}, {0}), ag::ValueError);
  CHECK_THROWS_AS(make({0, 1, 1}, {0, 1}), ag::ValueError);
  CHECK_THROWS_WITH(make({0, 1, 2}, {0, 2}), ContainsSubstring("column 2 of a matrix with 2 columns"));
  CHECK_THROWS_AS(make({0, 1, 2}, {0, -1}), ag::ValueError);
  const SparsePattern pattern(4, 3, starts, indices);
  const ag::Step step;
  CHECK_THROWS_WITH(ag::sparse_matmul(pattern, ag::zeros({6}), ag::zeros({4})),
                    ContainsSubstring("values [6] and x [4]; expected [6], and [3] or [3, *]"));
  CHECK_THROWS_AS(ag::sparse_matmul(pattern, ag::zeros({5}), ag::zeros({3})), ag::ShapeError);
  CHECK_THROWS_AS(ag::sparse_matmul(pattern, ag::zeros({6}), ag::zeros({3}, ag::DType::float64)), ag::DTypeError);
  CHECK_THROWS_WITH(ag::solve(pattern, ag::zeros({6}), ag::zeros({4})), ContainsSubstring("a sparse matrix [4, 3]"));
}

TEST_CASE("A sparse matrix of a tensor's values is solved as a constant one is") {
  for (int32_t size : {1, 2, 9, 40}) {
    const System system(size, static_cast<uint64_t>(size));
    const SparseCholesky cholesky(size, system.entries);
    Random random(93);
    const Array b = random_array<double>(random, {size, 4}, -1, 1);
    const ag::Step step;
    const std::vector<double> expected = ag::solve(cholesky, b).to_vector<double>();
    for (bool lower_only : {false, true}) {
      const ag::SparseMatrix a = compressed(system, lower_only);
      const std::vector<double> x = ag::solve(a.pattern, a.values, b).to_vector<double>();
      for (size_t i = 0; i < x.size(); ++i) CHECK(x[i] == Approx(expected[i]).epsilon(1e-10));
      const Tensor narrow = ag::solve(a.pattern, a.values.cast(ag::DType::float32), b.cast(ag::DType::float32));
      const std::vector<float> rough = narrow.to_vector<float>();
      for (size_t i = 0; i < x.size(); ++i) CHECK(static_cast<double>(rough[i]) == Approx(x[i]).margin(1e-7));
    }
  }
}

TEST_CASE("Gradients of a sparse solve to the matrix") {
  const System system(5, 47);
  Random random(94);
  for (bool lower_only : {false, true}) {
    const ag::SparseMatrix a = compressed(system, lower_only);
    for (const Shape& shape : {Shape{5}, Shape{5, 3}}) {
      check_gradients("solve", [&](std::span<const Tensor> x) { return 100 * ag::solve(a.pattern, x[0], x[1]); },
                      {a.values, random_array<double>(random, shape, 1, 2)});
    }
  }
}

TEST_CASE("A sparse matrix of a tensor's values that is not positive definite is refused when it is solved") {
  const SparsePattern pattern(2, 2, std::vector<int32_t>{0, 1, 3}, std::vector<int32_t>{0, 0, 1});
  const ag::Step step;
  const Tensor x = ag::solve(pattern, Array::of({1.0, 2.0, 1.0}), ag::ones({2}, ag::DType::float64));
  CHECK_THROWS_WITH(x.to_vector<double>(),
                    ContainsSubstring("recorded at sparse_test.cpp") && ContainsSubstring("not positive definite"));
  CHECK(ag::solve(pattern, Array::of({1.0, 0.5, 1.0}), Array::of({1.0, 2.0})).to_vector<double>()[1] == Approx(2));
  const SparsePattern nothing(0, 0, std::vector<int32_t>{0}, {});
  CHECK(ag::solve(nothing, ag::zeros({0}), ag::zeros({0, 2})).shape() == Shape{0, 2});
}
