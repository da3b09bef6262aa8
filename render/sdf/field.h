#pragma once

#include <render/math/vec.h>

#include <functional>

// Shapes as signed distance fields.
//
// A field is any function that takes points to numbers, negative inside a shape and positive outside:
//
//     const Vec3 head = unpack3(head_parameter);
//     const sdf::Field snowman = [&](const Vec3& p) {
//       return sdf::smooth_union(sdf::sphere(sdf::translate(p, head), 0.3), sdf::sphere(p, body_radius), 0.1);
//     };
//
// It records operations like any other code, so what it reads (here the Parameters head_parameter and body_radius) is
// what a fit can move. There is nothing to derive from or to register. A field is called many times, with other
// points: what does not depend on the point is best computed before, as `head` is here, in the same Step.
//
// One property makes all that follows safe: a field changes no faster than its argument moves,
//
//     |f(p) - f(q)| <= |p - q|                                                                  (1)
//
// Since f is 0 on the surface, |f(p)| is then never more than the distance from p to the surface, and a step of
// that length along a ray cannot pass through it (Hart 1996, "Sphere tracing", The Visual Computer 12). The
// primitives are exact distances, with gradient of length 1 almost everywhere. Everything in combine.h and place.h
// keeps (1), as the gradient of a minimum, a maximum, or their smooth forms is a weighted mean of the gradients it
// is made of; such a field may say less than the distance, never more. A field of your own must keep it too, or
// be multiplied by a number that makes it so.
//
// How the parts fit together:
//
//     primitives.h, combine.h, place.h   fields
//     trace.h                            what a camera sees of a field: lists of pixels and depths, as data
//     hit.h, coverage.h                  what is differentiable about them
//     view.h                             all of it in two calls, see() and draw()
//     polygonise.h                       a mesh of a field's surface

namespace render::sdf {

using Field = std::function<Tensor(const Vec3& point)>;

/// The field's gradient by the point, of the points' shape: its direction is the normal's. Recorded, so it can be
/// differentiated again.
BACKLIGHT_API Vec3 gradient(const Field& field, const Vec3& point);

}  // namespace render::sdf
