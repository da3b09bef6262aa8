#pragma once

#include <render/fit/dataset.h>

#include <span>

namespace render {

/// A ball that the masks and cameras agree on: where a fit starts, and its unit of length.
struct Start {
  Point3 centre{};    ///< scene units
  double radius = 0;  ///< scene units
};

/// The least-squares meeting point of the rays through the masks' centroids, and the mean radius of
/// discs with the masks' areas at its depth. Views with an empty mask do not count.
/// throws  ValueError: no mask, rays that miss each other by over half a radius, an object behind cameras
BACKLIGHT_API Start estimate_start(std::span<const View* const> views);

}  // namespace render
