#pragma once

#include <autograd/core/tensor.h>

#include <initializer_list>
#include <span>

// Reductions. Axes count from the front, negative ones from the back; none means all. Reduced axes
// disappear unless `keep` is set. A sum has one order, fixed by the shape (see engine/fold.h).

namespace autograd {

struct BACKLIGHT_API Axes {
  Axes() = default;  ///< all
  Axes(int axis) : Axes({axis}) {}
  Axes(std::initializer_list<int> axes);
  int list[max_rank] = {};
  int count = 0;
  bool all = true;
};

struct ReduceOptions {
  bool keep = false;  ///< leave reduced axes with extent 1
};

/// float32, float64, int32 (wraps). Of no elements: 0.
BACKLIGHT_API Tensor sum(Located x, Axes axes = {}, ReduceOptions options = {});
/// float32, float64. Of no elements: NaN.
BACKLIGHT_API Tensor mean(Located x, Axes axes = {}, ReduceOptions options = {});
/// float32, float64, int32. NaN where any element is NaN; ShapeError over no elements. Ties share the gradient.
BACKLIGHT_API Tensor max(Located x, Axes axes = {}, ReduceOptions options = {});
BACKLIGHT_API Tensor min(Located x, Axes axes = {}, ReduceOptions options = {});
/// Euclidean norm, sqrt(sum x^2); its gradient at 0 is 0.
BACKLIGHT_API Tensor norm(Located x, Axes axes = {}, ReduceOptions options = {});

}  // namespace autograd
