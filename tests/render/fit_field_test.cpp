#include <render/fit/fit_field.h>
#include <tests/render/sdf_scenes.h>

using namespace scene;
using render::Camera;
using render::FieldScene;

namespace {

Vec3 lit(const Vec3&, const Vec3& normal) {
  const Tensor light = 0.3 + 0.6 * ag::relu(normal.x * 0.48 + normal.y * 0.6 + normal.z * 0.64);
  return {light, light * 0.8, light * 0.5};
}

std::vector<Camera> three_cameras(int size) {
  return {camera_from({1, 0.3, 0.2}, size, size), camera_from({-0.4, 0.5, 1}, size, size),
          camera_from({-0.3, -1, -0.4}, size, size)};
}

}  // namespace

TEST_CASE("fit_field finds a sphere in three pictures") {
  const std::vector<Camera> cameras = three_cameras(64);
  const ag::Array targets = sdf::photograph(
      [](const Vec3& p) {
        return sdf::sphere(sdf::translate(p, vector({0.2, -0.1, 0.3}, p.x.dtype())), 0.7);
      },
      lit, cameras, 4);
  const ag::Parameter centre = ag::zeros({3}), radius = ag::Array::scalar(0.45f);
  const auto scene = [&]() -> FieldScene {
    const Vec3 c = render::unpack3(centre);
    return {[&, c](const Vec3& p) { return sdf::sphere(sdf::translate(p, c), radius); }, lit};
  };
  int watched = 0;
  const std::vector<double> losses =
      render::fit_field({centre, radius}, scene, cameras, targets, {.levels = {{4, 70}, {1, 20}}, .rate = 0.05},
                        [&](int step, int steps, double) {
                          CHECK(step == ++watched);
                          CHECK(steps == 90);
                          return true;
                        });
  CHECK(losses.size() == 90);
  CHECK(losses.back() < 1e-3 * losses.front());
  CHECK(centre.values<float>()[0] == Approx(0.2).margin(1e-3));
  CHECK(centre.values<float>()[1] == Approx(-0.1).margin(1e-3));
  CHECK(centre.values<float>()[2] == Approx(0.3).margin(1e-3));
  CHECK(radius.item() == Approx(0.7).margin(1e-3));
}

TEST_CASE("fit_field stops when told, and refuses what does not fit together") {
  const std::vector<Camera> cameras = three_cameras(16);
  const ag::Array targets = ag::zeros({3, 16, 16, 4});
  const ag::Parameter radius = ag::Array::scalar(0.45f);
  const auto scene = [&]() -> FieldScene { return {[&](const Vec3& p) { return sdf::sphere(p, radius); }, lit}; };
  const auto fit = [&](const ag::Array& pictures, std::vector<render::FieldFitLevel> levels) {
    return render::fit_field({radius}, scene, cameras, pictures, {.levels = std::move(levels)},
                             [](int step, int, double) { return step < 3; });
  };
  CHECK(fit(targets, {{1, 10}}).size() == 3);
  REQUIRE_THROWS_WITH(fit(ag::zeros({3, 16, 8, 4}), {{1, 1}}), ContainsSubstring("expected [3, 16, 16, 4]"));
  REQUIRE_THROWS_WITH(fit(targets, {{3, 1}}), ContainsSubstring("shrink 3; expected a divisor of 16 x 16"));
  REQUIRE_THROWS_AS(render::fit_field({radius}, scene, {}, targets), ag::ValueError);
}
