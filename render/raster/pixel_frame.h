#pragma once

#include <render/raster/visibility.h>

namespace render {

/// Places of the corners in clip components flattened, [n] int32.
Tensor clip_row(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels, int corner);

/// The corners of each visible pixel's triangle relative to the pixel's centre, times w: 2-D homogeneous
/// coordinates whose origin is the centre, in clip units. Private to render/raster.
struct PixelFrame {
  Vec2 p[3];
  Tensor w[3];
};
PixelFrame pixel_frame(const char* operation, const Vec4& clip, const Corners& corners, const VisiblePixels& pixels);

/// The three areas that the centre makes with the corners, and what is done with them: weights are areas / sum.
struct PixelAreas {
  Tensor area[3], inverse_sum;
  Tensor usable;  ///< false where the triangle is seen edge-on: all derivatives are zero there
};
PixelAreas pixel_areas(const PixelFrame& frame);
Vec3 weights(const PixelAreas& areas);

}  // namespace render
