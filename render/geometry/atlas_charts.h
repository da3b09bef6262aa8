#pragma once

#include <render/geometry/surface.h>
#include <render/geometry/topology.h>

#include <vector>

namespace render {

/// Faces that are laid flat together, seen along their normal. Private to the library.
struct Chart {
  std::vector<size_t> faces;
  Double3 normal;  ///< unit
};

/// Cuts a surface into charts of faces that all look towards the chart's normal and do not cover each other when seen
/// along it, as far as a grid of cells of `cell` (scene units) can tell. In order; each face is in exactly one.
std::vector<Chart> cut_charts(const Surface& surface, const Topology& topology, double cell);

/// Two unit vectors that make a right-handed frame with `normal`.
struct TangentFrame {
  Double3 right, up;
};
TangentFrame tangent_frame(const Double3& normal);

}  // namespace render
