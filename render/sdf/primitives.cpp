#include <render/sdf/primitives.h>

namespace render::sdf {

Tensor sphere(const Vec3& point, ag::Located radius) { return length(point) - radius; }

Tensor box(const Vec3& point, const Vec3& half) {
  const Vec3 beyond{ag::abs(point.x) - half.x, ag::abs(point.y) - half.y, ag::abs(point.z) - half.z};
  const Tensor outside = length({ag::relu(beyond.x), ag::relu(beyond.y), ag::relu(beyond.z)});
  const Tensor inside = ag::minimum(ag::maximum(beyond.x, ag::maximum(beyond.y, beyond.z)), 0);
  return outside + inside;
}

Tensor rounded_box(const Vec3& point, const Vec3& half, ag::Located rounding) {
  return box(point, {half.x - rounding, half.y - rounding, half.z - rounding}) - rounding;
}

Tensor torus(const Vec3& point, ag::Located major_radius, ag::Located minor_radius) {
  const auto length2 = [](const Tensor& x, const Tensor& y) {
    const Tensor squares = ag::square(x) + ag::square(y);
    const Tensor zero = squares == 0;
    return ag::where(zero, 0, ag::sqrt(ag::where(zero, 1, squares)));
  };
  return length2(length2(point.x, point.y) - major_radius, point.z) - minor_radius;
}

Tensor capsule(const Vec3& point, const Vec3& a, const Vec3& b, ag::Located radius) {
  const Vec3 from_a = point - a, axis = b - a;
  const Tensor squares = dot(axis, axis);
  const Tensor along = ag::clamp(dot(from_a, axis) / ag::where(squares == 0, 1, squares), 0, 1);
  return length(from_a - axis * along) - radius;
}

Tensor plane(const Vec3& point, const Vec3& normal, ag::Located offset) {
  return dot(point, normalize(normal)) - offset;
}

}  // namespace render::sdf
