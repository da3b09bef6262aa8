#include <render/math/vec.h>

namespace render {

Tensor length(const Vec3& a) {
  const Tensor squares = dot(a, a);
  const Tensor zero = squares == 0;
  return ag::where(zero, 0, ag::sqrt(ag::where(zero, 1, squares)));
}

Vec3 normalize(const Vec3& a) {
  const Tensor squares = dot(a, a);
  const Tensor zero = squares == 0;
  const Tensor scale = ag::where(zero, 0, ag::rsqrt(ag::where(zero, 1, squares)));
  return a * scale;
}

Vec3 unpack3(ag::Located a) {
  const Tensor packed = a.as(ag::DType::float32);
  const ag::Shape shape = packed.shape();
  if (shape.rank() == 0 || shape[shape.rank() - 1] != 3) {
    throw ag::ShapeError("unpack3: shape " + shape.to_string() + "; expected [..., 3]");
  }
  return {ag::select(packed, -1, 0), ag::select(packed, -1, 1), ag::select(packed, -1, 2)};
}

Vec4 transform(ag::Located matrices, const Vec3& points) {
  const Tensor m = matrices.as(ag::DType::float32);
  const ag::Shape shape = m.shape();
  if (shape.rank() != 3 || shape[1] != 4 || shape[2] != 4) {
    throw ag::ShapeError("transform: matrices " + shape.to_string() + "; expected [views, 4, 4]");
  }
  const auto row = [&](int64_t i) {
    const auto entry = [&](int64_t j) {
      return ag::expand_dims(ag::select(ag::select(m, 1, i), 1, j), 1);
    };  // [views, 1]
    return entry(0) * points.x + entry(1) * points.y + entry(2) * points.z + entry(3);
  };
  return {row(0), row(1), row(2), row(3)};
}

}  // namespace render
