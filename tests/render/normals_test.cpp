#include <autograd/core/error.h>
#include <render/geometry/normals.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <tests/render/mesh_data.h>

#include <cmath>

using namespace render;
namespace ag = autograd;

namespace {

Mesh mesh_of(const std::vector<double>& positions, const std::vector<int32_t>& triangles) {
  Mesh mesh;
  mesh.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size()) / 3, 3});
  mesh.triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size()) / 3, 3});
  return mesh;
}

/// Every triangle with vertices of its own.
Mesh torn(const Mesh& mesh) {
  const std::vector<double> positions = mesh.positions.to_vector<double>();
  std::vector<double> own;
  for (const int32_t vertex : mesh.triangles.values<int32_t>()) {
    const auto first = positions.begin() + 3 * static_cast<std::ptrdiff_t>(vertex);
    own.insert(own.end(), first, first + 3);
  }
  Mesh result;
  result.positions = ag::Array::from(own, {3 * mesh.faces(), 3});
  result.triangles = ag::arange(3 * mesh.faces()).reshape({mesh.faces(), 3});
  return result;
}

/// A row of a table of three columns.
std::array<double, 3> row(const ag::Array& table, size_t i) {
  const double* first = table.values<double>().data() + 3 * i;
  return {first[0], first[1], first[2]};
}

bool near(const std::array<double, 3>& a, const std::array<double, 3>& b, double tolerance = 1e-12) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) <= tolerance;
}

/// Two faces that meet at the y axis, one level to the left and one that turns down by `angle` to the right.
/// The right one has `ratio` times the left one's area.
Mesh roof(double angle, double ratio = 1) {
  const double x = ratio * std::cos(angle), z = -ratio * std::sin(angle);
  return mesh_of({0, 0, 0, 0, 1, 0, -1, 0, 0, x, 0, z}, {0, 1, 2, 0, 3, 1});
}

}  // namespace

TEST_CASE("face normals follow the winding at every scale") {
  const double scale = GENERATE(1.0, 1e-160, 1e150);
  const Mesh mesh = mesh_of({0, 0, 0, scale, 0, 0, 0, scale, 0, 0, 0, scale}, {0, 1, 2, 0, 2, 1, 0, 2, 3});
  const ag::Array normals = face_normals(mesh);
  REQUIRE(normals.shape() == ag::Shape{3, 3});
  CHECK(near(row(normals, 0), {0, 0, 1}));
  CHECK(near(row(normals, 1), {0, 0, -1}));
  CHECK(near(row(normals, 2), {1, 0, 0}));
}

TEST_CASE("a degenerate face has no normal") {
  const Mesh mesh = mesh_of({1, 1, 1, 1.1, 1.2, 1.7, 1.3, 1.6, 3.1, 1, 0, 0}, {0, 1, 2, 0, 0, 3, 1, 1, 1});
  for (size_t face = 0; face < 3; ++face) CHECK(row(face_normals(mesh), face) == std::array<double, 3>{});
  CHECK(row(smooth_normals(mesh), 0) == std::array<double, 3>{});
  CHECK(corner_normals(mesh).to_vector<double>() == std::vector<double>(27, 0.0));
}

TEST_CASE("a sphere's normals point outward along its radii") {
  const Mesh mesh = GENERATE(false, true) ? torn(icosphere(4)) : icosphere(4);
  const ag::Array of_vertices = smooth_normals(mesh), of_corners = corner_normals(mesh);
  REQUIRE(of_vertices.shape() == mesh.positions.shape());
  REQUIRE(of_corners.shape() == ag::Shape{mesh.faces(), 3, 3});
  double worst = 0;
  const std::span<const int32_t> triangles = mesh.triangles.values<int32_t>();
  for (size_t i = 0; i < triangles.size(); ++i) {
    const auto vertex = static_cast<size_t>(triangles[i]);
    const std::array<double, 3> radius = row(mesh.positions, vertex), a = row(of_vertices, vertex),
                                b = row(of_corners, i);
    worst = std::max(worst, std::hypot(a[0] - radius[0], a[1] - radius[1], a[2] - radius[2]));
    worst = std::max(worst, std::hypot(b[0] - radius[0], b[1] - radius[1], b[2] - radius[2]));
  }
  CHECK(worst < 0.01);
}

TEST_CASE("a cube's corners keep their faces' normals, and smooth ones are the diagonals") {
  const Mesh mesh = cube(2);
  const ag::Array flat = corner_normals(mesh), faces = face_normals(mesh), smooth = smooth_normals(mesh);
  for (size_t i = 0; i < 3 * static_cast<size_t>(mesh.faces()); ++i) CHECK(near(row(flat, i), row(faces, i / 3)));
  const ag::Array rounded = corner_normals(mesh, 180);
  const std::span<const int32_t> triangles = mesh.triangles.values<int32_t>();
  for (size_t i = 0; i < triangles.size(); ++i) {
    CHECK(near(row(rounded, i), row(smooth, static_cast<size_t>(triangles[i]))));
  }
}

TEST_CASE("the crease angle and the weighting by area") {
  const double degree = 3.141592653589793 / 180;
  SECTION("below the crease angle: the mean") {
    const ag::Array normals = corner_normals(roof(39 * degree));
    CHECK(near(row(normals, 0), {std::sin(19.5 * degree), 0, std::cos(19.5 * degree)}));
    CHECK(near(row(normals, 0), row(normals, 3)));
    CHECK(near(row(normals, 2), {0, 0, 1}));  // the vertex that only one face has
  }
  SECTION("above: each its own") {
    const ag::Array normals = corner_normals(roof(41 * degree));
    CHECK(near(row(normals, 0), {0, 0, 1}));
    CHECK(near(row(normals, 3), {std::sin(41 * degree), 0, std::cos(41 * degree)}));
    CHECK(near(row(corner_normals(roof(41 * degree), 42), 0), {std::sin(20.5 * degree), 0, std::cos(20.5 * degree)}));
  }
  SECTION("three times the area, three times the weight") {
    const double angle = 30 * degree, x = 3 * std::sin(angle), z = 1 + 3 * std::cos(angle);
    const ag::Array normals = corner_normals(roof(angle, 3));
    CHECK(near(row(normals, 0), {x / std::hypot(x, z), 0, z / std::hypot(x, z)}));
    CHECK(near(row(smooth_normals(roof(angle, 3)), 1), {x / std::hypot(x, z), 0, z / std::hypot(x, z)}));
  }
}

TEST_CASE("the file's normals win where it has them") {
  Mesh mesh = roof(0.1);
  mesh.normals = ag::Array::from(std::vector<float>{0, 1, 0, 0, 0, 0}, {2, 3});
  mesh.normal_triangles = ag::Array::from(std::vector<int32_t>{0, -1, 0, 1, 0, -1}, {2, 3});
  const ag::Array normals = corner_normals(mesh), smooth = corner_normals(roof(0.1));
  CHECK(row(normals, 0) == std::array<double, 3>{0, 1, 0});
  CHECK(row(normals, 1) == row(smooth, 1));
  CHECK(row(normals, 3) == row(smooth, 3));  // of no length
  CHECK(row(normals, 4) == std::array<double, 3>{0, 1, 0});

  mesh.normal_triangles = ag::Array::from(std::vector<int32_t>{0, 0, 2, 0, 0, 0}, {2, 3});
  REQUIRE_THROWS_AS(corner_normals(mesh), ag::IndexError);
  mesh.normal_triangles = ag::Array::from(std::vector<int32_t>{0, 0, 0}, {1, 3});
  REQUIRE_THROWS_AS(corner_normals(mesh), ag::ShapeError);
}

TEST_CASE("bounds are those of the vertices that faces use") {
  const Mesh mesh = mesh_of({-9, -9, -9, 1, 2, 3, 4, 2, 3, 1, 6, 3, 99, 99, 99}, {1, 2, 3});
  const Bounds box = bounds(mesh);
  CHECK(box.lower == std::array<double, 3>{1, 2, 3});
  CHECK(box.upper == std::array<double, 3>{4, 6, 3});
  CHECK(box.centre() == std::array<double, 3>{2.5, 4, 3});
  CHECK(box.diagonal() == 5);
  CHECK(bounds(Mesh{}).diagonal() == 0);
}

TEST_CASE("a real mesh's stored normals agree with those made from its faces") {
  const std::filesystem::path path = shared_mesh("bunny/bunny.obj");
  if (path.empty()) return;
  Mesh mesh = read_obj(path);
  const ag::Array stored = corner_normals(mesh);
  mesh.normal_triangles = ag::zeros({0, 3}, ag::DType::int32);
  const ag::Array made = face_normals(mesh);
  double sum = 0;
  for (size_t i = 0; i < 3 * static_cast<size_t>(mesh.faces()); ++i) {
    const std::array<double, 3> a = row(stored, i), b = row(made, i / 3);
    sum += a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  }
  CHECK(sum / static_cast<double>(3 * mesh.faces()) > 0.95);
}
