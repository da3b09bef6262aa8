#include <render/sdf/coverage.h>

namespace render::sdf {

namespace {

/// One side of the closest approach.
struct Side {
  Tensor value;  ///< f / depth, differentiable
  Tensor slope;  ///< of that by the depth
  Vec3 normal;
};

Side look(const Field& field, const Rays& rays, const Tensor& depth) {
  Side side;
  side.normal = gradient(field, rays.at(depth));
  side.value = field(rays.at(depth)) / depth;
  side.slope = (dot(side.normal, rays.direction) - side.value) / depth;
  return side;
}

}  // namespace

Tensor square_coverage(const Tensor& distance, const Tensor& nx, const Tensor& ny) {
  const Tensor norm = ag::maximum(length({nx, ny, nx * 0}), 1e-30);
  const Tensor x = ag::abs(nx) / norm, y = ag::abs(ny) / norm;
  const Tensor a = ag::maximum(ag::maximum(x, y), 0.5), b = ag::maximum(ag::minimum(x, y), 1e-6);
  const Tensor far = ag::abs(distance);
  const Tensor corner = ag::square(ag::relu((a + b) / 2 - far)) / (2 * a * b);
  return ag::where(far <= (a - b) / 2, 0.5 - distance / a, ag::where(distance > 0, corner, 1 - corner));
}

Tensor coverage(const Field& field, const Rays& rays, const Trace& trace) {
  const Side before = look(field, rays, trace.before), behind = look(field, rays, trace.behind);
  // Normally before.slope <= 0 <= behind.slope. At an end of the ray both may have one sign: then the lower one counts.
  const Tensor rise = behind.slope - before.slope;
  const Tensor bends = rise > 0;
  const Tensor part = ag::where(bends, -before.slope / ag::where(bends, rise, 1), 0.5);
  const Tensor weight = ag::stop_gradient(ag::clamp(part, 0, 1));  // of `behind`
  const auto mean = [&](const Tensor& a, const Tensor& b) { return a + (b - a) * weight; };

  // Where the tangents meet: below the mean by as much as the first falls over its part of the interval.
  const Tensor fall = before.slope * (1 - weight) * (trace.behind - trace.before);
  const Tensor closest = mean(before.value, behind.value) + ag::stop_gradient(ag::minimum(fall, 0));
  const Vec3 normal{mean(before.normal.x, behind.normal.x), mean(before.normal.y, behind.normal.y),
                    mean(before.normal.z, behind.normal.z)};
  const Tensor across = ag::stop_gradient(dot(normal, rays.right)), down = ag::stop_gradient(dot(normal, rays.down));
  // A thin sheet seen from the front has no silhouette here: the changes of its two sides cancel.
  const Tensor least = 1e-3 * ag::stop_gradient(length(rays.right));
  const Tensor change = ag::maximum(length({across, down, across * 0}), least);
  return square_coverage(closest / (change * trace.softness), across, down);
}

}  // namespace render::sdf
