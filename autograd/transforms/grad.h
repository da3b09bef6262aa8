#pragma once

#include <autograd/core/tensor.h>

#include <array>
#include <span>

namespace autograd {

struct GradOptions {
  enum class Unused { error, zeros };
  /// What a variable gets that the function does not depend on: UnreachedGradient, or zeros.
  Unused unused = Unused::error;
  /// Gradient of the final result with respect to f; needed where f is not a scalar. Its shape is f's.
  Tensor cotangent = {};
  /// With the other variables held fixed, where one was computed from another; else a variable's gradient is all that
  /// changes with it.
  bool partial = false;
};

/// Gradient of the scalar f with respect to x: a tensor of x's shape, recorded like any other, so it
/// can be differentiated again. x is a Tensor, Parameter or Array that f was computed from.
/// ShapeError (f is not a scalar), DTypeError, UnreachedGradient.
BACKLIGHT_API Tensor grad(const Tensor& f, Located x, const GradOptions& options = {});

/// With respect to several variables at once: auto [gx, gy] = grad(f, {x, y}).
template <size_t count>
std::array<Tensor, count> grad(const Tensor& f, const Located (&variables)[count], const GradOptions& options = {});

/// A run-time list; the memory is the Step's.
BACKLIGHT_API std::span<const Tensor> grad(const Tensor& f, std::span<const Located> variables,
                                           const GradOptions& options = {});

// ---------------------------------------------------------------------------------------------

template <size_t count>
std::array<Tensor, count> grad(const Tensor& f, const Located (&variables)[count], const GradOptions& options) {
  const std::span<const Tensor> list = grad(f, std::span<const Located>(variables, count), options);
  std::array<Tensor, count> result;
  for (size_t i = 0; i < count; ++i) result[i] = list[i];
  return result;
}

}  // namespace autograd
