#pragma once

#include <autograd/core/tensor.h>

// Elementwise operations. Operands broadcast by numpy's rule and have one type: numbers take it
// from the tensor that they meet, tensors are converted with cast() only. Gradients at kinks:
// relu'(0) = abs'(0) = 0, ties of maximum and minimum share equally.

namespace autograd {

// Arithmetic (float32, float64, int32; integers wrap, division truncates and throws ValueError by zero) --
BACKLIGHT_API Tensor operator+(Located x, Located y);
BACKLIGHT_API Tensor operator-(Located x, Located y);
BACKLIGHT_API Tensor operator*(Located x, Located y);
BACKLIGHT_API Tensor operator/(Located x, Located y);
BACKLIGHT_API Tensor operator%(Located x, Located y);  ///< int32 only: the sign of x
BACKLIGHT_API Tensor operator-(Located x);
BACKLIGHT_API Tensor abs(Located x);
BACKLIGHT_API Tensor sign(Located x);                              ///< -1, 0 or 1, NaN of NaN; its gradient is 0
BACKLIGHT_API Tensor minimum(Located x, Located y);                ///< NaN where either is NaN
BACKLIGHT_API Tensor maximum(Located x, Located y);                ///< NaN where either is NaN
BACKLIGHT_API Tensor clamp(Located x, Located low, Located high);  ///< min(max(x, low), high)
BACKLIGHT_API Tensor fma(Located x, Located y, Located z);         ///< x y + z, rounded once; floats

// Powers and exponentials (float32, float64) ----------------------------------------------------------
BACKLIGHT_API Tensor square(Located x);
BACKLIGHT_API Tensor sqrt(Located x);   ///< gradient 0 where the incoming gradient is 0, even at 0
BACKLIGHT_API Tensor rsqrt(Located x);  ///< 1 / sqrt(x)
BACKLIGHT_API Tensor exp(Located x);
BACKLIGHT_API Tensor log(Located x);
BACKLIGHT_API Tensor pow(Located x, Located y);

// Trigonometry (radians; float32, float64) ------------------------------------------------------------
BACKLIGHT_API Tensor sin(Located x);
BACKLIGHT_API Tensor cos(Located x);
BACKLIGHT_API Tensor tan(Located x);
BACKLIGHT_API Tensor asin(Located x);
BACKLIGHT_API Tensor acos(Located x);
BACKLIGHT_API Tensor atan(Located x);
BACKLIGHT_API Tensor atan2(Located y, Located x);

// Activations (float32, float64) ----------------------------------------------------------------------
BACKLIGHT_API Tensor tanh(Located x);
BACKLIGHT_API Tensor sigmoid(Located x);  ///< 1 / (1 + exp(-x)), without overflow
BACKLIGHT_API Tensor relu(Located x);
BACKLIGHT_API Tensor leaky_relu(Located x, double slope = 0.01);  ///< x > 0 ? x : slope x
BACKLIGHT_API Tensor softplus(Located x);                         ///< log(1 + exp(x)), without overflow or cancellation
BACKLIGHT_API Tensor gelu(Located x);  ///< x P(Z < x) of a standard normal Z (Hendrycks & Gimpel 2016)
BACKLIGHT_API Tensor erf(Located x);

// Rounding (float32, float64; the gradient is 0) ------------------------------------------------------
BACKLIGHT_API Tensor floor(Located x);
BACKLIGHT_API Tensor ceil(Located x);
BACKLIGHT_API Tensor round(Located x);  ///< to nearest, ties to even

// Comparison (bool; NaN compares false, but != true) and logic (bool) -----------------------------------
BACKLIGHT_API Tensor operator==(Located x, Located y);
BACKLIGHT_API Tensor operator!=(Located x, Located y);
BACKLIGHT_API Tensor operator<(Located x, Located y);
BACKLIGHT_API Tensor operator<=(Located x, Located y);
BACKLIGHT_API Tensor operator>(Located x, Located y);
BACKLIGHT_API Tensor operator>=(Located x, Located y);
BACKLIGHT_API Tensor operator&&(Located x, Located y);
BACKLIGHT_API Tensor operator||(Located x, Located y);
BACKLIGHT_API Tensor operator!(Located x);

// Selection and conversion ------------------------------------------------------------------------------
/// condition ? x : y. The gradient is selected too, so a NaN of the other side never spreads.
BACKLIGHT_API Tensor where(Located condition, Located x, Located y);
/// Float to int truncates; out of range and NaN give the smallest int32.
BACKLIGHT_API Tensor cast(Located x, DType type);
/// The value, cut off from gradients.
BACKLIGHT_API Tensor stop_gradient(Located x);

}  // namespace autograd
