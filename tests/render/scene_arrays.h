#pragma once

#include <autograd/autograd.h>
#include <render/geometry/camera.h>
#include <render/geometry/mesh.h>

#include <cstdint>
#include <span>
#include <vector>

// Meshes and cameras as arrays, for the tests of the composed renderer.

namespace scene {

namespace ag = autograd;

/// [views, 4, 4] float64, clip from world.
inline ag::Array clip_matrices(std::span<const render::Camera> cameras, double near_plane, double far_plane) {
  return ag::Array::make<double>({static_cast<int64_t>(cameras.size()), 4, 4}, [&](std::span<double> out) {
    for (size_t i = 0; i < cameras.size(); ++i) {
      const render::Matrix4 matrix = render::clip_from_world(cameras[i], near_plane, far_plane);
      std::copy(matrix.begin(), matrix.end(), out.begin() + static_cast<std::ptrdiff_t>(16 * i));
    }
  });
}

/// The mesh with each position p as factor * p + offset.
inline render::Mesh placed(render::Mesh mesh, double factor, const render::Point3& offset) {
  std::vector<double> values = mesh.positions.to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = factor * values[i] + offset[i % 3];
  mesh.positions = ag::Array::from(values, mesh.positions.shape());
  return mesh;
}

/// Positions and triangles of both meshes in one.
inline render::Mesh joined(const render::Mesh& first, const render::Mesh& second) {
  std::vector<double> positions = first.positions.to_vector<double>();
  std::vector<int32_t> triangles = first.triangles.to_vector<int32_t>();
  const std::span<const double> more = second.positions.values<double>();
  positions.insert(positions.end(), more.begin(), more.end());
  for (int32_t vertex : second.triangles.values<int32_t>()) {
    triangles.push_back(static_cast<int32_t>(first.vertices()) + vertex);
  }
  render::Mesh mesh;
  mesh.positions = ag::Array::from(positions, {first.vertices() + second.vertices(), 3});
  mesh.triangles = ag::Array::from(triangles, {first.faces() + second.faces(), 3});
  return mesh;
}

inline render::Mesh tetrahedron() {
  render::Mesh mesh;
  mesh.positions = ag::Array::of<double>({1, 1, 1, 1, -1, -1, -1, 1, -1, -1, -1, 1}).reshape({4, 3});
  mesh.triangles = ag::Array::of<int32_t>({0, 1, 2, 0, 3, 1, 0, 2, 3, 1, 3, 2}).reshape({4, 3});
  return mesh;
}

}  // namespace scene
