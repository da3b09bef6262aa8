#pragma once

#include <autograd/core/export.h>
#include <autograd/core/shape.h>

#include <initializer_list>

namespace autograd {

/// Axes of a tensor: one, a list, or by default all. Negative ones count from the back; each at most once.
struct BACKLIGHT_API Axes {
  Axes() = default;  ///< all
  Axes(int axis) : Axes({axis}) {}
  Axes(std::initializer_list<int> axes);
  int list[max_rank] = {};
  int count = 0;
  bool all = true;
};

}  // namespace autograd
