#pragma once

#include <autograd/core/tensor.h>
#include <autograd/ops/axes.h>

#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

// Where elements stand. Any type; axes count from the back where negative. ShapeError where axes do not exist or
// extents do not fit.

namespace autograd {

// Views: they cost nothing, they only change how elements are indexed -------------------------------------------
/// The same elements in the same order; one extent may be -1, which is then computed.
BACKLIGHT_API Tensor reshape(Located x, const Shape& shape);
BACKLIGHT_API Tensor reshape(Located x, std::initializer_list<int64_t> extents);
/// All axes in one.
BACKLIGHT_API Tensor flatten(Located x);
/// Output axis i is input axis order[i].
BACKLIGHT_API Tensor permute(Located x, std::span<const int> order);
BACKLIGHT_API Tensor permute(Located x, std::initializer_list<int> order);
BACKLIGHT_API Tensor swap_axes(Located x, int first, int second);
/// The last two axes exchanged.
BACKLIGHT_API Tensor transpose(Located x);
/// Axes of extent 1, and missing ones in front, repeated to the shape.
BACKLIGHT_API Tensor broadcast_to(Located x, const Shape& shape);
/// A new axis of extent 1 before `axis`.
BACKLIGHT_API Tensor expand_dims(Located x, int axis);
/// Without an axis of extent 1.
BACKLIGHT_API Tensor squeeze(Located x, int axis);

/// Elements start, start + step, ... before stop of one axis. Negative positions count from the end;
/// positions past it are clipped, as in numpy; a step below 0 goes backward. ValueError for a step of 0.
struct Range {
  std::optional<int64_t> start = {}, stop = {};
  int64_t step = 1;
};
BACKLIGHT_API Tensor slice(Located x, int axis, Range range);
/// One element of an axis, which disappears. IndexError where there is none.
BACKLIGHT_API Tensor select(Located x, int axis, int64_t index);
/// Elements in reverse along the axes, by default all.
BACKLIGHT_API Tensor flip(Located x, Axes axes = {});
/// Parts of given extents, one after the other along an axis; the list lives as long as the Step.
BACKLIGHT_API std::span<const Tensor> split(Located x, std::span<const int64_t> extents, int axis);
BACKLIGHT_API std::span<const Tensor> split(Located x, std::initializer_list<int64_t> extents, int axis);
/// `parts` of equal extent; ShapeError where they do not come out even.
BACKLIGHT_API std::span<const Tensor> split(Located x, int64_t parts, int axis);
/// Elements [..., i, i] of the last two axes: [..., min(rows, columns)].
BACKLIGHT_API Tensor diagonal(Located x);

// Copies -----------------------------------------------------------------------------------------------------------

/// Tensors of one type joined along an axis that exists; other extents must be equal.
BACKLIGHT_API Tensor concatenate(std::span<const Tensor> tensors, int axis);
BACKLIGHT_API Tensor concatenate(std::initializer_list<Located> tensors, int axis);
/// Tensors of one shape and type along a new axis.
BACKLIGHT_API Tensor stack(std::span<const Tensor> tensors, int axis);
BACKLIGHT_API Tensor stack(std::initializer_list<Located> tensors, int axis);
/// Elements move `shift` places up an axis; those that leave it come in at the other end.
BACKLIGHT_API Tensor roll(Located x, int64_t shift, int axis);

struct Padding {
  int64_t before = 0, after = 0;
};
enum class PadMode : uint8_t {
  constant,  ///< PadOptions::value
  edge,      ///< a a | a b c | c c
  reflect,   ///< c b | a b c | b a: at most extent - 1
  wrap,      ///< b c | a b c | a b: at most extent
};
struct PadOptions {
  PadMode mode = PadMode::constant;
  double value = 0;
};
/// Room around x: one Padding for each axis. ValueError where one is below 0.
BACKLIGHT_API Tensor pad(Located x, std::span<const Padding> widths, PadOptions options = {});
BACKLIGHT_API Tensor pad(Located x, std::initializer_list<Padding> widths, PadOptions options = {});

}  // namespace autograd
