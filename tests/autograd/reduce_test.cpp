#include <autograd/autograd.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Shapes and values of reductions; their order of summation stands in canonical_order_test.cpp.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;

TEST_CASE("Reduced axes disappear, or stay with extent 1") {
  const ag::Step step;
  const Tensor x = ag::tensor(ag::zeros({2, 3, 4}));
  CHECK(ag::sum(x).shape() == Shape{});
  CHECK(ag::sum(x, 1).shape() == Shape{2, 4});
  CHECK(ag::sum(x, -1).shape() == Shape{2, 3});
  CHECK(ag::sum(x, {0, 2}).shape() == Shape{3});
  CHECK(ag::sum(x, {2, 0}, {.keep = true}).shape() == Shape{1, 3, 1});
  CHECK(ag::sum(x, {}, {.keep = true}).shape() == Shape{1, 1, 1});
  CHECK(ag::mean(x, 0).shape() == Shape{3, 4});
  CHECK(ag::norm(x, 1, {.keep = true}).shape() == Shape{2, 1, 4});
  CHECK(ag::max(x, {0, 1, 2}).shape() == Shape{});
}

TEST_CASE("Reductions have the right values") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(std::vector<float>{1, -2, 3, 4, 5, -6}, {2, 3}));
  CHECK(ag::sum(x).item() == 5);
  CHECK(ag::sum(x, 0).to_vector<float>() == std::vector<float>{5, 3, -3});
  CHECK(ag::mean(x, 1).to_vector<float>() == std::vector<float>{2 / 3.F, 1});
  CHECK(ag::max(x, 1).to_vector<float>() == std::vector<float>{3, 5});
  CHECK(ag::min(x, 0).to_vector<float>() == std::vector<float>{1, -2, -6});
  CHECK(ag::norm(ag::slice(x, 0, {.start = 1})).item() == Approx(std::sqrt(77.0)));
  CHECK(ag::sum(Array::scalar(3.F)).item() == 3);
  CHECK(ag::max(Array::scalar(-3.F)).item() == -3);
}

TEST_CASE("int32 sums wrap") {
  const ag::Step step;
  CHECK(ag::sum(Array::of({2147483647, 1})).item() == -2147483648.0);
  CHECK(ag::sum(ag::full({1 << 17}, 1 << 15, ag::DType::int32)).item() == 0);
  CHECK(ag::max(Array::of({-5, -7})).item() == -5);
  CHECK(ag::min(Array::of({-5, -7})).item() == -7);
  CHECK(ag::max(ag::full({3}, -2147483648.0, ag::DType::int32)).item() == -2147483648.0);
}

TEST_CASE("NaN spreads through every reduction") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (int64_t at : {0, 1, 15, 16, 40, 5000, 9999}) {
    const Array x = Array::make<double>({10000}, [&](std::span<double> out) {
      for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(i % 7) - 3;
      out[static_cast<size_t>(at)] = nan;
    });
    const ag::Step step;
    INFO("NaN at " << at);
    CHECK(std::isnan(ag::sum(x).item()));
    CHECK(std::isnan(ag::max(x).item()));
    CHECK(std::isnan(ag::min(x).item()));
    const Tensor rows = ag::reshape(x, {100, 100});
    const std::vector<double> by_column = ag::max(rows, 0).to_vector<double>();
    const std::vector<double> by_row = ag::min(rows, 1).to_vector<double>();
    for (int64_t i = 0; i < 100; ++i) {
      CHECK(std::isnan(by_column[static_cast<size_t>(i)]) == (i == at % 100));
      CHECK(std::isnan(by_row[static_cast<size_t>(i)]) == (i == at / 100));
    }
  }
}

TEST_CASE("Infinities reduce like numbers") {
  const float infinity = std::numeric_limits<float>::infinity();
  const ag::Step step;
  CHECK(ag::max(ag::full({40}, -infinity)).item() == -infinity);
  CHECK(ag::min(ag::full({40, 3}, infinity), 0).to_vector<float>() == std::vector<float>(3, infinity));
  CHECK(std::isnan(ag::sum(Array::of({infinity, -infinity})).item()));
}

TEST_CASE("Reductions of nothing") {
  const ag::Step step;
  const Tensor empty = ag::tensor(ag::zeros({0, 3}));
  CHECK(ag::sum(empty).item() == 0);
  CHECK_FALSE(std::signbit(ag::sum(empty).item()));
  CHECK(ag::sum(empty, 0).to_vector<float>() == std::vector<float>{0, 0, 0});
  CHECK_FALSE(std::signbit(ag::sum(empty, 0).to_vector<float>()[0]));
  CHECK(ag::sum(empty, 1).shape() == Shape{0});
  CHECK(ag::sum(empty, 1).values<float>().empty());
  CHECK(ag::sum(ag::zeros({0}, ag::DType::int32)).item() == 0);
  CHECK(ag::norm(empty).item() == 0);
  CHECK(std::isnan(ag::mean(empty).item()));
  for (float value : ag::mean(empty, 0).to_vector<float>()) CHECK(std::isnan(value));
  CHECK(ag::max(empty, 1).shape() == Shape{0});
  CHECK_THROWS_AS(ag::max(empty), ag::ShapeError);
  CHECK_THROWS_AS(ag::min(empty, 0), ag::ShapeError);
  CHECK_THROWS_WITH(ag::max(empty, 0), ContainsSubstring("max") && ContainsSubstring("[0, 3]"));
}

TEST_CASE("Sums of no axes and of axes of extent 1 copy") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(std::vector<float>{1, -0.F, 3}, {3, 1}));
  CHECK(same_values(ag::sum(x, 1).values<float>(), std::vector<float>{1, -0.F, 3}));
  CHECK(
      same_values(ag::sum(x, ag::Axes(std::initializer_list<int>{})).values<float>(), std::vector<float>{1, -0.F, 3}));
}
