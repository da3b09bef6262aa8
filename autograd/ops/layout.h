#pragma once

#include <autograd/core/tensor.h>

#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

// Views: they cost nothing, they only change how elements are indexed. Any type.

namespace autograd {

/// The same elements in the same order; one extent may be -1, which is then computed.
BACKLIGHT_API Tensor reshape(Located x, const Shape& shape);
BACKLIGHT_API Tensor reshape(Located x, std::initializer_list<int64_t> extents);
/// All axes in one.
BACKLIGHT_API Tensor flatten(Located x);
/// Output axis i is input axis order[i].
BACKLIGHT_API Tensor permute(Located x, std::initializer_list<int> order);
/// The last two axes exchanged.
BACKLIGHT_API Tensor transpose(Located x);
BACKLIGHT_API Tensor broadcast_to(Located x, const Shape& shape);
/// A new axis of extent 1 before `axis`.
BACKLIGHT_API Tensor expand_dims(Located x, int axis);

/// Elements start, start + step, ... before stop of one axis. Negative positions count from the end;
/// positions past it are clipped, as in numpy; a step below 0 goes backward.
struct Range {
  std::optional<int64_t> start = {}, stop = {};
  int64_t step = 1;
};
BACKLIGHT_API Tensor slice(Located x, int axis, Range range);
/// One element of an axis, which disappears. IndexError where there is none.
BACKLIGHT_API Tensor select(Located x, int axis, int64_t index);
BACKLIGHT_API Tensor flip(Located x, int axis);

/// Tensors of one type joined along an axis that exists; other extents must be equal.
BACKLIGHT_API Tensor concatenate(std::span<const Tensor> tensors, int axis);
BACKLIGHT_API Tensor concatenate(std::initializer_list<Located> tensors, int axis);
/// Tensors of one shape and type along a new axis.
BACKLIGHT_API Tensor stack(std::span<const Tensor> tensors, int axis);
BACKLIGHT_API Tensor stack(std::initializer_list<Located> tensors, int axis);

}  // namespace autograd
