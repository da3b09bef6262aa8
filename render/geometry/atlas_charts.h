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

/// Cuts a surface into charts of faces that lean from the chart's normal by 60 degrees at most and do not cover each
/// other when seen along it, as far as the texels of a texture of `size` a side can tell. In order; each face is in
/// exactly one.
std::vector<Chart> cut_charts(const Surface& surface, const Topology& topology, int size);

/// Two unit vectors that make a right-handed frame with `normal`.
struct TangentFrame {
  Double3 right, up;
};
TangentFrame tangent_frame(const Double3& normal);

}  // namespace render
