#pragma once

#include <render/fit/dataset.h>
#include <render/fit/start.h>
#include <render/raster/visibility.h>

#include <span>

namespace render {

/// A minibatch of posed images as arrays, in the fit's own units: the starting ball is the unit ball at
/// the origin, so a scene of any size at any place gives the same numbers.
struct ViewBatch {
  Frame frame;         ///< the largest width and height; smaller images lie in the upper left corner
  ag::Array matrices;  ///< [views, 4, 4] float32: clip from fit coordinates
  ag::Array targets;   ///< [views, height, width, 4] float32: premultiplied linear
  ag::Array inside;    ///< [views, height, width, 1] float32: 1 where there is an image; or [1] where all are equal
};

/// Matrix that takes fit coordinates to clip space of a camera, drawn on a frame of its own size or larger.
/// Depth (w) comes out in fit units.
BACKLIGHT_API Matrix4 clip_from_fit(const Camera& camera, const Start& start, const Frame& frame);

BACKLIGHT_API ViewBatch make_batch(std::span<const View* const> views, const Start& start);

/// Cameras only, for rendering; all have one size.
BACKLIGHT_API ag::Array camera_matrices(std::span<const Camera> cameras, const Start& start);

}  // namespace render
