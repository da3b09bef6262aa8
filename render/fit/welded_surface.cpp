#include <render/fit/welded_surface.h>
#include <render/geometry/surface.h>

#include <vector>

namespace render {

WeldedSurface weld(const Mesh& mesh, const Start& start) {
  require_mesh("weld", mesh);
  const ag::Array smallest = weld_vertices(mesh.positions);
  const std::span<const int32_t> first = smallest.values<int32_t>();
  const std::span<const double> positions = mesh.positions.values<double>();
  std::vector<int32_t> dense(first.size());
  std::vector<float> kept;
  for (size_t v = 0; v < first.size(); ++v) {
    const auto target = static_cast<size_t>(first[v]);
    if (target == v) {
      dense[v] = static_cast<int32_t>(kept.size() / 3);
      for (size_t k = 0; k < 3; ++k) {
        kept.push_back(static_cast<float>((positions[v * 3 + k] - start.centre[k]) / start.radius));
      }
    } else {
      dense[v] = dense[target];  // the smallest of its group comes first
    }
  }
  std::vector<int32_t> triangles;
  for (int32_t vertex : mesh.triangles.values<int32_t>()) triangles.push_back(dense[static_cast<size_t>(vertex)]);

  WeldedSurface surface;
  surface.positions = ag::Array::from(kept, {static_cast<int64_t>(kept.size() / 3), 3});
  surface.triangles = ag::Array::from(triangles, mesh.triangles.shape());
  surface.welded = ag::Array::from(dense, {static_cast<int64_t>(dense.size())});
  // By number, not by value: vertices that differ in float64 may agree in float32.
  const auto count = static_cast<int64_t>(kept.size() / 3);
  const ag::Array numbers = ag::Array::make<double>({count, 3}, [](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = i % 3 == 0 ? static_cast<double>(i / 3) : 0;
  });
  surface.topology = make_topology(numbers, surface.triangles);
  return surface;
}

Mesh unweld(const Mesh& mesh, const WeldedSurface& surface, const Start& start, const ag::Array& positions,
            const ag::Array& colors) {
  const std::span<const int32_t> welded = surface.welded.values<int32_t>();
  const std::span<const float> from = positions.values<float>(), paint = colors.values<float>();
  Mesh result = mesh;
  result.normals = ag::zeros({0, 3});
  result.normal_triangles = ag::zeros({0, 3}, ag::DType::int32);
  result.positions = ag::Array::make<double>(mesh.positions.shape(), [&](std::span<double> out) {
    for (size_t v = 0; v < welded.size(); ++v) {
      for (size_t k = 0; k < 3; ++k) {
        out[v * 3 + k] =
            start.centre[k] + start.radius * static_cast<double>(from[static_cast<size_t>(welded[v]) * 3 + k]);
      }
    }
  });
  result.colors = ag::Array::make<float>(mesh.positions.shape(), [&](std::span<float> out) {
    for (size_t v = 0; v < welded.size(); ++v) {
      for (size_t k = 0; k < 3; ++k) out[v * 3 + k] = paint[static_cast<size_t>(welded[v]) * 3 + k];
    }
  });
  return result;
}

}  // namespace render
