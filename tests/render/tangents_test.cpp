#include <render/geometry/shapes.h>
#include <render/geometry/tangents.h>
#include <render/geometry/vertex_normals.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>

#include <cmath>
#include <limits>

using namespace render;

namespace {

/// A sheet of 2 x 2 quads, x along u and y along v but turned by `angle` in space and bent along z.
struct Sheet {
  ag::Array positions, triangles, uvs;
};

Sheet sheet(double angle, bool mirrored) {
  std::vector<double> positions, uvs;
  std::vector<int32_t> triangles;
  for (int row = 0; row <= 2; ++row) {
    for (int column = 0; column <= 2; ++column) {
      positions.insert(positions.end(), {std::cos(angle) * column - std::sin(angle) * row,
                                         std::sin(angle) * column + std::cos(angle) * row, 0});
      uvs.insert(uvs.end(), {(mirrored ? -1 : 1) * column / 2.0, row / 2.0});
    }
  }
  for (int32_t row = 0; row < 2; ++row) {
    for (int32_t column = 0; column < 2; ++column) {
      const int32_t a = 3 * row + column;
      triangles.insert(triangles.end(), {a, a + 1, a + 4, a, a + 4, a + 3});
    }
  }
  return {ag::Array::from(positions, {9, 3}), ag::Array::from(triangles, {8, 3}), ag::Array::from(uvs, {9, 2})};
}

Vec2 unpack2(const Tensor& a) { return {ag::select(a, 1, 0), ag::select(a, 1, 1)}; }

VertexTangents tangents(const Sheet& s) {
  return vertex_tangents(unpack3(ag::tensor(s.positions)), s.triangles, unpack2(ag::tensor(s.uvs)), s.triangles);
}

}  // namespace

TEST_CASE("tangents point along growing u, and know mirrored UVs") {
  const ag::Step step;
  const double angle = GENERATE(0.0, 0.7, 2.5);
  const bool mirrored = GENERATE(false, true);
  const VertexTangents found = tangents(sheet(angle, mirrored));
  const double sign = mirrored ? -1 : 1;
  for (size_t i = 0; i < 9; ++i) {
    CHECK(found.tangent.x.values<double>()[i] == Approx(sign * std::cos(angle)).margin(1e-12));
    CHECK(found.tangent.y.values<double>()[i] == Approx(sign * std::sin(angle)).margin(1e-12));
    CHECK(found.tangent.z.values<double>()[i] == Approx(0).margin(1e-12));
    CHECK(found.handedness.values<double>()[i] == sign);
  }
}

TEST_CASE("a tangent frame is orthonormal, with the bitangent along growing v") {
  const ag::Step step;
  const bool mirrored = GENERATE(false, true);
  const Sheet s = sheet(0.4, mirrored);
  const VertexTangents found = tangents(s);
  // Normals that lean, as interpolated ones do.
  Random random(51);
  const Tensor lean = ag::tensor(random_array<double>(random, {9, 3}, -0.4, 0.4));
  const Vec3 bend = unpack3(lean);
  const TangentFrame frame = tangent_frame({bend.x, bend.y, bend.z + 1.5}, found.tangent, found.handedness);
  const auto all = [](const Tensor& values, double wanted) {
    for (double value : values.values<double>()) CHECK(value == Approx(wanted).margin(1e-12));
  };
  all(dot(frame.tangent, frame.tangent), 1);
  all(dot(frame.bitangent, frame.bitangent), 1);
  all(dot(frame.normal, frame.normal), 1);
  all(dot(frame.tangent, frame.normal), 0);
  all(dot(frame.tangent, frame.bitangent), 0);
  for (double along_v : (frame.bitangent.x * -std::sin(0.4) + frame.bitangent.y * std::cos(0.4)).values<double>()) {
    CHECK(along_v > 0.5);
  }
}

TEST_CASE("tangents are differentiable, to second order") {
  Sheet s = sheet(0.3, false);
  Random random(52);
  const ag::Array bumps = random_array<double>(random, {9, 3}, -0.2, 0.2);
  const ag::GradcheckResult result = ag::gradcheck(
      [&](std::span<const Tensor> x) {
        const VertexTangents found =
            vertex_tangents(unpack3(x[0] + s.positions), s.triangles, unpack2(x[1]), s.triangles);
        const Vec3 normal = vertex_normals(unpack3(x[0] + s.positions), s.triangles);
        const TangentFrame frame = tangent_frame(normal, found.tangent, found.handedness);
        return ag::stack({frame.tangent.x, frame.bitangent.y, frame.normal.z}, 1);
      },
      {bumps, s.uvs});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("UVs without area give no tangent, and no gradient that is not a number") {
  const ag::Step step;
  Sheet s = sheet(0.3, false);
  s.uvs = ag::zeros({9, 2}, ag::DType::float64);
  const ag::Array uvs = s.uvs;
  const VertexTangents found = tangents(s);
  CHECK(found.tangent.x.to_vector<double>() == std::vector<double>(9, 0));
  CHECK(found.handedness.to_vector<double>() == std::vector<double>(9, 0));
  const Tensor slope = ag::grad(ag::sum(found.tangent.x + found.tangent.y), uvs);
  for (double value : slope.values<double>()) CHECK(value == 0);
  const ag::Array fewer = ag::zeros({2, 3}, ag::DType::int32);
  REQUIRE_THROWS_AS(vertex_tangents(unpack3(s.positions), s.triangles, unpack2(ag::tensor(s.uvs)), fewer),
                    ag::ShapeError);
}

TEST_CASE("flat normals are those of the faces; a corner that is not finite takes its face out") {
  const ag::Step step;
  const Mesh ball = icosphere(1);
  const Vec3 flat = face_normals(unpack3(ag::tensor(ball.positions)), ball.triangles);
  const std::span<const double> p = ball.positions.values<double>();
  for (size_t face = 0; face < static_cast<size_t>(ball.faces()); ++face) {
    double middle[3] = {0, 0, 0};  // by symmetry along the normal
    for (size_t k = 0; k < 3; ++k)
      for (size_t i = 0; i < 3; ++i)
        middle[i] += p[3 * static_cast<size_t>(ball.triangles.values<int32_t>()[3 * face + k]) + i];
    const double n[3] = {flat.x.values<double>()[face], flat.y.values<double>()[face], flat.z.values<double>()[face]};
    CHECK(std::hypot(n[0], n[1], n[2]) == Approx(1));
    CHECK((n[0] * middle[0] + n[1] * middle[1] + n[2] * middle[2]) / std::hypot(middle[0], middle[1], middle[2]) >
          0.98);
  }
  std::vector<double> values = ball.positions.to_vector<double>();
  values[3] = std::numeric_limits<double>::quiet_NaN();
  const ag::Array broken = ag::Array::from(values, ball.positions.shape());
  const Vec3 normals = vertex_normals(unpack3(ag::tensor(broken)), ball.triangles);
  const Tensor slope = ag::grad(ag::sum(normals.x + 2 * normals.y - normals.z), broken);
  for (const Tensor& values_of : {normals.x, normals.y, normals.z, ag::flatten(slope)}) {
    for (double value : values_of.values<double>()) CHECK(std::isfinite(value));
  }
}
