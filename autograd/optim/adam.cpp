#include <autograd/core/evaluate.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/reduce.h>
#include <autograd/optim/adam.h>
#include <autograd/transforms/grad.h>

#include <cmath>

namespace autograd {

Adam::Adam(std::vector<Parameter> parameters, AdamOptions options) : parameters_(std::move(parameters)), options_(options) {
  for (const Parameter& parameter : parameters_) {
    first_moments_.emplace_back(zeros(parameter.shape(), parameter.dtype()));
    second_moments_.emplace_back(zeros(parameter.shape(), parameter.dtype()));
  }
}

void Adam::minimise(const Tensor& loss, std::initializer_list<Tensor> also) {
  minimise(loss, std::span<const Tensor>(also.begin(), also.size()));
}

// m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  p = p - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
void Adam::minimise(const Tensor& loss, std::span<const Tensor> also) {
  const std::vector<Located> variables(parameters_.begin(), parameters_.end());
  const std::span<const Tensor> gradients =
      grad(loss, std::span<const Located>(variables), {.unused = GradOptions::Unused::zeros});
  const auto t = static_cast<double>(steps_ + 1);
  const double correction1 = 1 / (1 - std::pow(options_.beta1, t));
  const double correction2 = 1 / (1 - std::pow(options_.beta2, t));
  std::vector<Assignment> assignments;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor g = gradients[i];
    const Tensor m = first_moments_[i] * options_.beta1 + g * (1 - options_.beta1);
    const Tensor v = second_moments_[i] * options_.beta2 + square(g) * (1 - options_.beta2);
    const Tensor step = m * (options_.learning_rate * correction1) / denominator(sqrt(v * correction2));
    assignments.push_back({first_moments_[i], m});
    assignments.push_back({second_moments_[i], v});
    assignments.push_back({parameters_[i], parameters_[i] - step});
  }
  std::vector<Tensor> wanted{loss};
  wanted.insert(wanted.end(), also.begin(), also.end());
  evaluate(wanted, assignments);
  ++steps_;
}

Tensor Adam::denominator(const Tensor& root) const { return root + options_.epsilon; }

Tensor UniformAdam::denominator(const Tensor& root) const { return max(root) + options().epsilon; }

}  // namespace autograd
