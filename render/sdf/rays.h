#pragma once

#include <render/geometry/camera.h>
#include <render/raster/visibility.h>

#include <span>

// The rays of a camera's pixels, by one matrix a view: the inverse of a projection.
//
//     point(u, v, depth) = depth * M[:, 0:3] (u, v, 1) + M[:, 3]
//
// u and v are pixel coordinates (column + 1/2, row + 1/2 for a centre) and depth is the distance along the viewing
// axis, as everywhere in this library. A ray's direction M[:, 0:3] (u, v, 1) is therefore at least 1 long, and M's
// first two columns are how much it changes from a pixel to the next, at depth 1.

namespace render::sdf {

/// The matrices of cameras, [views, 3, 4] float64. The cameras have one size (ValueError).
BACKLIGHT_API ag::Array ray_matrices(std::span<const Camera> cameras);

/// Some pixels of a rendering, in order.
struct Pixels {
  Tensor pixel;              ///< [n] int32 into views * height * width
  Tensor view, row, column;  ///< [n] int32
  Frame frame;
};

/// The entries of the lists at `rows` [m] int32.
BACKLIGHT_API Pixels rows_of(const Pixels& pixels, const Tensor& rows);

struct Rays {
  Vec3 origin, direction;  ///< the point of depth z is origin + z direction
  Vec3 right, down;        ///< change of direction over one pixel

  Vec3 at(const Tensor& depth) const { return origin + direction * depth; }
};

/// Rays through points (u, v) of views' images. They can be differentiated by the matrices too.
///
/// matrices  [views, 3, 4]
/// view      [n] int32
/// u, v      [n] of the matrices' type, pixels
/// returns   components of [n]
/// throws    ShapeError
BACKLIGHT_API Rays rays_through(ag::Located matrices, const Tensor& view, const Tensor& u, const Tensor& v);
/// Through the centres of pixels.
BACKLIGHT_API Rays pixel_rays(ag::Located matrices, const Pixels& pixels);

}  // namespace render::sdf
