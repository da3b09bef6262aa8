#include <autograd/autograd.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Dense linear algebra: what defines each result, gradients, edges.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;
using Doubles = std::vector<double>;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor leaf(const Array& array) { return ag::tensor(array); }

double largest(const Tensor& x) { return x.size() == 0 ? 0 : ag::max(ag::abs(ag::cast(x, ag::DType::float64))).item(); }

/// Random matrices that are far from singular.
Array regular(Random& random, const Shape& shape) {
  const int64_t rows = shape[shape.rank() - 1];
  Array noise = random_array<double>(random, shape, -0.5, 0.5);
  std::vector<double> values = noise.to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto place = static_cast<int64_t>(i);
    if (place % rows == place / rows % rows) values[i] += place % 2 == 0 ? 1.5 : -1.5;
  }
  return Array::from(values, shape);
}

/// A A^T + 1 / 2 is symmetric positive definite.
Tensor positive(const Tensor& a) {
  const int64_t n = a.shape()[a.rank() - 1];
  return ag::matmul(a, ag::transpose(a)) + 0.5 * ag::reshape(ag::one_hot(ag::arange(n), n, a.dtype()), {n, n});
}

Tensor unit(int64_t n) { return ag::one_hot(ag::arange(n), n, ag::DType::float64); }

/// By expansion along the first row.
double det_by_definition(const Doubles& a, size_t n) {
  if (n == 0) return 1;
  double result = 0;
  for (size_t skip = 0; skip < n; ++skip) {
    Doubles minor;
    for (size_t i = 1; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) {
        if (j != skip) minor.push_back(a[i * n + j]);
      }
    }
    result += (skip % 2 == 0 ? 1 : -1) * a[skip] * det_by_definition(minor, n - 1);
  }
  return result;
}

}  // namespace

TEST_CASE("Determinants, inverses and solutions of every size") {
  Random random(70);
  for (int64_t n : {0, 1, 2, 3, 4, 5, 6, 17}) {
    INFO(n << " rows");
    const Array a = regular(random, {3, 2, n, n}), b = random_array<double>(random, {3, 2, n, 5}, -1, 1);
    const ag::Step step;
    const Tensor inverse = ag::inverse(a);
    REQUIRE(inverse.shape() == a.shape());
    CHECK(largest(ag::matmul(a, inverse) - unit(n)) < 1e-13);
    CHECK(largest(ag::matmul(a, ag::solve(a, b)) - b) < 1e-13);
    const Tensor narrow = ag::solve(a.cast(ag::DType::float32), b.cast(ag::DType::float32));
    CHECK(narrow.dtype() == ag::DType::float32);
    CHECK(largest(ag::matmul(a, ag::cast(narrow, ag::DType::float64)) - b) < 2e-5);
    const Tensor det = ag::det(a);
    REQUIRE(det.shape() == Shape{3, 2});
    if (n > 6) continue;
    const auto values = a.values<double>();
    for (size_t i = 0; i < 6; ++i) {
      const auto size = static_cast<size_t>(n * n);
      const Doubles matrix(values.begin() + static_cast<int64_t>(i * size),
                           values.begin() + static_cast<int64_t>((i + 1) * size));
      CHECK(det.values<double>()[i] == Approx(det_by_definition(matrix, static_cast<size_t>(n))).epsilon(1e-12));
    }
  }
}

TEST_CASE("Rows are exchanged where a pivot is 0") {
  const ag::Step step;
  for (int64_t n : {2, 3, 4, 5, 8}) {
    const Tensor turned = ag::roll(unit(n), 1, 0) * 2;  // a cycle of n rows
    CHECK(ag::det(turned).item() == Approx((n % 2 == 0 ? -1 : 1) * std::pow(2.0, static_cast<double>(n))));
    CHECK(largest(ag::inverse(turned) - ag::transpose(turned) / 4) == 0);
  }
}

TEST_CASE("Matrices and right-hand sides broadcast") {
  Random random(71);
  const ag::Step step;
  for (int64_t n : {3, 5}) {
    const Tensor one = leaf(regular(random, {n, n})), many = leaf(regular(random, {4, 1, n, n}));
    const Tensor vector = leaf(random_array<double>(random, {n}, -1, 1));
    const Tensor sides = leaf(random_array<double>(random, {2, n, 3}, -1, 1));
    CHECK(ag::solve(one, vector).shape() == Shape{n});
    CHECK(largest(ag::matmul(one, ag::expand_dims(ag::solve(one, vector), 1)) - ag::expand_dims(vector, 1)) < 1e-13);
    CHECK(ag::solve(many, vector).shape() == Shape{4, 1, n});
    CHECK(ag::solve(one, sides).shape() == Shape{2, n, 3});
    CHECK(largest(ag::matmul(one, ag::solve(one, sides)) - sides) < 1e-13);
    CHECK(ag::solve(many, sides).shape() == Shape{4, 2, n, 3});
    CHECK(largest(ag::matmul(many, ag::solve(many, sides)) - sides) < 1e-13);
    CHECK(largest(ag::solve_triangular(many, sides) - ag::solve(ag::tril(many), sides)) < 1e-12);
  }
  CHECK(ag::solve(ag::zeros({0, 3, 3}), ag::zeros({3, 2})).shape() == Shape{0, 3, 2});
  CHECK(ag::solve(ag::zeros({0, 7, 7}), ag::zeros({7, 2})).shape() == Shape{0, 7, 2});
  CHECK(ag::solve(ag::zeros({7, 7}), ag::zeros({7, 0})).shape() == Shape{7, 0});
}

TEST_CASE("A singular matrix gives no finite inverse; NaN propagates") {
  const ag::Step step;
  for (int64_t n : {2, 3, 4, 6}) {
    INFO(n << " rows");
    const Tensor ones = leaf(ag::ones({n, n}, ag::DType::float64));
    CHECK(ag::det(ones).item() == 0);
    CHECK_FALSE(std::isfinite(ag::max(ag::abs(ag::inverse(ones))).item()));
    CHECK_FALSE(std::isfinite(ag::max(ag::abs(ag::solve(ones, ag::ones({n}, ag::DType::float64)))).item()));
    const Tensor spoilt = ones * not_a_number;
    CHECK(std::isnan(ag::det(spoilt).item()));
    CHECK(std::isnan(ag::sum(ag::inverse(spoilt)).item()));
    CHECK(std::isnan(ag::sum(ag::cholesky(spoilt)).item()));
    CHECK(std::isnan(ag::sum(ag::eigh(spoilt).vectors).item()));
    CHECK(std::isnan(ag::sum(ag::svd(spoilt).s).item()));
  }
}

TEST_CASE("The gradient of a small determinant is the adjugate, of a singular matrix too") {
  const ag::Step step;
  for (int64_t n : {1, 2, 3, 4}) {
    const Tensor x = leaf(ag::zeros({n, n}, ag::DType::float64));
    CHECK(largest(ag::grad(ag::det(x), x)) == (n == 1 ? 1 : 0));
  }
  const Tensor x = leaf(Array::from(Doubles{1, 2, 2, 4}, {2, 2}));
  CHECK(ag::grad(ag::det(x), x).to_vector<double>() == Doubles{4, -2, -2, 1});
}

TEST_CASE("Gradients of determinants, inverses and solutions") {
  Random random(72);
  for (int64_t n : {1, 2, 3, 4, 5}) {
    const std::string rows = " of " + std::to_string(n) + " rows";
    const Array a = regular(random, {n, n}), b = random_array<double>(random, {n, 2}, -1, 1);
    check_gradients("det" + rows, [](Inputs x) { return ag::det(x[0]); }, {a});
    check_gradients("inverse" + rows, [](Inputs x) { return ag::inverse(x[0]); }, {a});
    check_gradients("solve" + rows, [](Inputs x) { return ag::solve(x[0], x[1]); }, {a, b});
  }
  for (int64_t n : {2, 5}) {
    check_gradients("a batch", [](Inputs x) { return ag::solve(x[0], x[1]) * ag::expand_dims(ag::det(x[0]), -1); },
                    {regular(random, {2, n, n}), random_array<double>(random, {n}, -1, 1)});
    check_gradients("one matrix for many", [](Inputs x) { return ag::solve(x[0], x[1]); },
                    {regular(random, {n, n}), random_array<double>(random, {2, n, 1}, -1, 1)});
  }
  check_gradients("of nothing", [](Inputs x) { return ag::det(x[0]) + ag::sum(ag::inverse(x[0])); },
                  {ag::zeros({2, 0, 0}, ag::DType::float64)});
}

TEST_CASE("Triangular solutions read one triangle") {
  Random random(73);
  for (bool lower : {false, true}) {
    for (bool transpose : {false, true}) {
      for (bool unit_diagonal : {false, true}) {
        INFO("lower " << lower << ", transpose " << transpose << ", unit diagonal " << unit_diagonal);
        const ag::TriangularOptions options{lower, transpose, unit_diagonal};
        const Array a = regular(random, {2, 4, 4}), b = random_array<double>(random, {2, 4, 3}, -1, 1);
        {
          const ag::Step step;
          Tensor t = lower ? ag::tril(a) : ag::triu(a);
          if (unit_diagonal) t = (lower ? ag::tril(a, -1) : ag::triu(a, 1)) + unit(4);
          if (transpose) t = ag::transpose(t);
          CHECK(largest(ag::matmul(t, ag::solve_triangular(a, b, options)) - b) < 1e-13);
          const Tensor unread = lower ? ag::triu(ag::ones({4, 4}, ag::DType::float64), 1)
                                      : ag::tril(ag::ones({4, 4}, ag::DType::float64), -1);
          const Tensor spoilt = ag::where(unread > 0, not_a_number, leaf(a));
          CHECK(largest(ag::solve_triangular(spoilt, b, options) - ag::solve_triangular(a, b, options)) == 0);
        }
        check_gradients("solve_triangular", [&](Inputs x) { return ag::solve_triangular(x[0], x[1], options); },
                        {regular(random, {3, 3}), random_array<double>(random, {3, 2}, -1, 1)});
      }
    }
  }
}

TEST_CASE("Cholesky factors") {
  Random random(74);
  for (int64_t n : {0, 1, 2, 5, 40}) {
    const Array noise = random_array<double>(random, {2, n, n}, -1, 1);
    const ag::Step step;
    const Tensor a = positive(leaf(noise)), l = ag::cholesky(a);
    CHECK(largest(ag::matmul(l, ag::transpose(l)) - a) <= 1e-13 * static_cast<double>(n));
    CHECK(largest(ag::triu(l, 1)) == 0);
    CHECK(largest(ag::cholesky(ag::tril(a) * 2 - a * unit(n)) - l) < 1e-14);  // the symmetric part
    const Tensor b = leaf(random_array<double>(random, {n, 3}, -1, 1));
    CHECK(largest(ag::matmul(a, ag::cholesky_solve(l, b)) - b) < 1e-11);
    const Tensor narrow = ag::cholesky(ag::cast(a, ag::DType::float32));
    CHECK(narrow.dtype() == ag::DType::float32);
    CHECK(largest(ag::cast(narrow, ag::DType::float64) - l) < 1e-4);
  }
  const ag::Step step;
  const Tensor bad = ag::stack({unit(3), unit(3), -unit(3), -unit(3)}, 0);
  CHECK_THROWS_WITH(ag::cholesky(bad).to_vector<double>(),
                    ContainsSubstring("cholesky: matrix 2 of 4 (recorded at linalg_test.cpp") &&
                        ContainsSubstring("not positive definite"));
  check_gradients("cholesky", [](Inputs x) { return ag::cholesky(positive(x[0])); },
                  {random_array<double>(random, {2, 3, 3}, -1, 1)});
  check_gradients("of the symmetric part", [](Inputs x) { return ag::cholesky(x[0] + 2 * unit(3)); },
                  {random_array<double>(random, {3, 3}, -0.5, 0.5)});
  check_gradients("cholesky_solve", [](Inputs x) { return ag::cholesky_solve(ag::cholesky(positive(x[0])), x[1]); },
                  {random_array<double>(random, {3, 3}, -1, 1), random_array<double>(random, {3}, -1, 1)});
}

TEST_CASE("Triangles and traces") {
  const ag::Step step;
  const Tensor x = ag::reshape(ag::arange(6), {2, 3}) + 1;
  using Integers = std::vector<int32_t>;
  CHECK(ag::tril(x).to_vector<int32_t>() == Integers{1, 0, 0, 4, 5, 0});
  CHECK(ag::tril(x, -1).to_vector<int32_t>() == Integers{0, 0, 0, 4, 0, 0});
  CHECK(ag::triu(x).to_vector<int32_t>() == Integers{1, 2, 3, 0, 5, 6});
  CHECK(ag::triu(x, 1).to_vector<int32_t>() == Integers{0, 2, 3, 0, 0, 6});
  CHECK(ag::triu(x, -9).to_vector<int32_t>() == ag::tril(x, 9).to_vector<int32_t>());
  CHECK(ag::trace(x).item() == 6);
  CHECK(ag::trace(ag::zeros({4, 0, 0})).to_vector<float>() == std::vector<float>(4, 0.F));
  CHECK_THROWS_AS(ag::tril(ag::arange(3)), ag::ShapeError);
  Random random(75);
  check_gradients("parts", [](Inputs y) { return ag::sum(ag::trace(ag::tril(ag::square(y[0]), 1))) * ag::triu(y[0]); },
                  {random_array<double>(random, {2, 3, 3}, -1, 1)});
}

TEST_CASE("What is no matrix is an error") {
  const ag::Step step;
  const Tensor wide = leaf(ag::zeros({2, 3})), square = leaf(ag::zeros({3, 3}));
  CHECK_THROWS_WITH(ag::det(wide), ContainsSubstring("det: [2, 3] given; expected [..., n, n]"));
  CHECK_THROWS_AS(ag::inverse(ag::zeros({3})), ag::ShapeError);
  CHECK_THROWS_AS(ag::cholesky(wide), ag::ShapeError);
  CHECK_THROWS_AS(ag::eigh(wide), ag::ShapeError);
  CHECK_THROWS_AS(ag::svd(ag::zeros({3})), ag::ShapeError);
  CHECK_THROWS_WITH(ag::solve(square, ag::zeros({2})), ContainsSubstring("solve: right-hand side [2] for [3, 3]"));
  CHECK_THROWS_AS(ag::solve(square, Array::scalar(1.F)), ag::ShapeError);
  CHECK_THROWS_AS(ag::solve(ag::zeros({2, 3, 3}), ag::zeros({4, 3, 1})), ag::ShapeError);
  CHECK_THROWS_AS(ag::solve(ag::zeros({2, 5, 5}), ag::zeros({4, 5, 1})), ag::ShapeError);
  CHECK_THROWS_AS(ag::solve_triangular(square, ag::zeros({3}, ag::DType::float64)), ag::DTypeError);
  CHECK_THROWS_AS(ag::det(ag::zeros({2, 2}, ag::DType::int32)), ag::DTypeError);
}
