#include <autograd/ops/elementwise.h>
#include <autograd/ops/reduce.h>
#include <autograd/optim/adam.h>
#include <autograd/optim/option.h>

#include <cmath>
#include <limits>

namespace autograd {

Adam::Adam(std::vector<Parameter> parameters, AdamOptions options) : Adam(std::move(parameters), options, true) {}

Adam::Adam(std::vector<Parameter> parameters, AdamOptions options, bool elementwise)
    : Optimiser(std::move(parameters), options.learning_rate,
                {.remembers = {"first_moment", "second_moment"}, .elementwise = elementwise}),
      options_(options) {
  constexpr double below_one = 1 - std::numeric_limits<double>::epsilon(), most = std::numeric_limits<double>::max();
  require_option("Adam", "beta1", options.beta1, 0, below_one);
  require_option("Adam", "beta2", options.beta2, 0, below_one);
  require_option("Adam", "epsilon", options.epsilon, 0, most);
  require_option("Adam", "weight_decay", options.weight_decay, 0, most);
}

AdamOptions Adam::options() const {
  AdamOptions current = options_;
  current.learning_rate = learning_rate();
  return current;
}

// m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
// p = p - rate decay p - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
Optimiser::Moving Adam::update(const Moving& old, const Tensor& g) const {
  const auto t = static_cast<double>(steps() + 1);
  const double correction1 = 1 / (1 - std::pow(options_.beta1, t));
  const double correction2 = 1 / (1 - std::pow(options_.beta2, t));
  const Tensor m = old.remembered[0] * options_.beta1 + g * (1 - options_.beta1);
  const Tensor v = old.remembered[1] * options_.beta2 + square(g) * (1 - options_.beta2);
  const Tensor step = m * (learning_rate() * correction1) / denominator(sqrt(v * correction2));
  const bool decays = options_.weight_decay != 0;
  const Tensor p = decays ? old.parameter * (1 - learning_rate() * options_.weight_decay) : old.parameter;
  return {p - step, {m, v}};
}

Tensor Adam::denominator(const Tensor& root) const { return root + options_.epsilon; }

Tensor UniformAdam::denominator(const Tensor& root) const { return max(root) + options().epsilon; }

}  // namespace autograd
