#include <render/geometry/mesh.h>
#include <render/geometry/surface.h>

#include <algorithm>

namespace render {

std::array<double, 3> Bounds::centre() const {
  // Halved before they are added: the sum of two large coordinates may overflow.
  return {lower[0] / 2 + upper[0] / 2, lower[1] / 2 + upper[1] / 2, lower[2] / 2 + upper[2] / 2};
}

double Bounds::diagonal() const { return std::hypot(upper[0] - lower[0], upper[1] - lower[1], upper[2] - lower[2]); }

Bounds bounds(const Mesh& mesh) {
  const Surface surface("bounds", mesh);
  Bounds box;
  if (surface.faces() == 0) return box;
  const Double3 first = surface.corner(0, 0);
  box.lower = box.upper = {first.x, first.y, first.z};
  for (size_t face = 0; face < surface.faces(); ++face) {
    for (size_t corner = 0; corner < 3; ++corner) {
      const Double3 point = surface.corner(face, corner);
      for (int axis = 0; axis < 3; ++axis) {
        double& lower = box.lower[static_cast<size_t>(axis)];
        double& upper = box.upper[static_cast<size_t>(axis)];
        lower = std::min(lower, point[axis]);
        upper = std::max(upper, point[axis]);
      }
    }
  }
  return box;
}

}  // namespace render
