#include <render/sdf/trace.h>
#include <tests/render/sdf_scenes.h>

#include <map>
#include <optional>

using namespace scene;
using render::Camera;
using render::Frame;

// What is found along rays, against intersections in closed form.

namespace {

struct Ray {
  Point origin, direction;
  Point at(double depth) const {
    return {origin[0] + depth * direction[0], origin[1] + depth * direction[1], origin[2] + depth * direction[2]};
  }
};

/// Through (u, v), from the camera's definition.
Ray ray_of(const Camera& camera, double u, double v) {
  const double local[3] = {(u - camera.cx) / camera.fx, -(v - camera.cy) / camera.fy, -1};
  const render::Matrix4& m = camera.world_from_camera;
  Ray ray{camera.position(), {}};
  for (size_t i = 0; i < 3; ++i) {
    ray.direction[i] = m[4 * i] * local[0] + m[4 * i + 1] * local[1] + m[4 * i + 2] * local[2];
  }
  return ray;
}

struct Ball {
  Point centre{};
  double radius = 1;

  /// Depth of the first point on the ball, if the ray meets it.
  std::optional<double> depth(const Ray& ray) const {
    double a = 0, b = 0, c = -radius * radius;
    for (size_t k = 0; k < 3; ++k) {
      const double from_centre = ray.origin[k] - centre[k];
      a += ray.direction[k] * ray.direction[k];
      b += ray.direction[k] * from_centre;
      c += from_centre * from_centre;
    }
    const double discriminant = b * b - a * c;
    if (discriminant <= 0) return std::nullopt;
    return (-b - std::sqrt(discriminant)) / a;
  }
  /// How far outside the ball the ray passes; negative inside.
  double clearance(const Ray& ray) const {
    double a = 0, b = 0;
    for (size_t k = 0; k < 3; ++k) {
      a += ray.direction[k] * ray.direction[k];
      b += ray.direction[k] * (ray.origin[k] - centre[k]);
    }
    return distance(ray.at(-b / a), centre) - radius;
  }
  Tensor operator()(const Vec3& p) const { return sdf::sphere(sdf::translate(p, vector(centre, p.x.dtype())), radius); }
};

struct Found {
  bool hit = false;
  double depth = 0;
  std::optional<std::pair<double, double>> silhouette;
};

/// By pixel.
std::map<int32_t, Found> found_by(const sdf::Trace& trace) {
  const std::vector<int32_t> pixel = trace.pixels.pixel.to_vector<int32_t>(),
                             rows = trace.silhouette.to_vector<int32_t>();
  const std::vector<bool> hit = [&] {
    const std::span<const bool> list = trace.hit.values<bool>();
    return std::vector<bool>(list.begin(), list.end());
  }();
  const auto doubles = [](const Tensor& t) { return ag::cast(t, ag::DType::float64).to_vector<double>(); };
  const std::vector<double> depth = doubles(trace.depth), before = doubles(trace.before),
                            behind = doubles(trace.behind);
  std::map<int32_t, Found> found;
  for (size_t i = 0; i < pixel.size(); ++i) found[pixel[i]] = {hit[i], depth[i], {}};
  for (size_t i = 0; i < rows.size(); ++i) {
    found[pixel[static_cast<size_t>(rows[i])]].silhouette = {before[i], behind[i]};
  }
  return found;
}

}  // namespace

TEST_CASE("rays go through their pixels") {
  const ag::Step step;
  const Camera camera = camera_from({1, 0.4, 0.8}, 20, 12);
  const ag::Array matrices = matrices_of(camera, ag::DType::float64);
  const auto list = [](std::initializer_list<double> values) { return tensor(ag::Array::of<double>(values)); };
  const Tensor view = tensor(ag::Array::of<int32_t>({0, 0, 0}));
  const sdf::Rays rays = sdf::rays_through(matrices, view, list({0, 7.5, 20}), list({0, 3.25, 12}));
  const double u[3] = {0, 7.5, 20}, v[3] = {0, 3.25, 12};
  for (size_t i = 0; i < 3; ++i) {
    const Ray expected = ray_of(camera, u[i], v[i]), right = ray_of(camera, u[i] + 1, v[i]),
              below = ray_of(camera, u[i], v[i] + 1);
    const auto at = [&](const Vec3& vec) {
      return Point{vec.x.values<double>()[i], vec.y.values<double>()[i], vec.z.values<double>()[i]};
    };
    CHECK(distance(at(rays.origin), expected.origin) < 1e-14);
    CHECK(distance(at(rays.direction), expected.direction) < 1e-14);
    CHECK(distance(at(rays.direction + rays.right), right.direction) < 1e-14);
    CHECK(distance(at(rays.direction + rays.down), below.direction) < 1e-14);
    CHECK(distance(at(rays.at(tensor(ag::Array::scalar(2.5)))), expected.at(2.5)) < 1e-13);
  }
  REQUIRE_THROWS_AS(sdf::rays_through(ag::zeros({1, 4, 4}, ag::DType::float64), view, list({0}), list({0})),
                    ag::ShapeError);
  const std::vector<Camera> unequal{camera, camera_from({1, 0, 0}, 20, 14)};
  REQUIRE_THROWS_WITH(sdf::ray_matrices(unequal), ContainsSubstring("20 x 12 and 20 x 14"));
}

TEST_CASE("a trace finds a ball's pixels, depths and silhouette") {
  const ag::Step step;
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const Ball ball{{0.2, -0.1, 0.3}, 0.8};
  const Camera camera = camera_from({0.5, 0.3, 1}, 61, 43);  // no multiple of the tiles' size
  const sdf::Trace trace = sdf::trace(ball, matrices_of(camera, type), frame_of(camera));
  std::map<int32_t, Found> found = found_by(trace);
  const double pixel_size = 4 / camera.fx;  // roughly, at the ball
  const double tolerance = (type == ag::DType::float32 ? 3e-4 : 1e-5) * pixel_size;
  int hits = 0, silhouettes = 0;
  for (int row = 0; row < camera.height; ++row) {
    for (int column = 0; column < camera.width; ++column) {
      INFO("row " << row << ", column " << column);
      const Ray ray = ray_of(camera, column + 0.5, row + 0.5);
      const std::optional<double> expected = ball.depth(ray);
      const double pixels = ball.clearance(ray) / pixel_size;
      const auto entry = found.find(row * camera.width + column);
      if (entry == found.end()) {
        CHECK(!expected);
        CHECK(pixels > 0.5);
        continue;
      }
      CHECK(entry->second.hit == expected.has_value());
      if (expected && pixels < -0.2) CHECK(entry->second.depth == Approx(*expected).epsilon(0).margin(tolerance));
      hits += entry->second.hit;
      if (std::fabs(pixels) < 0.6) REQUIRE(entry->second.silhouette);
      if (!entry->second.silhouette) continue;
      CHECK(std::fabs(pixels) < 1);
      ++silhouettes;
      // The two depths lie on either side of the closest approach in the picture, or next to it.
      const auto [before, behind] = *entry->second.silhouette;
      CHECK(behind - before > 0);
      CHECK(behind - before < 0.3 * pixel_size);
    }
  }
  CHECK(hits > 300);
  CHECK(silhouettes > 60);
}

TEST_CASE("a trace keeps to its planes") {
  const ag::Step step;
  const Ball ball{{}, 1};
  const Camera camera = camera_from({0, 0, 1}, 24, 24);
  const ag::Array matrices = matrices_of(camera, ag::DType::float64);
  const auto count = [&](const sdf::TraceOptions& options) {
    return sdf::trace(ball, matrices, frame_of(camera), options).pixels.pixel.size();
  };
  CHECK(count({}) > 100);
  CHECK(count({.far_plane = 2.5}) == 0);
  CHECK(count({.near_plane = 5.5}) == 0);
  // From inside, every ray is in the shape at once, where it starts.
  const sdf::Trace inside = sdf::trace([](const Vec3& p) { return sdf::sphere(p, 9); }, matrices, frame_of(camera));
  CHECK(inside.pixels.pixel.size() == 24 * 24);
  for (double depth : inside.depth.values<double>()) CHECK(depth == Approx(0.01));
  CHECK(inside.silhouette.size() == 0);
}

TEST_CASE("nothing in sight gives empty lists") {
  const ag::Step step;
  const Camera camera = camera_from({0, 0, 1}, 16, 16);
  const sdf::Trace trace = sdf::trace(Ball{{0, 0, 30}, 1}, matrices_of(camera, ag::DType::float32), frame_of(camera));
  CHECK(trace.pixels.pixel.size() == 0);
  CHECK(trace.silhouette.size() == 0);
}

TEST_CASE("a trace sees the nearer of two shapes, and no silhouette where one covers the other") {
  const ag::Step step;
  const Ball front{{0, 0, 1}, 0.3}, back{{0, 0, -0.5}, 1.2};
  const Camera camera = camera_from({0, 0, 1}, 48, 48);
  const sdf::Trace trace = sdf::trace([&](const Vec3& p) { return sdf::union_of(front(p), back(p)); },
                                      matrices_of(camera, ag::DType::float64), frame_of(camera));
  for (const auto& [pixel, found] : found_by(trace)) {
    const Ray ray = ray_of(camera, pixel % 48 + 0.5, pixel / 48 + 0.5);
    if (front.clearance(ray) < -0.02) CHECK(found.depth == Approx(*front.depth(ray)).margin(1e-8));
    if (front.clearance(ray) > 0.02 && back.clearance(ray) < -0.1) {
      CHECK(found.depth == Approx(*back.depth(ray)).margin(1e-8));
    }
    if (back.clearance(ray) < -0.15) CHECK(!found.silhouette);
  }
}

TEST_CASE("a field that says less than the distance is traced too") {
  const ag::Step step;
  const Ball ball{{0.1, 0.2, 0}, 0.9};
  const Camera camera = camera_from({0, 0, 1}, 32, 32);
  const sdf::Trace trace = sdf::trace([&](const Vec3& p) { return ball(p) * 0.4; },
                                      matrices_of(camera, ag::DType::float64), frame_of(camera));
  int hits = 0;
  for (const auto& [pixel, found] : found_by(trace)) {
    const Ray ray = ray_of(camera, pixel % 32 + 0.5, pixel / 32 + 0.5);
    if (ball.clearance(ray) > -0.02) continue;
    ++hits;
    CHECK(found.depth == Approx(*ball.depth(ray)).margin(1e-7));
  }
  CHECK(hits > 200);
}

TEST_CASE("a trace is the same for any threads and backend") {
  const Camera camera = camera_from({0.4, 0.7, 1}, 96, 80);
  const auto lists = [&] {
    const ag::Step step;
    const sdf::Trace trace =
        sdf::trace([](const Vec3& p) { return sdf::smooth_union(sdf::torus(p, 0.8, 0.2), sdf::sphere(p, 0.5), 0.2); },
                   matrices_of(camera, ag::DType::float32), frame_of(camera));
    std::vector<float> all;
    for (const Tensor& list : {trace.pixels.pixel, trace.silhouette, trace.depth, trace.before, trace.behind}) {
      for (float value : ag::cast(list, ag::DType::float32).values<float>()) all.push_back(value);
    }
    return all;
  };
  const std::vector<float> expected = lists();
  for (int count : {1, 3}) {
    const Threads threads(count);
    for (ag::Backend backend : backends()) {
      const WithBackend with(backend);
      CHECK(same_values(lists(), expected));
    }
  }
}

TEST_CASE("trace refuses what has no meaning") {
  const ag::Step step;
  const Camera camera = camera_from({0, 0, 1}, 8, 8);
  const ag::Array matrices = matrices_of(camera, ag::DType::float32);
  const auto trace = [&](const sdf::TraceOptions& options, const Frame& frame = {1, 8, 8}) {
    sdf::trace(Ball{}, matrices, frame, options);
  };
  REQUIRE_THROWS_AS(trace({.near_plane = 0}), ag::ValueError);
  REQUIRE_THROWS_WITH(trace({.near_plane = 2, .far_plane = 1}), ContainsSubstring("far_plane 1.0"));
  REQUIRE_THROWS_AS(trace({.steps = 0}), ag::ValueError);
  REQUIRE_THROWS_AS(trace({.softness = 0}), ag::ValueError);
  REQUIRE_THROWS_WITH(trace({}, {2, 8, 8}), ContainsSubstring("expected [2, 3, 4]"));
}
