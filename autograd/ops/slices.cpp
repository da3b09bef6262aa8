#include <autograd/ops/embed.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduced_axes.h>

#include <algorithm>

// Views of a part of a tensor.

namespace autograd {

Tensor slice(Located x, int axis, Range range) {
  const Tensor input = x.as(DType::float32);
  const Shape shape = input.shape();
  const int at = normalize_axis("slice", axis, shape.rank());
  const int64_t extent = shape[at];
  if (range.step == 0) throw ValueError("slice: a step of 0; expected one that moves on, forwards or backwards");
  const bool forward = range.step > 0;
  const auto clip = [&](std::optional<int64_t> given, int64_t otherwise) {
    if (!given) return otherwise;
    const int64_t position = *given < 0 ? *given + extent : *given;
    return forward ? std::clamp<int64_t>(position, 0, extent) : std::clamp<int64_t>(position, -1, extent - 1);
  };
  const int64_t start = clip(range.start, forward ? 0 : extent - 1);
  const int64_t stop = clip(range.stop, forward ? extent : -1);
  const int64_t span = forward ? stop - start : start - stop;
  // A step past either end is as good as any other that is; no wider, it can be counted with.
  const int64_t step = std::clamp(range.step, -extent - 1, extent + 1);
  const int64_t stride = forward ? step : -step;
  const int64_t count = span > 0 ? (span + stride - 1) / stride : 0;
  StridedView view = plain_view(shape.rank());
  view.start[at] = count > 0 ? start : 0;
  view.step[at] = step;
  int64_t extents[max_rank];
  std::copy(shape.begin(), shape.end(), extents);
  extents[at] = count;
  return record_view(input, view, Shape(std::span<const int64_t>(extents, static_cast<size_t>(shape.rank()))),
                     x.where());
}

Tensor select(Located x, int axis, int64_t index) {
  const Tensor input = x.as(DType::float32);
  const Shape shape = input.shape();
  const int at = normalize_axis("select", axis, shape.rank());
  const int64_t position = index < 0 ? index + shape[at] : index;
  if (position < 0 || position >= shape[at]) {
    throw IndexError("select: index " + std::to_string(index) + " on axis " + std::to_string(at) + " of " +
                     shape.to_string() + "; " +
                     (shape[at] == 0
                          ? "it has no elements"
                          : "expected " + std::to_string(-shape[at]) + " to " + std::to_string(shape[at] - 1)));
  }
  StridedView view{};
  int64_t extents[max_rank];
  size_t rank = 0;
  for (int a = 0; a < shape.rank(); ++a) {
    if (a == at) {
      view.start[a] = position;
      view.axis[a] = -1;
    } else {
      view.axis[a] = static_cast<int8_t>(rank);
      view.step[a] = 1;
      extents[rank++] = shape[a];
    }
  }
  return record_view(input, view, Shape(std::span<const int64_t>(extents, rank)), x.where());
}

Tensor squeeze(Located x, int axis) {
  const Tensor input = x.as(DType::float32);
  const int at = normalize_axis("squeeze", axis, input.rank());
  if (input.shape()[at] != 1) {
    throw ShapeError("squeeze: axis " + std::to_string(at) + " of " + input.shape().to_string() +
                     " has more than one element, or none");
  }
  return select(Located(input, x.where()), at, 0);
}

Tensor flip(Located x, Axes axes) {
  const AtLine line(x);
  Tensor result = x.as(DType::float32);
  const uint8_t flipped = axis_bits("flip", axes, result.rank());
  for (int axis = 0; axis < result.rank(); ++axis) {
    if ((flipped >> axis & 1) != 0) result = slice(result, axis, {.step = -1});
  }
  return result;
}

namespace {

/// Slices of extents extent_of(i), one after the other.
template <class Extent>
std::span<const Tensor> split_into(const Tensor& x, size_t count, int axis, Extent extent_of) {
  const std::span<Tensor> parts = list_of(count);
  int64_t start = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t stop = start + extent_of(i);
    parts[i] = slice(x, axis, {.start = start, .stop = stop});
    start = stop;
  }
  return parts;
}

}  // namespace

std::span<const Tensor> split(Located x, std::span<const int64_t> extents, int axis) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  const int at = normalize_axis("split", axis, input.rank());
  int64_t total = 0;
  for (int64_t extent : extents) {
    if (extent < 0) throw ShapeError("split: a part of extent " + std::to_string(extent));
    total += extent;
  }
  if (total != input.shape()[at]) {
    throw ShapeError("split: parts of together " + std::to_string(total) + " elements of axis " + std::to_string(at) +
                     " of " + input.shape().to_string());
  }
  return split_into(input, extents.size(), at, [&](size_t i) { return extents[i]; });
}

std::span<const Tensor> split(Located x, std::initializer_list<int64_t> extents, int axis) {
  return split(x, std::span<const int64_t>(extents.begin(), extents.size()), axis);
}

std::span<const Tensor> split(Located x, int64_t parts, int axis) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  const int at = normalize_axis("split", axis, input.rank());
  const int64_t extent = input.shape()[at];
  if (parts < 1 || extent % parts != 0) {
    throw ShapeError("split: axis " + std::to_string(at) + " of " + input.shape().to_string() + " into " +
                     std::to_string(parts) + " equal parts");
  }
  return split_into(input, static_cast<size_t>(parts), at, [&](size_t) { return extent / parts; });
}

// In a row of all columns of all rows, the diagonal takes every (columns + 1)th element.
Tensor diagonal(Located x) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  const Shape shape = input.shape();
  const int rank = shape.rank();
  if (rank < 2) throw ShapeError("diagonal: shape " + shape.to_string() + " has no two axes");
  const int64_t rows = shape[rank - 2], columns = shape[rank - 1];
  int64_t extents[max_rank];
  std::copy(shape.begin(), shape.end(), extents);
  extents[rank - 2] = rows * columns;
  return slice(reshape(input, Shape(std::span<const int64_t>(extents, static_cast<size_t>(rank - 1)))), -1,
               {.stop = std::min(rows, columns) * (columns + 1), .step = columns + 1});
}

}  // namespace autograd
