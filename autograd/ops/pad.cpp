#include <autograd/ops/embed.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace autograd {

namespace {

void check_padding(const Shape& shape, std::span<const Padding> widths, PadMode mode) {
  if (static_cast<int>(widths.size()) != shape.rank()) {
    throw ShapeError("pad: " + std::to_string(widths.size()) + " paddings for shape " + shape.to_string() +
                     "; expected one for each axis");
  }
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto [before, after] = widths[static_cast<size_t>(axis)];
    if (before < 0 || after < 0) {
      throw ValueError("pad: " + std::to_string(std::min(before, after)) + " elements on axis " + std::to_string(axis) +
                       "; expected 0 or more");
    }
    if (std::max(before, after) > INT32_MAX) {
      throw SizeError("pad: " + std::to_string(std::max(before, after)) + " elements on axis " + std::to_string(axis) +
                      "; expected at most " + std::to_string(INT32_MAX));
    }
    const int64_t width = std::max(before, after), extent = shape[axis];
    const bool fits = mode == PadMode::constant || width == 0 || (mode == PadMode::edge && extent > 0) ||
                      (mode == PadMode::reflect && width < extent) || (mode == PadMode::wrap && width <= extent);
    if (!fits) {
      throw ShapeError("pad: " + std::to_string(width) + " elements on axis " + std::to_string(axis) + " of " +
                       shape.to_string() + " are more than it can lend");
    }
  }
}

Tensor pad_constant(const Tensor& x, std::span<const Padding> widths, double value) {
  const Shape shape = x.shape();
  Placement placement{};
  int64_t extents[max_rank];
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto [before, after] = widths[static_cast<size_t>(axis)];
    placement.start[axis] = before;
    placement.step[axis] = 1;
    extents[axis] = before + shape[axis] + after;
  }
  const Shape padded(std::span<const int64_t>(extents, static_cast<size_t>(shape.rank())));
  if (padded == shape) return x;
  return value == 0 ? embed(x, placement, padded) : embed(x, placement, padded, Located(value).as(x.dtype()));
}

/// What stands before and after x on an axis, taken from x itself.
std::pair<Tensor, Tensor> borders(const Tensor& x, int axis, Padding width, PadMode mode) {
  const Shape shape = x.shape();
  const int64_t extent = shape[axis];
  const auto [before, after] = width;
  if (mode == PadMode::wrap) {
    return {slice(x, axis, {.start = extent - before}), slice(x, axis, {.stop = after})};
  }
  if (mode == PadMode::reflect) {
    return {flip(slice(x, axis, {.start = 1, .stop = 1 + before}), axis),
            flip(slice(x, axis, {.start = extent - 1 - after, .stop = extent - 1}), axis)};
  }
  const auto repeated = [&](const Tensor& edge, int64_t count) {
    int64_t extents[max_rank];
    std::copy(shape.begin(), shape.end(), extents);
    extents[axis] = count;
    return broadcast_to(edge, Shape(std::span<const int64_t>(extents, static_cast<size_t>(shape.rank()))));
  };
  return {repeated(slice(x, axis, {.stop = 1}), before), repeated(slice(x, axis, {.start = extent - 1}), after)};
}

}  // namespace

Tensor pad(Located x, std::span<const Padding> widths, PadOptions options) {
  const AtLine line(x);
  Tensor result = x.as(DType::float32);
  check_padding(result.shape(), widths, options.mode);
  if (options.mode == PadMode::constant) return pad_constant(result, widths, options.value);
  for (int axis = 0; axis < result.rank(); ++axis) {
    const Padding width = widths[static_cast<size_t>(axis)];
    if (width.before == 0 && width.after == 0) continue;
    const auto [before, after] = borders(result, axis, width, options.mode);
    result = concatenate({before, result, after}, axis);
  }
  return result;
}

Tensor pad(Located x, std::initializer_list<Padding> widths, PadOptions options) {
  return pad(x, std::span<const Padding>(widths.begin(), widths.size()), options);
}

}  // namespace autograd
