#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/geometry/camera_convention.h>
#include <render/geometry/pose.h>

#include <algorithm>
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

Matrix4 pose_from_blender(const Matrix4& matrix_world) {
  Matrix4 unscaled = matrix_world;
  for (size_t column = 0; column < 3; ++column) {
    const double length = std::hypot(matrix_world[column], matrix_world[4 + column], matrix_world[8 + column]);
    // Lengths of 1 to rounding stay, so that a rigid matrix keeps its bits; one of 0 is left to rigid_pose() to refuse.
    if (std::abs(length - 1) < 1e-12 || !(length > 0)) continue;
    for (size_t row = 0; row < 3; ++row) unscaled[4 * row + column] /= length;
  }
  return multiply(y_up_from_z_up, rigid_pose(unscaled, "pose_from_blender: matrix_world").world_from_camera);
}
Matrix4 pose_to_blender(const Matrix4& world_from_camera) {
  return multiply(rigid_inverse(y_up_from_z_up), world_from_camera);
}

Camera camera_from_blender(const BlenderLens& lens, int width, int height, const Matrix4& matrix_world) {
  using Fit = BlenderLens::Fit;
  const bool vertical = lens.sensor_fit == Fit::vertical || (lens.sensor_fit == Fit::automatic && height > width);
  const double sensor = lens.sensor_fit == Fit::vertical ? lens.sensor_height : lens.sensor_width;
  if (!(lens.lens > 0 && sensor > 0 && width > 0 && height > 0) ||
      !std::isfinite(lens.lens + sensor + lens.shift_x + lens.shift_y)) {
    throw autograd::ValueError(
        fmt::format("camera_from_blender: a lens of {} mm before a sensor of {} mm, shifted by {} and {}, for {} x {} "
                    "pixels; expected finite numbers, and lens, sensor and pixels above 0",
                    lens.lens, sensor, lens.shift_x, lens.shift_y, width, height));
  }
  const double side = vertical ? height : width;  // pixels that the sensor spans
  const double focal = lens.lens / sensor * side;
  // A shift to the right moves the image's window, and so what is in it to the left.
  return {width,
          height,
          focal,
          focal,
          width / 2.0 - lens.shift_x * side,
          height / 2.0 + lens.shift_y * side,
          pose_from_blender(matrix_world)};
}

BlenderLens lens_to_blender(const Camera& camera, double sensor_width) {
  const double side = std::max(camera.width, camera.height);
  if (!(side > 0 && camera.fx > 0 && sensor_width > 0) || std::abs(camera.fx - camera.fy) > 1e-6 * camera.fx) {
    throw autograd::ValueError(
        fmt::format("lens_to_blender: focal lengths of {} and {} pixels, {} x {} pixels, a sensor of {} mm; expected "
                    "equal focal lengths, and all above 0",
                    camera.fx, camera.fy, camera.width, camera.height, sensor_width));
  }
  return {.lens = camera.fx / side * sensor_width,
          .sensor_width = sensor_width,
          .shift_x = (camera.width / 2.0 - camera.cx) / side,
          .shift_y = (camera.cy - camera.height / 2.0) / side};
}

}  // namespace render
