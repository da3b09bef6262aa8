#include <render/fit/light.h>
#include <render/geometry/normals.h>
#include <render/geometry/shapes.h>
#include <render/geometry/vertex_normals.h>
#include <render/shading/harmonics.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <cmath>
#include <numbers>

using namespace render;

namespace {

/// Unit vectors that are spread evenly: [count, 3]; z in equal steps, turning by the golden angle.
ag::Array directions(int64_t count, ag::DType type = ag::DType::float64) {
  const double turn = std::numbers::pi * (3 - std::sqrt(5.0));
  return ag::Array::make<double>({count, 3},
                                 [&](std::span<double> out) {
                                   for (int64_t i = 0; i < count; ++i) {
                                     const double z = (2.0 * static_cast<double>(i) + 1) / static_cast<double>(count) -
                                                      1,
                                                  ring = std::sqrt(1 - z * z);
                                     const double angle = turn * static_cast<double>(i);
                                     out[static_cast<size_t>(3 * i)] = ring * std::cos(angle);
                                     out[static_cast<size_t>(3 * i + 1)] = ring * std::sin(angle);
                                     out[static_cast<size_t>(3 * i + 2)] = z;
                                   }
                                 })
      .cast(type);
}

/// The real harmonics in order of degree l and order m = -l .. l, with their constants in full.
std::array<double, 9> formulas(double x, double y, double z) {
  using std::numbers::pi;
  const double one = std::sqrt(1 / (4 * pi)), linear = std::sqrt(3 / (4 * pi)), mixed = std::sqrt(15 / (4 * pi));
  return {one,
          linear * y,
          linear * z,
          linear * x,
          mixed * x * y,
          mixed * y * z,
          std::sqrt(5 / (16 * pi)) * (3 * z * z - 1),
          mixed * x * z,
          mixed / 2 * (x * x - y * y)};
}

/// Samples of surfaces in a light, as lists of components.
struct Samples {
  std::vector<float> normal[3], albedo[3], colour[3];

  LightSamples views() const {
    return {.normal = {normal[0], normal[1], normal[2]},
            .albedo = {albedo[0], albedo[1], albedo[2]},
            .colour = {colour[0], colour[1], colour[2]}};
  }
};

/// What harmonic_light() makes of `coefficients` on surfaces turned everywhere.
Samples lit(const ag::Array& coefficients, int64_t count, bool with_albedo) {
  const ag::Step step;
  const Vec3 normal = unpack3(directions(count, ag::DType::float32));
  const Vec3 light = harmonic_light(normal, coefficients);
  Random random(41);
  Samples samples;
  const Tensor normals[3] = {normal.x, normal.y, normal.z}, lights[3] = {light.x, light.y, light.z};
  for (size_t c = 0; c < 3; ++c) {
    samples.normal[c] = normals[c].to_vector<float>();
    samples.colour[c] = lights[c].to_vector<float>();
    if (!with_albedo) continue;
    for (float& colour : samples.colour[c]) {
      samples.albedo[c].push_back(static_cast<float>(random.uniform(0.1, 0.9)));
      colour *= samples.albedo[c].back();
    }
  }
  return samples;
}

void check(const ag::Differentiable& f, const std::vector<ag::Array>& inputs) {
  const ag::GradcheckResult result = ag::gradcheck(f, inputs);
  INFO(result.message);
  CHECK(result.passed);
}

double largest_difference(const Vec3& a, const ag::Array& table) {
  const ag::Array packed = pack(a).keep();
  REQUIRE(packed.shape() == table.shape());
  double worst = 0;
  for (size_t i = 0; i < static_cast<size_t>(table.size()); ++i) {
    worst = std::max(worst, std::fabs(packed.values<double>()[i] - table.values<double>()[i]));
  }
  return worst;
}

}  // namespace

TEST_CASE("harmonics are the nine real ones, in order") {
  const ag::Step step;
  const ag::Array at = directions(50);
  const std::array<Tensor, 9> basis = harmonics(unpack3(at));
  for (size_t i = 0; i < 50; ++i) {
    const double* n = at.values<double>().data() + 3 * i;
    const std::array<double, 9> expected = formulas(n[0], n[1], n[2]);
    for (size_t k = 0; k < 9; ++k) CHECK(basis[k].values<double>()[i] == Approx(expected[k]).margin(2e-6));
  }
}

TEST_CASE("harmonics are orthonormal over the sphere") {
  const ag::Step step;
  constexpr int64_t count = 20000;
  const std::array<Tensor, 9> basis = harmonics(unpack3(directions(count)));
  for (size_t a = 0; a < 9; ++a) {
    for (size_t b = 0; b <= a; ++b) {
      const double integral = ag::mean(basis[a] * basis[b]).item() * 4 * std::numbers::pi;
      INFO(a << " and " << b);
      CHECK(integral == Approx(a == b ? 1 : 0).margin(1e-4));
    }
  }
}

TEST_CASE("harmonic_light combines the harmonics for each channel; its gradient is right") {
  Random random(42);
  const ag::Array coefficients = random_array<double>(random, {9, 3}, -1, 1);
  const ag::Array at = directions(6);
  {
    const ag::Step step;
    const Vec3 light = harmonic_light(unpack3(at), coefficients);
    const Tensor channels[3] = {light.x, light.y, light.z};
    for (size_t i = 0; i < 6; ++i) {
      const double* n = at.values<double>().data() + 3 * i;
      const std::array<double, 9> basis = formulas(n[0], n[1], n[2]);
      for (size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (size_t k = 0; k < 9; ++k) sum += basis[k] * coefficients.values<double>()[3 * k + c];
        CHECK(channels[c].values<double>()[i] == Approx(sum).margin(1e-5));
      }
    }
    REQUIRE_THROWS_AS(harmonic_light(unpack3(at), ag::zeros({3, 9})), ag::ShapeError);
    REQUIRE_THROWS_WITH(harmonic_light(unpack3(at), ag::zeros({9})), ContainsSubstring("[9]; expected [9, 3]"));
  }
  check([](std::span<const Tensor> x) { return pack(harmonic_light(unpack3(x[0]), x[1])); }, {at, coefficients});
}

TEST_CASE("Lambert's law is the cosine on the lit side, and dark without gradient behind") {
  const ag::Step step;
  const ag::Array normals = ag::Array::of<double>({0, 0, 1, 0.6, 0, 0.8, 0, 0, -1, 0, 1, 0}).reshape({4, 3});
  const Tensor light = lambert(unpack3(normals), {0, 0.6, 0.8});
  const std::vector<double> values = light.to_vector<double>();
  CHECK(values[0] == Approx(0.8));
  CHECK(values[1] == Approx(0.64));
  CHECK(values[2] == 0);
  CHECK(values[3] == Approx(0.6));
  const std::vector<double> slope = ag::grad(ag::sum(light), normals).to_vector<double>();
  CHECK(slope[2] == Approx(0.8));
  CHECK(slope[8] == 0);
}

TEST_CASE("estimate_light finds the coefficients that lit the samples") {
  Random random(43);
  const ag::Array known = random_array<float>(random, {9, 3}, -1, 1);
  const bool with_albedo = GENERATE(false, true);
  const ag::Array found = estimate_light(lit(known, 600, with_albedo).views());
  REQUIRE(found.shape() == ag::Shape{9, 3});
  for (size_t i = 0; i < 27; ++i) CHECK(found.values<float>()[i] == Approx(known.values<float>()[i]).margin(5e-4));
}

TEST_CASE("estimate_light and harmonics have one basis") {
  // One harmonic at a time: a coefficient out of place, or of another size, would show.
  for (size_t k = 0; k < 9; ++k) {
    const ag::Array unit = ag::Array::make<float>({9, 3}, [&](std::span<float> out) {
      std::fill(out.begin(), out.end(), 0.0f);
      for (size_t c = 0; c < 3; ++c) out[3 * k + c] = 1;
    });
    const ag::Array found = estimate_light(lit(unit, 400, false).views());
    for (size_t i = 0; i < 27; ++i) CHECK(found.values<float>()[i] == Approx(unit.values<float>()[i]).margin(3e-4));
  }
}

TEST_CASE("too few samples of the light do no harm") {
  const ag::Array known = ag::full({9, 3}, 0.5);
  const int64_t count = GENERATE(0, 1, 3);
  const Samples samples = lit(known, count, false);
  const ag::Array found = estimate_light(samples.views());
  for (float value : found.values<float>()) CHECK(std::fabs(value) < 2);
  // What was seen is explained all the same.
  if (count == 0) return;
  const ag::Step step;
  const Vec3 again = harmonic_light(unpack3(directions(count, ag::DType::float32)), found);
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    CHECK(again.y.values<float>()[i] == Approx(samples.colour[1][i]).margin(2e-3));
  }
}

TEST_CASE("vertex normals are those of the host's reference, and point outward") {
  const Mesh mesh = GENERATE(icosphere(2), cube(1), cube(3), creature(4), scene::tetrahedron());
  const ag::Step step;
  const Vec3 normals = vertex_normals(unpack3(mesh.positions), mesh.triangles);
  CHECK(largest_difference(normals, smooth_normals(mesh)) < 1e-12);
}

TEST_CASE("vertex normals of a ball are radial, those inside a cube's side are its axis") {
  const ag::Step step;
  const Mesh ball = icosphere(3);
  CHECK(largest_difference(vertex_normals(unpack3(ball.positions), ball.triangles), ball.positions) < 0.02);
  const Mesh box = cube(2);
  const ag::Array normals = pack(vertex_normals(unpack3(box.positions), box.triangles)).keep();
  size_t middles = 0;
  for (size_t v = 0; v < static_cast<size_t>(box.vertices()); ++v) {
    const double* p = box.positions.values<double>().data() + 3 * v;
    if (std::fabs(p[0]) + std::fabs(p[1]) + std::fabs(p[2]) != 1) continue;  // the middle of a side
    ++middles;
    for (size_t k = 0; k < 3; ++k) CHECK(normals.values<double>()[3 * v + k] == Approx(p[k]).margin(1e-15));
  }
  CHECK(middles == 6);
}

TEST_CASE("the gradient of vertex normals is right to second order") {
  const Mesh mesh = GENERATE(scene::tetrahedron(), cube(1));
  check([&](std::span<const Tensor> x) { return pack(vertex_normals(unpack3(x[0]), mesh.triangles)); },
        {mesh.positions});
}

TEST_CASE("a vertex without area around it has normal zero and gradient zero") {
  // Vertex 3 has no face, vertex 4 only one that is a line.
  const ag::Array positions = ag::Array::of<double>({0, 0, 0, 1, 0, 0, 0, 1, 0, 5, 5, 5, 2, 0, 0}).reshape({5, 3});
  const ag::Array triangles = ag::Array::of<int32_t>({0, 1, 2, 0, 1, 4}).reshape({2, 3});
  const ag::Step step;
  const Tensor normals = pack(vertex_normals(unpack3(positions), triangles));
  const std::vector<double> values = normals.to_vector<double>();
  CHECK(values[2] == 1);
  for (size_t i = 9; i < 15; ++i) CHECK(values[i] == 0);
  const std::vector<double> slope = ag::grad(ag::sum(ag::square(normals + 0.5)), positions).to_vector<double>();
  for (double value : slope) CHECK(std::isfinite(value));
  for (size_t i = 9; i < 12; ++i) CHECK(slope[i] == 0);
}
