#include <autograd/optim/optimiser.h>
#include <autograd/transforms/grad.h>

namespace autograd {

void Optimiser::minimise(const Tensor& loss, std::initializer_list<Tensor> also) {
  minimise(loss, std::span<const Tensor>(also.begin(), also.size()));
}

void Optimiser::minimise(const Tensor& loss, std::span<const Tensor> also) {
  Optimiser* const self = this;
  autograd::minimise(loss, std::span<Optimiser* const>(&self, 1), also);
}

void minimise(const Tensor& loss, std::span<Optimiser* const> optimisers, std::span<const Tensor> also) {
  std::vector<Located> variables;
  for (const Optimiser* optimiser : optimisers) {
    variables.insert(variables.end(), optimiser->parameters_.begin(), optimiser->parameters_.end());
  }
  std::span<const Tensor> gradients =
      grad(loss, std::span<const Located>(variables), {.unused = GradOptions::Unused::zeros});
  std::vector<Assignment> assignments;
  for (Optimiser* optimiser : optimisers) {
    const size_t count = optimiser->parameters_.size();
    optimiser->update(gradients.first(count), assignments);
    gradients = gradients.subspan(count);
  }
  std::vector<Tensor> wanted{loss};
  wanted.insert(wanted.end(), also.begin(), also.end());
  evaluate(wanted, assignments);
  for (Optimiser* optimiser : optimisers) ++optimiser->steps_;
}

}  // namespace autograd
