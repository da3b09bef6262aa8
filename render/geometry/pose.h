#pragma once

#include <render/geometry/camera.h>

#include <string_view>

namespace render {

/// A camera-to-world matrix as a file gives it, made rigid. Private to the library.
struct RigidPose {
  Matrix4 world_from_camera;
  double scale;  ///< the uniform scale of its upper left 3x3 block that was divided out; 1: none
};

/// Accepts a last row of 0 0 0 1 and a block that is, up to a positive scale, a rotation to 1e-3.
/// What is rigid to rounding keeps its bits; what is less so becomes the nearest rotation, since
/// rigid_inverse() takes the transpose for the inverse.
/// throws  ValueError saying what `matrix` is instead; the text starts with `name`
RigidPose rigid_pose(const Matrix4& matrix, std::string_view name = "transform_matrix");

}  // namespace render
