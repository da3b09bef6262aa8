#include <autograd/core/error.h>
#include <render/geometry/camera_convention.h>

#include <cmath>

namespace render {

namespace {

constexpr Matrix4 y_up_from_z_up{1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1};

}  // namespace

Matrix4 pose_from_opengl(const Matrix4& camera_from_world) { return rigid_inverse(camera_from_world); }
Matrix4 pose_to_opengl(const Matrix4& world_from_camera) { return rigid_inverse(world_from_camera); }

Matrix4 pose_from_opencv(const Matrix4& camera_from_world) {
  return swap_opengl_opencv(rigid_inverse(camera_from_world));
}
Matrix4 pose_to_opencv(const Matrix4& world_from_camera) {
  return rigid_inverse(swap_opengl_opencv(world_from_camera));
}

Matrix4 pose_from_colmap(const ColmapPose& pose) {
  const auto [w, x, y, z] = pose.rotation;
  const double square = w * w + x * x + y * y + z * z;
  const auto [tx, ty, tz] = pose.translation;
  if (!(square > 0) || !std::isfinite(square + tx + ty + tz)) {
    throw autograd::ValueError("pose_from_colmap: expected a finite pose with a rotation of positive length");
  }
  const double s = 2 / square;
  return pose_from_opencv({1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y), tx,  //
                           s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x), ty,  //
                           s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y), tz,  //
                           0, 0, 0, 1});
}

// Shepperd 1978, "Quaternion from rotation matrix": the largest component from the diagonal, the others from it.
ColmapPose pose_to_colmap(const Matrix4& world_from_camera) {
  const Matrix4 m = pose_to_opencv(world_from_camera);
  const auto at = [&](size_t row, size_t column) { return m[4 * row + column]; };
  const double trace = at(0, 0) + at(1, 1) + at(2, 2);
  const std::array<double, 4> squares{trace, at(0, 0), at(1, 1), at(2, 2)};  // 4 q^2 = 1 - trace + 2 times these
  size_t largest = 0;
  for (size_t i = 1; i < 4; ++i) {
    if (squares[i] > squares[largest]) largest = i;
  }
  ColmapPose pose{.translation = {m[3], m[7], m[11]}};
  std::array<double, 4>& q = pose.rotation;
  q[largest] = std::sqrt(1 - trace + 2 * squares[largest]) / 2;
  const double quarter = 0.25 / q[largest];
  for (size_t axis = 0; axis < 3; ++axis) {
    const size_t next = (axis + 1) % 3, last = (axis + 2) % 3;
    const double with_w = (at(last, next) - at(next, last)) * quarter;  // q_w q_axis / q_largest
    if (largest == 0) q[axis + 1] = with_w;
    if (largest == axis + 1) q[0] = with_w;
    const double between = (at(next, last) + at(last, next)) * quarter;  // q_next q_last / q_largest
    if (largest == next + 1) q[last + 1] = between;
    if (largest == last + 1) q[next + 1] = between;
  }
  if (q[0] < 0) {
    for (double& component : q) component = -component;
  }
  return pose;
}

Matrix4 pose_from_blender(const Matrix4& matrix_world) { return multiply(y_up_from_z_up, matrix_world); }
Matrix4 pose_to_blender(const Matrix4& world_from_camera) {
  return multiply(rigid_inverse(y_up_from_z_up), world_from_camera);
}

}  // namespace render
