#pragma once

#include <render/image/image.h>

namespace render {

/// Intersection over union of alpha >= 0.5 (128 of 255); 1 where both are empty. throws ValueError on unequal sizes.
BACKLIGHT_API double iou(const Image8& a, const Image8& b);

/// Peak signal-to-noise ratio in dB of 8-bit sRGB colour premultiplied on black: code * alpha / 255,
/// not rounded; +infinity where equal, and over no pixels. throws ValueError on unequal sizes.
struct Psnr {
  double covered;  ///< over the pixels where the target's alpha is > 0
  double image;    ///< over the whole frame
};
BACKLIGHT_API Psnr psnr(const Image8& image, const Image8& target);

}  // namespace render
