#pragma once

#include <autograd/core/rng.h>
#include <autograd/core/tensor.h>

// Initial values of weights. Of a shape [..., inputs, outputs] the last two axes are what a layer connects, those
// before them (a convolution's window) multiply both: fan_in = ... * inputs, fan_out = ... * outputs.
// ShapeError below two axes.

namespace autograd {

/// Gaussian with deviation sqrt(2 / fan_in), for layers before a relu (He, Zhang, Ren, Sun 2015).
BACKLIGHT_API Array he_normal(Rng& rng, const Shape& shape, DType type = DType::float32);
/// Uniform with the same deviation.
BACKLIGHT_API Array he_uniform(Rng& rng, const Shape& shape, DType type = DType::float32);
/// Gaussian with deviation sqrt(2 / (fan_in + fan_out)), for tanh and sigmoid (Glorot & Bengio 2010).
BACKLIGHT_API Array xavier_normal(Rng& rng, const Shape& shape, DType type = DType::float32);
/// Uniform with the same deviation.
BACKLIGHT_API Array xavier_uniform(Rng& rng, const Shape& shape, DType type = DType::float32);

}  // namespace autograd
