#include <autograd/core/calls.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/interpreter_kernels.h>

#include <algorithm>

// c = fma(a, b, c) with k ascending in chunks of 4096; each chunk starts from 0 and chunks are added
// in order. The loops are compiled for several instruction sets; the bits are the same.

namespace autograd {

namespace {

template <class T>
void multiply_rows(const Op::Call& call, int64_t batch, int64_t row, int64_t rows) {
  const Node& a = *call.inputs[0];
  const int64_t m = a.extents[a.rank - 2], k = a.extents[a.rank - 1], n = call.node->extents[call.node->rank - 1];
  const T* left = call.input<T>(0) + (batch * m + row) * k;
  const T* right = call.input<T>(1) + batch * k * n;
  T* out = static_cast<T*>(call.output) + (batch * m + row) * n;
  if constexpr (std::is_same_v<T, double>) {
    engine::kernel_table().gemm64(left, right, out, rows, k, n);
  } else {
    engine::kernel_table().gemm32(left, right, out, rows, k, n);
  }
}

}  // namespace

void run_matmul(const Op::Call& call) {
  const Node& a = *call.inputs[0];
  const int64_t m = a.extents[a.rank - 2], k = a.extents[a.rank - 1];
  if (call.node->size() == 0) return;
  const int64_t rows = call.node->size() / call.node->extents[call.node->rank - 1];  // of all products
  const double cost = static_cast<double>(call.node->size()) * static_cast<double>(k) * 0.05;
  parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t count = std::min(end - begin, m - begin % m);
      if (call.node->dtype == DType::float64) {
        multiply_rows<double>(call, begin / m, begin % m, count);
      } else {
        multiply_rows<float>(call, begin / m, begin % m, count);
      }
      begin += count;
    }
  });
}

}  // namespace autograd
