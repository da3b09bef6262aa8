#pragma once

#include <cstdint>

// What Eigen computes of one matrix: row-major, float64, one thread, and nothing of Eigen to be seen. Private to ops/.

namespace autograd::dense {

/// In place: U on and above the diagonal, below it L, whose diagonal is 1. Row i of L U is row rows[i] of A.
void factor_lu(double* a, int64_t n, double* rows);
/// x of A x = b (or A^T x = b) from factor_lu(); b [n, columns] is overwritten.
void solve_lu(const double* lu, const double* rows, int64_t n, double* b, double* x, int64_t columns, bool transpose);
/// Product of the diagonal with the sign of the rows' order.
double det_lu(const double* lu, const double* rows, int64_t n);

/// In place, from the lower triangle, with zeros above; false where the matrix is not positive definite.
bool factor_cholesky(double* a, int64_t n);

struct Triangle {
  bool lower, transpose, unit_diagonal;
};
/// x of T x = b, in place of b [n, columns], for a triangle T of a.
void solve_triangle(const double* a, int64_t n, double* b, int64_t columns, Triangle triangle);

/// Of the lower triangle of a: values [n], ascending, then the vectors as columns [n, n]. NaN where a is not finite.
void eigh(const double* a, int64_t n, double* out);
/// Of a [m, n], k = min(m, n): U [m, k], then the values [k], then V [n, k]. NaN where a is not finite.
void svd(const double* a, int64_t m, int64_t n, double* out);

}  // namespace autograd::dense
