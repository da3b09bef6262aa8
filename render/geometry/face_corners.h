#pragma once

#include <render/math/vec.h>

namespace render {

/// The corners of each face, [faces]. Where a position is not finite, all of the face's are 0: it has no area.
/// Private to the library.
struct FaceCorners {
  Tensor vertex[3];
  Vec3 position[3];
  Tensor finite;
};
FaceCorners face_corners(const Vec3& positions, const ag::Array& triangles);

/// Sums of faces' values over the faces around each vertex.
class VertexSum {
 public:
  VertexSum(const Tensor (&corner)[3], int64_t vertices)
      : every_corner_(ag::concatenate({corner[0], corner[1], corner[2]}, 0)), vertices_(vertices) {}
  /// value [faces]; returns [vertices]
  Tensor of(const Tensor& value) const {
    return ag::scatter_add(ag::concatenate({value, value, value}, 0), every_corner_, vertices_);
  }

 private:
  Tensor every_corner_;
  int64_t vertices_;
};

}  // namespace render
