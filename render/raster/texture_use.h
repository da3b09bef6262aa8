#pragma once

#include <autograd/core/array.h>

namespace render {

namespace ag = autograd;

/// Which parts of a texture a mesh uses.
struct TextureUse {
  ag::Array faces;         ///< [height, width] int32: a face whose UV triangle covers the texel's centre, -1: none
  double overlap = 0;      ///< area of UV triangles over that of the texels covered, less 1: more than a few hundredths
                           ///< say that places of the surface share texels
  int64_t flat_faces = 0;  ///< whose coordinates span no area: each shows one spot or line of the texture
  int64_t far_faces = 0;   ///< whose coordinates span more than eight repeats, or are not numbers within 2^20
};

/// Coordinates outside [0, 1] repeat the texture; far faces cover no texel.
///
/// uvs           [uvs, 2] float32
/// uv_triangles  [faces, 3] int32, -1: none
/// throws        ShapeError, DTypeError, IndexError; ValueError for extents below 1 or above 16384
BACKLIGHT_API TextureUse texture_use(const ag::Array& uvs, const ag::Array& uv_triangles, int64_t height,
                                     int64_t width);

}  // namespace render
