#include <autograd/core/error.h>
#include <render/geometry/closest_point.h>
#include <render/geometry/compare.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <tests/render/mesh_data.h>

#include <cmath>
#include <limits>

#ifdef BACKLIGHT_HAS_TBB
#include <tbb/global_control.h>
#endif

using namespace render;
namespace ag = autograd;

namespace {

template <class Move>
Mesh moved(Mesh mesh, Move&& move) {
  std::vector<double> positions = mesh.positions.to_vector<double>();
  for (size_t i = 0; i < positions.size(); i += 3) move(&positions[i]);
  mesh.positions = ag::Array::from(positions, mesh.positions.shape());
  return mesh;
}

Mesh scaled(const Mesh& mesh, double scale, std::array<double, 3> offset = {}) {
  return moved(mesh, [&](double* p) {
    for (size_t axis = 0; axis < 3; ++axis) p[axis] = scale * p[axis] + offset[axis];
  });
}

Mesh turned_inside_out(Mesh mesh) {
  std::vector<int32_t> triangles = mesh.triangles.to_vector<int32_t>();
  for (size_t i = 0; i < triangles.size(); i += 3) std::swap(triangles[i], triangles[i + 1]);
  mesh.triangles = ag::Array::from(triangles, mesh.triangles.shape());
  return mesh;
}

Mesh mesh_of(const std::vector<double>& positions, const std::vector<int32_t>& triangles) {
  Mesh mesh;
  mesh.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size()) / 3, 3});
  mesh.triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size()) / 3, 3});
  return mesh;
}

/// A flat square [0, size]^2 at height z, facing up.
Mesh square(double size, double z) {
  return mesh_of({0, 0, z, size, 0, z, size, size, z, 0, size, z}, {0, 1, 2, 0, 2, 3});
}

/// Numbers in [-1, 1) of a linear congruential generator: enough to scatter a test's points.
class Scatter {
 public:
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 11) * 0x1p-52 - 1;
  }
  Double3 point(double size) { return {size * next(), size * next(), size * next()}; }

 private:
  uint64_t state_ = 1;
};

/// The squared distance by a fine search over the triangle's own points.
double searched_distance(const Double3& p, const Double3& a, const Double3& b, const Double3& c) {
  constexpr int steps = 300;
  double best = HUGE_VAL;
  for (int i = 0; i <= steps; ++i) {
    for (int j = 0; i + j <= steps; ++j) {
      const double u = static_cast<double>(i) / steps, v = static_cast<double>(j) / steps;
      const Double3 offset = a + (b - a) * u + (c - a) * v - p;
      best = std::min(best, dot(offset, offset));
    }
  }
  return best;
}

std::vector<ClosestPointTree::Triangle> triangles_of(const Mesh& mesh) {
  const Surface surface("test", mesh);
  std::vector<ClosestPointTree::Triangle> triangles;
  for (size_t face = 0; face < surface.faces(); ++face) {
    const Double3 a = surface.corner(face, 0), b = surface.corner(face, 1), c = surface.corner(face, 2);
    triangles.push_back({{a, b, c}, normalized(cross(b - a, c - a)), static_cast<int32_t>(face)});
  }
  return triangles;
}

const Mesh& a_creature() {
  static const Mesh mesh = creature(4);
  return mesh;
}

bool same(const MeshComparison& a, const MeshComparison& b) {
  return a.chamfer == b.chamfer && a.hausdorff95 == b.hausdorff95 && a.normal_consistency == b.normal_consistency &&
         a.f_score == b.f_score && a.flipped_faces == b.flipped_faces;
}

}  // namespace

TEST_CASE("distance from a point to a triangle") {
  SECTION("above its face, its edges and its corners") {
    const Double3 a{0, 0, 0}, b{2, 0, 0}, c{0, 2, 0};
    CHECK(squared_distance({0.5, 0.5, 3}, a, b, c) == Approx(9));
    CHECK(squared_distance({1, -2, 0}, a, b, c) == Approx(4));
    CHECK(squared_distance({-1, 1, 2}, a, b, c) == Approx(5));
    CHECK(squared_distance({2, 2, 0}, a, b, c) == Approx(2));
    CHECK(squared_distance({-3, -4, 0}, a, b, c) == Approx(25));
    CHECK(squared_distance({3, -1, 1}, a, b, c) == Approx(3));
    CHECK(squared_distance({-1, 4, 0}, a, b, c) == Approx(5));
  }
  SECTION("degenerate ones are segments or points") {
    CHECK(squared_distance({1, 1, 0}, {0, 0, 0}, {2, 0, 0}, {1, 0, 0}) == Approx(1));
    CHECK(squared_distance({3, 1, 0}, {0, 0, 0}, {2, 0, 0}, {2, 0, 0}) == Approx(2));
    CHECK(squared_distance({3, 4, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}) == Approx(25));
  }
  SECTION("scattered ones agree with a fine search") {
    Scatter scatter;
    for (int i = 0; i < 60; ++i) {
      const Double3 p = scatter.point(2), a = scatter.point(1), b = scatter.point(1), c = scatter.point(1);
      const double exact = std::sqrt(squared_distance(p, a, b, c)), searched = std::sqrt(searched_distance(p, a, b, c));
      CHECK(exact <= searched + 1e-12);
      CHECK(searched - exact < 0.01);
    }
  }
}

TEST_CASE("the tree finds the closest of all triangles") {
  const std::vector<ClosestPointTree::Triangle> triangles = triangles_of(torus(1, 0.3, 30, 17));
  const ClosestPointTree tree(triangles);
  Scatter scatter;
  int at_edges = 0;
  for (int i = 0; i < 500; ++i) {
    const Double3 point = scatter.point(i % 2 ? 1.5 : 10);
    double best = HUGE_VAL;
    Double3 normal;
    for (const auto& [corners, of_face, face] : triangles) {
      const double distance = squared_distance(point, corners[0], corners[1], corners[2]);
      if (distance < best) best = distance, normal = of_face;
    }
    const ClosestPointTree::Hit hit = tree.closest(point);
    CHECK(hit.squared_distance == best);
    CHECK(dot(hit.normal, normal) > 0.5);  // that of a face, or the mean of neighbours
    at_edges += dot(hit.normal, hit.normal) < 0.9999;
  }
  CHECK(at_edges > 50);
  CHECK(at_edges < 450);
}

TEST_CASE("a closest point on an edge has the mean of the faces' normals") {
  const ClosestPointTree tree(triangles_of(cube(1)));
  const Double3 face = tree.closest({0.3, 0.1, 3}).normal, edge = tree.closest({2, 0.1, 2}).normal;
  CHECK(length(face - Double3{0, 0, 1}) < 1e-12);
  CHECK(length(edge - Double3{0.5, 0, 0.5}) < 1e-12);
  CHECK(tree.closest({2, 2, 2}).normal.x > 0);
  CHECK(length(tree.closest({0.9999, 0.1, 1.0001}).normal - Double3{0, 0, 1}) < 1e-12);
}

TEST_CASE("a tree of many equal triangles, and of one") {
  const ClosestPointTree::Triangle one{{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, {0, 0, 1}, 7};
  CHECK(ClosestPointTree({one}).closest({0, 0, 2}).squared_distance == Approx(4));
  std::vector<ClosestPointTree::Triangle> many(5000, one);
  for (size_t i = 0; i < many.size(); ++i) many[i].face = static_cast<int32_t>(i);
  CHECK(ClosestPointTree(many).closest({0, 0, 2}).squared_distance == Approx(4));
  CHECK(ClosestPointTree(many).closest({0, 0, 2}).normal.z == Approx(1));
}

TEST_CASE("a mesh is equal to itself, however it is cut") {
  const Mesh mesh = cube(1);
  const MeshComparison result = compare(mesh, cube(7), 20000);
  CHECK(result.chamfer < 1e-14);
  CHECK(result.hausdorff95 < 1e-14);
  CHECK(result.normal_consistency > 0.999);  // a sample within rounding of an edge may find the next face
  CHECK(result.f_score == 1);
  CHECK(result.flipped_faces == 0);
}

TEST_CASE("two spheres are as far apart as their radii") {
  const MeshComparison result = compare(scaled(icosphere(5), 1.1), icosphere(5), 50000);
  const double diagonal = 2 * std::sqrt(3.0);
  CHECK(result.chamfer == Approx(0.1 / diagonal).epsilon(0.01));
  CHECK(result.hausdorff95 == Approx(0.1 / diagonal).epsilon(0.02));
  CHECK(result.normal_consistency == Approx(1).epsilon(0.001));
  CHECK(result.f_score == 0);  // 0.029 of the diagonal is more than 1%
  CHECK(compare(scaled(icosphere(5), 1.03), icosphere(5), 5000).f_score == 1);
}

TEST_CASE("each measure by hand, on flat squares") {
  // A is the unit square at height 0.01; B is 2x1 in area 2: half of it lies over A.
  const Mesh a = square(1, 0.01);
  const Mesh b = mesh_of({0, 0, 0, 2, 0, 0, 2, 1, 0, 0, 1, 0}, {0, 1, 2, 0, 2, 3});
  const double diagonal = std::sqrt(5.0);
  const MeshComparison result = compare(a, b, 100000);
  // From A: always 0.01. From B: half the same, half hypot(x, 0.01) with x uniform in [0, 1].
  const double sloped = (std::hypot(1, 0.01) + 0.0001 * std::asinh(100.0)) / 2;
  CHECK(result.chamfer == Approx((0.01 + (0.01 + sloped) / 2) / 2 / diagonal).epsilon(0.01));
  CHECK(result.hausdorff95 == Approx(std::hypot(0.9, 0.01) / diagonal).epsilon(0.01));
  CHECK(result.normal_consistency == Approx(1));
  const double near = (1 + std::sqrt(0.0005 - 0.0001)) / 2;  // within 0.01 diagonals: 0.0005 squared
  CHECK(result.f_score == Approx(2 * near / (1 + near)).epsilon(0.01));
}

TEST_CASE("samples are spread by area, not by face") {
  // One half of a plate is cut a thousand times finer than the other; a step lies over the fine half only.
  std::vector<double> positions{0, 0, 0, 0, 1, 0};
  std::vector<int32_t> triangles;
  for (int i = 1; i <= 1001; ++i) {
    const double x = i <= 1000 ? i / 1000.0 : 2;
    positions.insert(positions.end(), {x, 0, 0, x, 1, 0});
    const int32_t corner = 2 * i;
    triangles.insert(triangles.end(), {corner - 2, corner, corner + 1, corner - 2, corner + 1, corner - 1});
  }
  const Mesh plate = mesh_of(positions, triangles);
  const Mesh step = mesh_of({0, 0, 0.5, 1, 0, 0.5, 1, 1, 0.5, 0, 1, 0.5, 1, 0, 0, 2, 0, 0, 2, 1, 0, 1, 1, 0},
                            {0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7});
  // Of the plate, the half under the step is min(0.5, 1 - x) from it: 0.5 * 0.5 + 0.125; the other half is 0.
  const double forth = 0.375 / 2, back = 0.25;
  CHECK(compare(plate, step, 50000).chamfer == Approx((forth + back) / 2 / std::sqrt(5.25)).epsilon(0.01));
}

TEST_CASE("normals count with their sign") {
  const Mesh ball = icosphere(3);
  CHECK(compare(turned_inside_out(ball), ball, 5000).normal_consistency == Approx(-1).epsilon(0.01));
  CHECK(compare(turned_inside_out(ball), ball, 5000).flipped_faces == 0);  // it agrees with itself
}

TEST_CASE("flipped faces are counted in A") {
  Mesh ball = icosphere(3);
  std::vector<int32_t> triangles = ball.triangles.to_vector<int32_t>();
  for (const size_t face : {5u, 600u, 1200u}) std::swap(triangles[3 * face], triangles[3 * face + 1]);
  Mesh wrong = ball;
  wrong.triangles = ag::Array::from(triangles, ball.triangles.shape());
  CHECK(compare(wrong, ball, 100).flipped_faces == 3);
  CHECK(compare(ball, wrong, 100).flipped_faces == 0);
}

TEST_CASE("moving and scaling both meshes changes no measure") {
  const Mesh &a = a_creature(), b = scaled(icosphere(4), 1.5);
  const MeshComparison here = compare(a, b, 5000);
  const double scale = GENERATE(0.001, 1000.0, 1e100, 1e-100);
  const std::array<double, 3> offset{1000 * scale, -50 * scale, 3 * scale};
  const MeshComparison there = compare(scaled(a, scale, offset), scaled(b, scale, offset), 5000);
  CHECK(there.chamfer == Approx(here.chamfer).epsilon(1e-8));
  CHECK(there.hausdorff95 == Approx(here.hausdorff95).epsilon(1e-8));
  CHECK(there.normal_consistency == Approx(here.normal_consistency).epsilon(1e-6));
  CHECK(there.f_score == Approx(here.f_score));
  CHECK(there.flipped_faces == here.flipped_faces);
}

TEST_CASE("the same seed gives the same bits, another seed nearly the same") {
  const Mesh &a = a_creature(), b = scaled(icosphere(4), 1.5);
  const MeshComparison first = compare(a, b, 20000, 3);
  CHECK(same(first, compare(a, b, 20000, 3)));
  const MeshComparison other = compare(a, b, 20000, 4);
  CHECK(other.chamfer != first.chamfer);
  CHECK(other.chamfer == Approx(first.chamfer).epsilon(0.01));
}

TEST_CASE("the same bits on every machine, with any number of threads") {
  const auto measure = [] { return compare(icosphere(3), cube(5), 10000, 1); };
  const MeshComparison result = measure();
  // All of it is integer arithmetic and correctly rounded operations.
  CHECK(result.chamfer == 0x1.0d35a9f7b1e12p-4);
  CHECK(result.hausdorff95 == 0x1.4d78aadc95a67p-3);
  CHECK(result.normal_consistency == Approx(0x1.9f31c86e9e07p-1).epsilon(1e-13));
#ifdef BACKLIGHT_HAS_TBB
  for (const size_t threads : {1u, 2u, 5u}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    CHECK(same(measure(), result));
  }
#endif
}

TEST_CASE("what cannot be compared") {
  const Mesh ball = icosphere(1);
  REQUIRE_THROWS_AS(compare(Mesh{}, ball), ag::ValueError);
  REQUIRE_THROWS_WITH(compare(Mesh{}, ball), ContainsSubstring("mesh A has no faces"));
  REQUIRE_THROWS_WITH(compare(ball, Mesh{}), ContainsSubstring("mesh B has no faces"));
  REQUIRE_THROWS_WITH(compare(scaled(ball, 0), ball), ContainsSubstring("mesh A has no area"));
  REQUIRE_THROWS_WITH(compare(ball, scaled(ball, 0)), ContainsSubstring("mesh B has no finite size"));
  REQUIRE_THROWS_WITH(compare(ball, mesh_of({0, 0, 0, 1, 0, 0, 2, 0, 0}, {0, 1, 2})),
                      ContainsSubstring("mesh B has no area"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Mesh broken = moved(ball, [&](double* p) { p[1] = p[1] > 0.9 ? nan : p[1]; });
  REQUIRE_THROWS_WITH(compare(broken, ball), ContainsSubstring("mesh A has a vertex that is not finite"));
  REQUIRE_THROWS_AS(compare(ball, broken), ag::ValueError);
  REQUIRE_THROWS_WITH(compare(ball, ball, 0), ContainsSubstring("0 samples"));
  broken.triangles = ag::Array::from(std::vector<int32_t>{0, 1, 999}, {1, 3});
  REQUIRE_THROWS_AS(compare(ball, broken), ag::IndexError);
}

TEST_CASE("faces without area are no trouble") {
  const Mesh mesh = mesh_of({0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0}, {0, 0, 0, 0, 1, 2, 1, 1, 2, 0, 2, 3, 3, 3, 3});
  const MeshComparison result = compare(mesh, square(1, 0), 2000);
  CHECK(result.chamfer < 1e-14);
  CHECK(result.normal_consistency > 0.99);
}

TEST_CASE("a real mesh against its quads and against a coarser one") {
  const std::filesystem::path spot = shared_mesh("spot/spot_triangulated.obj");
  if (spot.empty()) return;
  const Mesh fine = read_obj(spot), quads = read_obj(shared_mesh("spot/spot_quadrangulated.obj"));
  const MeshComparison near = compare(quads, fine, 20000);
  CHECK(near.chamfer < 1e-3);
  CHECK(near.normal_consistency > 0.99);
  CHECK(near.flipped_faces == 0);
  const MeshComparison far = compare(read_obj(shared_mesh("spot/spot_control_mesh.obj")), fine, 20000);
  CHECK(far.chamfer > 10 * near.chamfer);
  CHECK(far.chamfer < 0.05);
}
