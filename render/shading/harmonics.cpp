#include <render/shading/harmonics.h>

namespace render {

std::array<Tensor, 9> harmonics(const Vec3& n) {
  const ag::DType type = n.x.dtype();
  const Tensor one = ag::broadcast_to(ag::Located(0.282095).as(type), n.x.shape());
  return {one,
          0.488603 * n.y,
          0.488603 * n.z,
          0.488603 * n.x,
          1.092548 * n.x * n.y,
          1.092548 * n.y * n.z,
          0.315392 * (3 * n.z * n.z - 1),
          1.092548 * n.x * n.z,
          0.546274 * (n.x * n.x - n.y * n.y)};
}

Vec3 harmonic_light(const Vec3& normal, ag::Located coefficients) {
  const Tensor table = coefficients.as(normal.x.dtype());
  if (table.shape() != ag::Shape{9, 3}) {
    throw ag::ShapeError("harmonic_light: coefficients " + table.shape().to_string() + "; expected [9, 3]");
  }
  const std::array<Tensor, 9> basis = harmonics(normal);
  const auto channel = [&](int64_t c) {
    Tensor light;
    for (int64_t k = 0; k < 9; ++k) {
      const Tensor part = basis[static_cast<size_t>(k)] * ag::select(ag::select(table, 0, k), 0, c);
      light = light.defined() ? light + part : part;
    }
    return light;
  };
  return {channel(0), channel(1), channel(2)};
}

Tensor lambert(const Vec3& normal, const std::array<double, 3>& direction) {
  return ag::relu(normal.x * direction[0] + normal.y * direction[1] + normal.z * direction[2]);
}

}  // namespace render
