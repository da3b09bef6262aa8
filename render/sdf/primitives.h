#pragma once

#include <render/sdf/field.h>

// Exact signed distances to simple shapes at or around the origin (translate and rotate them with place.h).
// Points are of any shape, sizes are numbers, Parameters or tensors that broadcast against them; scene units.
// Formulas as collected by Quilez, "Distance functions" (iquilezles.org/articles/distfunctions).

namespace render::sdf {

BACKLIGHT_API Tensor sphere(const Vec3& point, ag::Located radius);

/// Box with its sides along the axes; `half` are half its edge lengths.
BACKLIGHT_API Tensor box(const Vec3& point, const Vec3& half);

/// The same with edges rounded by `rounding`, at most the smallest of `half`, which still is the outer size.
BACKLIGHT_API Tensor rounded_box(const Vec3& point, const Vec3& half, ag::Located rounding);

/// Ring around the z axis: circles of `minor_radius` with their centres at `major_radius` from the axis.
BACKLIGHT_API Tensor torus(const Vec3& point, ag::Located major_radius, ag::Located minor_radius);

/// All points within `radius` of the segment from `a` to `b`, which may coincide.
BACKLIGHT_API Tensor capsule(const Vec3& point, const Vec3& a, const Vec3& b, ag::Located radius);

/// The half-space of points x with n . x <= offset, for n = normal / |normal|.
BACKLIGHT_API Tensor plane(const Vec3& point, const Vec3& normal, ag::Located offset);

}  // namespace render::sdf
