#include <autograd/core/error.h>
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
  if (optimisers.empty()) throw ValueError("minimise: no optimiser given");
  Optimiser& first = *optimisers[0];
  first.variables_.clear();
  first.assignments_.clear();
  for (const Optimiser* optimiser : optimisers) {
    first.variables_.insert(first.variables_.end(), optimiser->parameters_.begin(), optimiser->parameters_.end());
  }
  std::span<const Tensor> gradients =
      grad(loss, std::span<const Located>(first.variables_), {.unused = GradOptions::Unused::zeros});
  for (Optimiser* optimiser : optimisers) {
    const size_t count = optimiser->parameters_.size();
    optimiser->update(gradients.first(count), first.assignments_);
    gradients = gradients.subspan(count);
  }
  first.wanted_.assign(1, loss);
  first.wanted_.insert(first.wanted_.end(), also.begin(), also.end());
  evaluate(first.wanted_, first.assignments_);
  for (Optimiser* optimiser : optimisers) ++optimiser->steps_;
}

}  // namespace autograd
