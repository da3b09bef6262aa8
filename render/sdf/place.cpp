#include <render/sdf/place.h>

namespace render::sdf {

namespace {

/// sin(x) / x as a function of x^2. Near 0 it is its series, since a derivative of sqrt ends there; the first term
/// that is left out is below 3e-18 of the result, and below 1e-12 in the second derivative.
Tensor sinc_of_square(const Tensor& square) {
  const Tensor small = square < 0.01;
  const Tensor x = ag::sqrt(ag::where(small, 1, square));
  const Tensor s = ag::where(small, square, 0);
  const Tensor series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72)));
  return ag::where(small, series, ag::sin(x) / x);
}

}  // namespace

Vec3 translate(const Vec3& point, const Vec3& offset) { return point - offset; }

// With t = |w|:  R = cos t I + (sin t / t) [w] + ((1 - cos t) / t^2) w w^T,  [w] the matrix of w x.
Rotation rotation(const Vec3& axis_angle) {
  const Vec3& w = axis_angle;
  const Tensor square = dot(w, w);
  const Vec3 sine = w * sinc_of_square(square);
  const Tensor versine = ag::square(sinc_of_square(square / 4)) / 2;  // 1 - cos t = 2 sin^2(t / 2)
  const Tensor cosine = 1 - square * versine;
  const Vec3 x = w * (w.x * versine), y = w * (w.y * versine), z = w * (w.z * versine);
  return {{x.x + cosine, x.y + sine.z, x.z - sine.y},
          {y.x - sine.z, y.y + cosine, y.z + sine.x},
          {z.x + sine.y, z.y - sine.x, z.z + cosine}};
}

Vec3 rotate(const Vec3& point, const Rotation& rotation) {
  return {dot(rotation.x, point), dot(rotation.y, point), dot(rotation.z, point)};
}

Tensor scale(const Vec3& point, ag::Located factor, const Field& shape) { return factor * shape(point / factor); }

}  // namespace render::sdf
