#pragma once

#include <render/geometry/camera.h>

// How others say where a camera is, and back. Here it is Camera::world_from_camera: camera to world, the camera looks
// down -Z with +Y up, in a world with +Y up by custom. Drawn side by side in CAMERAS.md. All matrices are rigid
// (but see Blender's).

namespace render {

/// OpenGL's view matrix (gluLookAt, glm::lookAt): world to camera, the same axes.
BACKLIGHT_API Matrix4 pose_from_opengl(const Matrix4& camera_from_world);
BACKLIGHT_API Matrix4 pose_to_opengl(const Matrix4& world_from_camera);

/// OpenCV's extrinsics [R | t] (solvePnP, calibrateCamera): world to camera, looking along +Z with +Y down.
BACKLIGHT_API Matrix4 pose_from_opencv(const Matrix4& camera_from_world);
BACKLIGHT_API Matrix4 pose_to_opencv(const Matrix4& world_from_camera);

/// The same as a line of COLMAP's images.txt has them: x_camera = R(rotation) x_world + translation.
struct ColmapPose {
  std::array<double, 4> rotation{1, 0, 0, 0};  ///< QW QX QY QZ; of any length but 0
  Point3 translation{};                        ///< TX TY TZ: not where the camera is
};
/// throws  ValueError: a rotation of length 0, or numbers that are not finite
BACKLIGHT_API Matrix4 pose_from_colmap(const ColmapPose& pose);
/// The rotation has unit length and QW >= 0.
BACKLIGHT_API ColmapPose pose_to_colmap(const Matrix4& world_from_camera);

/// Blender's camera.matrix_world: camera to world, the same camera axes, but a world with +Z up, which is turned so
/// that +Y is: (x, y, z) becomes (x, z, -y). Vertices turn with it; Blender's OBJ export does that by itself.
/// Datasets that Blender scripts write (transforms.json) are not turned: their meshes are not either.
/// A scale of the camera object, along its own axes, does not change what Blender's camera sees: it is divided out.
/// throws  ValueError: a mirrored or sheared matrix, which a camera below a scaled parent may have
BACKLIGHT_API Matrix4 pose_from_blender(const Matrix4& matrix_world);
BACKLIGHT_API Matrix4 pose_to_blender(const Matrix4& world_from_camera);

/// A perspective camera's data in Blender's own names and units.
struct BlenderLens {
  enum class Fit : uint8_t { automatic, horizontal, vertical };
  double lens = 50;                              ///< focal length, mm
  double sensor_width = 36, sensor_height = 24;  ///< mm; the height counts for a vertical fit only
  Fit sensor_fit = Fit::automatic;               ///< the side of the image that the sensor spans; automatic: the longer
  double shift_x = 0, shift_y = 0;               ///< right and up, in lengths of that side
};
/// The camera of an image of width x height square pixels (Blender's resolution times its percentage).
/// throws  ValueError: a lens, sensor or image that is not above 0, numbers that are not finite; and as
///         pose_from_blender()
BACKLIGHT_API Camera camera_from_blender(const BlenderLens& lens, int width, int height, const Matrix4& matrix_world);
/// What to set in Blender for a sensor of this width and automatic fit; its resolution is the camera's width and
/// height. throws  ValueError: pixels that are not square (fx and fy differ), a camera without extent
BACKLIGHT_API BlenderLens lens_to_blender(const Camera& camera, double sensor_width = 36);

}  // namespace render
