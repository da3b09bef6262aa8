#pragma once

#include <autograd/core/tensor.h>

#include <cstdint>
#include <memory>
#include <span>

namespace autograd {

/// Entries of a sparse matrix; equal positions are added.
struct SparseEntry {
  int32_t row, column;
  double value;
};

/// The Cholesky factorisation L L^T of a sparse symmetric positive definite matrix, in float64 with a
/// fill-reducing ordering (Eigen). Made once, solved with many times; cheap to copy.
class BACKLIGHT_API SparseCholesky {
 public:
  /// Both triangles, or the lower one only. ValueError where the matrix is not positive definite, an
  /// entry is not finite or lies outside; `size` rows.
  SparseCholesky(int64_t size, std::span<const SparseEntry> entries);

  int64_t size() const;
  struct Factor;
  const std::shared_ptr<const Factor>& factor() const { return factor_; }

 private:
  std::shared_ptr<const Factor> factor_;
};

/// Solution x of A x = b for b [size] or [size, columns]; float32 is solved in float64 and rounded.
/// The gradient to b is a solve with the same factor. ShapeError, DTypeError.
BACKLIGHT_API Tensor solve(const SparseCholesky& a, Located b);

}  // namespace autograd
