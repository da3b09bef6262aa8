#include <autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/autograd/custom_ops.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::Parameter;
using ag::Tensor;

namespace {

/// Adam in a plain loop, after Kingma & Ba 2015, algorithm 1.
struct PlainAdam {
  ag::AdamOptions options;
  bool uniform;
  std::vector<double> m, v;
  int step = 0;

  void update(std::vector<double>& x, const std::vector<double>& gradient) {
    m.resize(x.size()), v.resize(x.size());
    ++step;
    double largest = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      m[i] = options.beta1 * m[i] + (1 - options.beta1) * gradient[i];
      v[i] = options.beta2 * v[i] + (1 - options.beta2) * gradient[i] * gradient[i];
      largest = std::max(largest, v[i]);
    }
    for (size_t i = 0; i < x.size(); ++i) {
      const double corrected = m[i] / (1 - std::pow(options.beta1, step));
      const double second = (uniform ? largest : v[i]) / (1 - std::pow(options.beta2, step));
      x[i] -= options.learning_rate * corrected / (std::sqrt(second) + options.epsilon);
    }
  }
};

/// sum (x - target)^2 scale
Tensor loss_of(const Parameter& x, const Array& target, const Array& scale) {
  return ag::sum(ag::square(x - target) * scale);
}

template <class Optimiser>
void check_against_plain_loop(bool uniform) {
  const ag::AdamOptions options{.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  const std::vector<double> target{1, -2, 3}, scale{1, 10, 0.1};
  std::vector<double> x{0.5, 0.5, 0.5};
  Parameter parameter(Array::from(x, {3}));
  Optimiser optimiser({parameter}, options);
  PlainAdam plain{options, uniform, {}, {}};
  for (int i = 0; i < 50; ++i) {
    std::vector<double> gradient(3);
    for (size_t k = 0; k < 3; ++k) gradient[k] = 2 * (x[k] - target[k]) * scale[k];
    plain.update(x, gradient);
    const ag::Step step;
    optimiser.minimise(loss_of(parameter, Array::from(target, {3}), Array::from(scale, {3})));
    for (size_t k = 0; k < 3; ++k) REQUIRE(parameter.values<double>()[k] == Approx(x[k]).epsilon(1e-12));
  }
  CHECK(optimiser.steps() == 50);
  CHECK(parameter.version() == 50);
}

}  // namespace

TEST_CASE("Adam follows the plain loop") { check_against_plain_loop<ag::Adam>(false); }

TEST_CASE("UniformAdam has one scale for a parameter") { check_against_plain_loop<ag::UniformAdam>(true); }

TEST_CASE("UniformAdam's first step keeps the gradient's direction") {
  Parameter x(Array::of({0.0, 0.0}));
  ag::UniformAdam optimiser({x}, {.learning_rate = 1, .epsilon = 0});
  const ag::Step step;
  optimiser.minimise(ag::sum(x * Array::of({3.0, -4.0})));
  CHECK(x.values<double>()[0] == Approx(-0.75));
  CHECK(x.values<double>()[1] == Approx(1));
}

TEST_CASE("A step evaluates the loss and what else is asked for with the old values") {
  Parameter x(Array::of({3.F}));
  ag::Adam optimiser({x}, {.learning_rate = 0.5});
  const ag::Step step;
  const Tensor loss = ag::sum(ag::square(x)), tripled = x * 3, view = ag::reshape(x, {1, 1});
  const Tensor before = ag::tensor(x);
  optimiser.minimise(loss, {tripled, view, before});
  CHECK(x.item() == Approx(2.5));
  CHECK(loss.item() == 9);
  CHECK(tripled.item() == 9);
  CHECK(view.item() == 3);
  CHECK(before.item() == 3);
}

TEST_CASE("All parameters move at once") {
  Parameter x(Array::scalar(1.0)), y(Array::scalar(10.0)), unused(Array::scalar(5.0));
  ag::Adam optimiser({x, y, unused}, {.learning_rate = 0.25});
  const ag::Step step;
  optimiser.minimise(x * y);
  CHECK(x.item() == Approx(0.75));
  CHECK(y.item() == Approx(9.75));
  CHECK(unused.item() == 5);
}

TEST_CASE("The learning rate can change between steps") {
  Parameter x(Array::scalar(1.0));
  ag::Adam optimiser({x}, {.learning_rate = 0.25, .epsilon = 0});
  optimiser.set_learning_rate(0.5);
  const ag::Step step;
  optimiser.minimise(x * 2);
  CHECK(x.item() == Approx(0.5));
  CHECK(optimiser.options().learning_rate == 0.5);
}

TEST_CASE("Several optimisers share one evaluation") {
  Parameter x(Array::scalar(1.0)), y(Array::scalar(1.0));
  ag::Adam slow({x}, {.learning_rate = 0.1, .epsilon = 0});
  ag::UniformAdam fast({y}, {.learning_rate = 0.5, .epsilon = 0});
  ag::Optimiser* const both[] = {&slow, &fast};
  const auto square = std::make_shared<custom_ops::Square>();
  const ag::Step step;
  const Tensor loss = ag::custom(square, {x}) + y;
  ag::minimise(loss, both);
  CHECK(square->runs == 1);
  CHECK(loss.item() == 2);
  CHECK(x.item() == Approx(0.9));
  CHECK(y.item() == Approx(0.5));
  CHECK((slow.steps() == 1 && fast.steps() == 1));
}

TEST_CASE("A step that throws changes nothing") {
  Parameter x(Array::scalar(1.0));
  ag::Adam optimiser({x}, {.learning_rate = 0.5, .epsilon = 0});
  const auto fragile = std::make_shared<custom_ops::Fragile>();
  const ag::Step step;
  const Tensor loss = ag::custom(fragile, {x}) * 2;
  CHECK_THROWS_AS(optimiser.minimise(loss), std::runtime_error);
  CHECK(x.item() == 1);
  CHECK(x.version() == 0);
  CHECK(optimiser.steps() == 0);
  fragile->fails = false;
  optimiser.minimise(loss);
  CHECK(x.item() == Approx(0.5));
  CHECK_THROWS_AS(optimiser.minimise(ag::tensor(Array::of({1.0, 2.0}))), ag::ShapeError);
}
