#pragma once

#include <autograd/core/tensor.h>

namespace autograd {

/// Rows of `table` [rows, ...] chosen by `indices` [...] int32: shape [indices..., ...]. Any type of
/// table. IndexError, when evaluated, for an index outside [0, rows). The gradient is a scatter_add.
BACKLIGHT_API Tensor gather(Located table, Located indices);

/// The adjoint: `values` [indices..., ...] added into zeros [rows, ...]. Floats and int32. An element's
/// sum runs in the order of its entries inside clamp(entries / 32768, 1, 16) equal chunks, and the
/// chunks are added in order: the same bits for any number of threads. IndexError as gather.
BACKLIGHT_API Tensor scatter_add(Located values, Located indices, int64_t rows);

}  // namespace autograd
