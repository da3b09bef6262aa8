#pragma once

#include <autograd/core/tensor.h>

#include <cstdint>
#include <memory>
#include <span>

// Sparse matrices in compressed rows (CSR). Where the elements are is fixed and shared; their values are tensors like
// any other, given with each operation, and have gradients.

namespace autograd {

/// One element of a sparse matrix; equal positions are added.
struct SparseEntry {
  int32_t row, column;
  double value;
};

/// Where a matrix has elements: `starts` [rows + 1], row i has the entries starts[i] to starts[i + 1], `indices`
/// [entries] are their columns. Equal positions are added. Made once, cheap to copy, any thread may read it.
class BACKLIGHT_API SparsePattern {
 public:
  /// ValueError for starts that descend or do not end with the entries, or columns outside the matrix.
  SparsePattern(int64_t rows, int64_t columns, std::span<const int32_t> starts, std::span<const int32_t> indices);

  int64_t rows() const;
  int64_t columns() const;
  int64_t entries() const;
  struct Structure;
  const std::shared_ptr<const Structure>& structure() const { return structure_; }

 private:
  std::shared_ptr<const Structure> structure_;
};

struct SparseMatrix {
  SparsePattern pattern;
  Array values;  ///< [entries]
};
/// From entries in any order, equal positions added. ValueError for one outside the matrix.
BACKLIGHT_API SparseMatrix sparse_matrix(int64_t rows, int64_t columns, std::span<const SparseEntry> entries,
                                         DType type = DType::float32);

/// A x for values [entries] and x [columns] or [columns, k]; -> [rows] or [rows, k]. float32, float64. Sums run in the
/// order of a row's entries. ShapeError, DTypeError.
BACKLIGHT_API Tensor sparse_matmul(const SparsePattern& a, Located values, Located x);

/// Solution x of A x = b for a symmetric positive definite A, whose lower triangle is read (upper entries may be there
/// or not, and have the gradient 0), and b [size] or [size, columns]. Computed in float64, with a fill-reducing order
/// that is found once for a pattern; factorised once for the gradients too. ValueError, when evaluated, where A is not
/// positive definite. ShapeError, DTypeError.
BACKLIGHT_API Tensor solve(const SparsePattern& a, Located values, Located b);

/// The Cholesky factorisation L L^T of a constant matrix as above, in float64 with a fill-reducing ordering (Eigen).
/// Made once, solved with many times; cheap to copy.
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
