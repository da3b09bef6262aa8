#pragma once

#include <render/raster/kernels.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

// Small meshes, cameras and topologies for the tests of the raster kernels, made without the rest of the renderer.

namespace kernel_scenes {

using render::kernels::ClipVertices;
using render::kernels::EdgeTopology;
using render::kernels::Viewport;
using Point = std::array<double, 3>;

/// SplitMix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double between(double low, double high) { return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53; }
  int32_t below(int32_t count) { return static_cast<int32_t>(next() % static_cast<uint64_t>(count)); }

 private:
  uint64_t state_;
};

struct Mesh {
  std::vector<Point> positions;
  std::vector<int32_t> triangles;

  int32_t faces() const { return static_cast<int32_t>(triangles.size() / 3); }
  void add(const Mesh& other) {
    const auto first = static_cast<int32_t>(positions.size());
    positions.insert(positions.end(), other.positions.begin(), other.positions.end());
    for (const int32_t vertex : other.triangles) triangles.push_back(first + vertex);
  }
};

inline Mesh tetrahedron() {
  return {{{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}}, {0, 1, 2, 0, 3, 1, 0, 2, 3, 1, 3, 2}};
}

/// The octahedron, each face cut into four `levels` times, on the unit sphere.
inline Mesh sphere(int levels) {
  Mesh mesh{{{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}},
            {0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4, 2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5}};
  for (int level = 0; level < levels; ++level) {
    std::map<std::pair<int32_t, int32_t>, int32_t> middles;
    const auto middle = [&](int32_t a, int32_t b) {
      const auto [found, is_new] = middles.try_emplace(std::minmax(a, b), static_cast<int32_t>(mesh.positions.size()));
      if (is_new) {
        const Point p = mesh.positions[static_cast<size_t>(a)], q = mesh.positions[static_cast<size_t>(b)];
        const Point sum{p[0] + q[0], p[1] + q[1], p[2] + q[2]};
        const double length = std::sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
        mesh.positions.push_back({sum[0] / length, sum[1] / length, sum[2] / length});
      }
      return found->second;
    };
    std::vector<int32_t> finer;
    for (size_t i = 0; i < mesh.triangles.size(); i += 3) {
      const int32_t a = mesh.triangles[i], b = mesh.triangles[i + 1], c = mesh.triangles[i + 2];
      const int32_t ab = middle(a, b), bc = middle(b, c), ca = middle(c, a);
      for (const int32_t vertex : {a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca}) finer.push_back(vertex);
    }
    mesh.triangles = std::move(finer);
  }
  return mesh;
}

/// Turned about the y axis by `yaw` and then about x by `pitch` (radians), scaled and moved.
inline Mesh placed(Mesh mesh, double yaw, double pitch, double scale, const Point& at) {
  for (Point& p : mesh.positions) {
    const double x = std::cos(yaw) * p[0] + std::sin(yaw) * p[2], z = std::cos(yaw) * p[2] - std::sin(yaw) * p[0];
    const double y = std::cos(pitch) * p[1] - std::sin(pitch) * z;
    p = {scale * x + at[0], scale * y + at[1], scale * (std::sin(pitch) * p[1] + std::cos(pitch) * z) + at[2]};
  }
  return mesh;
}

struct Clip {
  std::vector<float> x, y, z, w;

  void add(double px, double py, double pz, double pw) {
    x.push_back(static_cast<float>(px)), y.push_back(static_cast<float>(py));
    z.push_back(static_cast<float>(pz)), w.push_back(static_cast<float>(pw));
  }
  operator ClipVertices() const { return {x, y, z, w}; }
};

/// A camera at the origin that looks down -z: focal length in half image widths, near .1, far 100.
inline Clip project(const Mesh& mesh, double focal = 2) {
  Clip clip;
  for (const Point& p : mesh.positions) clip.add(focal * p[0], focal * p[1], -(100.1 * p[2] + 20) / 99.9, -p[2]);
  return clip;
}

/// A vertex at pixel coordinates (column, row) and depth w.
inline void add_pixel(Clip& clip, Viewport viewport, double column, double row, double w) {
  clip.add((2 * column / viewport.width - 1) * w, (1 - 2 * row / viewport.height) * w, 0, w);
}

inline std::vector<int32_t> draw(const Clip& clip, const std::vector<int32_t>& triangles, Viewport viewport,
                                 render::Cull cull = render::Cull::none) {
  std::vector<int32_t> ids(static_cast<size_t>(viewport.width) * static_cast<size_t>(viewport.height), -7);
  render::kernels::visibility({clip, triangles, viewport, cull}, ids);
  return ids;
}

struct Topology {
  std::vector<int32_t> edges, wing_start{0}, wings, wing_turns, edge_component, face_component;
  int components = 0;

  operator EdgeTopology() const { return {edges, wing_start, wing_turns, edge_component, face_component, components}; }
};

inline Topology make_topology(const Mesh& mesh) {
  std::vector<int32_t> parent(mesh.positions.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](int32_t vertex) {
    while (parent[static_cast<size_t>(vertex)] != vertex) vertex = parent[static_cast<size_t>(vertex)];
    return vertex;
  };
  struct Wings {
    std::vector<int32_t> opposite, turns;
  };
  std::map<std::pair<int32_t, int32_t>, Wings> wings;
  for (size_t i = 0; i < mesh.triangles.size(); i += 3)
    for (size_t k = 0; k < 3; ++k) {
      const int32_t a = mesh.triangles[i + k], b = mesh.triangles[i + (k + 1) % 3];
      Wings& of_edge = wings[std::minmax(a, b)];
      of_edge.opposite.push_back(mesh.triangles[i + (k + 2) % 3]);
      of_edge.turns.push_back(static_cast<int32_t>(2 * (i / 3)) + (a > b));
      parent[static_cast<size_t>(root(a))] = root(b);
    }
  Topology topology;
  std::map<int32_t, int32_t> numbers;
  const auto component = [&](int32_t vertex) {
    return numbers.try_emplace(root(vertex), static_cast<int32_t>(numbers.size())).first->second;
  };
  for (size_t i = 0; i < mesh.triangles.size(); i += 3) topology.face_component.push_back(component(mesh.triangles[i]));
  for (const auto& [edge, of_edge] : wings) {
    topology.edges.insert(topology.edges.end(), {edge.first, edge.second});
    topology.wings.insert(topology.wings.end(), of_edge.opposite.begin(), of_edge.opposite.end());
    topology.wing_turns.insert(topology.wing_turns.end(), of_edge.turns.begin(), of_edge.turns.end());
    topology.wing_start.push_back(static_cast<int32_t>(topology.wings.size()));
    topology.edge_component.push_back(component(edge.first));
  }
  topology.components = static_cast<int>(numbers.size());
  return topology;
}

}  // namespace kernel_scenes
