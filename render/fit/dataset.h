#pragma once

#include <render/geometry/camera.h>
#include <render/image/image.h>

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
  std::optional<Background> background;
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

/// Reads `folder`/transforms.json (NeRF style) and its images; the rules of the format stand in the
/// README. throws FileError naming the JSON or the image and the frame, and what to do.
BACKLIGHT_API Dataset read_dataset(const std::filesystem::path& folder, const DatasetOptions& options = {});

/// Writes images/NNN.png and transforms.json (last, so that a folder with it is complete).
BACKLIGHT_API void write_dataset(const std::filesystem::path& folder, const std::vector<View>& views);

/// True for the views that a fit must never see: i mod holdout == holdout - 1; holdout 0: none.
inline bool held_out(size_t view, int holdout) {
  return holdout > 0 && view % static_cast<size_t>(holdout) == static_cast<size_t>(holdout) - 1;
}

}  // namespace render
