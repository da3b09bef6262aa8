#pragma once

#include <autograd/transforms/grad.h>

#include <span>

// Derivatives made of gradients. What they return is recorded like any tensor, so it can be differentiated again.
// Errors as grad(): UnreachedGradient, DTypeError, ShapeError.

namespace autograd {

struct ValueAndGradient {
  Tensor value, gradient;
};
/// The scalar f and its gradient with respect to x, computed in one evaluation: reading both costs nothing more.
BACKLIGHT_API ValueAndGradient value_and_grad(const Tensor& f, Located x);

/// Derivative of f, of any shape, along `tangent`, which has x's shape: J t, of f's shape. Two reverse passes, of
/// which all that the result does not need is dropped (the double-vjp trick, Townsend 2017).
BACKLIGHT_API Tensor jvp(const Tensor& f, Located x, const Tensor& tangent);
/// Along a tangent of each variable.
BACKLIGHT_API Tensor jvp(const Tensor& f, std::span<const Located> variables, std::span<const Tensor> tangents);

/// The scalar f's Hessian times v, which has x's shape and is taken as constant: H v, of x's shape, in the time of a
/// few gradients (Pearlmutter 1994).
BACKLIGHT_API Tensor hvp(const Tensor& f, Located x, const Tensor& v);
/// Of several variables together; the list lives as long as the Step.
BACKLIGHT_API std::span<const Tensor> hvp(const Tensor& f, std::span<const Located> variables,
                                          std::span<const Tensor> vectors);

/// All derivatives of f's elements with respect to x's: [f's extents..., x's extents...]. One reverse pass for each
/// element of f or of x, whichever has fewer: for small problems.
BACKLIGHT_API Tensor jacobian(const Tensor& f, Located x);
/// Second derivatives of the scalar f: [x's extents..., x's extents...]. A reverse pass for each element of x.
BACKLIGHT_API Tensor hessian(const Tensor& f, Located x);

}  // namespace autograd
