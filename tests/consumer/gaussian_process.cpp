#include <autograd/autograd.h>

#include <cmath>
#include <numbers>

#include "check.h"

namespace ag = autograd;
using ag::Tensor;

// Regression by a Gaussian process (Rasmussen & Williams 2006). The kernel's length, amplitude and noise are those
// that make the data likeliest, found by Adam through a Cholesky factorisation. Known: the values by which the data
// were drawn; and the likelihood's gradient, d log p / d theta = tr((a a^T - K^-1) dK / d theta) / 2, a = K^-1 y (5.9).

constexpr int64_t count = 150;

/// [count, count], for log(length), log(amplitude), log(noise).
Tensor kernel(const ag::Array& x, const Tensor& logs) {
  const Tensor length = ag::exp(ag::select(logs, 0, 0)), noise = ag::exp(ag::select(logs, 0, 2));
  const Tensor distance = (ag::expand_dims(x, 1) - ag::expand_dims(x, 0)) / length;
  const Tensor smooth = ag::exp(2 * ag::select(logs, 0, 1) - 0.5 * ag::square(distance));
  return smooth + ag::square(noise) * ag::one_hot(ag::arange(count), count, ag::DType::float64);
}

Tensor log_likelihood(const Tensor& k, const ag::Array& y) {
  const Tensor l = ag::cholesky(k);
  return -0.5 * ag::sum(y * ag::cholesky_solve(l, y)) - ag::sum(ag::log(ag::diagonal(l))) -
         count / 2.0 * std::log(2 * std::numbers::pi);
}

int main() {
  ag::Rng rng(1);
  const ag::Array x = ag::uniform(rng, {count}, 0, 30, ag::DType::float64);
  const ag::Array truth = ag::Array::of({std::log(1.2), std::log(1.5), std::log(0.2)});
  const ag::Array y = [&] {
    const ag::Step step;
    const ag::Array z = ag::normal(rng, {count, 1}, 0, 1, ag::DType::float64);
    return ag::flatten(ag::matmul(ag::cholesky(kernel(x, ag::tensor(truth))), z)).keep();
  }();

  ag::Parameter logs = ag::zeros({3}, ag::DType::float64);
  int failed = 0;
  {  // the gradient to log(noise), where dK = 2 noise^2 I, against the formula
    const ag::Step step;
    const Tensor at = ag::tensor(logs), k = kernel(x, at), a = ag::solve(k, y);
    const double known = ag::sum(a * a).item() - ag::sum(ag::diagonal(ag::inverse(k))).item();
    failed += check("gradient", ag::grad(log_likelihood(k, y), at).values<double>()[2], known, 1e-8);
  }
  ag::Adam optimiser({logs}, {.learning_rate = 0.05});
  for (int i = 0; i < 200; ++i) {
    const ag::Step step;
    optimiser.set_learning_rate(ag::CosineDecay{.rate = 0.05, .steps = 200}(i));
    optimiser.minimise(-log_likelihood(kernel(x, ag::tensor(logs)), y));
  }
  const char* const names[] = {"length", "amplitude", "noise"};
  for (size_t i = 0; i < 3; ++i) {
    const double known = std::exp(truth.values<double>()[i]);
    failed += check(names[i], std::exp(logs.values<double>()[i]), known, 0.25 * known);
  }
  return failed;
}
