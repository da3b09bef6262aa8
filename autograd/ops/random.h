#pragma once

#include <autograd/core/rng.h>
#include <autograd/core/tensor.h>

// Random numbers. Each call takes one draw of the generator when it is made; element i is then a function of
// the draw and i. Two kinds, with the same values: Arrays, made at once (initial values, data), and recorded
// Tensors (noise inside a step, which a repeated step computes anew without asking for memory).
// float32, float64 (DTypeError). Numbers between the 2^-24 (float64: 2^-53) steps of the unit interval never occur.

namespace autograd {

// Made at once ------------------------------------------------------------------------------------------
/// Uniform in [low, high), or high itself where rounding takes it there.
BACKLIGHT_API Array uniform(Rng& rng, const Shape& shape, double low = 0, double high = 1, DType type = DType::float32);
/// Gaussian (Box & Muller 1958).
BACKLIGHT_API Array normal(Rng& rng, const Shape& shape, double mean = 0, double deviation = 1,
                           DType type = DType::float32);
/// 0, 1, ..., count - 1 in random order, all orders alike (Fisher & Yates 1938): int32.
BACKLIGHT_API Array permutation(Rng& rng, int64_t count);

// Recorded ----------------------------------------------------------------------------------------------
/// As uniform(); low and high may be tensors, which get gradients, and broadcast to the shape.
BACKLIGHT_API Tensor random_uniform(Rng& rng, const Shape& shape, Located low = 0, Located high = 1,
                                    DType type = DType::float32,
                                    std::source_location where = std::source_location::current());
/// Gaussian, mean + deviation z: both may be tensors, which get gradients, and broadcast to the shape.
BACKLIGHT_API Tensor random_normal(Rng& rng, const Shape& shape, Located mean = 0, Located deviation = 1,
                                   DType type = DType::float32,
                                   std::source_location where = std::source_location::current());

}  // namespace autograd
