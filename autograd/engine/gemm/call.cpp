#include <autograd/core/calls.h>
#include <autograd/engine/gemm/gemm.h>
#include <autograd/engine/interpreter_kernels.h>

#include <type_traits>

// The recorded operation: batches that broadcast, inputs that are views.

namespace autograd {

namespace {

using engine::gemm::Matrix;
using engine::gemm::Product;

template <class T>
Matrix<T> matrix_of(const Op::Call& call, size_t input) {
  const auto rank = static_cast<size_t>(call.inputs[input]->rank);
  const Op::Call::Strides& strides = call.strides[input];
  return {call.input<T>(input), strides[rank - 2], strides[rank - 1]};
}

/// Elements of the input from index to index on an axis of the batch: 0 where it has no such axis.
int64_t batch_step(const Op::Call& call, size_t input, int axis) {
  const int in_input = axis - (call.node->rank - call.inputs[input]->rank);
  return in_input < 0 ? 0 : call.strides[input][static_cast<size_t>(in_input)];
}

/// A batch of matrices that lie one below the other, all times the same matrix, is one long matrix.
template <class T>
void join_rows(Product<T>& product) {
  while (product.batch_rank > 0) {
    const auto last = static_cast<size_t>(product.batch_rank - 1);
    const int64_t step = product.a_batch[last];
    const bool joined = product.rows == 1 || step == product.rows * product.a.row;
    if (product.batch[last] != 1 && (product.b_batch[last] != 0 || !joined)) return;
    if (product.rows == 1) product.a.row = step;
    product.rows *= product.batch[last];
    --product.batch_rank;
  }
}

template <class T>
Product<T> product_of(const Op::Call& call, void* output) {
  const Node &a = *call.inputs[0], &c = *call.node;
  Product<T> product{.a = matrix_of<T>(call, 0),
                     .b = matrix_of<T>(call, 1),
                     .c = static_cast<T*>(output),
                     .rows = c.extents[c.rank - 2],
                     .depth = a.extents[a.rank - 1],
                     .columns = c.extents[c.rank - 1],
                     .batch_rank = c.rank - 2};
  for (int axis = 0; axis < product.batch_rank; ++axis) {
    product.batch[axis] = c.extents[axis];
    product.a_batch[axis] = batch_step(call, 0, axis);
    product.b_batch[axis] = batch_step(call, 1, axis);
  }
  return product;
}

template <class T>
void multiply(const Op::Call& call) {
  Product<T> product = product_of<T>(call, call.output);
  join_rows(product);
  engine::gemm::multiply(product, *engine::kernel_table().gemm);
}

template <class T>
void multiply_rows(const Op::Call& call, int64_t first, int64_t last, void* output) {
  Product<T> product = product_of<T>(call, output);
  product.a.data += first * product.a.row;
  product.rows = last - first;
  engine::gemm::multiply_here(product, *engine::kernel_table().gemm);
}

}  // namespace

void run_matmul(const Op::Call& call) {
  if (call.node->dtype == DType::float64) {
    multiply<double>(call);
  } else {
    multiply<float>(call);
  }
}

double matmul_cost(const Op::Call& call) {
  if (call.node->dtype == DType::float64) return engine::gemm::cost(product_of<double>(call, nullptr));
  return engine::gemm::cost(product_of<float>(call, nullptr));
}

void run_matmul_rows(const Op::Call& call, int64_t first, int64_t last, void* output) {
  if (call.node->dtype == DType::float64) {
    multiply_rows<double>(call, first, last, output);
  } else {
    multiply_rows<float>(call, first, last, output);
  }
}

}  // namespace autograd
