#pragma once

#include <autograd/core/tensor.h>

// Dense linear algebra of matrices in the last two axes; leading axes are a batch, and broadcast where two operands
// meet. float32, float64. det, inverse and solve of 1 to 4 rows are written out in elementwise operations, which
// fuse; all else is computed matrix by matrix in float64 (Eigen) and rounded to the operand's type. NaN propagates.
//
// throws ShapeError (not a matrix, not square, extents that differ), DTypeError

namespace autograd {

// Products and solutions -----------------------------------------------------------------------------------------
/// Determinant, [..., n, n] -> [...]; 1 for n = 0. Its gradient is g det(A) A^-T, which for n > 4 needs A invertible.
BACKLIGHT_API Tensor det(Located a);
/// [..., n, n]; infinities or NaN for a singular matrix. By cofactors for n <= 4, else as solve(a, identity).
BACKLIGHT_API Tensor inverse(Located a);
/// x of A x = B, for B [..., n, k] or [n]; infinities or NaN for a singular matrix. By an LU factorisation with row
/// pivots, once for the gradient too; for n <= 4 as inverse(a) B, less accurate where A is ill-conditioned.
BACKLIGHT_API Tensor solve(Located a, Located b);

struct TriangularOptions {
  bool lower = true;           ///< which triangle is read; the other may hold anything
  bool transpose = false;      ///< solve A^T x = b
  bool unit_diagonal = false;  ///< take the diagonal as 1 without reading it
};
/// x of A x = B for a triangle of A, and B [..., n, k] or [n].
BACKLIGHT_API Tensor solve_triangular(Located a, Located b, TriangularOptions options = {});

// Factorisations ---------------------------------------------------------------------------------------------------
/// Lower triangle L, L L^T = A, of the symmetric part (A + A^T) / 2 of A; zeros above the diagonal. Gradient: Murray
/// 2016, "Differentiation of the Cholesky decomposition". ValueError, when evaluated, where it is not positive
/// definite.
BACKLIGHT_API Tensor cholesky(Located a);
/// x of L L^T x = B from cholesky()'s L.
BACKLIGHT_API Tensor cholesky_solve(Located l, Located b);

/// A = V diag(values) V^T
struct Eigh {
  Tensor values;  ///< [..., n], ascending
  Tensor
      vectors;  ///< [..., n, n]: V, a vector a column; its component of largest size, the first of equals, is positive
};
/// Eigenvalues and eigenvectors of the symmetric part (A + A^T) / 2 of A; all NaN where an element is not finite.
/// Vectors of equal values (closer than rounding errors, n epsilon max |value|) are some basis of theirs. The
/// gradient's part that turns them into each other has no limit there and is taken as 0: finite, and exact for
/// functions of the values, but V f(values) V^T loses it.
BACKLIGHT_API Eigh eigh(Located a);

/// A = u diag(s) vt, k = min(m, n)
struct Svd {
  Tensor u;   ///< [..., m, k]; a column's component of largest size, the first of equals, is positive
  Tensor s;   ///< [..., k], descending, 0 or more
  Tensor vt;  ///< [..., k, n]
};
/// Singular value decomposition of [..., m, n]; all NaN where an element is not finite. Gradient: Townsend 2016,
/// "Differentiating the singular value decomposition"; as for eigh(), the part that turns vectors of equal values into
/// each other is taken as 0, and so is what is divided by an s of 0.
BACKLIGHT_API Svd svd(Located a);

// Parts of matrices ---------------------------------------------------------------------------------------------------
/// Zeros above (tril) or below (triu) the diagonal that lies `offset` to the right of the main one.
BACKLIGHT_API Tensor tril(Located x, int64_t offset = 0);
BACKLIGHT_API Tensor triu(Located x, int64_t offset = 0);
/// Sum of the diagonal: [..., m, n] -> [...].
BACKLIGHT_API Tensor trace(Located x);

}  // namespace autograd
