#include <autograd/ops/elementwise.h>
#include <autograd/optim/option.h>
#include <autograd/optim/sgd.h>

#include <limits>

namespace autograd {

namespace {
std::vector<std::string> remembered(const SgdOptions& options) {
  if (options.momentum == 0) return {};
  return {"velocity"};
}
}  // namespace

Sgd::Sgd(std::vector<Parameter> parameters, SgdOptions options)
    : Optimiser(std::move(parameters), options.learning_rate, {.remembers = remembered(options)}), options_(options) {
  constexpr double most = std::numeric_limits<double>::max();
  require_option("Sgd", "momentum", options.momentum, 0, most);
  require_option("Sgd", "weight_decay", options.weight_decay, 0, most);
}

SgdOptions Sgd::options() const {
  SgdOptions current = options_;
  current.learning_rate = learning_rate();
  return current;
}

Optimiser::Moving Sgd::update(const Moving& old, const Tensor& gradient) const {
  const Tensor& p = old.parameter;
  Moving moved;
  Tensor direction = gradient;
  if (options_.weight_decay != 0) direction = direction + p * options_.weight_decay;
  if (options_.momentum != 0) {
    const Tensor v = old.remembered[0] * options_.momentum + direction;
    moved.remembered[0] = v;
    direction = options_.nesterov ? direction + v * options_.momentum : v;
  }
  moved.parameter = p - direction * learning_rate();
  return moved;
}

}  // namespace autograd
