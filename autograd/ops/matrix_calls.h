#pragma once

#include <autograd/core/graph.h>
#include <autograd/core/parallel.h>

#include <algorithm>

// How calls on batches of matrices run: matrix by matrix, in float64. Private to ops/.

namespace autograd {

/// Matrix `index` of an input, `size` elements of it.
inline void load_matrix(const Op::Call& call, size_t input, int64_t index, int64_t size, double* out) {
  if (call.inputs[input]->dtype == DType::float64) {
    std::copy_n(call.input<double>(input) + index * size, size, out);
  } else {
    std::copy_n(call.input<float>(input) + index * size, size, out);
  }
}

/// Matrix `index` of the output.
inline void store_matrix(const Op::Call& call, int64_t index, int64_t size, const double* values) {
  if (call.node->dtype == DType::float64) {
    std::copy_n(values, size, static_cast<double*>(call.output) + index * size);
  } else {
    std::transform(values, values + size, static_cast<float*>(call.output) + index * size,
                   [](double value) { return static_cast<float>(value); });
  }
}

/// run(index, room) for each of `count` matrices; `room` has `size` elements, `cost` is in nanoseconds for each.
template <class Run>
void for_matrices(const Op::Call& call, int64_t count, int64_t size, double cost, Run run) {
  const int64_t most_tasks = std::clamp<int64_t>((int64_t{1} << 22) / std::max<int64_t>(size, 1), 4, 64);
  const int64_t tasks = std::min(count, most_tasks);
  auto* rooms = call.scratch->array<double>(tasks * size);
  parallel_for(tasks, cost * static_cast<double>(count), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      for (int64_t index = task * count / tasks; index < (task + 1) * count / tasks; ++index) {
        run(index, rooms + task * size);
      }
    }
  });
}

/// Extents of a call's matrices, from the back.
inline int64_t rows_of(const Node& node) { return node.extents[node.rank - 2]; }
inline int64_t columns_of(const Node& node) { return node.extents[node.rank - 1]; }
/// How many matrices; none where they have no elements.
inline int64_t matrices_of(const Node& node) {
  const int64_t size = node.size();
  return size == 0 ? 0 : size / (rows_of(node) * columns_of(node));
}

}  // namespace autograd
