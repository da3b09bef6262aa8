#include <autograd/ops/elementwise.h>
#include <autograd/ops/reduce.h>
#include <autograd/optim/adam.h>

#include <cmath>

namespace autograd {

Adam::Adam(std::vector<Parameter> parameters, AdamOptions options)
    : Optimiser(std::move(parameters), options.learning_rate),
      first_moments_(zeros_like_parameters("first_moment")),
      second_moments_(zeros_like_parameters("second_moment")),
      options_(options) {}

AdamOptions Adam::options() const {
  AdamOptions current = options_;
  current.learning_rate = learning_rate();
  return current;
}

std::vector<Parameter> Adam::state() const {
  std::vector<Parameter> list = first_moments_;
  list.insert(list.end(), second_moments_.begin(), second_moments_.end());
  return list;
}

// m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
// p = p - rate decay p - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
void Adam::update(std::span<const Tensor> gradients, std::vector<Assignment>& assignments) {
  const auto t = static_cast<double>(steps() + 1);
  const double correction1 = 1 / (1 - std::pow(options_.beta1, t));
  const double correction2 = 1 / (1 - std::pow(options_.beta2, t));
  for (size_t i = 0; i < gradients.size(); ++i) {
    const Parameter& p = parameters()[i];
    const Tensor g = gradients[i];
    const Tensor m = first_moments_[i] * options_.beta1 + g * (1 - options_.beta1);
    const Tensor v = second_moments_[i] * options_.beta2 + square(g) * (1 - options_.beta2);
    const Tensor step = m * (learning_rate() * correction1) / denominator(sqrt(v * correction2));
    assignments.push_back({first_moments_[i], m});
    assignments.push_back({second_moments_[i], v});
    const bool decays = options_.weight_decay != 0;
    assignments.push_back({p, (decays ? p * (1 - learning_rate() * options_.weight_decay) : Located(p)) - step});
  }
}

Tensor Adam::denominator(const Tensor& root) const { return root + options_.epsilon; }

Tensor UniformAdam::denominator(const Tensor& root) const { return max(root) + options().epsilon; }

}  // namespace autograd
