#pragma once

#include <render/geometry/camera.h>
#include <render/image/image.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace render {

/// Axes of a dataset's camera-to-world matrices: OpenGL's (-Z forward, +Y up; Blender, NeRF) or
/// OpenCV's (+Z forward, +Y down; COLMAP).
enum class Convention { opengl, opencv };

/// The colour that is background where images have no mask, within `tolerance` (8-bit steps, each channel).
struct Background {
  std::array<int, 3> rgb{};
  int tolerance = 8;
};

struct DatasetOptions {
  int max_size = 512;  ///< longer side in pixels; larger images are area-averaged and their intrinsics scaled
  Convention convention = Convention::opengl;
  std::optional<Background> background{};
};

/// One posed image; alpha is the mask.
struct View {
  std::string name;  ///< the frame's file_path
  Camera camera;
  Image8 image;
};

struct Dataset {
  std::vector<View> views;
  std::vector<std::string> warnings;  ///< one line each
};

/// Reads a folder of posed images: with transforms.json (below), or with a COLMAP text model.
///
/// `folder`/transforms.json (NeRF style), or a JSON file named itself:
///
///   frames            each: file_path relative to the JSON and not outside its folder (as it stands, else
///                     with .png, else .jpg), transform_matrix, and any of the keys below (frame wins)
///   transform_matrix  4x4 row-major camera-to-world, last row 0 0 0 1, a rotation to 1e-3; a uniform
///                     scale is divided out with a warning
///   fl_x fl_y cx cy   pixels, from the image's upper left corner; fl_y is fl_x, cx and cy the middle by default
///   camera_angle_x    radians across the width, where there is no fl_x
///   w h               must be the image's size
///   k1 .. p2          distortion must be zero
///   mask              the image's alpha; else the frame's mask_path; else masks/<name>.png or masks/<stem>.png
///                     (grey values); else options.background
///
/// COLMAP's cameras.txt (of pinhole cameras, that is, undistorted) and images.txt in `folder`, `folder`/sparse/0 or
/// `folder`/sparse, with images in `folder`/images or `folder`, in the order of their names; masks as above.
/// options.convention says nothing about these: their axes are OpenCV's.
///
/// throws  FileError naming the file, the image and the frame or line, and what to do; ValueError where the
///         options are out of range
BACKLIGHT_API Dataset read_dataset(const std::filesystem::path& folder, const DatasetOptions& options = {});

/// Writes images/NNN.png and transforms.json (last, so that a folder with it is complete; an older one
/// is removed first). Numbers are the shortest that read back as the same camera.
/// throws  FileError; ValueError where there are no views, or an image has not its camera's size
BACKLIGHT_API void write_dataset(const std::filesystem::path& folder, const std::vector<View>& views);

/// True for the views that a fit must never see: i mod holdout == holdout - 1; holdout 0: none.
inline bool held_out(size_t view, int holdout) {
  return holdout > 0 && view % static_cast<size_t>(holdout) == static_cast<size_t>(holdout) - 1;
}

}  // namespace render
