#include <autograd/core/error.h>
#include <render/geometry/double3.h>
#include <render/geometry/shapes.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numbers>
#include <string>

namespace render {

namespace {

struct Builder {
  std::vector<double> positions;
  std::vector<int32_t> triangles;

  int32_t add_vertex(const Double3& p) {
    positions.insert(positions.end(), {p.x, p.y, p.z});
    return static_cast<int32_t>(positions.size() / 3) - 1;
  }
  Double3 position(int32_t vertex) const {
    const double* p = positions.data() + 3 * static_cast<size_t>(vertex);
    return {p[0], p[1], p[2]};
  }
  void add_triangle(int32_t a, int32_t b, int32_t c) { triangles.insert(triangles.end(), {a, b, c}); }
  /// Corners counter-clockwise seen from outside, cut from a to c.
  void add_quad(int32_t a, int32_t b, int32_t c, int32_t d) {
    add_triangle(a, b, c);
    add_triangle(a, c, d);
  }
  Mesh mesh() const {
    Mesh result;
    result.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size()) / 3, 3});
    result.triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size()) / 3, 3});
    return result;
  }
};

void require_range(const char* operation, const char* name, int value, int lowest, int highest) {
  if (value >= lowest && value <= highest) return;
  throw ag::ValueError(std::string(operation) + ": " + name + " " + std::to_string(value) + "; expected " +
                       std::to_string(lowest) + " to " + std::to_string(highest));
}

std::string text_of(double value) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

Builder icosahedron() {
  Builder shape;
  const double golden = std::numbers::phi;
  for (const double a : {-1.0, 1.0}) {
    for (const double b : {-golden, golden}) {
      shape.add_vertex(normalized({0, a, b}));
      shape.add_vertex(normalized({a, b, 0}));
      shape.add_vertex(normalized({b, 0, a}));
    }
  }
  // Faces are the triples of vertices that are an edge apart, turned outward.
  const auto adjacent = [&](int32_t a, int32_t b) { return dot(shape.position(a), shape.position(b)) > 0.4; };
  for (int32_t a = 0; a < 12; ++a) {
    for (int32_t b = a + 1; b < 12; ++b) {
      for (int32_t c = b + 1; c < 12; ++c) {
        if (!adjacent(a, b) || !adjacent(b, c) || !adjacent(c, a)) continue;
        const bool outward = dot(shape.position(a), cross(shape.position(b), shape.position(c))) > 0;
        shape.add_triangle(a, outward ? b : c, outward ? c : b);
      }
    }
  }
  return shape;
}

/// Every face cut in four, the new vertices pushed out to the unit sphere.
void subdivide(Builder& shape) {
  std::map<std::pair<int32_t, int32_t>, int32_t> middles;
  const auto middle = [&](int32_t a, int32_t b) {
    const auto [entry, is_new] = middles.try_emplace(std::minmax(a, b), 0);
    if (is_new) entry->second = shape.add_vertex(normalized(shape.position(a) + shape.position(b)));
    return entry->second;
  };
  const std::vector<int32_t> coarse = std::move(shape.triangles);
  shape.triangles.clear();
  for (size_t i = 0; i < coarse.size(); i += 3) {
    const int32_t a = coarse[i], b = coarse[i + 1], c = coarse[i + 2];
    const int32_t ab = middle(a, b), bc = middle(b, c), ca = middle(c, a);
    shape.add_triangle(a, ab, ca);
    shape.add_triangle(ab, b, bc);
    shape.add_triangle(ca, bc, c);
    shape.add_triangle(ab, bc, ca);
  }
}

}  // namespace

Mesh icosphere(int subdivisions) {
  require_range("icosphere", "subdivisions", subdivisions, 0, 10);
  Builder shape = icosahedron();
  for (int level = 0; level < subdivisions; ++level) subdivide(shape);
  return shape.mesh();
}

Mesh cube(int segments) {
  require_range("cube", "segments", segments, 1, 2000);
  Builder shape;
  std::map<std::array<int, 3>, int32_t> lattice;
  const auto vertex = [&](const std::array<int, 3>& cell) {
    const auto [entry, is_new] = lattice.try_emplace(cell, 0);
    // Divided last: opposite sides get exactly opposite coordinates.
    const auto coordinate = [&](int i) { return static_cast<double>(2 * i - segments) / segments; };
    if (is_new) entry->second = shape.add_vertex({coordinate(cell[0]), coordinate(cell[1]), coordinate(cell[2])});
    return entry->second;
  };
  for (size_t axis = 0; axis < 3; ++axis) {
    for (const int side : {0, segments}) {
      // Two axes that turn with `axis` as a right-handed frame; swapped on the lower side to face outward.
      const size_t u = (axis + (side ? 1 : 2)) % 3, v = (axis + (side ? 2 : 1)) % 3;
      for (int i = 0; i < segments; ++i) {
        for (int j = 0; j < segments; ++j) {
          const auto corner = [&](int du, int dv) {
            std::array<int, 3> cell{};
            cell[axis] = side;
            cell[u] = i + du;
            cell[v] = j + dv;
            return vertex(cell);
          };
          shape.add_quad(corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1));
        }
      }
    }
  }
  return shape.mesh();
}

Mesh torus(double major_radius, double minor_radius, int major_segments, int minor_segments) {
  require_range("torus", "major_segments", major_segments, 3, 10000);
  require_range("torus", "minor_segments", minor_segments, 3, 10000);
  if (!(minor_radius > 0) || !(major_radius > minor_radius) || !std::isfinite(major_radius)) {
    throw ag::ValueError("torus: major_radius " + text_of(major_radius) + " and minor_radius " + text_of(minor_radius) +
                         "; expected major_radius > minor_radius > 0");
  }
  Builder shape;
  for (int i = 0; i < major_segments; ++i) {
    const double around = 2 * std::numbers::pi * i / major_segments;
    for (int j = 0; j < minor_segments; ++j) {
      const double tube = 2 * std::numbers::pi * j / minor_segments;
      const double radius = major_radius + minor_radius * std::cos(tube);
      shape.add_vertex({radius * std::cos(around), radius * std::sin(around), minor_radius * std::sin(tube)});
    }
  }
  const auto vertex = [&](int i, int j) { return (i % major_segments) * minor_segments + j % minor_segments; };
  for (int i = 0; i < major_segments; ++i) {
    for (int j = 0; j < minor_segments; ++j) {
      shape.add_quad(vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1));
    }
  }
  return shape.mesh();
}

}  // namespace render
