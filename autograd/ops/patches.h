#pragma once

#include <autograd/core/tensor.h>

// Windows that slide over images [batch, height, width, channels]. Window o of an axis begins at element
// o * stride - padding; there are (extent + 2 padding - window) / stride + 1, rounded down.

namespace autograd {

struct Window {
  int64_t height = 1, width = 1;
  int64_t stride = 1;   ///< from window to window, both axes
  int64_t padding = 0;  ///< around the image, all four sides
};

/// The elements of each window in a row, as a matrix product needs them ("im2col"): [batch, height, width, channels]
/// -> [batch, windows down, windows across, window.height * window.width * channels]. Padding is 0. float32, float64.
/// throws ShapeError where x has not four axes or no window fits, ValueError for a window or stride below 1
BACKLIGHT_API Tensor patches(Located x, const Window& window);

/// Where the largest element of each window and channel stands: int32 positions in x's elements, [batch, windows down,
/// windows across, channels]. The first among equals, the first NaN if there is one; padding is never chosen
/// (padding < window). No gradient: gather(flatten(x), ...) has it.
BACKLIGHT_API Tensor largest_in_windows(Located x, const Window& window);

}  // namespace autograd
