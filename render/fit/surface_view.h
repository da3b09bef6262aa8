#pragma once

#include <render/raster/derivatives.h>
#include <render/raster/silhouettes.h>

namespace render {

/// A surface seen by cameras: what is discrete about it, and what every shading needs.
struct SurfaceView {
  Vec4 clip;
  Crossings crossings;
  VisiblePixels pixels;
  Corners corners;
  Vec3 weights;              ///< barycentric
  WeightDerivatives slopes;  ///< of the weights
  Vec3 normal;               ///< unit, smooth; outward
};

/// Evaluates the positions, then lists visible pixels and silhouettes; the rest is recorded.
///
/// positions  components [vertices]
/// matrices   [views, 4, 4] clip from the positions' coordinates
BACKLIGHT_API SurfaceView see(const Vec3& positions, const ag::Array& triangles, const Topology& topology,
                              ag::Located matrices, const Frame& frame);

/// The antialiased image [views, height, width, 4] of colours [n] at visible pixels: premultiplied
/// linear RGB over nothing, and coverage.
BACKLIGHT_API Tensor draw(const SurfaceView& view, const Vec3& colour);

}  // namespace render
