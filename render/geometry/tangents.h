#pragma once

#include <render/math/vec.h>

namespace render {

/// Directions of growing u on the surface, for each vertex of the UVs.
struct VertexTangents {
  Vec3 tangent;  ///< components [uvs], unit length; zero where the UVs around have no area
  Tensor
      handedness;  ///< [uvs]: 1 where u, v and the outward normal are right-handed, -1 where UVs are mirrored, else 0
};

/// Means over the faces around each UV vertex, weighted by area. They belong to UV vertices, not to positions: a seam
/// has tangents of its own on either side.
///
/// positions, triangles  components [vertices]; [faces, 3] int32
/// uvs, uv_triangles     components [uvs]; [faces, 3] int32
BACKLIGHT_API VertexTangents vertex_tangents(const Vec3& positions, const ag::Array& triangles, const Vec2& uvs,
                                             const ag::Array& uv_triangles);

/// An orthonormal frame, for normal maps.
struct TangentFrame {
  Vec3 tangent, bitangent, normal;
};

/// The normal made unit, the tangent made perpendicular to it (Gram-Schmidt) and unit, and their cross product times
/// the handedness. Elementwise: for vertices, or for what was interpolated at visible pixels.
BACKLIGHT_API TangentFrame tangent_frame(const Vec3& normal, const Vec3& tangent, const Tensor& handedness);

}  // namespace render
