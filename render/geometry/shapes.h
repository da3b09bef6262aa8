#pragma once

#include <render/geometry/mesh.h>

namespace render {

/// Unit icosphere: 20 * 4^subdivisions faces (5: 10,242 vertices), vertices shared, outward
/// (counter-clockwise) faces. All shapes throw ValueError for sizes and numbers out of range.
BACKLIGHT_API Mesh icosphere(int subdivisions);

/// Axis-aligned cube [-1, 1]^3, each side `segments`^2 quads split in two, vertices shared.
BACKLIGHT_API Mesh cube(int segments);

/// Torus around the z axis.
BACKLIGHT_API Mesh torus(double major_radius, double minor_radius, int major_segments, int minor_segments);

/// The demo's target: a closed genus-0 body with limbs, a dent and two colours (vertex colours), made
/// by pushing an icosphere's vertices along a smooth flow, so that it is not a height field over the sphere.
/// Stands upright along y and looks along +z, about 3.5 high. `subdivisions` 0 to 6 (5: 10,242 vertices), free of
/// self-intersections from 4 on; throws ValueError
BACKLIGHT_API Mesh creature(int subdivisions);

}  // namespace render
