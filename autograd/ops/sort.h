#pragma once

#include <autograd/core/tensor.h>

// Order along an axis, the last by default. Any type but bool; -0 and 0 are equal, NaN is greater than every number,
// equal elements keep their order: the result is one and the same on every machine. The gradient of values goes back
// to where they came from. ShapeError for an axis that does not exist, DTypeError.

namespace autograd {

struct SortOptions {
  bool descending = false;  ///< NaN first; equal elements still in their order
};
/// The elements of each row along the axis, ascending: x's shape and type.
BACKLIGHT_API Tensor sort(Located x, int axis = -1, SortOptions options = {});
/// int32 positions that sort x: sort(x) is take_along_axis(x, argsort(x), axis).
BACKLIGHT_API Tensor argsort(Located x, int axis = -1, SortOptions options = {});

struct TopK {
  Tensor values;
  Tensor indices;  ///< int32 positions on the axis
};
struct TopKOptions {
  bool largest = true;
};
/// The first k of the sorted axis, the largest first (or the smallest first). ValueError for k beyond the extent.
BACKLIGHT_API TopK topk(Located x, int64_t k, int axis = -1, TopKOptions options = {});

struct SearchOptions {
  bool right = false;  ///< after elements that are equal instead of before them
};
/// Where values belong in sorted edges: the int32 count of edges that are less (right: less or equal). `edges` [n]
/// and values of any shape, or edges [..., n] and values [..., m] with equal leading axes, row by row. One type,
/// float32, float64 or int32. Edges that are not sorted give some count.
BACKLIGHT_API Tensor searchsorted(Located edges, Located values, SearchOptions options = {});

}  // namespace autograd
