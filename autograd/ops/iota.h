#pragma once

#include <autograd/core/tensor.h>

namespace autograd {

/// 0, 1, ... in row-major order, int32. Lazy and without heap memory, as arange(), an Array, is not; private to ops/.
Tensor iota(const Shape& shape);

}  // namespace autograd
