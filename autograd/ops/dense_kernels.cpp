#include <autograd/ops/dense_kernels.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <limits>

// Eigen cuts its products by the cache sizes that it finds, and so its bits would differ between machines: they are
// pinned, before the first use.

namespace autograd::dense {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Reference = Eigen::Ref<Matrix>;

void pin_cache_sizes() {
  static const bool pinned = [] {
    Eigen::setCpuCacheSizes(32 << 10, 256 << 10, 2 << 20);
    return true;
  }();
  static_cast<void>(pinned);
}

Eigen::Map<Matrix> map(double* data, int64_t rows, int64_t columns) {
  pin_cache_sizes();
  return {data, rows, columns};
}
Eigen::Map<const Matrix> map(const double* data, int64_t rows, int64_t columns) {
  pin_cache_sizes();
  return {data, rows, columns};
}

template <unsigned mode, class T, class B>
void solve(const T& t, B& b, bool transpose) {
  if (transpose) {
    t.transpose()
        .template triangularView<mode == Eigen::Lower       ? Eigen::Upper
                                 : mode == Eigen::UnitLower ? Eigen::UnitUpper
                                 : mode == Eigen::Upper     ? Eigen::Lower
                                                            : Eigen::UnitLower>()
        .solveInPlace(b);
  } else {
    t.template triangularView<mode>().solveInPlace(b);
  }
}

bool all_finite(const double* values, int64_t count) {
  return std::all_of(values, values + count, [](double value) { return std::isfinite(value); });
}

/// Whether the entry of largest size in a column, the first of equals, is negative.
template <class Column>
bool points_down(const Column& column) {
  Eigen::Index largest = 0;
  for (Eigen::Index i = 1; i < column.size(); ++i) {
    if (std::fabs(column[i]) > std::fabs(column[largest])) largest = i;
  }
  return column[largest] < 0;
}

}  // namespace

void factor_lu(double* a, int64_t n, double* rows) {
  auto matrix = map(a, n, n);
  Reference reference(matrix);
  const Eigen::PartialPivLU<Reference> lu(reference);
  const auto& places = lu.permutationP().indices();
  for (int64_t i = 0; i < n; ++i) rows[places[i]] = static_cast<double>(i);
}

void solve_lu(const double* lu, const double* rows, int64_t n, double* b, double* x, int64_t columns, bool transpose) {
  const auto factors = map(lu, n, n);
  auto right = map(b, n, columns), result = map(x, n, columns);
  if (transpose) {
    solve<Eigen::Upper>(factors, right, true);
    solve<Eigen::UnitLower>(factors, right, true);
    for (int64_t i = 0; i < n; ++i) result.row(static_cast<Eigen::Index>(rows[i])) = right.row(i);
  } else {
    for (int64_t i = 0; i < n; ++i) result.row(i) = right.row(static_cast<Eigen::Index>(rows[i]));
    solve<Eigen::UnitLower>(factors, result, false);
    solve<Eigen::Upper>(factors, result, false);
  }
}

double det_lu(const double* lu, const double* rows, int64_t n) {
  double product = 1;
  for (int64_t i = 0; i < n; ++i) product *= lu[i * n + i];
  for (int64_t i = 0; i < n; ++i) {  // each inversion of the order turns the sign
    for (int64_t j = i + 1; j < n; ++j) product = rows[j] < rows[i] ? -product : product;
  }
  return product;
}

bool factor_cholesky(double* a, int64_t n) {
  auto matrix = map(a, n, n);
  Reference reference(matrix);
  const Eigen::LLT<Reference, Eigen::Lower> cholesky(reference);
  matrix.triangularView<Eigen::StrictlyUpper>().setZero();
  return cholesky.info() == Eigen::Success;
}

void solve_triangle(const double* a, int64_t n, double* b, int64_t columns, Triangle triangle) {
  const auto matrix = map(a, n, n);
  auto right = map(b, n, columns);
  if (triangle.lower && triangle.unit_diagonal) {
    solve<Eigen::UnitLower>(matrix, right, triangle.transpose);
  } else if (triangle.lower) {
    solve<Eigen::Lower>(matrix, right, triangle.transpose);
  } else if (triangle.unit_diagonal) {
    solve<Eigen::UnitUpper>(matrix, right, triangle.transpose);
  } else {
    solve<Eigen::Upper>(matrix, right, triangle.transpose);
  }
}

void eigh(const double* a, int64_t n, double* out) {
  if (!all_finite(a, n * n)) {
    std::fill(out, out + (n + 1) * n, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(map(a, n, n));
  map(out, 1, n).row(0) = solver.eigenvalues();
  auto vectors = map(out + n, n, n);
  vectors = solver.eigenvectors();
  for (int64_t k = 0; k < n; ++k) {
    if (points_down(vectors.col(k))) vectors.col(k) *= -1;
  }
}

void svd(const double* a, int64_t m, int64_t n, double* out) {
  const int64_t k = std::min(m, n);
  if (!all_finite(a, m * n)) {
    std::fill(out, out + (m + 1 + n) * k, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  const Eigen::BDCSVD<Eigen::MatrixXd> solver(map(a, m, n), Eigen::ComputeThinU | Eigen::ComputeThinV);
  auto u = map(out, m, k), v = map(out + (m + 1) * k, n, k);
  u = solver.matrixU();
  map(out + m * k, 1, k).row(0) = solver.singularValues();
  v = solver.matrixV();
  for (int64_t i = 0; i < k; ++i) {
    if (!points_down(u.col(i))) continue;
    u.col(i) *= -1;
    v.col(i) *= -1;
  }
}

}  // namespace autograd::dense
