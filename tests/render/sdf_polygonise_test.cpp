#include <render/geometry/topology.h>
#include <render/sdf/polygonise.h>
#include <tests/render/sdf_scenes.h>

#include <limits>
#include <numbers>

using namespace scene;
using render::Mesh;

namespace {

constexpr double pi = std::numbers::pi;

render::TopologyReport topology(const Mesh& mesh) {
  return render::report(render::make_topology(mesh.positions, mesh.triangles), mesh.faces());
}

Point corner(const Mesh& mesh, size_t face, size_t k) {
  const auto vertex = static_cast<size_t>(mesh.triangles.values<int32_t>()[3 * face + k]);
  const std::span<const double> p = mesh.positions.values<double>().subspan(3 * vertex, 3);
  return {p[0], p[1], p[2]};
}

/// Positive where faces are counter-clockwise seen from outside.
double volume(const Mesh& mesh) {
  double sum = 0;
  for (size_t face = 0; face < static_cast<size_t>(mesh.faces()); ++face) {
    const Point a = corner(mesh, face, 0), b = corner(mesh, face, 1), c = corner(mesh, face, 2);
    sum += a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
  }
  return sum / 6;
}

double farthest_vertex(const Mesh& mesh, const sdf::Field& field) {
  const ag::Step step;
  return ag::max(ag::abs(field(render::unpack3(mesh.positions)))).item();
}

}  // namespace

TEST_CASE("polygonise makes closed surfaces of the right topology, near the field's") {
  const sdf::Field ball = [](const Vec3&p) { return sdf::sphere(p, 0.75); },
                   ring = [](const Vec3&p) { return sdf::torus(p, 0.6, 0.25); };
  for (int resolution : {16, 32}) {
    const Mesh sphere = sdf::polygonise(ball, {.resolution = resolution}),
               torus = sdf::polygonise(ring, {.resolution = resolution});
    CHECK(topology(sphere).closed());
    CHECK(topology(sphere).euler_characteristic == 2);
    CHECK(topology(torus).closed());
    CHECK(topology(torus).euler_characteristic == 0);
    CHECK(topology(torus).components == 1);
    const double h = 2.0 / resolution;  // errors fall with its square
    CHECK(volume(sphere) == Approx(4.0 / 3 * pi * std::pow(0.75, 3)).epsilon(1.2 * h * h));
    CHECK(volume(torus) == Approx(2 * pi * pi * 0.6 * 0.25 * 0.25).epsilon(4 * h * h));
    CHECK(farthest_vertex(sphere, ball) < 0.5 * h * h);
    CHECK(farthest_vertex(torus, ring) < 1.5 * h * h);
  }
}

TEST_CASE("polygonise leaves no face without area where the field is zero on its grid") {
  // The faces of the box lie on grid points.
  const Mesh box = sdf::polygonise(
      [](const Vec3& p) {
        return sdf::box(p, vector({0.5, 0.5, 0.5}, p.x.dtype()));
      },
      {.resolution = 8});
  CHECK(topology(box).closed());
  CHECK(topology(box).degenerate_faces == 0);
  CHECK(volume(box) == Approx(1).epsilon(0.02));
}

TEST_CASE("polygonise cuts the surface off where it leaves the box, which need not be a cube") {
  const Mesh half = sdf::polygonise([](const Vec3& p) { return sdf::sphere(p, 0.5); },
                                    {.lower = {-0.6, -0.6, 0.0}, .upper = {0.6, 0.6, 0.6}, .resolution = 24});
  CHECK(topology(half).boundary_edges > 20);
  CHECK(topology(half).nonmanifold_edges == 0);
  CHECK(topology(half).euler_characteristic == 1);
  for (size_t i = 2; i < static_cast<size_t>(half.positions.size()); i += 3)
    CHECK(half.positions.values<double>()[i] >= 0);
  CHECK(sdf::polygonise([](const Vec3& p) { return sdf::sphere(p, 9); }).faces() == 0);
}

TEST_CASE("polygonise asks the field in the type it is told") {
  const ag::Step step;
  const Vec3 centre = vector({0.1, 0, 0});  // float64
  const sdf::Field field = [&](const Vec3& p) { return sdf::sphere(sdf::translate(p, centre), 0.5); };
  CHECK(topology(sdf::polygonise(field, {.resolution = 8, .type = ag::DType::float64})).closed());
}

TEST_CASE("polygonise refuses what has no meaning") {
  const sdf::Field ball = [](const Vec3& p) { return sdf::sphere(p, 0.5); };
  REQUIRE_THROWS_WITH(sdf::polygonise(ball, {.resolution = 0}), ContainsSubstring("resolution 0; expected 1 to 1024"));
  REQUIRE_THROWS_AS(sdf::polygonise(ball, {.resolution = 1025}), ag::ValueError);
  REQUIRE_THROWS_WITH(sdf::polygonise(ball, {.lower = {0, 1, 0}, .upper = {1, 1, 1}}), ContainsSubstring("axis 1"));
  REQUIRE_THROWS_WITH(sdf::polygonise([](const Vec3& p) { return sdf::sphere(p, 1) / 0; }, {.resolution = 4}),
                      ContainsSubstring("the field is"));
}
