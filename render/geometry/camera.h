#pragma once

#include <autograd/core/export.h>

#include <array>
#include <cstdint>
#include <vector>

namespace render {

/// A row-major 4x4 matrix for column vectors.
using Matrix4 = std::array<double, 16>;
using Point3 = std::array<double, 3>;

/// A pinhole camera without distortion. The camera looks down its -Z axis, +Y up (OpenGL);
/// pixel centres are at half-integers, row 0 on top.
struct Camera {
  int width = 0, height = 0;  ///< pixels
  double fx = 0, fy = 0;      ///< focal lengths, pixels
  double cx = 0, cy = 0;      ///< principal point, pixels from the upper left corner
  Matrix4 world_from_camera{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};  ///< rigid: rotation and position

  Point3 position() const { return {world_from_camera[3], world_from_camera[7], world_from_camera[11]}; }
  bool operator==(const Camera&) const = default;
};

BACKLIGHT_API Matrix4 multiply(const Matrix4& a, const Matrix4& b);

/// Inverse of a rigid transform.
BACKLIGHT_API Matrix4 rigid_inverse(const Matrix4& transform);

/// A camera-to-world matrix in OpenGL's axes (-Z forward, +Y up; Blender, NeRF) from one in OpenCV's
/// (+Z forward, +Y down; COLMAP), and back: the world stays, the camera's Y and Z axes turn round.
///
///     OpenGL   Y            OpenCV    Z (forward)
///              |                     /
///              |___ X               /___ X
///             /                     |
///            Z (backward)           Y
BACKLIGHT_API Matrix4 swap_opengl_opencv(const Matrix4& world_from_camera);

/// Clip coordinates as OpenGL's: w = depth (-z of the camera), x / w and y / w in [-1, 1] inside the
/// image (y up), z / w from -1 at `near_plane` to 1 at `far_plane`, which may be infinite. Scene units.
/// throws ValueError unless 0 < near_plane < far_plane
BACKLIGHT_API Matrix4 projection(const Camera& camera, double near_plane, double far_plane);

/// The same for a parallel projection: w = 1, and a point (x, y, z) of the camera is seen at column cx + fx x and row
/// cy - fy y, so the camera's fx and fy are pixels a scene unit. z is linear in the distance from -1 at `near_plane` to
/// 1 at `far_plane`; near may lie behind the camera. throws ValueError unless near < far, both finite
BACKLIGHT_API Matrix4 orthographic_projection(const Camera& camera, double near_plane, double far_plane);

/// projection * rigid_inverse(world_from_camera).
BACKLIGHT_API Matrix4 clip_from_world(const Camera& camera, double near_plane, double far_plane);

/// A camera at `eye` that looks at `target`, the principal point in the middle of the image; where `up`
/// is parallel to the view direction, the world's axis least parallel to it stands in.
/// throws ValueError where eye and target coincide
BACKLIGHT_API Camera look_at(const Point3& eye, const Point3& target, const Point3& up, int width, int height,
                             double focal_pixels);

/// The same view in another number of pixels. Pixel coordinates are continuous with (0, 0) at the corner, so this is a
/// plain scale.
BACKLIGHT_API Camera resized(Camera camera, int width, int height);

/// `count` cameras spread evenly over a sphere around `centre` (a Fibonacci lattice turned by a rotation
/// that `seed` chooses), at the distance from which a ball of `radius` fills nine tenths of the smaller
/// side. Focal length 1.4 times the smaller side: it spans 39 degrees. The same bits everywhere.
/// throws ValueError unless radius > 0 and count >= 0
BACKLIGHT_API std::vector<Camera> cameras_around(const Point3& centre, double radius, int count, int width, int height,
                                                 uint64_t seed);

}  // namespace render
