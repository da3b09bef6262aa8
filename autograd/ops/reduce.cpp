#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>
#include <autograd/ops/reduced_axes.h>

// The reductions that the engine knows: sum, max, min. All others are composed of them: statistics.cpp.

namespace autograd {

Axes::Axes(std::initializer_list<int> axes) : all(false) {
  if (axes.size() > max_rank) throw ShapeError("axes: " + std::to_string(axes.size()) + " given; at most 6 exist");
  for (int axis : axes) list[count++] = axis;
}

uint8_t axis_bits(const char* operation, const Axes& axes, int rank) {
  if (axes.all) return static_cast<uint8_t>((1 << rank) - 1);
  uint8_t bits = 0;
  for (int i = 0; i < axes.count; ++i) {
    const int axis = normalize_axis(operation, axes.list[i], rank);
    if ((bits >> axis & 1) != 0)
      throw ShapeError(std::string(operation) + ": axis " + std::to_string(axis) + " given twice");
    bits = static_cast<uint8_t>(bits | 1 << axis);
  }
  return bits;
}

Axes axes_of_bits(uint8_t bits) {
  Axes axes;
  axes.all = false;
  for (int axis = 0; axis < max_rank; ++axis) {
    if ((bits >> axis & 1) != 0) axes.list[axes.count++] = axis;
  }
  return axes;
}

Shape reduced_shape(const Shape& shape, uint8_t axes, bool keep) {
  int64_t extents[max_rank];
  size_t rank = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool reduced = (axes >> axis & 1) != 0;
    if (!reduced) extents[rank++] = shape[axis];
    if (reduced && keep) extents[rank++] = 1;
  }
  return Shape(std::span<const int64_t>(extents, rank));
}

int64_t reduced_count(const Shape& shape, uint8_t axes) {
  int64_t count = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((axes >> axis & 1) != 0) count *= shape[axis];
  }
  return count;
}

void require_elements(const char* operation, const Shape& shape, uint8_t axes) {
  if (reduced_count(shape, axes) > 0 || reduced_shape(shape, axes, false).size() == 0) return;
  throw ShapeError(std::string(operation) + ": no elements to choose from in " + shape.to_string());
}

namespace {

Tensor record_reduction(const Op& op, Reduction reduction, const Located& x, const Axes& axes, bool keep) {
  const Tensor input = x.as(DType::float32);
  const DType type = input.dtype();
  if (type == DType::boolean) throw_dtype(op, type, "float32, float64 or int32");
  const Shape shape = input.shape();
  const uint8_t bits = axis_bits(op.name, axes, shape.rank());
  if (reduction != Reduction::sum) require_elements(op.name, shape, bits);
  return Graph::current().record({op, {&input, 1}, reduced_shape(shape, bits, keep), type, x.where()},
                                 ReduceAttributes{reduction, bits});
}

/// The reduced value with its axes back, so that it broadcasts to the input.
Tensor restore_axes(const Vjp& v, const Tensor& reduced) {
  const uint8_t axes = v.attributes<ReduceAttributes>().axes;
  return reshape(reduced, reduced_shape(v.inputs[0].shape(), axes, true));
}

Gradients vjp_extremum(const Vjp& v) {
  const Tensor input = v.inputs[0];
  const Tensor chosen = input == restore_axes(v, v.output);
  const Tensor one_each = cast(chosen, input.dtype());
  const Axes axes = axes_of_bits(v.attributes<ReduceAttributes>().axes);
  const Tensor share = restore_axes(v, v.grad) / sum(one_each, axes, {.keep = true});
  return Gradients(where(chosen, share, 0));
}

}  // namespace

static const Op sum_op{"sum", Op::Kind::reduce, nullptr, [](const Vjp& v) {
                         return Gradients(broadcast_to(restore_axes(v, v.grad), v.inputs[0].shape()));
                       }};
static const Op max_op{"max", Op::Kind::reduce, nullptr, vjp_extremum};
static const Op min_op{"min", Op::Kind::reduce, nullptr, vjp_extremum};

Tensor sum(Located x, Axes axes, ReduceOptions options) {
  return record_reduction(sum_op, Reduction::sum, x, axes, options.keep);
}

Tensor max(Located x, Axes axes, ReduceOptions options) {
  return record_reduction(max_op, Reduction::max, x, axes, options.keep);
}

Tensor min(Located x, Axes axes, ReduceOptions options) {
  return record_reduction(min_op, Reduction::min, x, axes, options.keep);
}

}  // namespace autograd
