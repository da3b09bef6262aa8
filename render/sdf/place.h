#pragma once

#include <render/sdf/field.h>

// Moved shapes. What moves is the point that a shape is asked about: translate() and rotate() give the point as the
// moved shape sees it, so they nest from the outside in. A shape that is turned and then put at `place`:
//
//     const sdf::Rotation turn = sdf::rotation(unpack3(axis_angle));
//     sdf::box(sdf::rotate(sdf::translate(p, place), turn), half)

namespace render::sdf {

/// For a shape moved by `offset`.
BACKLIGHT_API Vec3 translate(const Vec3& point, const Vec3& offset);

/// Where a rotation takes the three axes: unit vectors at right angles to each other.
struct Rotation {
  Vec3 x, y, z;
};

/// Around the axis `axis_angle`, by its length in radians, counter-clockwise seen against the axis. Smooth at 0 too.
/// source  Rodrigues' formula
BACKLIGHT_API Rotation rotation(const Vec3& axis_angle);

/// For a shape turned about the origin.
BACKLIGHT_API Vec3 rotate(const Vec3& point, const Rotation& rotation);

/// A shape `factor` (> 0) times as large, with the origin fixed. Not a function of the point alone, since distances
/// grow too: factor * shape(point / factor).
BACKLIGHT_API Tensor scale(const Vec3& point, ag::Located factor, const Field& shape);

}  // namespace render::sdf
