#include <render/fit/surface_view.h>
#include <render/fit/view_batch.h>
#include <render/fit/welded_surface.h>
#include <render/geometry/shapes.h>
#include <render/shading/still.h>

#include <cmath>

#include "tests/catch.h"

// The differentiable renderer and the plain, supersampled one are written apart; they must see the same.

namespace ag = autograd;

namespace {

struct Moments {
  double area = 0, column = 0, row = 0;
};

Moments moments(std::span<const float> alpha, int width, size_t stride, size_t offset) {
  Moments sums;
  for (size_t i = 0; i * stride < alpha.size(); ++i) {
    const double a = alpha[i * stride + offset];
    sums.area += a;
    sums.column += a * (static_cast<double>(i % static_cast<size_t>(width)) + 0.5);
    sums.row += a * (static_cast<double>(i / static_cast<size_t>(width)) + 0.5);
  }
  sums.column /= sums.area;
  sums.row /= sums.area;
  return sums;
}

}  // namespace

TEST_CASE("Coverage of the differentiable renderer is that of a supersampled picture") {
  const render::Mesh mesh = render::creature(4);
  const render::BoundingSphere sphere = render::bounding_sphere(mesh);
  const render::Still still(mesh, {.light = render::LightingPreset::none, .samples = 64, .texture = {}});
  const render::Start start{sphere.centre, sphere.radius};
  const render::WeldedSurface surface = render::weld(mesh, start);
  for (render::Camera camera : render::cameras_around(sphere.centre, sphere.radius, 5, 96, 64, 3)) {
    camera.cx += 3.3;
    camera.cy -= 1.7;
    const ag::Array picture = render::to_linear(still.picture(camera));
    const ag::Step step;
    const render::SurfaceView view =
        render::see(render::unpack3(surface.positions), surface.triangles, surface.topology,
                    render::camera_matrices({&camera, 1}, start), {1, 64, 96});
    const ag::Tensor one = ag::broadcast_to(ag::Located(1).as(ag::DType::float32), view.normal.x.shape());
    const ag::Tensor drawn = render::draw(view, {one, one, one});

    const Moments expected = moments(picture.values<float>(), 96, 4, 3),
                  seen = moments(drawn.values<float>(), 96, 4, 3);
    CHECK(seen.area == Approx(expected.area).epsilon(0.002));
    CHECK(std::fabs(seen.column - expected.column) < 0.05);
    CHECK(std::fabs(seen.row - expected.row) < 0.05);
    double worst = 0, mean = 0;
    for (size_t i = 3; i < static_cast<size_t>(picture.size()); i += 4) {
      const double difference =
          std::fabs(static_cast<double>(drawn.values<float>()[i]) - static_cast<double>(picture.values<float>()[i]));
      worst = std::max(worst, difference);
      mean += difference / (96 * 64);
    }
    CHECK(mean < 0.004);
    CHECK(worst < 0.75);  // where several edges meet in a pixel
  }
}
