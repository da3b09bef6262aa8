#pragma once

#include <autograd/ops/sparse.h>

#include <mutex>
#include <vector>

// Private to ops/.

namespace autograd {

/// A symmetric matrix and its Cholesky factor, in an order of rows that keeps the factor sparse.
struct CholeskyStructure {
  int64_t size = 0;
  std::vector<int32_t> permutation;       ///< row i of the permuted matrix is row permutation[i] of A
  std::vector<int32_t> starts, rows;      ///< the permuted lower triangle by columns, the diagonal first
  std::vector<int32_t> places;            ///< per entry: where its value goes in it; -1 above the diagonal
  std::vector<int32_t> l_starts, l_rows;  ///< L by columns, without its diagonal
  std::vector<int32_t> parts;             ///< independent ones of L (elimination_order.h)

  /// Of a factor: the values of L, then the inverses of its diagonal.
  int64_t numbers() const { return static_cast<int64_t>(l_rows.size()) + size; }
};

struct SparsePattern::Structure {
  int64_t rows = 0, columns = 0;
  std::vector<int32_t> starts, indices;
  /// The same by columns: entry order[i] lies in row column_rows[i].
  std::vector<int32_t> column_starts, column_rows, order;
  Array entry_rows, entry_columns;  ///< [entries] int32

  /// Found when first asked for.
  const CholeskyStructure& cholesky() const;

 private:
  mutable std::once_flag once_;
  mutable std::unique_ptr<const CholeskyStructure> cholesky_;
};

}  // namespace autograd
