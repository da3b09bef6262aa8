#include <render/fit/fit_shape.h>
#include <render/fit/untangle.h>
#include <render/fit/view_batch.h>
#include <render/geometry/shapes.h>
#include <render/shading/still.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <utility>

using namespace render;

// What keeps thin shapes from turning inside out (render/fit/untangle.h).

namespace {

const Start unit_ball{{}, 1};

Mesh inside_out(Mesh mesh) {
  std::vector<int32_t> corners = mesh.triangles.to_vector<int32_t>();
  for (size_t i = 0; i < corners.size(); i += 3) std::swap(corners[i], corners[i + 1]);
  mesh.triangles = ag::Array::from(corners, mesh.triangles.shape());
  return mesh;
}

Mesh stretched(Mesh mesh, const Point3& factors) {
  std::vector<double> values = mesh.positions.to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i % 3];
  mesh.positions = ag::Array::from(values, mesh.positions.shape());
  return mesh;
}

Mesh without_last_face(Mesh mesh) {
  std::vector<int32_t> corners = mesh.triangles.to_vector<int32_t>();
  corners.resize(corners.size() - 3);
  const auto faces = static_cast<int64_t>(corners.size() / 3);
  mesh.triangles = ag::Array::from(corners, {faces, 3});
  return mesh;
}

double volume(const Mesh& mesh) {
  const std::vector<double> p = mesh.positions.to_vector<double>();
  const std::vector<int32_t> corners = mesh.triangles.to_vector<int32_t>();
  double sum = 0;
  for (size_t face = 0; face < corners.size(); face += 3) {
    const double* at[3];
    for (size_t i = 0; i < 3; ++i) at[i] = &p[3 * static_cast<size_t>(corners[face + i])];
    sum += at[0][0] * (at[1][1] * at[2][2] - at[1][2] * at[2][1]) +
           at[0][1] * (at[1][2] * at[2][0] - at[1][0] * at[2][2]) +
           at[0][2] * (at[1][0] * at[2][1] - at[1][1] * at[2][0]);
  }
  return sum / 6;
}

}  // namespace

TEST_CASE("a closed surface with its front outside hides its back") {
  const Mesh ball = icosphere(1);
  CHECK(hides_back(weld(ball, unit_ball)));
  CHECK(hides_back(weld(scene::placed(ball, 2, {5, -7, 3}), unit_ball)));
  CHECK_FALSE(hides_back(weld(inside_out(ball), unit_ball)));
  CHECK_FALSE(hides_back(weld(without_last_face(ball), unit_ball)));
}

TEST_CASE("what shows its back is pushed away, nothing else is moved") {
  const Camera camera = look_at({0, 0, 4}, {}, {0, 1, 0}, 32, 32, 40);
  const ag::Array matrices = scene::clip_matrices(std::array{camera}, 0.1, 50);
  for (const bool turned : {false, true}) {
    const ag::Step step;
    const Mesh mesh = turned ? inside_out(icosphere(2)) : icosphere(2);
    const WeldedSurface surface = weld(mesh, unit_ball);
    const Tensor positions = ag::tensor(surface.positions);
    const SurfaceView view = see(unpack3(positions), surface.triangles, surface.topology,
                                 ag::cast(matrices, ag::DType::float32), {1, 32, 32});
    const Tensor pushed = pushed_back(view);
    CHECK(pushed.item() == 0);
    const Tensor total = ag::sum(ag::grad(pushed, positions), {0});
    const std::vector<float> sum = total.to_vector<float>();
    const auto seen = static_cast<double>(view.pixels.pixel.size());
    REQUIRE(seen > 200);
    // The camera looks along -z, so a pixel's depth falls by 1 where z grows by 1.
    CHECK(sum[0] == Approx(0).margin(1e-3));
    CHECK(sum[1] == Approx(0).margin(1e-3));
    CHECK(sum[2] == Approx(turned ? seen : 0).epsilon(1e-4).margin(1e-6));
  }
}

TEST_CASE("a thin plate keeps its sides") {
  constexpr int size = 48;
  const Mesh plate = stretched(icosphere(4), {1, 0.04, 1});
  Dataset dataset;
  const Still still(plate);
  for (const Camera& camera : cameras_around({}, 1, 24, size, size, 7))
    dataset.views.push_back({std::to_string(dataset.views.size()) + ".png", camera, still.picture(camera)});
  FitShapeOptions options;
  options.steps = 240;
  options.holdout = 0;
  options.albedo = Albedo::constant;
  options.init = icosphere(3);
  ShapeFit fit(dataset, options);
  fit.run();
  CHECK(volume(fit.mesh()) == Approx(volume(plate)).epsilon(0.15));  // a side that is inside out takes from it
  CHECK(fit.losses().back() < 0.01);
}
