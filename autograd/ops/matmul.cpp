#include <autograd/core/calls.h>
#include <autograd/ops/embed.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/matrices.h>
#include <autograd/ops/record.h>

namespace autograd {

namespace {

/// Which axes of the product's batch the factor has not, or only once: bit a for axis a.
unsigned repeated_axes(const Shape& factor, const Shape& product) {
  unsigned axes = 0;
  const int shift = product.rank() - factor.rank();
  for (int axis = 0; axis < product.rank() - 2; ++axis) {
    const bool once = axis < shift || factor[axis - shift] == 1;
    if (once && product[axis] != 1) axes |= 1u << axis;
  }
  return axes;
}

/// [batch, rows, columns] with the axes `folded` of the batch moved into the rows, or into the columns: a sum over the
/// batch of products is one product of such long matrices. `x` has all of these axes, of others maybe fewer.
Tensor fold_batch(const Tensor& x, unsigned folded, int batch_rank, bool into_rows) {
  const Shape shape = x.shape();
  const int missing = batch_rank + 2 - shape.rank(), last = shape.rank() - 1;
  StridedView order{};
  int64_t permuted[max_rank], extents[max_rank];
  int at = 0;
  size_t rank = 0;
  const auto take = [&](int axis) {
    order.axis[axis] = static_cast<int8_t>(at);
    order.step[axis] = 1;
    permuted[at++] = shape[axis];
    return shape[axis];
  };
  for (int axis = 0; axis < last - 1; ++axis) {
    if ((folded >> (axis + missing) & 1) == 0) extents[rank++] = take(axis);
  }
  int64_t rows = into_rows ? 1 : take(last - 1), columns = 1;
  for (int axis = 0; axis < last - 1; ++axis) {
    if ((folded >> (axis + missing) & 1) != 0) (into_rows ? rows : columns) *= take(axis);
  }
  if (into_rows) rows *= take(last - 1);
  columns *= take(last);
  extents[rank++] = rows;
  extents[rank++] = columns;
  bool in_order = true;
  for (int axis = 0; axis <= last; ++axis) in_order &= order.axis[axis] == axis;
  const Shape moved(std::span<const int64_t>(permuted, static_cast<size_t>(shape.rank())));
  return reshape(in_order ? x : record_view(x, order, moved, {}), Shape(std::span<const int64_t>(extents, rank)));
}

// dA = dC B^T, where A was broadcast summed over the batch: columns side by side.
Tensor gradient_of_left(const Vjp& v) {
  const Shape shape = v.inputs[0].shape(), product = v.grad.shape();
  const unsigned axes = repeated_axes(shape, product);
  if (axes == 0) return matmul(v.grad, transpose(v.inputs[1]));
  const int batch_rank = product.rank() - 2;
  const Tensor grad = fold_batch(v.grad, axes, batch_rank, false), b = fold_batch(v.inputs[1], axes, batch_rank, false);
  return reshape(matmul(grad, transpose(b)), shape);
}

// dB = A^T dC, where B was broadcast summed over the batch: rows below each other.
Tensor gradient_of_right(const Vjp& v) {
  const Shape shape = v.inputs[1].shape(), product = v.grad.shape();
  const unsigned axes = repeated_axes(shape, product);
  if (axes == 0) return matmul(transpose(v.inputs[0]), v.grad);
  const int batch_rank = product.rank() - 2;
  const Tensor a = fold_batch(v.inputs[0], axes, batch_rank, true), grad = fold_batch(v.grad, axes, batch_rank, true);
  return reshape(matmul(transpose(a), grad), shape);
}

}  // namespace

// C = A B. vjp: dA = dC B^T, dB = A^T dC.
static const Op matmul_op{"matmul",
                          Op::Kind::call,
                          nullptr,
                          [](const Vjp& v) {
                            return Gradients(v.needs(0) ? gradient_of_left(v) : Tensor(),
                                             v.needs(1) ? gradient_of_right(v) : Tensor());
                          },
                          run_matmul,
                          Op::Inputs::strided};

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
  const Shape batch = broadcast_shapes("matmul", batch_shape(left), batch_shape(right));
  const Tensor inputs[2] = {graph.handle(nodes[0]), graph.handle(nodes[1])};
  return graph.record({matmul_op, inputs, matrix_shape(batch, m, n), type, a.where()});
}

}  // namespace autograd
