#include <autograd/autograd.h>

#include <cmath>
#include <functional>
#include <vector>

#include "tests/autograd/custom_ops.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Sgd, AdamW, clipping, accumulated and given gradients, and schedules; Adam's own tests stand in adam_test.cpp.

namespace ag = autograd;
using ag::Array;
using ag::Parameter;
using ag::Tensor;

namespace {

const std::vector<double> targets{1, -2, 3}, scales{1, 10, 0.1};

/// sum (x - target)^2 scale
Tensor bowl(const Parameter& x) {
  return ag::sum(ag::square(x - Array::from(targets, {3})) * Array::from(scales, {3}));
}

std::vector<double> bowl_gradient(const std::vector<double>& x) {
  std::vector<double> gradient(3);
  for (size_t i = 0; i < 3; ++i) gradient[i] = 2 * (x[i] - targets[i]) * scales[i];
  return gradient;
}

/// Sgd in a plain loop, after the definition in Sutskever et al. 2013.
struct PlainSgd {
  ag::SgdOptions options;
  std::vector<double> v = std::vector<double>(3, 0.0);

  void update(std::vector<double>& x) {
    const std::vector<double> gradient = bowl_gradient(x);
    for (size_t i = 0; i < 3; ++i) {
      const double g = gradient[i] + options.weight_decay * x[i];
      v[i] = options.momentum * v[i] + g;
      x[i] -= options.learning_rate * (options.nesterov ? g + options.momentum * v[i] : v[i]);
    }
  }
};

std::vector<double> moved(const std::function<void(ag::Optimiser&)>& step, const ag::SgdOptions& options) {
  Parameter x(Array::of({0.5, 0.5, 0.5}));
  ag::Sgd optimiser({x}, options);
  step(optimiser);
  return x.to_vector<double>();
}

}  // namespace

TEST_CASE("Sgd follows the plain loop") {
  for (const ag::SgdOptions& options :
       {ag::SgdOptions{.learning_rate = 0.05}, ag::SgdOptions{.learning_rate = 0.02, .momentum = 0.9},
        ag::SgdOptions{.learning_rate = 0.02, .momentum = 0.8, .nesterov = true},
        ag::SgdOptions{.learning_rate = 0.02, .momentum = 0.7, .weight_decay = 0.3},
        ag::SgdOptions{.learning_rate = 0.02, .weight_decay = 0.3}}) {
    PlainSgd plain{options};
    std::vector<double> expected(3, 0.5);
    Parameter x(Array::from(expected, {3}), "x");
    ag::Sgd optimiser({x}, options);
    for (int i = 0; i < 20; ++i) {
      plain.update(expected);
      const ag::Step step;
      optimiser.minimise(bowl(x));
      for (size_t k = 0; k < 3; ++k) REQUIRE(x.values<double>()[k] == Approx(expected[k]).epsilon(1e-12));
    }
    CHECK(optimiser.steps() == 20);
    REQUIRE(optimiser.state().size() == (options.momentum == 0 ? 0 : 1));
    if (options.momentum != 0) {
      CHECK(optimiser.state()[0].name() == "velocity.x");
      CHECK(optimiser.state()[0].values<double>()[1] == Approx(plain.v[1]).epsilon(1e-12));
    }
  }
}

TEST_CASE("AdamW decays weights apart from the gradient's moments") {
  const ag::AdamOptions options{.learning_rate = 0.1, .weight_decay = 0.25};
  Parameter x(Array::of({4.0, -2.0})), plain(Array::of({4.0, -2.0}));
  ag::AdamW decaying({x}, options);
  ag::Adam adam({plain}, {.learning_rate = 0.1});
  for (int i = 0; i < 3; ++i) {
    const std::vector<double> before = x.to_vector<double>(), plain_before = plain.to_vector<double>();
    const ag::Step step;
    decaying.minimise(ag::sum(3 * x));
    adam.minimise(ag::sum(3 * plain));
    for (size_t k = 0; k < 2; ++k) {
      const double by_adam = plain.values<double>()[k] - plain_before[k];
      CHECK(x.values<double>()[k] == Approx(before[k] * (1 - 0.1 * 0.25) + by_adam).epsilon(1e-12));
    }
  }
  CHECK(ag::AdamW({x}).options().weight_decay == 0.01);
  CHECK(decaying.state().size() == 2);
}

TEST_CASE("Gradients are clipped by value and by their common norm") {
  const auto gradient_used = [](const ag::Clipping& clipping) {
    Parameter x(Array::of({0.0, 0.0})), y(Array::scalar(0.0F));
    ag::Sgd optimiser({x, y}, {.learning_rate = 1});
    optimiser.set_clipping(clipping);
    const ag::Step step;
    optimiser.minimise(ag::sum(x * Array::of({3.0, -4.0})) + ag::cast(12 * y, ag::DType::float64));
    return std::vector<double>{-x.values<double>()[0], -x.values<double>()[1], -y.item()};
  };
  CHECK(gradient_used({}) == std::vector<double>{3, -4, 12});
  CHECK(gradient_used({.value = 3.5}) == std::vector<double>{3, -3.5, 3.5});
  CHECK(gradient_used({.norm = 13}) == std::vector<double>{3, -4, 12});
  const std::vector<double> scaled = gradient_used({.norm = 6.5});
  for (size_t i = 0; i < 3; ++i) CHECK(scaled[i] == Approx(gradient_used({})[i] / 2).epsilon(1e-6));
  CHECK(gradient_used({.value = 4, .norm = 1})[0] == Approx(3 / std::sqrt(9 + 16 + 16.0)).epsilon(1e-6));
}

TEST_CASE("Clipping leaves a gradient of zero") {
  Parameter x(Array::of({1.0, 2.0}));
  ag::Sgd optimiser({x}, {.learning_rate = 1});
  optimiser.set_clipping({.norm = 0.5});
  const ag::Step step;
  optimiser.minimise(ag::sum(x * 0));
  CHECK(x.to_vector<double>() == std::vector<double>{1, 2});
}

TEST_CASE("Accumulated parts make the step of their sum") {
  const ag::SgdOptions options{.learning_rate = 0.03, .momentum = 0.9};
  const auto whole = [](ag::Optimiser& optimiser) {
    for (int i = 0; i < 4; ++i) {
      const ag::Step step;
      optimiser.minimise(bowl(optimiser.parameters()[0]));
    }
  };
  const auto parts = [](ag::Optimiser& optimiser) {
    for (int i = 0; i < 4; ++i) {
      for (const double share : {0.5, 0.25, 0.25}) {
        const ag::Step step;
        const Tensor loss = bowl(optimiser.parameters()[0]) * share;
        optimiser.accumulate(loss, {loss * 2});
        CHECK(loss.item() > 0);
      }
      optimiser.apply();
    }
    CHECK(optimiser.steps() == 4);
    CHECK(optimiser.parameters()[0].version() == 4);
  };
  const std::vector<double> expected = moved(whole, options), found = moved(parts, options);
  for (size_t k = 0; k < 3; ++k) CHECK(found[k] == Approx(expected[k]).epsilon(1e-12));
  CHECK_THROWS_WITH(moved([](ag::Optimiser& optimiser) { optimiser.apply(); }, options),
                    "apply: no gradient was accumulated since the last step");
}

TEST_CASE("A step on given gradients is that of the loss that has them") {
  const auto steps = [](bool given) {
    Parameter x(Array::of<float>({1, 2, 3})), y(Array::of<float>({4, 5}));  // which move together
    const Parameter large(ag::ones({5000}));
    ag::Adam optimiser({x, large, y}, {.learning_rate = 0.1});
    optimiser.set_clipping({.norm = 2});
    for (int i = 0; i < 3; ++i) {
      const ag::Step step;
      const Tensor loss = ag::sum(ag::square(x)) + ag::sum(x) * ag::sum(y) + ag::sum(ag::square(large));
      if (given) {
        const auto gradients = ag::grad(loss, {x, large, y});
        const Tensor also[] = {loss, loss * 2};
        optimiser.apply(std::span<const Tensor>(gradients), also);
        CHECK(also[1].item() == 2 * also[0].item());
      } else {
        optimiser.minimise(loss);
      }
    }
    CHECK(optimiser.steps() == 3);
    return std::vector{x.to_vector<float>(), large.to_vector<float>(), y.to_vector<float>()};
  };
  CHECK(steps(true) == steps(false));
}

TEST_CASE("Given gradients have to fit the parameters") {
  Parameter x(Array::of<float>({1, 2, 3}), "x"), y(Array::of<float>({4, 5})), z(ag::zeros({5000}), "z");
  ag::Sgd optimiser({x, y, z}, {.learning_rate = 1});
  const ag::Step step;
  const Tensor three = ag::tensor(ag::ones({3})), two = ag::tensor(ag::ones({2})), many = ag::tensor(ag::ones({5000}));
  CHECK_THROWS_WITH(optimiser.apply({three, two}), "apply: 2 gradients for 3 parameters");
  CHECK_THROWS_AS(optimiser.apply({two, three, many}), ag::ShapeError);
  CHECK_THROWS_WITH(optimiser.apply({two, two, many}), "apply: a gradient [2] for parameter 0 ('x') [3]");
  CHECK_THROWS_WITH(optimiser.apply({three, two, two}), "apply: a gradient [2] for parameter 2 ('z') [5000]");
  CHECK_THROWS_WITH(optimiser.apply({three, ag::cast(two, ag::DType::float64), many}),
                    "apply: a gradient of float64 for parameter 1 of float32");
  CHECK(optimiser.steps() == 0);
  CHECK(x.version() == 0);
  optimiser.apply({three, two, many});
  CHECK(y.to_vector<float>() == std::vector<float>{3, 4});
}

TEST_CASE("A part that throws is not accumulated") {
  Parameter x(Array::scalar(1.0));
  ag::Sgd optimiser({x}, {.learning_rate = 1});
  const auto fragile = std::make_shared<custom_ops::Fragile>();
  {
    const ag::Step step;
    CHECK_THROWS_AS(optimiser.accumulate(ag::custom(fragile, {x})), std::runtime_error);
    CHECK_THROWS_AS(optimiser.apply(), ag::ValueError);
    optimiser.accumulate(x * 0.25);
  }
  optimiser.apply();
  CHECK(x.item() == 0.75);
}

TEST_CASE("An optimiser refuses parameters given twice or of integers") {
  Parameter x(ag::zeros({2}), "weight"), counts(ag::arange(3));
  CHECK_THROWS_WITH(ag::Sgd({x, x}), "optimiser: parameter 1 ('weight') is given twice");
  CHECK_THROWS_WITH(ag::Adam({x, counts}), "optimiser: parameter 1 is int32; expected float32 or float64");
}

TEST_CASE("An optimiser refuses options that would leave no number of a parameter") {
  const Parameter x(ag::zeros({2}));
  const double nan = std::nan(""), infinity = HUGE_VAL;
  CHECK_THROWS_WITH(ag::Adam({x}, {.beta1 = 1}), "Adam: beta1 1; expected 0 to 0.9999999999999998");
  CHECK_THROWS_AS(ag::Adam({x}, {.beta2 = -0.1}), ag::ValueError);
  CHECK_THROWS_AS(ag::AdamW({x}, {.epsilon = -1e-8}), ag::ValueError);
  CHECK_THROWS_AS(ag::UniformAdam({x}, {.weight_decay = nan}), ag::ValueError);
  CHECK_THROWS_AS(ag::Adam({x}, {.learning_rate = nan}), ag::ValueError);
  CHECK_THROWS_AS(ag::Sgd({x}, {.learning_rate = infinity}), ag::ValueError);
  CHECK_THROWS_AS(ag::Sgd({x}, {.momentum = -0.9}), ag::ValueError);
  CHECK_THROWS_AS(ag::Sgd({x}, {.weight_decay = -1}), ag::ValueError);
  ag::Adam adam({x});
  CHECK_THROWS_AS(adam.set_learning_rate(nan), ag::ValueError);
  CHECK_THROWS_AS(adam.set_clipping({.value = -1}), ag::ValueError);
  CHECK_THROWS_AS(adam.set_clipping({.norm = nan}), ag::ValueError);
  CHECK_THROWS_AS(adam.set_steps(-1), ag::ValueError);
  CHECK(adam.learning_rate() == 1e-3);
  adam.set_learning_rate(-0.5);  // uphill
  CHECK(adam.learning_rate() == -0.5);
}

TEST_CASE("Schedules go through their values") {
  const ag::StepDecay steps{.rate = 0.8, .every = 10, .factor = 0.5};
  CHECK(steps(0) == 0.8);
  CHECK(steps(9) == 0.8);
  CHECK(steps(10) == Approx(0.4));
  CHECK(steps(35) == Approx(0.1));
  const ag::ExponentialDecay exponential{.rate = 2, .factor = 0.9};
  CHECK(exponential(0) == 2);
  CHECK(exponential(5) == Approx(2 * std::pow(0.9, 5)));
  const ag::CosineDecay cosine{.rate = 1, .steps = 110, .final_rate = 0.2, .warmup = 10};
  CHECK(cosine(0) == Approx(0.1));
  CHECK(cosine(9) == Approx(1));
  CHECK(cosine(10) == Approx(1));
  CHECK(cosine(60) == Approx(0.6));
  CHECK(cosine(110) == Approx(0.2));
  CHECK(cosine(1000) == Approx(0.2));
  const ag::OneCycle cycle{.rate = 1, .steps = 101, .rising = 0.25, .start_divisor = 10, .final_divisor = 100};
  CHECK(cycle(0) == Approx(0.1));
  CHECK(cycle(25) == Approx(1));
  CHECK(cycle(12) < cycle(13));
  CHECK(cycle(62) > cycle(63));
  CHECK(cycle(100) == Approx(0.01));
  CHECK(cycle(500) == Approx(0.01));
  CHECK(ag::OneCycle{.rate = 1, .steps = 1, .rising = 0}(0) == Approx(1));
}
