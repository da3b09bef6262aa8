#include <render/raster/derivatives.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <cmath>

using namespace render;

namespace {

constexpr Frame frame{1, 24, 36};

/// Triangles around a camera that stands among them, some of them partly behind it.
Mesh soup() {
  Random random(21);
  Mesh mesh;
  mesh.positions = random_array<double>(random, {60, 3}, -1.6, 1.6);
  mesh.triangles = ag::arange(60).reshape({20, 3});
  return mesh;
}

Vec4 clip_of(const Tensor& positions) {
  Camera camera = look_at({0.3, 0.2, 0.4}, {}, {0, 1, 0}, 36, 24, 20);
  camera.cx += 1.7;
  return transform(scene::clip_matrices({&camera, 1}, 0.1, 50), unpack3(positions));
}

/// The picture moved by (right, down) pixels, which shows at each centre what was beside it.
Vec4 moved(const Vec4& clip, double right, double down) {
  return {clip.x + right * (2.0 / frame.width) * clip.w, clip.y - down * (2.0 / frame.height) * clip.w, clip.z, clip.w};
}

struct Lists {
  VisiblePixels pixels;
  Corners corners;
};

Lists lists(const Vec4& clip, const Mesh& mesh) {
  const VisiblePixels pixels = visible_pixels(visibility(clip, mesh.triangles, frame));
  return {pixels, corners(mesh.triangles, pixels)};
}

}  // namespace

TEST_CASE("derivatives of weights and attributes are the differences between neighbouring places") {
  const ag::Step step;
  const Mesh mesh = soup();
  const Vec4 clip = clip_of(ag::tensor(mesh.positions));
  const auto [pixels, at] = lists(clip, mesh);
  REQUIRE(pixels.pixel.size() > 300);
  const WeightDerivatives slopes = weight_derivatives(clip, at, pixels);
  Random random(22);
  const Tensor attribute = ag::tensor(random_array<double>(random, {60}, -1, 1));
  const Vec2 change = interpolate_derivatives(attribute, at, slopes);

  constexpr double h = 1e-6;
  const auto difference = [&](double right, double down) {
    const Vec3 after = barycentrics(moved(clip, -h * right, -h * down), at, pixels);
    const Vec3 before = barycentrics(moved(clip, h * right, h * down), at, pixels);
    const Vec3 slope = (after - before) / (2 * h);
    return std::pair{slope, interpolate(attribute, at, slope)};
  };
  const auto close = [](const Tensor& a, const Tensor& b) {
    const std::span<const double> x = a.values<double>(), y = b.values<double>();
    size_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i) wrong += !(std::fabs(x[i] - y[i]) < 1e-6 * (1 + std::fabs(x[i])));
    return wrong == 0;
  };
  const auto [right, attribute_right] = difference(1, 0);
  const auto [down, attribute_down] = difference(0, 1);
  CHECK(close(slopes.right.x, right.x));
  CHECK(close(slopes.right.y, right.y));
  CHECK(close(slopes.right.z, right.z));
  CHECK(close(slopes.down.x, down.x));
  CHECK(close(slopes.down.y, down.y));
  CHECK(close(slopes.down.z, down.z));
  CHECK(close(change.x, attribute_right));
  CHECK(close(change.y, attribute_down));
}

TEST_CASE("derivatives of weights can be differentiated, to second order") {
  const Mesh mesh = soup();
  std::array<ag::Array, 5> kept;
  {
    const ag::Step step;
    const VisiblePixels pixels = lists(clip_of(ag::tensor(mesh.positions)), mesh).pixels;
    const auto thin = [](const Tensor& all) { return ag::slice(all, 0, {.step = 24}).keep(); };
    kept = {thin(pixels.pixel), thin(pixels.triangle), thin(pixels.view), thin(pixels.row), thin(pixels.column)};
  }
  const ag::GradcheckResult result = ag::gradcheck(
      [&](std::span<const Tensor> x) {
        const auto list = [&](size_t i) { return ag::tensor(kept[i]); };
        const VisiblePixels pixels{list(0), list(1), list(2), list(3), list(4), frame};
        const WeightDerivatives slopes = weight_derivatives(clip_of(x[0]), corners(mesh.triangles, pixels), pixels);
        return ag::stack({slopes.right.x, slopes.right.z, slopes.down.y, slopes.down.z}, 1);
      },
      {mesh.positions});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("where a triangle is seen edge-on nothing changes, and nothing is differentiated") {
  const ag::Step step;
  const ag::Array edge_on = ag::Array::of<double>({0, -1, 0, 0, 1, 0, 0, 0, 1}).reshape({3, 3});
  const Tensor points = ag::tensor(edge_on);
  const Camera camera = look_at({0, 0, 4}, {}, {0, 1, 0}, 36, 24, 20);
  const Vec4 clip = transform(scene::clip_matrices({&camera, 1}, 0.1, 50), unpack3(points));
  const ag::Array ids = ag::Array::make<int32_t>({1, 24, 36}, [](std::span<int32_t> out) {
    std::fill(out.begin(), out.end(), -1);
    out[12 * 36 + 18] = 0;
  });
  const VisiblePixels pixels = visible_pixels(ag::tensor(ids));
  const WeightDerivatives slopes = weight_derivatives(clip, corners(ag::arange(3).reshape({1, 3}), pixels), pixels);
  const Tensor all = slopes.right.x + 2 * slopes.right.y + slopes.down.x - slopes.down.z;
  CHECK(all.to_vector<double>() == std::vector<double>{0});
  const Tensor slope = ag::grad(ag::sum(all), points);
  for (double value : slope.values<double>()) CHECK(value == 0);
}
