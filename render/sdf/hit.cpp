#include <render/sdf/hit.h>

#include <string>

namespace render::sdf {

Tensor hit_depth(const Field& field, const Rays& rays, const Trace& trace, const HitOptions& options) {
  if (options.order < 1 || options.order > 2) {
    throw ag::ValueError("hit_depth: order " + std::to_string(options.order) + "; expected 1 or 2");
  }
  const Vec3 normal = gradient(field, rays.at(trace.depth));
  const Tensor slope = ag::stop_gradient(dot(normal, rays.direction));
  const Tensor lengths = ag::stop_gradient(length(normal) * length(rays.direction));
  const Tensor usable = trace.hit && ag::abs(slope) > options.smallest_cosine * lengths;
  const Tensor inverse = ag::where(usable, 1 / ag::where(usable, slope, 1), 0);
  Tensor depth = trace.depth;
  for (int step = 0; step < options.order; ++step) depth = depth - field(rays.at(depth)) * inverse;
  return depth;
}

}  // namespace render::sdf
