#pragma once

#include <render/image/image.h>

namespace render {

/// Holes of the target's mask that the image covers: regions of background (alpha < 128) that do not
/// reach the border, larger than a speck, more than half of which is foreground in the image.
/// throws ValueError on unequal sizes
BACKLIGHT_API int closed_holes(const Image8& image, const Image8& target);

}  // namespace render
