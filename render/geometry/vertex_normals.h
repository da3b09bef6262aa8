#pragma once

#include <render/math/vec.h>

namespace render {

/// Unit normals of vertices as differentiable tensors: the area-weighted mean of the normals of the
/// faces around each (counter-clockwise faces point outward). Zero where a vertex has no area around it.
///
/// positions  components [vertices]
/// triangles  [faces, 3] int32
/// returns    components [vertices]
BACKLIGHT_API Vec3 vertex_normals(const Vec3& positions, const ag::Array& triangles);

}  // namespace render
