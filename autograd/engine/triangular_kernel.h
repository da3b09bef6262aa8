#pragma once

#include <autograd/core/calls.h>

namespace autograd::engine {

/// On columns [begin, end) of L, x [size, 4].
struct TriangularKernels {
  /// L y = b, from b to y; what these columns take from rows from `end` on is subtracted there in `behind`.
  void (*forward)(const TriangularFactor& factor, int64_t begin, int64_t end, double* x, double* behind);
  /// L^T x = y, from y to x; the rows from `end` on are there.
  void (*backward)(const TriangularFactor& factor, int64_t begin, int64_t end, double* x);
};

}  // namespace autograd::engine
