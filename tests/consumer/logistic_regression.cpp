#include <autograd/autograd.h>

#include "check.h"

namespace ag = autograd;

// Two classes that a known line divides, with noise: labels are drawn with probability sigmoid(w x + b). Newton's
// method on the likelihood recovers the line, as close as so many labels allow.
int main() {
  constexpr int64_t count = 20000;
  ag::Rng rng(1);
  const ag::Array x = ag::normal(rng, {count, 2}, 0, 1, ag::DType::float64);
  const ag::Array truth = ag::Array::of({1.5, -2.0, 0.5});  // the line's two weights and its offset
  ag::Parameter line = ag::zeros({3}, ag::DType::float64);

  const auto logit = [&](const ag::Tensor& w) {
    return ag::sum(x * ag::slice(w, 0, {.stop = 2}), 1) + ag::select(w, 0, 2);
  };
  const ag::Array labels = [&] {
    const ag::Step step;
    const ag::Tensor chance = ag::sigmoid(logit(ag::tensor(truth)));
    const ag::Tensor drawn = ag::random_uniform(rng, {count}, 0, 1, ag::DType::float64);
    return ag::cast(drawn < chance, ag::DType::float64).keep();
  }();

  double slope = 1;
  for (int i = 0; i < 8; ++i) {
    const ag::Step step;
    const ag::Tensor w = ag::tensor(line);
    const ag::Tensor loss = ag::bce_with_logits(logit(w), labels);
    const ag::Tensor gradient = ag::grad(loss, w);
    slope = ag::norm(gradient).item();
    ag::evaluate({loss});  // both are of the old line: they are asked for before it moves
    line.assign(w - ag::solve(ag::hessian(loss, w), gradient));
    std::printf("loss %.6f, gradient %.1e\n", loss.item(), slope);
  }
  int failed = slope < 1e-10 ? 0 : 1;  // Newton's method converged
  // The standard error of each weight is about 0.03 here: the inverse root of the Fisher information.
  for (size_t k = 0; k < 3; ++k) failed += check("weight", line.values<double>()[k], truth.values<double>()[k], 0.1);
  return failed;
}
