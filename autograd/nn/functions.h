#pragma once

#include <autograd/core/rng.h>
#include <autograd/core/tensor.h>
#include <autograd/ops/patches.h>

// Functions of layers without weights of their own; the elementwise ones (relu, gelu, ...) stand in
// ops/elementwise.h. float32, float64.

namespace autograd {

// Of an axis ------------------------------------------------------------------------------------------------
/// exp(x) / sum exp(x), without overflow.
BACKLIGHT_API Tensor softmax(Located x, int axis = -1);
/// x - log(sum exp(x)), without overflow.
BACKLIGHT_API Tensor log_softmax(Located x, int axis = -1);
/// (x - mean) / sqrt(variance + epsilon) over the last axis, the variance that of a population (Ba, Kiros, Hinton
/// 2016). Scale and shift are the caller's: weight * layer_norm(x) + bias.
BACKLIGHT_API Tensor layer_norm(Located x, double epsilon = 1e-5);

// Noise -----------------------------------------------------------------------------------------------------
/// Each element is 0 with the given probability, from 0 to below 1, and x / (1 - probability) otherwise. Takes one
/// draw. While not training, leave it out. ValueError
BACKLIGHT_API Tensor dropout(Located x, Rng& rng, double probability);

// Images [batch, height, width, channels] -------------------------------------------------------------------
struct Convolution {
  int64_t stride = 1, padding = 0;
};
/// Weighted sums of windows: x [batch, height, width, inputs], weight [window height, window width, inputs, outputs]
/// -> [batch, windows down, windows across, outputs]; see Window for where they lie. No kernel is flipped, as in all
/// neural networks. A bias is added by the caller. Made of patches() and one matrix product.
/// throws ShapeError where ranks, inputs or sizes do not fit, ValueError, DTypeError
BACKLIGHT_API Tensor conv2d(Located x, Located weight, Convolution options = {});

/// Largest element of each window and channel; the first among equals takes the gradient. Padding is never chosen.
BACKLIGHT_API Tensor max_pool2d(Located x, const Window& window);
/// Mean of each window and channel; padding counts as 0.
BACKLIGHT_API Tensor avg_pool2d(Located x, const Window& window);

}  // namespace autograd
