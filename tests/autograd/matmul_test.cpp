#include <autograd/autograd.h>

#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Shapes and values of matmul; its order stands in canonical_order_test.cpp.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;

TEST_CASE("matmul multiplies matrices") {
  const ag::Step step;
  const Tensor a = Located(Array::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3})).tensor();
  const Tensor b = Located(Array::from(std::vector<float>{7, 8, 9, 10, 11, 12}, {3, 2})).tensor();
  CHECK(ag::matmul(a, b).to_vector<float>() == std::vector<float>{58, 64, 139, 154});
  CHECK(ag::matmul(ag::transpose(a), ag::transpose(b)).to_vector<float>() ==
        std::vector<float>{39, 49, 59, 54, 68, 82, 69, 87, 105});
  CHECK(ag::matmul(a * 2, ag::flip(b, 0) + 1).shape() == Shape{2, 2});
}

TEST_CASE("matmul broadcasts leading axes") {
  Random random(31);
  const Array a = random_array<double>(random, {3, 1, 2, 4}, -1, 1), b = random_array<double>(random, {5, 4, 3}, -1, 1);
  const ag::Step step;
  const Tensor product = ag::matmul(a, b);
  REQUIRE(product.shape() == Shape{3, 5, 2, 3});
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 5; ++j) {
      const Tensor one = ag::matmul(ag::select(ag::select(a, 0, i), 0, 0), ag::select(b, 0, j));
      CHECK(same_values(ag::select(ag::select(product, 0, i), 0, j).values<double>(), one.values<double>()));
    }
  }
}

TEST_CASE("matmul of nothing") {
  const ag::Step step;
  CHECK(ag::matmul(ag::zeros({2, 0}), ag::zeros({0, 3})).to_vector<float>() == std::vector<float>(6, 0.F));
  CHECK(ag::matmul(ag::zeros({0, 2}), ag::zeros({2, 3})).shape() == Shape{0, 3});
  CHECK(ag::matmul(ag::zeros({0, 2, 2}), ag::zeros({2, 2})).shape() == Shape{0, 2, 2});
}

TEST_CASE("matmul spreads NaN and infinity") {
  const float infinity = std::numeric_limits<float>::infinity();
  const ag::Step step;
  const Tensor result = ag::matmul(Array::from(std::vector<float>{0, 1, infinity, 1}, {2, 2}),
                                   Array::from(std::vector<float>{infinity, 1, 1, 0}, {2, 2}));
  const auto values = result.values<float>();
  CHECK(std::isnan(values[0]));  // 0 x infinity
  CHECK(values[1] == 0);
  CHECK(values[2] == infinity);
  CHECK(values[3] == infinity);
}
