#pragma once

#include <render/math/vec.h>

namespace render {

// Normals as differentiable tensors. Faces with a corner that is not finite count as degenerate, without gradient.
//   flat          face_normals(), looked up by each visible pixel's triangle
//   smooth        vertex_normals()
//   interpolated  any normals of corners, blended at visible pixels and normalized

/// Unit normals of faces, counter-clockwise ones outward; zero where a face is degenerate.
///
/// positions  components [vertices]
/// triangles  [faces, 3] int32
/// returns    components [faces]
BACKLIGHT_API Vec3 face_normals(const Vec3& positions, const ag::Array& triangles);

/// Unit normals of vertices: the area-weighted mean of the normals of the faces around each. Zero where a vertex has no
/// area around it.
///
/// returns    components [vertices]
BACKLIGHT_API Vec3 vertex_normals(const Vec3& positions, const ag::Array& triangles);

}  // namespace render
