#pragma once

#include <render/geometry/surface.h>

#include <vector>

namespace render {

/// Closest points on a triangle mesh in float64, by a tree of boxes (each half of a box's faces, cut at the
/// median of their centres along its longest axis). Made once; any thread may ask. Private to the library.
class ClosestPointTree {
 public:
  struct Triangle {
    Double3 corners[3];
    Double3 normal;
    int32_t face;
  };
  struct Hit {
    double squared_distance;
    Double3 normal;
  };

  /// At least one triangle, of finite corners, in a box of size about 1.
  explicit ClosestPointTree(std::vector<Triangle> triangles);

  /// A closest point that lies on an edge or a corner belongs to several faces, and rounding would choose among
  /// them: the normal is the mean of all faces' that are within 1e-9 of the least distance.
  Hit closest(const Double3& point) const;

 private:
  struct Node {
    Double3 lower, upper;
    int32_t first = 0;  // of the leaf's triangles, or of the two children, which stand side by side
    int32_t count = 0;  // of the leaf's triangles; 0: not a leaf
  };
  void build(size_t node, size_t begin, size_t end);
  static double squared_distance(const Node& node, const Double3& point);

  std::vector<Triangle> triangles_;  // in order of leaves
  std::vector<Node> nodes_;
};

/// Squared distance from a point to a triangle, which may be degenerate.
double squared_distance(const Double3& point, const Double3& a, const Double3& b, const Double3& c);

}  // namespace render
