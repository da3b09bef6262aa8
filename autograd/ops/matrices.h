#pragma once

#include <autograd/core/tensor.h>

// Matrices in the last two axes; private to ops/.

namespace autograd {

/// The axes before the last two.
Shape batch_shape(const Shape& shape);
Shape matrix_shape(const Shape& batch, int64_t rows, int64_t columns);
/// Rows of square matrices. throws ShapeError
int64_t square_rows(const char* operation, const Shape& shape);
/// 1 on the diagonal: [rows, rows].
Tensor identity(int64_t rows, DType type);

// Written out in elementwise operations, for 1 to 4 rows -----------------------------------------------------------
inline constexpr int64_t most_small = 4;
Tensor small_det(const Tensor& a);
Tensor small_inverse(const Tensor& a);
/// [..., m, n] x [..., n, k] -> [..., m, k], each extent 1 to 4: a sum of n terms, in order.
Tensor small_product(const Tensor& a, const Tensor& b);

}  // namespace autograd
