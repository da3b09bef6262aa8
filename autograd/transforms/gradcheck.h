#pragma once

#include <autograd/core/tensor.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace autograd {

struct GradcheckOptions {
  int order = 2;            ///< 1: the gradient; 2: also the gradient of the gradient
  double step = 1e-6;       ///< of the central differences, times max(1, |x|)
  double tolerance = 1e-5;  ///< |gradient - difference| <= tolerance * (1 + |difference|)
  uint64_t seed = 1;        ///< of the weights that make a scalar of a function with many outputs
};

struct GradcheckResult {
  bool passed = true;
  double worst = 0;     ///< largest |gradient - difference| / (1 + |difference|)
  std::string message;  ///< where, in one line; empty if passed
};

/// A function of tensors; called with leaves of the inputs' values.
using Differentiable = std::function<Tensor(std::span<const Tensor>)>;

/// Compares the gradients of f with central differences, element by element. Inputs are float64
/// (DTypeError otherwise) and stay away from kinks by more than the step; f must be deterministic.
BACKLIGHT_API GradcheckResult gradcheck(const Differentiable& f, const std::vector<Array>& inputs,
                                        const GradcheckOptions& options = {});

}  // namespace autograd
