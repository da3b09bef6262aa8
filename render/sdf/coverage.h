#pragma once

#include <render/sdf/trace.h>

// How much of a pixel a shape covers, as a function of everything the field reads. This is what makes a picture
// move with its silhouettes; a hit point alone (hit.h) knows nothing of rays that miss.
//
// 1. A ray misses as long as the field stays positive along it, so the sign of
//
//     m(theta) = min over z of f(o + z d, theta) / z
//
// tells whether it hits, and m is a function without jumps. By the envelope theorem its derivative is that of f at
// the closest point x*, held:  dm/dtheta = (df/dtheta)(x*) / z*. (The distance in which a ray passes: also used by
// Liu et al. 2020, "DIST: rendering deep implicit signed distance function with differentiable sphere tracing", for
// masks.) Where the minimum lies in a crease, between pieces f1 falling along the ray and f2 rising, the theorem
// (Danskin 1966) takes the mean of the two whose slopes along the ray cancel:
//
//     dm/dtheta = w1 f1_theta + w2 f2_theta    with    w1 f1_z + w2 f2_z = 0,    w1 + w2 = 1.
//
// So f is asked on both sides of the minimum, at the two depths that the trace gives, and the weights follow from the
// slopes. The value is taken where the two tangents meet; where f is smooth, both sides agree. This is what the edges
// of boxes need where they are silhouettes.
//
// 2. m is turned into the distance of the silhouette from the pixel's centre, in pixels, by how fast it changes over
// the picture. That is the same theorem for a change of d:  dm/du = n . d_u,  for the (mean) normal n and the ray's
// change d_u over a pixel, so to first order
//
//     distance = m / |g|,    g = (n . right, n . down).
//
// 3. The pixel's coverage is that of a unit square cut by a straight edge at this distance, at right angles to g. With
// a >= b the absolute components of g / |g| and s = -distance, the square's projection on g is a trapezoid:
//
//     coverage = 1/2 + s / a                         |s| <= (a - b) / 2
//              = 1 - ((a + b) / 2 - s)^2 / (2 a b)   up to s = (a + b) / 2; and 1 minus that of -s for negative s.
//
// What this is not: an edge of one part of a shape in front of another changes no coverage, and has no gradient but
// that of the points that are seen. |g| and the weights are held, which is exact on the silhouette itself: first
// derivatives only, no second ones.

namespace render::sdf {

/// Part of each pixel that is covered, in [0, 1]: [m], for the rows trace.silhouette of the trace's lists. All others
/// in the lists are covered wholly. First derivatives only.
///
/// rays     pixel_rays() of these rows: rows_of(trace.pixels, trace.silhouette)
BACKLIGHT_API Tensor coverage(const Field& field, const Rays& rays, const Trace& trace);

/// Part of a unit square, centred at 0, on the side {x : n . x <= -distance} of a straight edge; n is (nx, ny) scaled
/// to length 1. Its first derivative by the distance is continuous.
BACKLIGHT_API Tensor square_coverage(const Tensor& distance, const Tensor& nx, const Tensor& ny);

}  // namespace render::sdf
