#include <autograd/ops/elementwise.h>
#include <autograd/optim/sgd.h>

namespace autograd {

Sgd::Sgd(std::vector<Parameter> parameters, SgdOptions options)
    : Optimiser(std::move(parameters), options.learning_rate), options_(options) {
  if (options_.momentum != 0) velocities_ = zeros_like_parameters("velocity");
}

SgdOptions Sgd::options() const {
  SgdOptions current = options_;
  current.learning_rate = learning_rate();
  return current;
}

void Sgd::update(std::span<const Tensor> gradients, std::vector<Assignment>& assignments) {
  for (size_t i = 0; i < gradients.size(); ++i) {
    const Parameter& p = parameters()[i];
    Tensor direction = gradients[i];
    if (options_.weight_decay != 0) direction = direction + p * options_.weight_decay;
    if (options_.momentum != 0) {
      const Tensor v = velocities_[i] * options_.momentum + direction;
      assignments.push_back({velocities_[i], v});
      direction = options_.nesterov ? direction + v * options_.momentum : v;
    }
    assignments.push_back({p, p - direction * learning_rate()});
  }
}

}  // namespace autograd
