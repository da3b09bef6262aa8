#include <render/sdf/field.h>

namespace render::sdf {

Vec3 gradient(const Field& field, const Vec3& point) {
  const auto [x, y, z] =
      ag::grad(ag::sum(field(point)), {point.x, point.y, point.z}, {.unused = ag::GradOptions::Unused::zeros});
  return {x, y, z};
}

}  // namespace render::sdf
