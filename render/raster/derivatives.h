#pragma once

#include <render/raster/visibility.h>

namespace render {

/// Barycentric weights, and how they change from a visible pixel to its right and to its lower neighbour, as
/// derivatives at the pixel's centre along its triangle's plane: components [n].
struct WeightDerivatives {
  Vec3 weights;      ///< barycentrics(), at little further cost
  Vec3 right, down;  ///< per pixel
};

/// Differentiable as barycentrics() is; zero where a triangle is seen edge-on.
///
/// clip, corners, pixels  as in barycentrics()
BACKLIGHT_API WeightDerivatives weight_derivatives(const Vec4& clip, const Corners& corners,
                                                   const VisiblePixels& pixels);

/// How an interpolated attribute [vertices] changes, per pixel: x to the right, y downward, [n] each. `corners` are
/// those of the attribute's own triangles.
BACKLIGHT_API Vec2 interpolate_derivatives(const Tensor& attribute, const Corners& corners,
                                           const WeightDerivatives& derivatives);

}  // namespace render
