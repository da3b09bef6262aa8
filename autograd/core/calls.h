#pragma once

#include <autograd/core/graph.h>

#include <span>

// What opaque operations run: declared here for ops/, defined in engine/.

namespace autograd {

/// Most lists of indices that one scatter_add goes through.
inline constexpr size_t most_scatter_lists = 4;
/// Inputs: values and indices of each list in turn.
void run_scatter_add(const Op::Call& call);
/// Of so many lists of indices, as many of weights, then columns, of a floating type.
struct WeightedAttributes {
  int64_t lists;
};
void run_scatter_add_weighted(const Op::Call& call);
/// Of its inputs, one after another along an axis.
struct JoinAttributes {
  int axis;
};
void run_concatenate(const Op::Call& call);
void run_matmul(const Op::Call& call);
/// The rows [first, last) of a product without a batch, by the calling thread alone.
void run_matmul_rows(const Op::Call& call, int64_t first, int64_t last, void* output);
/// The time of all rows there, about, in nanoseconds.
double matmul_cost(const Op::Call& call);

/// A sparse lower triangular matrix L by columns, rows ascending, its diagonal apart.
struct TriangularFactor {
  int64_t size;
  const int32_t* starts;  ///< [size + 1]
  const int32_t* rows;
  const double* numbers;
  const double* inverse_diagonal;  ///< [size]
  /// Where parts begin whose rows of L are in themselves and behind the last part, and where that one ends.
  std::span<const int32_t> parts;
};
/// x [size, 4]: from b to the solution of L L^T x = b, four right-hand sides side by side.
void solve_triangular(const TriangularFactor& factor, double* x, Arena& scratch);

}  // namespace autograd
