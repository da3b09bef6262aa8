#include <render/geometry/face_corners.h>
#include <render/geometry/tangents.h>

namespace render {

// With edges e and UV differences d of a face, e_1 = d_1u T + d_1v B and e_2 = d_2u T + d_2v B, so
//   det T = d_2v e_1 - d_1v e_2,   det = d_1u d_2v - d_2u d_1v.
// The face's weight is its area: T is normalized first.
VertexTangents vertex_tangents(const Vec3& positions, const ag::Array& triangles, const Vec2& uvs,
                               const ag::Array& uv_triangles) {
  if (triangles.shape() != uv_triangles.shape()) {
    throw ag::ShapeError("vertex_tangents: uv_triangles " + uv_triangles.shape().to_string() +
                         "; expected triangles' shape " + triangles.shape().to_string());
  }
  const FaceCorners corners = face_corners(positions, triangles);
  Tensor uv_vertex[3];
  Vec2 uv[3];
  for (int64_t i = 0; i < 3; ++i) {
    uv_vertex[i] = ag::select(uv_triangles, 1, i);
    uv[i] = {ag::gather(uvs.x, uv_vertex[i]), ag::gather(uvs.y, uv_vertex[i])};
  }
  const Vec3 first = corners.position[1] - corners.position[0], second = corners.position[2] - corners.position[0];
  const Tensor u1 = uv[1].x - uv[0].x, v1 = uv[1].y - uv[0].y, u2 = uv[2].x - uv[0].x, v2 = uv[2].y - uv[0].y;
  const Tensor turn = ag::sign(u1 * v2 - u2 * v1);
  const Vec3 along_u = normalize((first * v2 - second * v1) * turn);
  const Tensor area = length(cross(first, second));
  const VertexSum around(uv_vertex, uvs.x.size());
  const auto mean = [&](const Tensor& value) { return around.of(value * area); };
  return {normalize({mean(along_u.x), mean(along_u.y), mean(along_u.z)}), ag::sign(mean(turn))};
}

TangentFrame tangent_frame(const Vec3& normal, const Vec3& tangent, const Tensor& handedness) {
  const Vec3 n = normalize(normal);
  const Vec3 t = normalize(tangent - n * dot(n, tangent));
  return {t, cross(n, t) * handedness, n};
}

}  // namespace render
