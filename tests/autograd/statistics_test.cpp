#include <autograd/autograd.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Reductions that are composed of others, and running sums: values against plain loops, gradients against
// differences, what happens at the edges.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;
using Doubles = std::vector<double>;
using Integers = std::vector<int32_t>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Array row(const Doubles& values) { return Array::from(values, {static_cast<int64_t>(values.size())}); }

Doubles gradient_at(Tensor (*f)(Located), const Doubles& x) {
  const ag::Step step;
  const Tensor variable = ag::tensor(row(x));
  return ag::grad(f(variable), variable).to_vector<double>();
}

void check_close(const Doubles& values, const Doubles& expected) {
  REQUIRE(values.size() == expected.size());
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).epsilon(1e-13));
}

/// f of each row of a [rows, columns] array in order.
template <class F>
Doubles by_row(const Array& x, F f) {
  const std::span<const double> values = x.values<double>();
  const auto columns = static_cast<size_t>(x.shape()[1]);
  Doubles result;
  for (size_t at = 0; at < values.size(); at += columns) result.push_back(f(values.subspan(at, columns)));
  return result;
}

double variance(std::span<const double> x, double correction) {
  double mean = 0, sum = 0;
  for (double value : x) mean += value / static_cast<double>(x.size());
  for (double value : x) sum += (value - mean) * (value - mean);
  return sum / (static_cast<double>(x.size()) - correction);
}

}  // namespace

TEST_CASE("Statistics of rows agree with plain loops") {
  Random random(20);
  for (int64_t columns : {1, 2, 3, 7, 40, 4100}) {
    const Array x = random_array<double>(random, {5, columns}, 0.9, 1.1);
    const ag::Step step;
    check_close(ag::var(x, 1).to_vector<double>(), by_row(x, [](auto v) { return variance(v, 0); }));
    check_close(ag::std(x, 1).to_vector<double>(), by_row(x, [](auto v) { return std::sqrt(variance(v, 0)); }));
    if (columns > 1) {
      check_close(ag::var(x, 1, {.correction = 1}).to_vector<double>(),
                  by_row(x, [](auto v) { return variance(v, 1); }));
    }
    check_close(ag::prod(x, 1).to_vector<double>(), by_row(x, [](auto v) {
                  double product = 1;
                  for (double value : v) product *= value;
                  return product;
                }));
    check_close(ag::logsumexp(x, -1).to_vector<double>(), by_row(x, [](auto v) {
                  double sum = 0;
                  for (double value : v) sum += std::exp(value);
                  return std::log(sum);
                }));
    CHECK(ag::prod(ag::transpose(x), 0).to_vector<double>() == ag::prod(x, 1).to_vector<double>());
  }
}

TEST_CASE("Composed reductions over several axes, kept or not") {
  Random random(21);
  const Array x = random_array<double>(random, {2, 3, 4}, 0.5, 1.5);
  const ag::Step step;
  const Tensor rows = ag::reshape(ag::permute(x, {1, 0, 2}), {3, 8});  // axes 0 and 2 in one
  for (auto reduce : {ag::prod, ag::logsumexp, ag::norm, ag::mean}) {
    check_close(reduce(x, {0, -1}, {}).to_vector<double>(), reduce(rows, 1, {}).to_vector<double>());
    CHECK(reduce(x, {0, 2}, {.keep = true}).shape() == Shape{1, 3, 1});
    CHECK(reduce(x, {}, {.keep = true}).shape() == Shape{1, 1, 1});
    CHECK(reduce(x, {}, {}).shape() == Shape{});
  }
  check_close(ag::var(x, {0, 2}).to_vector<double>(), ag::var(rows, 1).to_vector<double>());
  CHECK(ag::std(x, {0, 2}, {.keep = true}).shape() == Shape{1, 3, 1});
  CHECK(ag::argmax(x, {0, 2}).to_vector<int32_t>() == ag::argmax(rows, 1).to_vector<int32_t>());
  CHECK(ag::argmin(x, {0, 2}, {.keep = true}).shape() == Shape{1, 3, 1});
  CHECK(ag::any(x > 1, {0, 2}, {.keep = true}).shape() == Shape{1, 3, 1});
}

TEST_CASE("argmax and argmin give the first of equals") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(Doubles{1, 3, 3, 0, 2, 2, 2, 2, -infinity, -1, -0.0, 0}, {3, 4}));
  CHECK(ag::argmax(x, 1).to_vector<int32_t>() == Integers{1, 0, 2});
  CHECK(ag::argmin(x, 1).to_vector<int32_t>() == Integers{3, 0, 0});
  CHECK(ag::argmax(x, 0).to_vector<int32_t>() == Integers{1, 0, 0, 1});
  CHECK(ag::argmax(x).item() == 1);
  CHECK(ag::argmin(x).item() == 8);
  CHECK(ag::argmax(x).dtype() == ag::DType::int32);
  CHECK(ag::argmax(Array::of({-5, -2, -2})).item() == 1);
  CHECK(ag::argmin(Array::of({INT32_MAX, INT32_MAX})).item() == 0);
  CHECK(ag::argmax(Array::scalar(7.F)).item() == 0);
  SECTION("the first NaN, as max and min give NaN") {
    CHECK(ag::argmax(row({1, not_a_number, 5, not_a_number})).item() == 1);
    CHECK(ag::argmin(row({1, 0, not_a_number})).item() == 2);
  }
  SECTION("of thousands") {
    const Tensor many = ag::cast(ag::arange(100000), ag::DType::float32);
    CHECK(ag::argmax(-ag::abs(many - 78540)).item() == 78540);
    CHECK(ag::argmin(ag::reshape(ag::abs(many - 77777), {100, 1000})).item() == 77777);
    CHECK(ag::argmin(ag::reshape(ag::abs(many - 77777), {100, 1000}), 0).to_vector<int32_t>()[777] == 77);
  }
}

TEST_CASE("any and all") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(Doubles{0, 0, 0, 1, 1, 1}, {2, 3})) > 0;
  CHECK(ag::any(x, 1).values<bool>()[0] == false);
  CHECK(ag::any(x, 1).values<bool>()[1] == true);
  CHECK(ag::all(x, 1).values<bool>()[0] == false);
  CHECK(ag::all(x, 1).values<bool>()[1] == true);
  CHECK(ag::any(x).item() == 1);
  CHECK(ag::all(x).item() == 0);
  CHECK(ag::all(x, 0).dtype() == ag::DType::boolean);
  CHECK_THROWS_WITH(ag::any(ag::zeros({2})), ContainsSubstring("any: float32 given; expected bool"));
  CHECK_THROWS_AS(ag::all(ag::arange(2)), ag::DTypeError);
}

TEST_CASE("Composed reductions of nothing") {
  const ag::Step step;
  const Tensor empty = ag::tensor(ag::zeros({3, 0}, ag::DType::float64));
  CHECK(ag::prod(empty, 1).to_vector<double>() == Doubles{1, 1, 1});
  CHECK(ag::prod(ag::zeros({0}, ag::DType::int32)).item() == 1);
  CHECK(ag::prod(empty, 0).shape() == Shape{0});
  CHECK(ag::logsumexp(empty, 1).to_vector<double>() == Doubles(3, -infinity));
  for (const Tensor& result : {ag::var(empty, 1), ag::std(empty, 1), ag::mean(empty, 1)}) {
    for (double value : result.to_vector<double>()) CHECK(std::isnan(value));
  }
  CHECK(ag::any(empty > 0).item() == 0);
  CHECK(ag::all(empty > 0).item() == 1);
  CHECK(ag::argmax(empty, 0).shape() == Shape{0});
  CHECK_THROWS_WITH(ag::argmax(empty, 1), ContainsSubstring("argmax: no elements to choose from in [3, 0]"));
  CHECK_THROWS_WITH(ag::argmin(empty), ContainsSubstring("argmin"));
  CHECK(ag::cumsum(empty, 1).shape() == Shape{3, 0});
  CHECK(ag::cumsum(empty, 0).shape() == Shape{3, 0});
  for (auto reduce : {ag::prod, ag::logsumexp}) {
    check_gradients("of nothing", [&](Inputs x) { return reduce(x[0], 1, {}); },
                    {ag::zeros({3, 0}, ag::DType::float64)});
  }
}

TEST_CASE("Variance does not cancel, and needs more elements than its correction") {
  const ag::Step step;
  std::vector<float> far;
  for (int i = 0; i < 1000; ++i) far.push_back(10000.F + static_cast<float>(i % 2));
  CHECK(ag::var(Array::from(far, {1000})).item() == Approx(0.25).epsilon(1e-6));
  CHECK(ag::var(row({3})).item() == 0);
  CHECK(std::isnan(ag::var(row({3}), {}, {.correction = 1}).item()));
  CHECK(std::isnan(ag::var(row({1, not_a_number, 2})).item()));
  CHECK_THROWS_AS(ag::var(ag::arange(3)), ag::DTypeError);
}

TEST_CASE("logsumexp neither overflows nor makes NaN of infinities") {
  const ag::Step step;
  CHECK(ag::logsumexp(row({1000, 1000})).item() == Approx(1000 + std::log(2.0)));
  CHECK(ag::logsumexp(row({-1000, -1000})).item() == Approx(-1000 + std::log(2.0)));
  CHECK(ag::logsumexp(Array::of({90.F, 100.F})).item() == Approx(100 + std::log1p(std::exp(-10.0))));
  CHECK(ag::logsumexp(row({-infinity, 0.5})).item() == 0.5);
  CHECK(ag::logsumexp(row({-infinity, -infinity})).item() == -infinity);
  CHECK(ag::logsumexp(row({infinity, 0})).item() == infinity);
  CHECK(std::isnan(ag::logsumexp(row({not_a_number, 0})).item()));
  const auto f = [](Located x) { return ag::logsumexp(x); };
  CHECK(gradient_at(f, {-infinity, -infinity}) == Doubles{0, 0});
  CHECK(gradient_at(f, {-infinity, 3}) == Doubles{0, 1});
  check_close(gradient_at(f, {1000, 1000, -1000}), {0.5, 0.5, 0});
}

TEST_CASE("Gradients of products are right where elements are 0") {
  const auto f = [](Located x) { return ag::prod(x); };
  CHECK(gradient_at(f, {2, 3, 4}) == Doubles{12, 8, 6});
  CHECK(gradient_at(f, {2, 0, 4}) == Doubles{0, 8, 0});
  CHECK(gradient_at(f, {0, 0, 4, 5, 6}) == Doubles{0, 0, 0, 0, 0});
  CHECK(gradient_at(f, {7}) == Doubles{1});
  check_gradients("second order at zeros", [](Inputs x) { return ag::prod(x[0], 1); },
                  {Array::from(Doubles{0, 0, 3, 2, 1, 0, 4, 5, 2, 3}, {2, 5})});
}

TEST_CASE("The standard deviation's gradient at 0 is 0") {
  CHECK(gradient_at([](Located x) { return ag::std(x); }, {2, 2, 2}) == Doubles{0, 0, 0});
  CHECK(gradient_at([](Located x) { return ag::std(x); }, {5}) == Doubles{0});
}

TEST_CASE("Gradients of composed reductions") {
  Random random(22);
  const std::vector<Array> inputs{random_array<double>(random, {2, 5, 2}, 0.2, 2)};
  const std::vector<ag::Axes> axes{{}, 1, {0, 2}};
  for (const ag::Axes& axis : axes) {
    for (auto [name, reduce] : {std::pair("prod", &ag::prod), std::pair("logsumexp", &ag::logsumexp)}) {
      check_gradients(
          name, [&, f = reduce](Inputs x) { return f(x[0], axis, {}); }, inputs);
      check_gradients(
          name, [&, f = reduce](Inputs x) { return x[0] * f(x[0], axis, {.keep = true}); }, inputs);
    }
    for (auto [name, reduce] : {std::pair("var", &ag::var), std::pair("std", &ag::std)}) {
      check_gradients(
          name, [&, f = reduce](Inputs x) { return f(x[0], axis, {}); }, inputs);
      check_gradients(
          name, [&, f = reduce](Inputs x) { return x[0] / f(x[0], axis, {.keep = true, .correction = 1}); }, inputs);
    }
  }
  check_gradients(
      "a masked logsumexp", [](Inputs x) { return ag::logsumexp(ag::where(x[0] > 0.8, x[0], -infinity), 1); }, inputs);
}

TEST_CASE("Running sums") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(Doubles{1, 2, 3, 4, 5, 6}, {2, 3}));
  CHECK(ag::cumsum(x, 1).to_vector<double>() == Doubles{1, 3, 6, 4, 9, 15});
  CHECK(ag::cumsum(x, 0).to_vector<double>() == Doubles{1, 2, 3, 5, 7, 9});
  CHECK(ag::cumsum(x, -1, {.reverse = true}).to_vector<double>() == Doubles{6, 5, 3, 15, 11, 6});
  CHECK(ag::cumsum(x, 1, {.exclusive = true}).to_vector<double>() == Doubles{0, 1, 3, 0, 4, 9});
  CHECK(ag::cumsum(x, 1, {.reverse = true, .exclusive = true}).to_vector<double>() == Doubles{5, 3, 0, 11, 6, 0});
  CHECK(ag::cumsum(ag::transpose(x), 0).to_vector<double>() == Doubles{1, 4, 3, 9, 6, 15});
  CHECK(ag::cumsum(Array::of({INT32_MAX, 1, 1}), 0).to_vector<int32_t>() == Integers{INT32_MAX, INT32_MIN, -INT32_MAX});
  const Doubles spread = ag::cumsum(row({1, not_a_number, 2}), 0).to_vector<double>();
  CHECK((spread[0] == 1 && std::isnan(spread[1]) && std::isnan(spread[2])));
  CHECK_THROWS_AS(ag::cumsum(x > 0, 0), ag::DTypeError);
  CHECK_THROWS_WITH(ag::cumsum(x, 2), ContainsSubstring("cumsum"));
}

TEST_CASE("Running sums of float32 are rounded once each, whatever stands beside them") {
  Random random(23);
  for (const Shape& shape : {Shape{3000}, Shape{70, 150}, Shape{3, 40, 65}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const Array x = random_array<float>(random, shape, -1, 1);
      int64_t step = 1;
      for (int inner = axis + 1; inner < shape.rank(); ++inner) step *= shape[inner];
      const std::span<const float> in = x.values<float>();
      std::vector<float> expected(in.size());
      Doubles sums(in.size());
      for (size_t i = 0; i < in.size(); ++i) {
        const auto place = static_cast<int64_t>(i);
        const double before = place / step % shape[axis] == 0 ? 0 : sums[i - static_cast<size_t>(step)];
        sums[i] = before + static_cast<double>(in[i]);
        expected[i] = static_cast<float>(sums[i]);
      }
      const Threads threads(3);
      const ag::Step scope;
      CHECK(same_values(ag::cumsum(x, axis).values<float>(), expected));
    }
  }
}

TEST_CASE("Gradients of running sums") {
  Random random(24);
  for (bool reverse : {false, true}) {
    for (bool exclusive : {false, true}) {
      check_gradients(
          "cumsum",
          [&](Inputs x) { return ag::exp(ag::cumsum(x[0] * x[0], 1, {.reverse = reverse, .exclusive = exclusive})); },
          {random_array<double>(random, {2, 3, 2}, -0.5, 0.5)});
    }
  }
}
