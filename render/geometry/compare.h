#pragma once

#include <render/geometry/mesh.h>

namespace render {

/// Distance between two surfaces, by `samples` area-uniform points a side and the closest point of the
/// other *surface* (point to triangle, not squared). Diagonal: of B's bounding box. A closest point on an
/// edge has the mean of its faces' normals. The same bits for any number of threads.
struct MeshComparison {
  double chamfer = 0;             ///< mean of the two mean distances / diagonal
  double hausdorff95 = 0;         ///< the larger 95th percentile / diagonal
  double normal_consistency = 0;  ///< mean signed n.n' at the closest points, both ways
  double f_score = 0;             ///< harmonic mean of the fractions within 1% of the diagonal
  int64_t flipped_faces = 0;      ///< of A: face normal against the mean of its vertex normals
};
/// throws ValueError: a mesh without faces or area, or not finite; fewer than one sample
BACKLIGHT_API MeshComparison compare(const Mesh& a, const Mesh& b, int64_t samples = 100000, uint64_t seed = 0);

}  // namespace render
