#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// The integer-valued kernels of the renderer: which triangle a pixel sees, and where silhouette
// edges cross between two pixels. They know nothing of tensors; visibility.h and silhouettes.h
// wrap them as eager operations. Each view is one call, and calls are independent.

namespace render::kernels {

/// Clip coordinates of one view's vertices, structure of arrays.
struct ClipVertices {
  std::span<const float> x, y, z, w;
};

struct Viewport {
  int width = 0, height = 0;
};


/// ids[row * width + column] = the nearest triangle that covers the pixel's centre, or -1.
void visibility(const ClipVertices& clip, std::span<const int32_t> triangles, Viewport viewport,
                std::span<int32_t> ids);

/// Edges and wings as in render/geometry/topology.h.
struct EdgeTopology {
  std::span<const int32_t> edges, wing_start, wings, edge_component, face_component;
  int components = 1;
};

/// One silhouette edge between the centres of two neighbouring pixels.
struct Crossing {
  int32_t a = 0, b = 0;          ///< vertices of the edge
  int32_t inner = 0, outer = 0;  ///< pixels (row * width + column)
  int32_t axis = 0;              ///< 0: the pair lies in one row, 1: in one column
};

/// Appends the view's accepted crossings in order of (axis, inner, outer).
void crossings(const ClipVertices& clip, std::span<const int32_t> triangles, const EdgeTopology& topology,
               Viewport viewport, std::span<const int32_t> ids, std::vector<Crossing>& out);

}  // namespace render::kernels
