#include <render/raster/silhouettes.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <algorithm>
#include <cmath>

using namespace render;

// Pictures and gradients of what renderers stumble over. The camera stands at the origin and looks down -z.

namespace {

constexpr int64_t side = 24;
constexpr double focal = 24, near_plane = 0.05;

Mesh make_mesh(const std::vector<double>& positions, const std::vector<int32_t>& triangles) {
  Mesh mesh;
  mesh.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size() / 3), 3});
  mesh.triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size() / 3), 3});
  return mesh;
}

/// From columns `left` to `right` of the picture and beyond its top and bottom, at a depth.
Mesh sheet(double left, double right, double depth) {
  const auto x = [&](double column) { return (column - side / 2.0) / focal * depth; };
  return make_mesh({x(left), depth, -depth, x(right), depth, -depth, x(right), -depth, -depth, x(left), -depth, -depth},
                   {0, 1, 2, 0, 2, 3});
}

Vec4 project(const Tensor& positions) {
  const Camera camera = look_at({0, 0, 0}, {0, 0, -1}, {0, 1, 0}, side, side, focal);
  const ag::Array matrix = scene::clip_matrices({&camera, 1}, near_plane, 100);
  return transform(ag::cast(matrix, positions.dtype()), unpack3(positions));
}

struct Picture {
  std::vector<double> pixels;  ///< [side, side, 3]: colour, depth, coverage
  std::vector<double> to_positions, to_colours;
};

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

bool all_zero(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return value == 0; });
}

/// The picture of vertices that have colours of their own, and the gradients of its squared distance to another.
Picture picture(const Mesh& mesh, ag::DType type = ag::DType::float32) {
  const ag::Step step;
  Random random(51);
  const ag::Array positions = mesh.positions.cast(type);
  const ag::Array colours = random_array<double>(random, {mesh.vertices()}, 0.2, 1).cast(type);
  const Vec4 clip = project(ag::tensor(positions));
  const Tensor ids = visibility(clip, mesh.triangles, {1, side, side});
  const VisiblePixels pixels = visible_pixels(ids);
  const Corners at = corners(mesh.triangles, pixels);
  const Vec3 weights = barycentrics(clip, at, pixels);
  const std::vector<Tensor> channels{interpolate(ag::tensor(colours), at, weights), depth(clip, at, pixels, weights)};
  const Crossings edges = silhouettes(clip, mesh.triangles, make_topology(mesh.positions, mesh.triangles), ids);
  const Tensor image = antialiased_image(channels, pixels, clip, edges, {.coverage = true});
  const auto gradients = ag::grad(ag::sum(ag::square(image - 0.3)), {positions, colours});
  const auto values = [](const Tensor& tensor) { return ag::cast(tensor, ag::DType::float64).to_vector<double>(); };
  Picture result{values(image), values(gradients[0]), values(gradients[1])};
  CHECK(all_finite(result.pixels));
  CHECK(all_finite(result.to_positions));
  CHECK(all_finite(result.to_colours));
  return result;
}

double coverage_of_row(const Picture& picture, size_t row) {
  double sum = 0;
  for (size_t column = 0; column < side; ++column) sum += picture.pixels[3 * (row * side + column) + 2];
  return sum;
}

}  // namespace

TEST_CASE("two sheets at one place are one sheet") {
  const Mesh one = sheet(3.3, 14.6, 2);
  const Picture alone = picture(one);
  Picture both = picture(scene::joined(one, one));
  for (size_t i = 0; i < alone.pixels.size(); i += 3) {
    CHECK(both.pixels[i + 1] == alone.pixels[i + 1]);
    CHECK(both.pixels[i + 2] == alone.pixels[i + 2]);
  }
  CHECK(coverage_of_row(alone, 7) == Approx(11.3).epsilon(1e-5));
}

TEST_CASE("two sheets that end within a pixel of each other") {
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const double gap = GENERATE(0.02, 0.3, 0.9);
  for (double right = 12; right < 13; right += 0.09) {
    const Picture seen = picture(scene::joined(sheet(4.2, right, 2), sheet(4.2, right + gap, 2.5)), type);
    // Where one pair of pixels holds both ends, that of the front sheet is taken for both.
    CHECK(std::fabs(coverage_of_row(seen, 11) - (right + gap - 4.2)) < gap + 1e-4);
    CHECK(!all_zero(seen.to_positions));
  }
}

TEST_CASE("two sheets that meet, cross, or stand edge-on within a pixel") {
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const double lean = GENERATE(0.0, 1e-7, 0.01);
  // Upright sheets that run away from the camera, .2 pixels wide or none, and a third that crosses both.
  const std::vector<double> positions{0.02,        -1, -2, 0.02 + lean, 1, -2, 0.03,        -1, -3,  0.03 + lean, 1, -3,
                                      0.04 + lean, -1, -2, 0.04,        1, -2, 0.05 + lean, -1, -3,  0.05,        1, -3,
                                      -1,          -1, -2, 1,           1, -3, 0.02,        -1, -2.5};
  picture(make_mesh(positions, {0, 1, 2, 1, 3, 2, 4, 5, 6, 5, 7, 6, 8, 9, 10}), type);
}

TEST_CASE("vertices on the camera's plane and in the camera itself") {
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const Mesh mesh = make_mesh(
      {
          0, -0.3, 0, 3,  -0.3, -4, -3, -0.3, -4,  // a floor that starts under the camera,
          1, 1,    0, -1, 1,    0,  0,  1,    -3,  // a roof with two corners on the plane,
          1, 0,    0, 0,  1,    0,  -1, -1,   0,   // a triangle in the plane, around the camera,
          0, 0,    0, 1,  0.2,  -2, -1, 0.3,  -2   // and one with a corner in the camera.
      },
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  {
    const ag::Step step;
    const std::vector<double> w = project(ag::tensor(mesh.positions)).w.to_vector<double>();
    REQUIRE(std::ranges::count(w, 0.0) == 7);
  }
  const Picture seen = picture(mesh, type);
  // The floor's depth below the horizon is .3 focal lengths over the rows below it.
  for (size_t row = 15; row < 24; ++row)
    CHECK(seen.pixels[3 * (row * side + 12) + 1] ==
          Approx(0.3 * focal / (static_cast<double>(row) + 0.5 - side / 2.0)));
  for (size_t vertex = 0; vertex < 3; ++vertex) CHECK(seen.to_positions[3 * vertex + 1] != 0);
  for (size_t i = 18; i < 27; ++i) CHECK(seen.to_positions[i] == 0);
}

TEST_CASE("what lies between the camera and the near plane, or beyond the far plane, is not there") {
  const double depth = GENERATE(0.049, 1e-3, 1e-30, 101.0);
  const Picture seen = picture(scene::joined(sheet(2, 20, depth), sheet(8, 30, depth)));
  CHECK(all_zero(seen.pixels));
  CHECK(all_zero(seen.to_positions));
  CHECK(all_zero(seen.to_colours));
  CHECK(!all_zero(picture(sheet(2, 20, 0.051)).pixels));
}

TEST_CASE("twenty million triangles of which two are visible") {
  // The wall's triangles come last. Before it stand triangles between the centres of pixels, behind it others, more are
  // behind the camera, beside the picture, or not finite.
  constexpr int32_t pattern = 10'000;
  const int32_t repeats = sanitized() ? 100 : 2'000;
  Random random(52);
  std::vector<double> positions;
  std::vector<int32_t> triangles;
  const auto add = [&](double column, double row, double depth, double size) {
    for (int corner = 0; corner < 3; ++corner) {
      triangles.push_back(static_cast<int32_t>(positions.size() / 3));
      positions.push_back((column + size * random.uniform(0, 1) - side / 2.0) / focal * depth);
      positions.push_back((row + size * random.uniform(0, 1) - side / 2.0) / focal * depth);
      positions.push_back(-depth);
    }
  };
  for (int32_t i = 0; i < pattern; ++i) {
    const double column = std::floor(24 * random.uniform(0, 1)), row = std::floor(24 * random.uniform(0, 1));
    if (i % 100 == 0)
      add(column, row, 3, 2);
    else if (i % 3 == 0)
      add(column + 0.52, row + 0.1, 1, 0.4);
    else if (i % 3 == 1)
      add(column, row, -2, 5);
    else
      add(column + 40, row, 1, i % 2 == 0 ? 3 : std::nan(""));
  }
  const auto wall = static_cast<int32_t>(positions.size() / 3);
  for (const double value : {-9., -9., -2., 9., -9., -2., 9., 9., -2., -9., 9., -2.}) positions.push_back(value);

  const ag::Array list = ag::Array::make<int32_t>({int64_t{pattern} * repeats + 2, 3}, [&](std::span<int32_t> out) {
    auto next = out.begin();
    for (int32_t i = 0; i < repeats; ++i) next = std::copy(triangles.begin(), triangles.end(), next);
    const int32_t last[6] = {wall, wall + 1, wall + 2, wall, wall + 2, wall + 3};
    std::copy(last, last + 6, next);
  });
  const ag::Step step;
  const ag::Array points =
      ag::Array::from(positions, {static_cast<int64_t>(positions.size() / 3), 3}).cast(ag::DType::float32);
  const Vec4 clip = project(ag::tensor(points));
  const Tensor ids = visibility(clip, list, {1, side, side});
  for (const int32_t id : ids.values<int32_t>()) CHECK(id >= pattern * repeats);
  const VisiblePixels pixels = visible_pixels(ids);
  const Corners at = corners(list, pixels);
  const Tensor image = to_image(depth(clip, at, pixels, barycentrics(clip, at, pixels)), pixels);
  for (const float value : image.values<float>()) CHECK(value == Approx(2));
  const Tensor gradient = ag::grad(ag::sum(image), points);
  double total = 0;
  for (const float value : gradient.values<float>()) {
    REQUIRE(std::isfinite(value));
    total += static_cast<double>(value);
  }
  CHECK(total == Approx(-side * side).epsilon(1e-3));  // a wall one further off is one deeper everywhere
}
