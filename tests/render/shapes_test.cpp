#include <autograd/core/error.h>
#include <render/geometry/double3.h>
#include <render/geometry/normals.h>
#include <render/geometry/shapes.h>
#include <render/geometry/topology.h>
#include <tests/autograd/support.h>
#include <tests/render/mesh_data.h>

#include <algorithm>
#include <cmath>
#include <set>

using namespace render;
namespace ag = autograd;

namespace {

struct Triangle {
  Double3 corners[3];
  int32_t vertices[3];
  Double3 normal() const { return normalized(cross(corners[1] - corners[0], corners[2] - corners[0])); }
  Double3 centre() const { return (corners[0] + corners[1] + corners[2]) * (1.0 / 3); }
};

std::vector<Triangle> triangles_of(const Mesh& mesh) {
  const std::span<const double> p = mesh.positions.values<double>();
  const std::span<const int32_t> t = mesh.triangles.values<int32_t>();
  std::vector<Triangle> triangles(t.size() / 3);
  for (size_t i = 0; i < t.size(); ++i) {
    const auto first = 3 * static_cast<size_t>(t[i]);
    triangles[i / 3].corners[i % 3] = {p[first], p[first + 1], p[first + 2]};
    triangles[i / 3].vertices[i % 3] = t[i];
  }
  return triangles;
}

double volume(const Mesh& mesh) {
  double sum = 0;
  for (const Triangle& t : triangles_of(mesh)) sum += dot(t.corners[0], cross(t.corners[1], t.corners[2])) / 6;
  return sum;
}

double area(const Mesh& mesh) {
  double sum = 0;
  for (const Triangle& t : triangles_of(mesh)) {
    sum += length(cross(t.corners[1] - t.corners[0], t.corners[2] - t.corners[0])) / 2;
  }
  return sum;
}

TopologyReport topology_report(const Mesh& mesh) {
  return report(make_topology(mesh.positions, mesh.triangles), mesh.faces());
}

void check_closed(const Mesh& mesh, int64_t characteristic) {
  const TopologyReport told = topology_report(mesh);
  CHECK(told.closed());
  CHECK(told.components == 1);
  CHECK(told.euler_characteristic == characteristic);
  CHECK(told.degenerate_faces == 0);
  CHECK(make_topology(mesh.positions, mesh.triangles).welded_vertices == mesh.vertices());  // shared, not repeated
}

/// How far along the ray the triangle's plane is met within the triangle; infinite: not at all.
double hit(const Double3& origin, const Double3& direction, const Triangle& t) {
  const Double3 ab = t.corners[1] - t.corners[0], ac = t.corners[2] - t.corners[0], offset = origin - t.corners[0];
  const Double3 across = cross(direction, ac);
  const double determinant = dot(ab, across);
  if (determinant == 0) return HUGE_VAL;
  const double u = dot(offset, across) / determinant, v = dot(direction, cross(offset, ab)) / determinant;
  const double along = dot(ac, cross(offset, ab)) / determinant;
  return u >= 0 && v >= 0 && u + v <= 1 && along > 0 ? along : HUGE_VAL;
}

bool share_a_vertex(const Triangle& a, const Triangle& b) {
  for (const int32_t v : a.vertices) {
    for (const int32_t w : b.vertices) {
      if (v == w) return true;
    }
  }
  return false;
}

bool edges_cross(const Triangle& a, const Triangle& b) {
  for (size_t i = 0; i < 3; ++i) {
    const Double3 from = a.corners[i], to = a.corners[(i + 1) % 3];
    if (hit(from, to - from, b) <= 1) return true;
  }
  return false;
}

/// Pairs of triangles that cross though they have no vertex in common: swept along x.
int crossing_pairs(const Mesh& mesh) {
  std::vector<Triangle> triangles = triangles_of(mesh);
  const auto lower = [](const Triangle& t, int axis) {
    return std::min({t.corners[0][axis], t.corners[1][axis], t.corners[2][axis]});
  };
  const auto upper = [](const Triangle& t, int axis) {
    return std::max({t.corners[0][axis], t.corners[1][axis], t.corners[2][axis]});
  };
  std::sort(triangles.begin(), triangles.end(),
            [&](const Triangle& a, const Triangle& b) { return lower(a, 0) < lower(b, 0); });
  int crossings = 0;
  for (size_t i = 0; i < triangles.size(); ++i) {
    const Triangle& a = triangles[i];
    for (size_t j = i + 1; j < triangles.size() && lower(triangles[j], 0) <= upper(a, 0); ++j) {
      const Triangle& b = triangles[j];
      const bool apart = lower(a, 1) > upper(b, 1) || lower(b, 1) > upper(a, 1) || lower(a, 2) > upper(b, 2) ||
                         lower(b, 2) > upper(a, 2);
      if (!apart && !share_a_vertex(a, b) && (edges_cross(a, b) || edges_cross(b, a))) ++crossings;
    }
  }
  return crossings;
}

}  // namespace

TEST_CASE("icosphere") {
  const int subdivisions = GENERATE(0, 1, 2, 5);
  const Mesh mesh = icosphere(subdivisions);
  const int64_t fours = int64_t{1} << (2 * subdivisions);
  CHECK(mesh.faces() == 20 * fours);
  CHECK(mesh.vertices() == 10 * fours + 2);
  check_closed(mesh, 2);
  double worst = 0;
  for (const Triangle& t : triangles_of(mesh)) {
    for (const Double3& corner : t.corners) worst = std::max(worst, std::fabs(length(corner) - 1));
    CHECK(dot(t.normal(), t.centre()) > 0.79);  // outward
  }
  CHECK(worst < 1e-15);
  if (subdivisions == 5) {
    CHECK(volume(mesh) == Approx(4.18879).epsilon(0.002));
    CHECK(area(mesh) == Approx(12.56637).epsilon(0.002));
  }
  REQUIRE_THROWS_AS(icosphere(-1), ag::ValueError);
  REQUIRE_THROWS_WITH(icosphere(99), ContainsSubstring("icosphere: subdivisions 99; expected 0 to 10"));
}

TEST_CASE("cube") {
  const int segments = GENERATE(1, 2, 7);
  const Mesh mesh = cube(segments);
  CHECK(mesh.faces() == 12 * segments * segments);
  CHECK(mesh.vertices() == 6 * segments * segments + 2);
  check_closed(mesh, 2);
  CHECK(volume(mesh) == Approx(8));
  CHECK(area(mesh) == Approx(24));
  CHECK(bounds(mesh).lower == std::array<double, 3>{-1, -1, -1});
  CHECK(bounds(mesh).upper == std::array<double, 3>{1, 1, 1});
  REQUIRE_THROWS_AS(cube(0), ag::ValueError);
}

TEST_CASE("torus") {
  const Mesh mesh = torus(2, 0.5, 96, 48);
  CHECK(mesh.faces() == 2 * 96 * 48);
  CHECK(mesh.vertices() == 96 * 48);
  check_closed(mesh, 0);
  const double pi = 3.14159265358979;
  CHECK(volume(mesh) == Approx(2 * pi * pi * 2 * 0.25).epsilon(0.005));
  CHECK(area(mesh) == Approx(4 * pi * pi * 2 * 0.5).epsilon(0.005));
  for (const Triangle& t : triangles_of(mesh)) {
    for (const Double3& p : t.corners) CHECK(std::hypot(std::hypot(p.x, p.y) - 2, p.z) == Approx(0.5));
  }
  REQUIRE_THROWS_AS(torus(2, 0.5, 2, 48), ag::ValueError);
  REQUIRE_THROWS_WITH(torus(0.5, 2.5, 8, 8), ContainsSubstring("torus: major_radius 0.5 and minor_radius 2.5"));
}

constexpr int fine = sanitized() ? 4 : 5;  // subdivisions

TEST_CASE("creature: closed, of genus 0, without self-intersections, of two colours") {
  const int subdivisions = GENERATE(range(4, fine + 1));
  const Mesh mesh = creature(subdivisions);
  INFO(subdivisions);
  CHECK(mesh.faces() == icosphere(subdivisions).faces());
  check_closed(mesh, 2);
  CHECK(crossing_pairs(mesh) == 0);
  CHECK(volume(mesh) > 0);

  REQUIRE(mesh.colors.shape() == mesh.positions.shape());
  std::set<std::array<float, 3>> colors;
  const std::span<const float> c = mesh.colors.values<float>();
  size_t socks = 0;
  for (size_t i = 0; i < c.size(); i += 3) {
    colors.insert({c[i], c[i + 1], c[i + 2]});
    socks += c[i] < c[i + 2];
  }
  CHECK(colors.size() == 2);
  CHECK(socks > c.size() / 3 / 20);
  CHECK(socks < c.size() / 3 / 2);

  // Faces are neither slivers nor of very different size.
  const double mean_area = area(mesh) / static_cast<double>(mesh.faces());
  int slivers = 0;
  for (const Triangle& t : triangles_of(mesh)) {
    double longest = 0;
    for (size_t i = 0; i < 3; ++i) longest = std::max(longest, length(t.corners[i] - t.corners[(i + 1) % 3]));
    const double of_face = length(cross(t.corners[1] - t.corners[0], t.corners[2] - t.corners[0])) / 2;
    slivers += of_face < 0.05 * longest * longest || of_face > 20 * mean_area;
  }
  CHECK(slivers < mesh.faces() / 50);
}

TEST_CASE("creature: its limbs are thick enough to be seen") {
  const Mesh mesh = creature(fine);
  const std::vector<Triangle> triangles = triangles_of(mesh);
  double thinnest = HUGE_VAL;
  for (size_t i = 0; i < triangles.size(); i += 97) {  // dozens a limb
    const Triangle& from = triangles[i];
    double through = HUGE_VAL;
    for (const Triangle& to : triangles) {
      if (!share_a_vertex(from, to)) through = std::min(through, hit(from.centre(), from.normal() * -1, to));
    }
    thinnest = std::min(thinnest, through);
  }
  CHECK(thinnest > 0.05 * bounds(mesh).diagonal());
}

TEST_CASE("creature: no point sees all of it from inside, so it is no height field over a sphere") {
  const Mesh mesh = creature(4);
  const std::vector<Triangle> triangles = triangles_of(mesh);
  const Bounds box = bounds(mesh);
  constexpr int grid = 12;
  int seeing_all = 0;
  for (int i = 0; i < grid * grid * grid; ++i) {
    const auto at = [&](size_t axis, int step) {
      return box.lower[axis] + (box.upper[axis] - box.lower[axis]) * (step + 0.5) / grid;
    };
    const Double3 point{at(0, i % grid), at(1, i / grid % grid), at(2, i / grid / grid)};
    const auto sees = [&](const Triangle& t) { return dot(t.centre() - point, t.normal()) > 0; };
    seeing_all += std::all_of(triangles.begin(), triangles.end(), sees);
  }
  CHECK(seeing_all == 0);
}

TEST_CASE("creature: it has a dent where it smiles") {
  // Level with the mouth's middle the face lies deeper than a little above and below.
  const std::vector<Triangle> triangles = triangles_of(creature(5));
  const auto depth = [&](double y) {
    double nearest = HUGE_VAL;
    for (const Triangle& t : triangles) nearest = std::min(nearest, hit({0, y, 5}, {0, 0, -1}, t));
    return nearest;
  };
  CHECK(depth(1.0) > depth(1.14) + 0.05);
  CHECK(depth(1.0) > depth(0.86) + 0.05);
}

TEST_CASE("creature: the same bytes every time") {
  const Mesh a = creature(4), b = creature(4);
  CHECK(a.positions.to_vector<double>() == b.positions.to_vector<double>());
  CHECK(a.colors.to_vector<float>() == b.colors.to_vector<float>());
  REQUIRE_THROWS_AS(creature(-1), ag::ValueError);
  REQUIRE_THROWS_WITH(creature(7), ContainsSubstring("creature: subdivisions 7; expected 0 to 6"));
}
