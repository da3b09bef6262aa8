#include <autograd/autograd.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Eigenvalues and singular values.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;
using Doubles = std::vector<double>;

namespace {

Tensor leaf(const Array& array) { return ag::tensor(array); }

double largest(const Tensor& x) { return x.size() == 0 ? 0 : ag::max(ag::abs(ag::cast(x, ag::DType::float64))).item(); }

Tensor unit(int64_t n) { return ag::one_hot(ag::arange(n), n, ag::DType::float64); }

bool is_ascending(const Tensor& x) {
  return ag::all(ag::slice(x, -1, {.stop = -1}) <= ag::slice(x, -1, {.start = 1})).item() == 1;
}

/// Whether the component of largest size of each column is positive.
bool points_up(const Tensor& columns) {
  const Tensor at = ag::argmax(ag::abs(columns), -2, {.keep = true});
  return ag::all(ag::take_along_axis(columns, at, -2) > 0).item() == 1;
}

bool is_finite(const Tensor& x) { return std::isfinite(ag::sum(x).item()); }

}  // namespace

TEST_CASE("Eigenvalues and eigenvectors") {
  Random random(80);
  for (int64_t n : {1, 2, 3, 6, 30}) {
    INFO(n << " rows");
    const Array noise = random_array<double>(random, {4, n, n}, -1, 1);
    const ag::Step step;
    const Tensor a = leaf(noise) + ag::transpose(noise);
    const auto [values, vectors] = ag::eigh(a);
    CHECK(values.shape() == Shape{4, n});
    CHECK(largest(ag::matmul(a, vectors) - vectors * ag::expand_dims(values, 1)) < 1e-13 * static_cast<double>(n));
    CHECK(largest(ag::matmul(ag::transpose(vectors), vectors) - unit(n)) < 1e-13);
    CHECK(is_ascending(values));
    CHECK(points_up(vectors));
    CHECK(ag::eigh(noise).values.to_vector<double>() == (values / 2).to_vector<double>());  // the symmetric part
    const auto narrow = ag::eigh(ag::cast(a, ag::DType::float32));
    CHECK(narrow.vectors.dtype() == ag::DType::float32);
    CHECK(largest(ag::cast(narrow.values, ag::DType::float64) - values) < 1e-5);
  }
  const ag::Step step;
  CHECK(ag::eigh(ag::zeros({2, 0, 0})).values.shape() == Shape{2, 0});
  CHECK(ag::eigh(ag::zeros({0, 3, 3})).vectors.shape() == Shape{0, 3, 3});
  const Tensor infinite = leaf(ag::full({2, 2}, std::numeric_limits<double>::infinity()));
  for (float value : ag::eigh(infinite).values.to_vector<float>()) CHECK(std::isnan(value));
}

TEST_CASE("Singular values") {
  Random random(81);
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{1, 1}, {3, 3}, {5, 2}, {2, 5}, {1, 4}, {20, 30}}) {
    INFO(m << " x " << n);
    const Array a = random_array<double>(random, {3, m, n}, -1, 1);
    const int64_t k = std::min(m, n);
    const ag::Step step;
    const auto [u, s, vt] = ag::svd(a);
    CHECK(u.shape() == Shape{3, m, k});
    CHECK(s.shape() == Shape{3, k});
    CHECK(vt.shape() == Shape{3, k, n});
    CHECK(largest(ag::matmul(u * ag::expand_dims(s, 1), vt) - a) < 1e-13);
    CHECK(largest(ag::matmul(ag::transpose(u), u) - unit(k)) < 1e-13);
    CHECK(largest(ag::matmul(vt, ag::transpose(vt)) - unit(k)) < 1e-13);
    CHECK(ag::min(s).item() >= 0);
    CHECK(is_ascending(-s));
    CHECK(points_up(u));
    const auto narrow = ag::svd(a.cast(ag::DType::float32));
    CHECK(narrow.s.dtype() == ag::DType::float32);
    CHECK(largest(ag::cast(narrow.s, ag::DType::float64) - s) < 1e-5);
  }
  const ag::Step step;
  CHECK(ag::svd(ag::zeros({2, 0, 3})).vt.shape() == Shape{2, 0, 3});
  CHECK(ag::svd(ag::zeros({3, 0})).u.shape() == Shape{3, 0});
  CHECK(ag::svd(ag::zeros({4, 2})).s.to_vector<float>() == std::vector<float>{0, 0});
}

TEST_CASE("Gradients of eigenvalues and eigenvectors") {
  Random random(82);
  for (int64_t n : {1, 2, 4}) {
    const std::vector<Array> inputs{random_array<double>(random, {2, n, n}, -1, 1)};
    check_gradients(
        "values", [](Inputs x) { return ag::eigh(x[0]).values; }, inputs);
    check_gradients(
        "vectors", [](Inputs x) { return ag::eigh(x[0]).vectors; }, inputs);
    check_gradients(
        "both",
        [](Inputs x) {
          const auto [values, vectors] = ag::eigh(x[0]);
          return ag::matmul(vectors * ag::expand_dims(ag::exp(values), 1), ag::transpose(vectors));
        },
        inputs);
  }
  check_gradients("nothing", [](Inputs x) { return ag::sum(ag::eigh(x[0]).vectors) + ag::sum(x[0]); },
                  {ag::zeros({2, 0, 0}, ag::DType::float64)});
}

TEST_CASE("Gradients of singular values and vectors") {
  Random random(83);
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{2, 2}, {3, 3}, {4, 2}, {2, 4}}) {
    INFO(m << " x " << n);
    const std::vector<Array> inputs{random_array<double>(random, {m, n}, -1, 1)};
    check_gradients(
        "u", [](Inputs x) { return ag::svd(x[0]).u; }, inputs);
    check_gradients(
        "s", [](Inputs x) { return ag::svd(x[0]).s; }, inputs);
    check_gradients(
        "vt", [](Inputs x) { return ag::svd(x[0]).vt; }, inputs);
    check_gradients(
        "all",
        [](Inputs x) {
          const auto [u, s, vt] = ag::svd(x[0]);
          return ag::matmul(u * ag::sqrt(s), vt);
        },
        inputs);
  }
}

TEST_CASE("Gradients of equal eigenvalues are right for the values, and finite for the vectors") {
  const ag::Step step;
  const Tensor x = leaf(Array::from(Doubles{2, 0, 0, 0, 2, 0, 0, 0, 5}, {3, 3}));
  const auto [values, vectors] = ag::eigh(x);
  const Tensor exponential = leaf(Array::of({std::exp(2.0), std::exp(2.0), std::exp(5.0)}));
  CHECK(largest(ag::grad(ag::sum(ag::exp(values)), x) - exponential * unit(3)) < 1e-12);
  const Tensor weights = leaf(Array::from(Doubles{1, 2, 3, 7, 4, 5, 8, 9, 6}, {3, 3}));
  const Tensor first = ag::grad(ag::sum(vectors * weights), x);
  CHECK(is_finite(first));
  CHECK(ag::select(ag::select(first, 0, 0), 0, 1).item() == 0);  // between the equal ones
  CHECK(ag::select(ag::select(first, 0, 0), 0, 2).item() != 0);
  CHECK(is_finite(ag::grad(ag::sum(first * weights), x)));
}

TEST_CASE("Gradients of equal and of zero singular values are finite") {
  for (const Doubles& diagonal : {Doubles{3, 3}, Doubles{3, 0}, Doubles{0, 0}}) {
    const ag::Step step;
    const Tensor x = leaf(Array::from(Doubles{diagonal[0], 0, 0, diagonal[1], 0, 0}, {3, 2}));
    const auto [u, s, vt] = ag::svd(x);
    const Tensor weights = leaf(Array::from(Doubles{1, 2, 3, 4, 5, 6}, {3, 2}));
    const Tensor first = ag::grad(ag::sum(u * weights) + ag::sum(s) + ag::sum(vt), x);
    CHECK(is_finite(first));
    CHECK(is_finite(ag::grad(ag::sum(first * weights), x)));
  }
}

TEST_CASE("Decompositions give the same bits for any number of threads") {
  Random random(84);
  const Array a = random_array<double>(random, {100, 5, 5}, -1, 1);
  std::vector<Doubles> results;
  for (int count : {1, 3, 7}) {
    const Threads threads(count);
    const ag::Step step;
    const Tensor all = ag::sum(ag::eigh(a).vectors) * ag::svd(a).u + ag::solve(a, ag::eigh(a).vectors);
    results.push_back(all.to_vector<double>());
  }
  CHECK(same_values(results[0], results[1]));
  CHECK(same_values(results[0], results[2]));
}
