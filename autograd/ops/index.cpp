#include <autograd/core/calls.h>
#include <autograd/ops/index.h>
#include <autograd/ops/record.h>

namespace autograd {

namespace {

Tensor index_tensor(const char* operation, const Located& indices) {
  if (indices.is_number()) throw DTypeError(std::string(operation) + ": a number as indices; expected an int32 tensor");
  const DType type = indices.tensor().dtype();
  if (type != DType::int32) {
    throw DTypeError(std::string(operation) + ": " + name_of(type) + " indices; expected int32");
  }
  return indices.tensor();
}

Shape joined(const Shape& front, const Shape& back, int back_from) {
  int64_t extents[2 * max_rank];
  size_t rank = 0;
  for (int64_t extent : front) extents[rank++] = extent;
  for (int axis = back_from; axis < back.rank(); ++axis) extents[rank++] = back[axis];
  return Shape(std::span<const int64_t>(extents, rank));
}

}  // namespace

static const Op gather_op{"gather", Op::Kind::gather, nullptr, [](const Vjp& v) {
                            const int64_t rows = v.inputs[0].shape()[0];
                            return Gradients(scatter_add(v.grad, v.inputs[1], rows), Tensor());
                          }};

Tensor gather(Located table, Located indices) {
  const Tensor inputs[2] = {table.as(DType::float32), index_tensor("gather", indices)};
  const Shape shape = inputs[0].shape();
  if (shape.rank() == 0) throw ShapeError("gather: a scalar table; expected [rows, ...]");
  return Graph::current().record(
      {gather_op, inputs, joined(inputs[1].shape(), shape, 1), inputs[0].dtype(), table.where()});
}

static const Op scatter_add_op{"scatter_add", Op::Kind::call, nullptr,
                               [](const Vjp& v) { return Gradients(gather(v.grad, v.inputs[1]), Tensor()); },
                               run_scatter_add};

Tensor scatter_add(Located values, Located indices, int64_t rows) {
  const Tensor inputs[2] = {values.as(DType::float32), index_tensor("scatter_add", indices)};
  const Shape shape = inputs[0].shape(), index_shape = inputs[1].shape();
  if (inputs[0].dtype() == DType::boolean) throw_dtype(scatter_add_op, DType::boolean, "float32, float64 or int32");
  bool fits = shape.rank() >= index_shape.rank();
  for (int axis = 0; fits && axis < index_shape.rank(); ++axis) fits = shape[axis] == index_shape[axis];
  if (!fits) {
    throw ShapeError("scatter_add: values " + shape.to_string() + " for indices " + index_shape.to_string() +
                     "; expected [indices..., ...]");
  }
  return Graph::current().record(
      {scatter_add_op, inputs, joined({rows}, shape, index_shape.rank()), inputs[0].dtype(), values.where()});
}

}  // namespace autograd
