#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Private to ops/.

namespace autograd {

/// Rows of a symmetric matrix in an order in which its Cholesky factor has independent parts:
///
///     part 0    L        a column of a part has rows in its part and in the top alone,
///     part 1      L      so triangular solves of different parts need not wait for each other
///     top      LL LLL
struct EliminationOrder {
  std::vector<int32_t> rows;   ///< row i of the reordered matrix was row rows[i]
  std::vector<int32_t> parts;  ///< where each part begins, and the top; {0} where nothing is worth parts
};

/// Keeps the fill-in of the order that the matrix has. Its lower triangle by columns, rows ascending, the diagonal
/// included. Source: Liu 1990, The role of elimination trees in sparse factorization (doi.org/10.1137/0611010).
EliminationOrder elimination_order(std::span<const int32_t> starts, std::span<const int32_t> rows);

}  // namespace autograd
