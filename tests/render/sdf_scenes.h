#pragma once

#include <render/sdf/combine.h>
#include <render/sdf/place.h>
#include <render/sdf/primitives.h>
#include <render/sdf/rays.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>

#include <array>
#include <cmath>
#include <span>
#include <vector>

// Fields, points and cameras for the tests of render/sdf.

namespace scene {

namespace ag = autograd;
namespace sdf = render::sdf;
using render::Tensor;
using render::Vec3;

using Point = std::array<double, 3>;

inline Tensor tensor(const ag::Array& array) { return ag::tensor(array); }
inline Vec3 vector(const Point& p, ag::DType type = ag::DType::float64) {
  return render::unpack3(ag::Array::of<double>({p[0], p[1], p[2]}).cast(type));
}

inline std::vector<Point> random_points(uint64_t seed, size_t count, double reach) {
  Random random(seed);
  std::vector<Point> points(count);
  for (Point& point : points) {
    for (double& x : point) x = random.uniform(-reach, reach);
  }
  return points;
}

/// [n, 3] float64.
inline ag::Array table(const std::vector<Point>& points) {
  return ag::Array::make<double>({static_cast<int64_t>(points.size()), 3}, [&](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = points[i / 3][i % 3];
  });
}

inline std::vector<double> values(const sdf::Field& field, const std::vector<Point>& points) {
  const ag::Step step;
  return field(render::unpack3(table(points))).to_vector<double>();
}

inline double distance(const Point& a, const Point& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

/// A camera at a distance of 4 along `direction`, which sees the ball of radius 1.3 around the origin.
inline render::Camera camera_from(const Point& direction, int width, int height) {
  const double scale = 4 / std::hypot(direction[0], direction[1], direction[2]);
  render::Camera camera = render::look_at({scale * direction[0], scale * direction[1], scale * direction[2]}, {},
                                          {0, 1, 0}, width, height, 1.4 * std::min(width, height));
  camera.cx += 0.37;
  camera.cy += 0.21;
  return camera;
}

inline ag::Array matrices_of(const render::Camera& camera, ag::DType type) {
  return sdf::ray_matrices({&camera, 1}).cast(type);
}

inline render::Frame frame_of(const render::Camera& camera) { return {1, camera.height, camera.width}; }

inline void check_gradient(const ag::Differentiable& f, const std::vector<ag::Array>& inputs,
                           const ag::GradcheckOptions& options = {}) {
  const ag::GradcheckResult result = ag::gradcheck(f, inputs, options);
  INFO(result.message);
  CHECK(result.passed);
}

}  // namespace scene
