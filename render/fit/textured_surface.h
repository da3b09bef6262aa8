#pragma once

#include <render/fit/start.h>
#include <render/fit/surface_view.h>
#include <render/geometry/mesh.h>
#include <render/raster/texture.h>

namespace render {

/// A mesh that wears a texture, as arrays in fit coordinates: its bounding ball is the unit ball.
struct TexturedSurface {
  Start start;
  ag::Array positions, triangles;  ///< [vertices, 3] float32, [faces, 3] int32
  ag::Array uvs, uv_triangles;     ///< [uvs, 2] float32, [faces, 3] int32
  Topology topology;
  ag::Array corner_normals;  ///< [3 faces, 3] float32: of each face's corners
  ag::Array face_normals;    ///< [faces, 3] float32, of any length, on the side of the corners'
};

/// Texture coordinates may lie anywhere (outside [0, 1] they repeat the texture) and span no area.
/// throws  ValueError where a face has no texture coordinates or ones that are not finite, or the mesh has no extent;
///         ShapeError, DTypeError or IndexError for a mesh that does not fit together
BACKLIGHT_API TexturedSurface textured_surface(const Mesh& mesh);

/// The surface as cameras see it; draw(view.surface, colour) makes the image.
struct TexturedView {
  SurfaceView surface;
  Vec2 uv;     ///< [n]
  Tensor lod;  ///< [n], for trilinear_taps()
};

/// Evaluates the positions, then lists visible pixels and silhouettes; the rest is recorded.
///
/// The level of detail is the one whose texels are half as large as a pixel's footprint: a bilinear sample spans two
/// texels each way, and then covers what the pixel covers.
///
/// positions, uvs  components [vertices] and [uvs]: the surface's, or what is being fitted instead
/// matrices        [views, 4, 4] clip from fit coordinates
BACKLIGHT_API TexturedView see(const TexturedSurface& surface, const Vec3& positions, const Vec2& uvs,
                               ag::Located matrices, const Frame& frame, const MipLevels& levels);

/// The surface as it is.
BACKLIGHT_API TexturedView see(const TexturedSurface& surface, ag::Located matrices, const Frame& frame,
                               const MipLevels& levels);

/// Unit normals [n] of visible pixels, on the side that the camera sees; those of the mesh (corner_normals()).
///
/// eyes  [views, 3] float32: where the cameras stand, in fit coordinates
BACKLIGHT_API Vec3 seen_normals(const TexturedSurface& surface, const TexturedView& view, ag::Located eyes);

}  // namespace render
