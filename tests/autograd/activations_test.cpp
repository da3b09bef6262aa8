#include <autograd/autograd.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// softplus, gelu, leaky_relu, softmax, layer_norm and dropout.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
std::vector<T> values_of(Tensor (*f)(Located), const std::vector<T>& x) {
  const ag::Step step;
  return f(Array::from(x, {static_cast<int64_t>(x.size())})).template to_vector<T>();
}

}  // namespace

TEST_CASE("softplus neither overflows nor cancels, in either type and on any backend") {
  const std::vector<double> at{-700, -40, -20, -1, -1e-8, 0, 1e-8, 0.5, 20, 40, 700};
  const std::vector<double> found = values_of(ag::softplus, at);
  for (size_t i = 0; i < at.size(); ++i) {
    const double exact = std::max(at[i], 0.0) + std::log1p(std::exp(-std::fabs(at[i])));
    CHECK(found[i] == Approx(exact).epsilon(4e-16).margin(0));
  }
  std::vector<float> single;
  for (float x = -80; x < 80; x += 0.01F) single.push_back(x);
  for (const ag::Backend backend : backends()) {
    const WithBackend with(backend);
    const std::vector<float> values = values_of(ag::softplus, single);
    double worst = 0;
    for (size_t i = 0; i < single.size(); ++i) {
      const auto x = static_cast<double>(single[i]);
      const double exact = std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
      const auto rounded = static_cast<float>(exact);
      const double ulp = static_cast<double>(std::nextafter(rounded, 1e30F) - rounded);
      worst = std::max(worst, std::fabs(static_cast<double>(values[i]) - exact) / ulp);
    }
    INFO(ag::name_of(backend));
    CHECK(worst < 4);
  }
  const std::vector<double> borders = values_of<double>(ag::softplus, {-infinity, infinity, std::nan("")});
  CHECK(borders[0] == 0);
  CHECK(borders[1] == infinity);
  CHECK(std::isnan(borders[2]));
}

TEST_CASE("Activations have their known values") {
  CHECK(values_of<double>(ag::gelu, {0, 1, -1, 3})[1] == Approx(0.8413447460685429));
  CHECK(values_of<double>(ag::gelu, {0, 1, -1, 3})[2] == Approx(-0.15865525393145707));
  CHECK(values_of<double>(ag::gelu, {-40, 40}) == std::vector<double>{0, 40});
  const auto leaky = [](Located x) { return ag::leaky_relu(x, 0.25); };
  CHECK(values_of<double>(leaky, {-4, 0, 8}) == std::vector<double>{-1, 0, 8});
}

TEST_CASE("Gradients of activations against central differences") {
  Random random(1);
  const Array x = random_array<double>(random, {3, 4}, -2, 2);
  check_gradients("softplus", [](Inputs in) { return ag::softplus(in[0] * 3); }, {x});
  check_gradients("gelu", [](Inputs in) { return ag::gelu(in[0]); }, {x});
  check_gradients("leaky_relu", [](Inputs in) { return ag::leaky_relu(in[0], 0.2) * in[0]; }, {x});
  check_gradients("softmax", [](Inputs in) { return ag::softmax(in[0]); }, {x});
  check_gradients("softmax of the first axis", [](Inputs in) { return ag::softmax(in[0], 0); }, {x});
  check_gradients("log_softmax", [](Inputs in) { return ag::log_softmax(in[0], -2); }, {x});
  check_gradients("layer_norm", [](Inputs in) { return ag::layer_norm(in[0]); }, {x});
  check_gradients("dropout",
                  [](Inputs in) {
                    ag::Rng rng(3);
                    return ag::dropout(ag::square(in[0]), rng, 0.4);
                  },
                  {x});
}

TEST_CASE("softmax sums to one, and large numbers do not overflow") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(std::vector<float>{1000, 999, 0, -5, -5, -5}, {2, 3}));
  const std::vector<float> values = ag::softmax(x).to_vector<float>(), logs = ag::log_softmax(x).to_vector<float>();
  CHECK(values[0] == Approx(1 / (1 + std::exp(-1.0))));
  CHECK(values[2] == 0);
  for (size_t i = 3; i < 6; ++i) CHECK(values[i] == Approx(1 / 3.0));
  CHECK(logs[2] == Approx(-1000.3132617));
  CHECK(ag::softmax(x, 0).values<float>()[2] == Approx(1 / (1 + std::exp(-5.0))));
  CHECK_THROWS_AS(ag::softmax(x, 2), ag::ShapeError);
  CHECK_THROWS_AS(ag::softmax(ag::arange(3)), ag::DTypeError);
}

TEST_CASE("A row that softmax finds masked as a whole passes on no gradient") {
  const ag::Step step;
  const double masked = -infinity;
  const Tensor x = ag::tensor(Array::from(std::vector<double>{masked, masked, masked, 1}, {2, 2}));
  const Tensor y = ag::softmax(x);
  CHECK(std::isnan(y.values<double>()[0]));
  CHECK(y.values<double>()[3] == 1);
  const Tensor weights = ag::tensor(Array::from(std::vector<double>{0, 0, 1, 2}, {2, 2}));
  CHECK(ag::grad(ag::sum(y * weights), x).to_vector<double>() == std::vector<double>(4, 0));
}

TEST_CASE("Rows of softmax that hold no numbers pass on no gradient where they are masked afterwards") {
  const ag::Step step;
  const Array numbers = Array::from(std::vector<double>{std::nan(""), 1, infinity, 2, 3, 4}, {3, 2});
  const Tensor x = ag::tensor(numbers), usable = ag::tensor(Array::of({false, false, true}).reshape({3, 1}));
  const Tensor weights = ag::tensor(Array::of<double>({1, 2}));
  const std::vector<double> gradient =
      ag::grad(ag::sum(ag::where(usable, ag::softmax(x) * weights, 0)), x).to_vector<double>();
  for (size_t i = 0; i < 4; ++i) CHECK(gradient[i] == 0);
  const double larger = 1 / (1 + std::exp(-1.0));
  CHECK(gradient[5] == Approx(larger * (1 - larger)));
  CHECK(std::isnan(ag::grad(ag::sum(ag::softmax(x) * weights), x).values<double>()[0]));
}

TEST_CASE("layer_norm has mean 0 and variance 1 in each row, also where a row is constant") {
  Random random(2);
  const ag::Step step;
  const Tensor x = ag::tensor(random_array<double>(random, {5, 20}, 3, 7));
  const Tensor y = ag::layer_norm(x, 0);
  for (const double mean : ag::mean(y, -1).values<double>()) CHECK(mean == Approx(0).margin(1e-14));
  for (const double variance : ag::mean(y * y, -1).values<double>()) CHECK(variance == Approx(1).epsilon(1e-13));
  CHECK(ag::layer_norm(ag::ones({1, 4})).to_vector<float>() == std::vector<float>(4, 0.F));
}

TEST_CASE("dropout leaves out its part, scales the rest, and does so anew with each draw") {
  ag::Rng rng(4);
  const ag::Step step;
  const Tensor x = ag::tensor(ag::full({100, 100}, 3));
  const Tensor y = ag::dropout(x, rng, 0.3), z = ag::dropout(x, rng, 0.3);
  int64_t dropped = 0;
  for (const float value : y.values<float>()) {
    if (value == 0)
      ++dropped;
    else
      CHECK(value == Approx(3 / 0.7));
  }
  CHECK(static_cast<double>(dropped) == Approx(3000).margin(200));
  CHECK_FALSE(same_values(y.to_vector<float>(), z.to_vector<float>()));
  CHECK(same_values(ag::dropout(x, rng, 0).to_vector<float>(), x.to_vector<float>()));
  CHECK_THROWS_WITH(ag::dropout(x, rng, 1), "dropout: probability 1.000000; expected 0 to below 1");
  CHECK_THROWS_AS(ag::dropout(x, rng, std::nan("")), ag::ValueError);
}
