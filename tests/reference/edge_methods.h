#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

// Two published ways to differentiate visibility without a list of edges, written plainly on the host in float64, for
// comparison with render::silhouettes(). Both look at pairs of neighbouring pixels that see different triangles.

namespace reference {

/// A rendering without antialiasing, of one channel.
struct PlainView {
  int width = 0, height = 0;
  std::vector<double> column, row, depth;  ///< of vertices: pixels (centres at half-integers), camera depth
  std::vector<int32_t> triangles;          ///< [faces, 3] vertices, welded by position
  std::vector<int32_t> ids;                ///< [height, width], -1: empty
  std::vector<double> image;               ///< [height, width]
};

/// Of the loss sum over pixels of weight * image: how it changes with the vertices' places on the screen, depths held,
/// and with the plain image.
struct EdgeGradient {
  std::vector<std::array<double, 2>> by_vertex;  ///< column, row
  std::vector<double> by_pixel;
};

/// Pixels blend by where an edge of the nearer pixel's own triangle crosses between their centres, if that edge is a
/// silhouette.
/// source  Laine et al. 2020, "Modular primitives for high-performance differentiable rendering", section 3.5
EdgeGradient pixel_pairs(const PlainView& view, std::span<const double> weight);

/// The border between two pixels moves with the one that occludes the other, which is found by whether each centre lies
/// inside the other's triangle; where both do, it is where the two surfaces intersect. The image stays as it is.
/// source  Pidhorskyi et al. 2024, "Rasterized edge gradients: handling discontinuities differentiably", section 4
EdgeGradient rasterized_edges(const PlainView& view, std::span<const double> weight);

}  // namespace reference
