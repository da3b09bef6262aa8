#include <render/geometry/face_corners.h>
#include <render/geometry/vertex_normals.h>

namespace render {

FaceCorners face_corners(const Vec3& positions, const ag::Array& triangles) {
  FaceCorners corners;
  for (int64_t i = 0; i < 3; ++i) {
    corners.vertex[i] = ag::select(triangles, 1, i);
    corners.position[i] = gather(positions, corners.vertex[i]);
  }
  // What is no number is exchanged before anything is computed from it, so that neither values nor gradients meet it.
  const auto finite = [](const Vec3& p) { return p.x * 0 + p.y * 0 + p.z * 0 == 0; };
  corners.finite = finite(corners.position[0]) && finite(corners.position[1]) && finite(corners.position[2]);
  for (Vec3& p : corners.position) {
    p = {ag::where(corners.finite, p.x, 0), ag::where(corners.finite, p.y, 0), ag::where(corners.finite, p.z, 0)};
  }
  return corners;
}

namespace {

/// Twice the area long.
Vec3 area_normals(const FaceCorners& corners) {
  const Vec3& a = corners.position[0];
  return cross(corners.position[1] - a, corners.position[2] - a);
}

}  // namespace

Vec3 face_normals(const Vec3& positions, const ag::Array& triangles) {
  return normalize(area_normals(face_corners(positions, triangles)));
}

Vec3 vertex_normals(const Vec3& positions, const ag::Array& triangles) {
  const FaceCorners corners = face_corners(positions, triangles);
  const Vec3 face = area_normals(corners);
  const VertexSum around(corners.vertex, positions.x.size());
  return normalize({around.of(face.x), around.of(face.y), around.of(face.z)});
}

}  // namespace render
