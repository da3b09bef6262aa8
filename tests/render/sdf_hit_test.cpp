#include <render/sdf/hit.h>
#include <tests/render/sdf_scenes.h>

#include <functional>

using namespace scene;
using render::Camera;

// Derivatives of hit points, against the closed form for a ball and against traces of moved shapes.

namespace {

/// Parameters: centre and radius.
Vec3 centre_of(const Tensor& ball) { return {ag::select(ball, 0, 0), ag::select(ball, 0, 1), ag::select(ball, 0, 2)}; }
Tensor radius_of(const Tensor& ball) { return ag::select(ball, 0, 3); }

sdf::Field ball_field(const Tensor& ball) {
  const Vec3 centre = centre_of(ball);
  const Tensor radius = radius_of(ball);
  return [=](const Vec3& p) { return sdf::sphere(sdf::translate(p, centre), radius); };
}

/// The nearer root of |o + z d - c|^2 = r^2.
Tensor ball_depth(const Tensor& ball, const sdf::Rays& rays) {
  const Vec3 from_centre = rays.origin - centre_of(ball);
  const Tensor a = render::dot(rays.direction, rays.direction), b = render::dot(rays.direction, from_centre);
  const Tensor c = render::dot(from_centre, from_centre) - ag::square(radius_of(ball));
  return (-b - ag::sqrt(b * b - a * c)) / a;
}

struct BallInView {
  Camera camera = camera_from({0.5, 0.3, 1}, 24, 24);
  ag::Array ball = ag::Array::of<double>({0.2, -0.1, 0.3, 0.8});
  ag::Array matrices = matrices_of(camera, ag::DType::float64);
  sdf::Trace trace = sdf::trace(ball_field(tensor(ball)), matrices, frame_of(camera));
  sdf::Rays rays = sdf::pixel_rays(matrices, trace.pixels);
  /// Some weight for each ray that does not graze.
  Tensor weights = [&] {
    const Tensor pixel = ag::cast(trace.pixels.pixel, ag::DType::float64);
    const Vec3 normal = sdf::gradient(ball_field(tensor(ball)), rays.at(trace.depth));
    const Tensor steep = trace.hit && render::dot(normal, rays.direction) < -0.3;
    return ag::stop_gradient(ag::where(steep, ag::sin(pixel), 0));
  }();

  Tensor weighted(const Tensor& depth) const { return ag::sum(ag::where(weights == 0, 0, depth) * weights); }
  Tensor found(int order = 2) const {
    return weighted(sdf::hit_depth(ball_field(tensor(ball)), rays, trace, {.order = order}));
  }
  Tensor expected() const { return weighted(ball_depth(tensor(ball), rays)); }
};

double worst_difference(const Tensor& a, const Tensor& b) {
  double worst = 0;
  for (size_t i = 0; i < a.values<double>().size(); ++i) {
    worst = std::max(worst, std::fabs(a.values<double>()[i] - b.values<double>()[i]));
  }
  return worst;
}

/// Gradient of a fixed combination of the gradient's elements.
Tensor second(const Tensor& f, const ag::Array& x) {
  const Tensor g = ag::grad(f, x);
  const std::vector<double> direction{0.3, -0.7, 0.5, 0.9};
  return ag::grad(ag::sum(g * ag::Array::from(direction, {4})), x);
}

}  // namespace

TEST_CASE("a hit point's derivatives are those of the intersection, to second order") {
  const ag::Step step;
  const BallInView scene;
  REQUIRE(ag::sum(ag::cast(scene.weights != 0, ag::DType::int32)).item() > 100);
  CHECK(scene.found().item() == Approx(scene.expected().item()).margin(1e-12));
  const Tensor slope = ag::grad(scene.expected(), scene.ball), bend = second(scene.expected(), scene.ball);
  CHECK(worst_difference(ag::grad(scene.found(), scene.ball), slope) < 1e-9);
  CHECK(worst_difference(second(scene.found(), scene.ball), bend) < 1e-7);
  // One step is right to first order only.
  CHECK(worst_difference(ag::grad(scene.found(1), scene.ball), slope) < 1e-9);
  CHECK(worst_difference(second(scene.found(1), scene.ball), bend) > 0.1);
}

TEST_CASE("a hit point's derivatives by the camera are those of the intersection") {
  const ag::Step step;
  const BallInView scene;
  CHECK(worst_difference(ag::grad(scene.found(), scene.matrices), ag::grad(scene.expected(), scene.matrices)) < 1e-9);
}

TEST_CASE("a hit point's gradient agrees with traces of moved shapes") {
  const ag::Step step;
  const ag::Array start = ag::Array::of<double>({0.1, -0.2, 0.15, 0.3});
  const auto field = [](const Tensor& x) -> sdf::Field {
    const Vec3 place = centre_of(x);
    const Tensor size = radius_of(x);
    const sdf::Rotation turn = sdf::rotation({place.y, size, place.x});
    const Vec3 half = vector({0.6, 0.4, 0.5});
    return [=](const Vec3& p) {
      return sdf::smooth_union(sdf::rounded_box(sdf::rotate(sdf::translate(p, place), turn), half, size * 0.5),
                               sdf::torus(p, 0.9, size), 0.2);
    };
  };
  const Camera camera = camera_from({0.3, 0.8, 1}, 16, 16);
  const ag::Array matrices = matrices_of(camera, ag::DType::float64);
  const sdf::Trace trace = sdf::trace(field(tensor(start)), matrices, frame_of(camera));
  const sdf::Rays rays = sdf::pixel_rays(matrices, trace.pixels);
  const Vec3 normal = sdf::gradient(field(tensor(start)), rays.at(trace.depth));
  const Tensor steep = render::dot(normal, rays.direction) < -0.4;
  const std::vector<int32_t> pixels = trace.pixels.pixel.to_vector<int32_t>();
  const double h = 1e-6;
  int compared = 0;
  for (size_t i = 0; i < pixels.size(); i += 5) {
    if (!steep.values<bool>()[i] || !trace.hit.values<bool>()[i]) continue;
    const Tensor depth = ag::select(sdf::hit_depth(field(tensor(start)), rays, trace), 0, static_cast<int64_t>(i));
    const std::vector<double> slope = ag::grad(depth, start).to_vector<double>();
    const size_t k = i % 4;
    const auto depth_at = [&](double offset) {
      std::vector<double> moved = start.to_vector<double>();
      moved[k] += offset;
      const ag::Array at = ag::Array::from(moved, {4});
      const sdf::Trace there = sdf::trace(field(tensor(at)), matrices, frame_of(camera));
      const std::vector<int32_t> list = there.pixels.pixel.to_vector<int32_t>();
      const auto row = static_cast<size_t>(std::find(list.begin(), list.end(), pixels[i]) - list.begin());
      return sdf::hit_depth(field(tensor(at)), sdf::pixel_rays(matrices, there.pixels), there).values<double>()[row];
    };
    INFO("pixel " << pixels[i] << ", parameter " << k);
    CHECK(slope[k] == Approx((depth_at(h) - depth_at(-h)) / (2 * h)).epsilon(0).margin(2e-4));
    ++compared;
  }
  CHECK(compared >= 8);
}

TEST_CASE("rays that miss or graze keep their depth, without gradient") {
  const ag::Step step;
  const BallInView scene;
  const Tensor depth = sdf::hit_depth(ball_field(tensor(scene.ball)), scene.rays, scene.trace, {.smallest_cosine = 1});
  CHECK(same_values(depth.values<double>(), scene.trace.depth.values<double>()));
  for (double g : ag::grad(ag::sum(depth), scene.ball).values<double>()) CHECK(g == 0);
  REQUIRE_THROWS_AS(scene.found(0), ag::ValueError);
  REQUIRE_THROWS_WITH(scene.found(3), ContainsSubstring("order 3; expected 1 or 2"));
}
