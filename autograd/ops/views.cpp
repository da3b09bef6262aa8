#include <autograd/ops/embed.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

#include <algorithm>

namespace autograd {

StridedView plain_view(int rank) {
  StridedView view{};
  for (int axis = 0; axis < rank; ++axis) {
    view.step[axis] = 1;
    view.axis[axis] = static_cast<int8_t>(axis);
  }
  return view;
}

namespace {

using Kind = Op::Kind;

// A view's adjoint puts the gradient back where the elements came from: axes of the input that no
// output axis walks have one element (start), output axes that walk nothing were broadcast.
Gradients vjp_view(const Vjp& v) {
  const StridedView view = v.attributes<StridedView>();
  const Shape input = v.inputs[0].shape();
  const int out_rank = v.output.rank();
  // 1. Sum over output axes that repeat the input.
  Axes repeated;
  repeated.all = false;
  bool walked[max_rank] = {};
  for (int axis = 0; axis < input.rank(); ++axis) {
    if (view.axis[axis] >= 0) walked[view.axis[axis]] = true;
  }
  for (int axis = 0; axis < out_rank; ++axis) {
    if (!walked[axis]) repeated.list[repeated.count++] = axis;
  }
  Tensor grad = repeated.count > 0 ? sum(v.grad, repeated, {.keep = true}) : v.grad;
  // 2. One axis for each input axis, in the input's order.
  StridedView order{};
  int64_t extents[max_rank];
  const Shape reduced = grad.shape();
  std::fill(order.axis, order.axis + max_rank, static_cast<int8_t>(-1));
  for (int axis = 0; axis < input.rank(); ++axis) {
    const int from = view.axis[axis];
    extents[axis] = from < 0 ? 1 : reduced[from];
    if (from < 0) continue;
    order.axis[from] = static_cast<int8_t>(axis);
    order.step[from] = 1;
  }
  grad = record_view(grad, order, Shape(std::span<const int64_t>(extents, static_cast<size_t>(input.rank()))), {});
  // 3. Placed among zeros.
  Placement placement{};
  bool everywhere = true;
  for (int axis = 0; axis < input.rank(); ++axis) {
    placement.start[axis] = view.start[axis];
    placement.step[axis] = view.axis[axis] < 0 ? 1 : view.step[axis];
    everywhere &= placement.start[axis] == 0 && placement.step[axis] == 1 && extents[axis] == input[axis];
  }
  return Gradients(everywhere ? grad : embed(grad, placement, input));
}

}  // namespace

static const Op view_op{"view", Kind::view, nullptr, vjp_view};

Tensor record_view(const Tensor& x, const StridedView& view, const Shape& shape, std::source_location where) {
  return Graph::current().record({view_op, {&x, 1}, shape, x.dtype(), where}, view);
}

static const Op reshape_op{"reshape", Kind::reshape, nullptr,
                           [](const Vjp& v) { return Gradients(reshape(v.grad, v.inputs[0].shape())); }};

namespace {

/// A reshape that only adds or drops axes of extent 1 keeps its axes, so it stays a strided view.
std::optional<StridedView> as_view(const Shape& from, const Shape& to) {
  StridedView view{};
  std::fill(view.axis, view.axis + max_rank, static_cast<int8_t>(-1));
  int out = 0;
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (from[axis] == 1) continue;
    while (out < to.rank() && to[out] == 1) ++out;
    if (out == to.rank() || to[out] != from[axis]) return std::nullopt;
    view.axis[axis] = static_cast<int8_t>(out++);
    view.step[axis] = 1;
  }
  while (out < to.rank() && to[out] == 1) ++out;
  if (out != to.rank()) return std::nullopt;
  return view;
}

}  // namespace

Tensor reshape(Located x, const Shape& shape) {
  const Tensor input = x.as(DType::float32);
  const Shape from = input.shape();
  if (from == shape) return input;
  if (from.size() != shape.size()) {
    throw ShapeError("reshape: " + from.to_string() + " has " + std::to_string(from.size()) + " elements, " +
                     shape.to_string() + " has " + std::to_string(shape.size()));
  }
  if (const std::optional<StridedView> view = as_view(from, shape)) return record_view(input, *view, shape, x.where());
  return Graph::current().record({reshape_op, {&input, 1}, shape, input.dtype(), x.where()});
}

Tensor reshape(Located x, std::initializer_list<int64_t> extents) {
  const Tensor input = x.as(DType::float32);
  if (extents.size() > max_rank) return reshape(x, Shape(extents));  // which throws
  int64_t list[max_rank];
  int64_t* const end = std::copy(extents.begin(), extents.end(), list);
  const std::span<const int64_t> wanted(list, end);
  if (int64_t* const unknown = std::find(list, end, -1); unknown != end) {
    if (std::count(list, end, -1) > 1)
      throw SizeError("reshape: -1 given for several extents; expected for one at most");
    *unknown = 1;
    const int64_t known = Shape(wanted).size();
    if (known == 0 || input.size() % known != 0) {
      throw ShapeError("reshape: no extent for -1 makes " + std::to_string(input.size()) + " elements of " +
                       input.shape().to_string() + " fit");
    }
    *unknown = input.size() / known;
  }
  return reshape(Located(input, x.where()), Shape(wanted));
}

Tensor flatten(Located x) { return reshape(x, {-1}); }

Tensor permute(Located x, std::span<const int> order) {
  const Tensor input = x.as(DType::float32);
  const Shape shape = input.shape();
  StridedView view{};
  int64_t extents[max_rank];
  bool seen[max_rank] = {};
  if (static_cast<int>(order.size()) != shape.rank()) {
    throw ShapeError("permute: " + std::to_string(order.size()) + " axes given for shape " + shape.to_string() +
                     "; expected each once");
  }
  int out = 0;
  for (int given : order) {
    const int axis = normalize_axis("permute", given, shape.rank());
    if (seen[axis]) throw ShapeError("permute: axis " + std::to_string(axis) + " given twice");
    seen[axis] = true;
    view.axis[axis] = static_cast<int8_t>(out);
    view.step[axis] = 1;
    extents[out++] = shape[axis];
  }
  return record_view(input, view, Shape(std::span<const int64_t>(extents, order.size())), x.where());
}

Tensor permute(Located x, std::initializer_list<int> order) {
  return permute(x, std::span<const int>(order.begin(), order.size()));
}

Tensor swap_axes(Located x, int first, int second) {
  const Tensor input = x.as(DType::float32);
  const Shape shape = input.shape();
  const int a = normalize_axis("swap_axes", first, shape.rank()), b = normalize_axis("swap_axes", second, shape.rank());
  StridedView view = plain_view(shape.rank());
  std::swap(view.axis[a], view.axis[b]);
  int64_t extents[max_rank];
  std::copy(shape.begin(), shape.end(), extents);
  std::swap(extents[a], extents[b]);
  return record_view(input, view, Shape(std::span<const int64_t>(extents, static_cast<size_t>(shape.rank()))),
                     x.where());
}

Tensor transpose(Located x) {
  const Tensor input = x.as(DType::float32);
  if (input.rank() < 2) throw ShapeError("transpose: shape " + input.shape().to_string() + " has no two axes");
  return swap_axes(Located(input, x.where()), -2, -1);
}

Tensor broadcast_to(Located x, const Shape& shape) {
  const Tensor input = x.as(DType::float32);
  const Shape from = input.shape();
  if (from == shape) return input;
  if (broadcast_shapes("broadcast_to", from, shape) != shape) {
    throw ShapeError("broadcast_to: " + from.to_string() + " does not broadcast to " + shape.to_string());
  }
  StridedView view{};
  for (int axis = 0; axis < from.rank(); ++axis) {
    const int out = axis + shape.rank() - from.rank();
    const bool repeated = from[axis] == 1 && shape[out] != 1;
    view.axis[axis] = static_cast<int8_t>(repeated ? -1 : out);
    view.step[axis] = repeated ? 0 : 1;
  }
  return record_view(input, view, shape, x.where());
}

Tensor expand_dims(Located x, int axis) {
  const Tensor input = x.as(DType::float32);
  const Shape shape = input.shape();
  const int at = normalize_axis("expand_dims", axis, shape.rank() + 1);
  int64_t extents[max_rank + 1];
  int64_t* out = std::copy_n(shape.begin(), at, extents);
  *out++ = 1;
  out = std::copy(shape.begin() + at, shape.end(), out);
  return reshape(Located(input, x.where()), Shape(std::span<const int64_t>(extents, out)));
}

}  // namespace autograd
