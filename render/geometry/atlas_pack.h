#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace render {

/// A chart laid flat: triangles in units of the scene, with their lower left corner at (0, 0). Private to the library.
struct FlatChart {
  std::vector<std::array<double, 2>> corners;  ///< three a triangle
  double width = 0, height = 0;
};

/// Where charts lie on a square.
struct Packing {
  double scale = 0;                            ///< texels a unit
  std::vector<std::array<int64_t, 2>> places;  ///< lower left corner of each chart, texels
};

/// Places charts on size x size texels, at least `gutter` texels apart and from the border (twice that between two),
/// at the largest scale that is found. Nothing where not even points fit.
/// source  the horizon of Levy, Petitjean, Ray & Maillot 2002, "Least squares conformal maps for automatic texture
///         atlas generation", section 4
std::optional<Packing> pack(std::span<const FlatChart> charts, int64_t size, int64_t gutter);

}  // namespace render
