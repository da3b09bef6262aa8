#pragma once

#include <autograd/core/shape.h>
#include <autograd/engine/gemm/kernels.h>

namespace autograd::engine::gemm {

/// Elements of a matrix anywhere in memory: any strides, also 0 and negative ones.
template <class T>
struct Matrix {
  const T* data;
  int64_t row, column;  ///< elements from one row to the next, from one column to the next
};

/// C = A B for each index of the batch, C contiguous in the order of the batch.
template <class T>
struct Product {
  Matrix<T> a, b;  ///< [rows, depth], [depth, columns]
  T* c;
  int64_t rows, depth, columns;
  /// Axes of the batch, outermost first, and the elements from one index to the next; 0 repeats a matrix.
  int batch_rank = 0;
  int64_t batch[max_rank] = {}, a_batch[max_rank] = {}, b_batch[max_rank] = {};

  int64_t count() const {
    int64_t products = 1;
    for (int axis = 0; axis < batch_rank; ++axis) products *= batch[axis];
    return products;
  }
};

/// Estimated time on one thread, in nanoseconds.
template <class T>
double cost(const Product<T>& product);

/// Each element is fma(a[i, k], b[k, j], c), k ascending in chunks of 4096, each chunk from 0, chunks added in
/// order: the same bits for every level and number of threads.
template <class T>
void multiply(const Product<T>& product, const Level& level);
/// The same by the calling thread alone.
template <class T>
void multiply_here(const Product<T>& product, const Level& level);

}  // namespace autograd::engine::gemm
