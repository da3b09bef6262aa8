#pragma once

#include <autograd/ops/index.h>

// scatter_add as gradients use it; private to ops/ and transforms/.

namespace autograd {

/// a + b of scatter_adds that differ in values and indices alone: one scatter_add by the lists of both, of which each
/// row of the table takes all at once. So the gradient of a table that is looked up by several lists, as a vertex is by
/// each corner of its faces, is added into one table, not into one a list. Also where b is such to an addend of a.
/// Undefined for others.
Tensor join_scattered(const Tensor& a, const Tensor& b);

/// Indices of an operation, or DTypeError.
Tensor index_tensor(const char* operation, const Located& indices);
/// The axes of `front`, then those of `back` from `back_from` on.
Shape with_rows(const Shape& front, const Shape& back, int back_from);

}  // namespace autograd
