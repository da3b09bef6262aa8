#pragma once

#include <render/sdf/field.h>
#include <render/sdf/rays.h>

namespace render::sdf {

struct TraceOptions {
  double near_plane = 0.01, far_plane = 100;  ///< depths between which a surface is looked for, scene units
  int steps = 256;                            ///< at most, a ray
  /// Width of a silhouette in the picture, pixels: 1 is a box filter's. Wider ones are felt from farther away.
  double softness = 1;
};

/// What cameras see of a field, as data: no gradient, see hit.h and coverage.h for that. The lists hold pixels whose
/// centre's ray meets the surface or passes it so closely that it is in the pixel's silhouette.
struct Trace {
  Pixels pixels;  ///< [n]
  Tensor hit;     ///< [n] bool
  Tensor depth;   ///< [n] of the first point of the surface; of the closest approach where there is no hit
  /// Rows of the lists (ascending) whose coverage lies between 0 and 1, and around where a ray comes closest to the
  /// surface or is deepest in the shape, in pixels: the minimum over the ray of f / depth.
  Tensor silhouette;      ///< [m] int32
  Tensor before, behind;  ///< [m] depths, a small part of a pixel's size apart
  double softness = 1;
};

/// Traces the rays through all pixels' centres.
///
/// A ray advances by the field's value, which cannot pass through the surface, but at least by half a pixel: so
/// grazing rays end too, and what is thinner than that may be missed. First cones of 8 x 8 pixels are traced; only
/// where one comes near the surface, its pixels' rays go on from there. Those that have neither left nor decided
/// after a few steps go on in shorter lists. Where the sign has changed, the crossing is found by regula falsi;
/// the closest approach, which may be a crease, by golden section.
///
/// field     keeps field.h (1); evaluated some 40 times on ever fewer points
/// matrices  [views, 3, 4] of ray_matrices(), float32 or float64
/// throws    ValueError, ShapeError
/// source    Hart 1996, "Sphere tracing"; cones: Seyb, Jacobson, Nowrouzezahrai, Jarosz 2019, "Non-linear sphere
///           tracing for rendering deformed signed distance fields", for the idea of a shared start
BACKLIGHT_API Trace trace(const Field& field, ag::Located matrices, const Frame& frame,
                          const TraceOptions& options = {});

}  // namespace render::sdf
