#pragma once

#include <render/raster/mipmap.h>

#include <array>
#include <cstddef>

// Textures: row 0 is the top, (u, v) = (0, 0) the lower left corner of the lower left texel, (1, 1) the
// upper right corner of the upper right one; texel centres are at half-integers.
//
// A sample is a weighted sum of texels. Which texels is discrete (int32, no gradient), their weights are
// continuous; so gradients reach the texels, (u, v) and the level of detail, and through them whatever
// those were computed from. Coordinates that are not finite, or too large to have a fraction, read the
// texture at 0, without gradient; those that Wrap::clamp knows to lie beyond the border, at the border.

namespace render {

/// How a texture continues outside [0, 1]: from its other side, by its border, or turned round.
enum class Wrap { repeat, clamp, mirror };

/// Texels that samples are made of: the same number of each, with weights that sum to 1.
struct Taps {
  static constexpr size_t most = 8;

  size_t count = 0;
  std::array<Tensor, most> texel;   ///< [n] int32: rows of a list of texels
  std::array<Tensor, most> weight;  ///< [n]
};

// uv      components [n]
// levels  of the list that taps point into
/// The texel that (u, v) lies in, of level 0.
BACKLIGHT_API Taps nearest_taps(const Vec2& uv, const MipLevels& levels, Wrap wrap = Wrap::repeat);
/// The four texels of level 0 around (u, v).
BACKLIGHT_API Taps bilinear_taps(const Vec2& uv, const MipLevels& levels, Wrap wrap = Wrap::repeat);
/// The four texels around (u, v) of either level next to `lod` [n] (0: the finest; clamped to what there is).
/// source  Williams 1983, "Pyramidal parametrics"
BACKLIGHT_API Taps trilinear_taps(const Vec2& uv, const Tensor& lod, const MipLevels& levels, Wrap wrap = Wrap::repeat);

/// Weighted sums of rows of `texels` [texels, channels]: [n, channels]. throws ShapeError
BACKLIGHT_API Tensor blend(const Tensor& texels, const Taps& taps);
/// The same for colours, texels [texels, 3]: components [n].
BACKLIGHT_API Vec3 blend_rgb(const Tensor& texels, const Taps& taps);

/// The mip level whose texels are as large as the longer axis of a pixel's footprint on the texture, [n]: log2 of
/// that axis in texels of level 0, clamped from 0 to the last level; without gradient where it is clamped. Where a
/// derivative is not finite, it counts as 0.
///
/// du, dv   derivatives of u and v per pixel, to the right (x) and downward (y): components [n], see derivatives.h
/// source   Heckbert 1989, "Fundamentals of texture mapping and image warping", for the axis: the larger
///          singular value of the Jacobian
BACKLIGHT_API Tensor level_of_detail(const Vec2& du, const Vec2& dv, const MipLevels& levels);

}  // namespace render
