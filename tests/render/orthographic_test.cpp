#include <render/raster/silhouettes.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <cmath>
#include <limits>

using namespace render;

// A parallel projection through the whole renderer: w is 1 everywhere, and z decides what is in front.

namespace {

constexpr int64_t width = 40, height = 30;

/// 10 pixels a unit across, 8 along; the principal point off the middle.
Camera camera() { return {width, height, 10, 8, 18.5, 12.25}; }

/// Rectangles parallel to the image, (left, bottom, right, top, z) in camera coordinates.
Mesh rectangles(const std::vector<std::array<double, 5>>& list) {
  std::vector<double> positions;
  std::vector<int32_t> triangles;
  for (const auto& [left, bottom, right, top, z] : list) {
    const auto first = static_cast<int32_t>(positions.size() / 3);
    positions.insert(positions.end(), {left, bottom, z, right, bottom, z, right, top, z, left, top, z});
    triangles.insert(triangles.end(), {first, first + 1, first + 2, first, first + 2, first + 3});
  }
  Mesh mesh;
  mesh.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size() / 3), 3});
  mesh.triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size() / 3), 3});
  return mesh;
}

Vec4 clip_of(const Tensor& positions) {
  const Matrix4 matrix = orthographic_projection(camera(), -5, 20);
  const ag::Array matrices = ag::Array::make<double>(
      {1, 4, 4}, [&](std::span<double> out) { std::copy(matrix.begin(), matrix.end(), out.begin()); });
  return transform(ag::cast(matrices, positions.dtype()), unpack3(positions));
}

}  // namespace

TEST_CASE("an orthographic camera puts points where its focal lengths and principal point say") {
  const ag::Step step;
  // Columns 8.5 to 28.5, rows 4.25 to 16.25, whatever the distance; near planes may lie behind the camera.
  const double z = GENERATE(-19.0, -1.0, 3.0);
  const Mesh mesh = rectangles({{-1, -0.5, 1, 1, z}});
  const Tensor ids = visibility(clip_of(ag::tensor(mesh.positions)), mesh.triangles, {1, height, width});
  const std::span<const int32_t> seen = ids.values<int32_t>();
  size_t wrong = 0;
  for (int64_t row = 0; row < height; ++row) {
    for (int64_t column = 0; column < width; ++column) {
      // A centre on the left edge is covered, one on the right edge is not.
      const bool inside = column >= 8 && column < 28 && row >= 4 && row < 16;
      wrong += (seen[static_cast<size_t>(row * width + column)] >= 0) != inside;
    }
  }
  CHECK(wrong == 0);
  const Mesh far = rectangles({{-1, -0.5, 1, 1, GENERATE(-20.5, 5.5)}});
  for (int32_t id : visibility(clip_of(ag::tensor(far.positions)), far.triangles, {1, height, width}).values<int32_t>())
    CHECK(id == -1);
  REQUIRE_THROWS_AS(orthographic_projection(camera(), 3, 3), ag::ValueError);
  REQUIRE_THROWS_AS(orthographic_projection(camera(), 1, std::numeric_limits<double>::infinity()), ag::ValueError);
}

TEST_CASE("in a parallel projection the nearer rectangle is seen, weights are affine, and edges have their gradients") {
  const ag::Step step;
  const Mesh mesh = rectangles({{-1.5, -1, 1.5, 1.13, -9}, {-0.53, -0.47, 0.61, 0.55, -4}});
  const ag::Array positions = mesh.positions;
  const Vec4 clip = clip_of(ag::tensor(positions));
  const Tensor ids = visibility(clip, mesh.triangles, {1, height, width});
  const VisiblePixels pixels = visible_pixels(ids);
  const Corners at = corners(mesh.triangles, pixels);
  const Vec3 weights = barycentrics(clip, at, pixels);
  const Vec3 place = interpolate(unpack3(ag::tensor(positions)), at, weights);
  for (size_t i = 0; i < static_cast<size_t>(pixels.pixel.size()); ++i) {
    CHECK(place.x.values<double>()[i] == Approx((pixels.column.values<int32_t>()[i] + 0.5 - 18.5) / 10).margin(1e-12));
    CHECK(place.y.values<double>()[i] == Approx((12.25 - pixels.row.values<int32_t>()[i] - 0.5) / 8).margin(1e-12));
  }
  // The front rectangle shows 1, the other 0.25: the sum is that of exact areas, and moves with the edges.
  const Tensor value = ag::where(pixels.triangle >= 2, ag::Located(1).as(ag::DType::float64), 0.25);
  const Crossings crossings = silhouettes(clip, mesh.triangles, make_topology(positions, mesh.triangles), ids);
  const Tensor sum = ag::sum(antialiased_image({&value, 1}, pixels, clip, crossings));
  const double front = 1.14 * 10 * 1.02 * 8, back = 3.0 * 10 * 2.13 * 8;
  CHECK(sum.item() == Approx(front + 0.25 * (back - front)).epsilon(0.01));
  const Tensor gradient = ag::grad(sum, positions);
  const std::span<const double> slope = gradient.values<double>();
  const double right = slope[3 * 5] + slope[3 * 6];  // the front's right edge moves by a scene unit
  CHECK(right == Approx(0.75 * 10 * 1.02 * 8).epsilon(0.02));
  for (size_t i = 0; i < 8; ++i) CHECK(slope[3 * i + 2] == Approx(0).margin(1e-9));
}
