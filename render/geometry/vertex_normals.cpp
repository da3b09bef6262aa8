#include <render/geometry/vertex_normals.h>

namespace render {

Vec3 vertex_normals(const Vec3& positions, const ag::Array& triangles) {
  const int64_t vertices = positions.x.size();
  Tensor corner[3];
  for (int64_t i = 0; i < 3; ++i) corner[i] = ag::select(triangles, 1, i);  // [faces]
  const Vec3 a = gather(positions, corner[0]), b = gather(positions, corner[1]), c = gather(positions, corner[2]);
  const Vec3 face = cross(b - a, c - a);  // twice the area long
  const Tensor every_corner = ag::concatenate({corner[0], corner[1], corner[2]}, 0);
  const auto spread = [&](const Tensor& part) {
    return ag::scatter_add(ag::concatenate({part, part, part}, 0), every_corner, vertices);
  };
  return normalize({spread(face.x), spread(face.y), spread(face.z)});
}

}  // namespace render
