#pragma once

#include <render/geometry/double3.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace render {

/// Cuts a polygon (n >= 3 corners, convex or not, nearly planar) into n - 2 triangles of its winding,
/// whatever its shape: a polygon that crosses itself or has no area is cut somehow. A quad is cut along
/// its shorter diagonal, where both lie inside. Private to the library.
std::vector<std::array<size_t, 3>> triangulate(std::span<const Double3> corners);

/// Cutting a polygon that is not convex takes up to the cube of its corners in time; a larger one is refused.
inline constexpr size_t most_corners = 1024;

/// Whether every corner of the polygon turns the same way (it may be cut as a fan, of any size).
bool is_convex(std::span<const Double3> corners);

}  // namespace render
