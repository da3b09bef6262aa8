#include <autograd/autograd.h>

#include <cmath>
#include <utility>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Shapes, values and gradients of matmul; its order stands in canonical_order_test.cpp, all ways in which the
// matrices may lie in gemm_test.cpp.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;

TEST_CASE("matmul multiplies matrices") {
  const ag::Step step;
  const Tensor a = ag::tensor(Array::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}));
  const Tensor b = ag::tensor(Array::from(std::vector<float>{7, 8, 9, 10, 11, 12}, {3, 2}));
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

TEST_CASE("matmul reads views where they lie") {
  Random random(32);
  const Array a = random_array<float>(random, {7, 90, 40}, -1, 1), b = random_array<float>(random, {50, 40}, -1, 1);
  struct Case {
    const char* name;
    Tensor left, right;
  };
  const ag::Step step;
  const Tensor x = ag::tensor(a), y = ag::tensor(b);
  const Tensor two = ag::broadcast_to(2, {40, 50});
  for (const Case& views : {
           Case{"transposed", ag::select(x, 0, 3), ag::transpose(y)},
           {"both transposed", ag::transpose(ag::slice(ag::select(x, 0, 2), 0, {.stop = 40})),
            ag::transpose(ag::flip(y, 1))},
           {"slices", ag::slice(ag::select(x, 2, 5), 1, {.start = 10, .stop = 90, .step = 2}),
            ag::slice(y, 0, {.stop = 40})},
           {"permuted batch", ag::permute(x, {1, 0, 2}), ag::slice(ag::transpose(y), 1, {.step = -3})},
           {"one column for all", x, ag::broadcast_to(ag::expand_dims(ag::select(y, 0, 0), 1), {40, 20})},
           {"a number for all", x, two},
           {"a reshaped view", ag::reshape(ag::permute(x, {2, 0, 1}), {40, 630}), ag::reshape(x, {630, 40})},
       }) {
    const Tensor product = ag::matmul(views.left, views.right);
    const std::vector<float> values = product.to_vector<float>();
    INFO(views.name);
    // Copies of the views; adding 0 keeps all values, as there is no -0 among them.
    CHECK(same_values(values, ag::matmul(views.left + 0, views.right + 0).to_vector<float>()));
  }
}

TEST_CASE("matmul of transposed matrices is one pass over memory") {
  const Array a = Array::from(std::vector<float>(600, 1), {20, 30}),
              b = Array::from(std::vector<float>(800, 1), {40, 20});
  const ag::Step step;
  ag::evaluate({ag::matmul(ag::transpose(a), ag::transpose(b))});
  CHECK(ag::report().regions == 1);
  CHECK(ag::report().peak_bytes == 30 * 40 * 4);
}

// The sum over a batch of products is one product of long matrices: k runs through the batch.
TEST_CASE("The gradient of a broadcast matrix is one long product") {
  Random random(33);
  const int64_t batch = 3, other = 2, m = 1500, k = 5, n = 4;
  const Array x = random_array<float>(random, {batch, other, m, k}, -1, 1),
              w = random_array<float>(random, {other, k, n}, -1, 1),
              g = random_array<float>(random, {batch, other, m, n}, -1, 1);
  const ag::Step step;
  const Tensor product = ag::matmul(x, w);
  const Tensor gradient = ag::grad(product, w, {.cotangent = ag::tensor(g)});
  const auto xs = x.values<float>(), gs = g.values<float>();
  std::vector<float> expected;
  for (int64_t o = 0; o < other; ++o) {
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        float total = 0, sum = 0;
        for (int64_t row = 0; row < batch * m; ++row) {
          if (row == 4096) total = std::exchange(sum, 0.F);
          const auto at = static_cast<size_t>((row / m * other + o) * m + row % m);
          sum = std::fma(xs[at * k + static_cast<size_t>(i)], gs[at * n + static_cast<size_t>(j)], sum);
        }
        expected.push_back(total + sum);
      }
    }
  }
  CHECK(first_difference(gradient.values<float>(), expected) == -1);
}
