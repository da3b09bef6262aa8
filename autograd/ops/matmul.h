#pragma once

#include <autograd/core/tensor.h>

namespace autograd {

/// Matrix product [..., m, k] x [..., k, n] -> [..., m, n]; leading axes broadcast. float32, float64.
/// Each element is a chain of fused multiply-adds with k ascending in chunks of 4096, chunks added in
/// order: the same bits on every machine. ShapeError, DTypeError.
BACKLIGHT_API Tensor matmul(Located a, Located b);

}  // namespace autograd
