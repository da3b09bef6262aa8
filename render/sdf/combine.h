#pragma once

#include <render/sdf/field.h>

// Shapes from shapes. a and b are distances of two fields at the same points.
//
// A union is the smaller distance, an intersection the larger, a difference the intersection with the outside of b.
// The results are exact signed distances outside (union) or inside (intersection) and bounds elsewhere: never
// more than the distance, see field.h (1).
//
// The smooth forms round the crease where the two are closer than `width` to each other: with x = (a - b) / width,
//
//     smooth_union = b - width (1 - x)^3 (3 + x) / 16    where |x| < 1,    min(a, b) elsewhere,
//
// the polynomial that has 3/4 (1 - x^2) for the second derivative, so the surface's normals and curvature are
// continuous and a gradient can be differentiated again. It adds at most 3/16 width of material. The derivative by
// a is between 0 and 1 and that by b is the rest of 1, so (1) holds.

namespace render::sdf {

BACKLIGHT_API Tensor union_of(const Tensor& a, const Tensor& b);
BACKLIGHT_API Tensor intersection_of(const Tensor& a, const Tensor& b);
/// What of a is not in b.
BACKLIGHT_API Tensor difference_of(const Tensor& a, const Tensor& b);

/// width > 0, scene units. throws ValueError where it is a number that is not
BACKLIGHT_API Tensor smooth_union(const Tensor& a, const Tensor& b, ag::Located width);
BACKLIGHT_API Tensor smooth_intersection(const Tensor& a, const Tensor& b, ag::Located width);
BACKLIGHT_API Tensor smooth_difference(const Tensor& a, const Tensor& b, ag::Located width);

}  // namespace render::sdf
