#include <render/fit/untangle.h>

namespace render {

bool hides_back(const WeldedSurface& surface) {
  const std::span<const float> positions = surface.positions.values<float>();
  const std::span<const int32_t> corners = surface.triangles.values<int32_t>();
  if (!report(surface.topology, surface.triangles.shape()[0]).closed()) return false;
  double volume = 0;
  for (size_t face = 0; face < corners.size(); face += 3) {
    const auto at = [&](size_t corner, size_t axis) -> double {
      return positions[3 * static_cast<size_t>(corners[face + corner]) + axis % 3];
    };
    for (size_t k = 0; k < 3; ++k) volume += at(0, k) * (at(1, k + 1) * at(2, k + 2) - at(1, k + 2) * at(2, k + 1)) / 6;
  }
  return volume > 0;
}

Tensor pushed_back(const SurfaceView& view) {
  const Vec3& w = view.weights;
  const Vec3 fixed{ag::stop_gradient(w.x), ag::stop_gradient(w.y), ag::stop_gradient(w.z)};
  const Tensor distance = depth(view.clip, view.corners, view.pixels, fixed);
  const Tensor back = shows_back(view.clip, view.corners, view.pixels);
  return ag::sum(ag::where(back, ag::stop_gradient(distance) - distance, 0));
}

}  // namespace render
