#include <autograd/core/calls.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/record.h>

#include <algorithm>

namespace autograd {

namespace {

Shape batch_of(const Shape& shape) {
  return Shape(std::span<const int64_t>(shape.begin(), static_cast<size_t>(shape.rank() - 2)));
}

Shape with_matrix(const Shape& batch, int64_t rows, int64_t columns) {
  int64_t extents[max_rank + 2];
  std::copy(batch.begin(), batch.end(), extents);
  extents[batch.rank()] = rows;
  extents[batch.rank() + 1] = columns;
  return Shape(std::span<const int64_t>(extents, static_cast<size_t>(batch.rank() + 2)));
}

}  // namespace

// C = A B. vjp: dA = dC B^T, dB = A^T dC.
static const Op matmul_op{"matmul", Op::Kind::call, nullptr,
                          [](const Vjp& v) {
                            return Gradients(v.needs(0) ? matmul(v.grad, transpose(v.inputs[1])) : Tensor(),
                                             v.needs(1) ? matmul(transpose(v.inputs[0]), v.grad) : Tensor());
                          },
                          run_matmul};

Tensor matmul(Located a, Located b) {
  Graph& graph = Graph::current();
  uint32_t nodes[2];
  const DType type = unify(matmul_op, {&a, &b}, nodes);
  if (!is_floating(type)) throw_dtype(matmul_op, type, "float32 or float64");
  const Shape left = graph.node(nodes[0]).shape(), right = graph.node(nodes[1]).shape();
  if (left.rank() < 2 || right.rank() < 2) {
    throw ShapeError("matmul: " + left.to_string() + " x " + right.to_string() +
                     "; expected [..., m, k] x [..., k, n]");
  }
  const int64_t m = left[left.rank() - 2], k = left[left.rank() - 1], n = right[right.rank() - 1];
  if (right[right.rank() - 2] != k) {
    throw ShapeError("matmul: inner dimensions differ: " + left.to_string() + " x " + right.to_string() +
                     "; expected [" + std::to_string(k) + ", *]");
  }
  const Shape batch = broadcast_shapes("matmul", batch_of(left), batch_of(right));
  const Tensor inputs[2] = {broadcast_to(graph.handle(nodes[0]), with_matrix(batch, m, k)),
                            broadcast_to(graph.handle(nodes[1]), with_matrix(batch, k, n))};
  return graph.record({matmul_op, inputs, with_matrix(batch, m, n), type, a.where()});
}

}  // namespace autograd
