#include <autograd/core/evaluate.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/iota.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/scatter.h>

#include <algorithm>

namespace autograd {

Tensor index_tensor(const char* operation, const Located& indices) {
  if (indices.is_number()) throw DTypeError(std::string(operation) + ": a number as indices; expected an int32 tensor");
  const DType type = indices.tensor().dtype();
  if (type != DType::int32) {
    throw DTypeError(std::string(operation) + ": " + name_of(type) + " indices; expected int32");
  }
  return indices.tensor();
}

Shape with_rows(const Shape& front, const Shape& back, int back_from) {
  int64_t extents[2 * max_rank];
  size_t rank = 0;
  for (int64_t extent : front) extents[rank++] = extent;
  for (int axis = back_from; axis < back.rank(); ++axis) extents[rank++] = back[axis];
  return Shape(std::span<const int64_t>(extents, rank));
}

static const Op gather_op{"gather", Op::Kind::gather, nullptr, [](const Vjp& v) {
                            const int64_t rows = v.inputs[0].shape()[0];
                            return Gradients(scatter_add(v.grad, v.inputs[1], rows), Tensor());
                          }};

Tensor gather(Located table, Located indices) {
  const Tensor inputs[2] = {table.as(DType::float32), index_tensor("gather", indices)};
  const Shape shape = inputs[0].shape();
  if (shape.rank() == 0) throw ShapeError("gather: a scalar table; expected [rows, ...]");
  return Graph::current().record(
      {gather_op, inputs, with_rows(inputs[1].shape(), shape, 1), inputs[0].dtype(), table.where()});
}

namespace {

/// Extents of the axes [from, to).
int64_t count_of(const Shape& shape, int from, int to) {
  int64_t count = 1;
  for (int axis = from; axis < to; ++axis) count *= shape[axis];
  return count;
}

}  // namespace

// As [before, axis, after], element (i, index, k) stands at ((i extent) + index) after + k.
Tensor take_along_axis(Located x, Located indices, int axis) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32), index = index_tensor("take_along_axis", indices);
  const Shape shape = input.shape(), index_shape = index.shape();
  const int at = normalize_axis("take_along_axis", axis, shape.rank());
  bool fits = shape.rank() == index_shape.rank();
  for (int a = 0; fits && a < shape.rank(); ++a) fits = a == at || shape[a] == index_shape[a];
  if (!fits) {
    throw ShapeError("take_along_axis: indices " + index_shape.to_string() + " for " + shape.to_string() +
                     " differ elsewhere than on axis " + std::to_string(at));
  }
  const int64_t extent = shape[at], before = count_of(shape, 0, at), after = count_of(shape, at + 1, shape.rank());
  // Looked up among the numbers of the rows, which checks it: the position below would hide what was given.
  const Tensor taken = gather(iota({extent}), reshape(index, {before, index_shape[at], after}));
  const Tensor row = iota({before, 1, 1}) * static_cast<int32_t>(extent) + taken;
  const Tensor position = after == 1 ? row : row * static_cast<int32_t>(after) + iota({1, 1, after});
  return reshape(gather(flatten(input), position), index_shape);
}

Tensor one_hot(Located indices, int64_t classes, DType type) {
  const AtLine line(indices);
  const Tensor index = index_tensor("one_hot", indices);
  if (classes < 0) throw ValueError("one_hot: " + std::to_string(classes) + " classes; expected 0 or more");
  return cast(expand_dims(index, -1) == iota({classes}), type);
}

Tensor flat_nonzero(Located mask) {
  const Tensor input = mask.as(DType::boolean);
  if (input.dtype() != DType::boolean)
    throw DTypeError(std::string("flat_nonzero: ") + name_of(input.dtype()) + " given; expected bool");
  const std::span<const bool> chosen = input.values<bool>();
  const auto count = static_cast<int64_t>(std::count(chosen.begin(), chosen.end(), true));
  Graph& graph = Graph::current();
  auto* positions = static_cast<int32_t*>(graph.allocate(count * size_of(DType::int32)));
  int32_t* next = positions;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) *next++ = static_cast<int32_t>(i);
  }
  return graph.leaf(positions, {count}, DType::int32, mask.where());
}

Tensor masked_select(Located x, Located mask) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32), chosen = mask.as(DType::boolean);
  if (chosen.dtype() != DType::boolean)
    throw DTypeError(std::string("masked_select: mask of ") + name_of(chosen.dtype()) + "; expected bool");
  const Shape shape = broadcast_shapes("masked_select", input.shape(), chosen.shape());
  return gather(flatten(broadcast_to(input, shape)), flat_nonzero(broadcast_to(chosen, shape)));
}

}  // namespace autograd
