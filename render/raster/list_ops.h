#pragma once

#include <autograd/autograd.h>
#include <render/raster/kernels.h>
#include <render/raster/visibility.h>

#include <vector>

// What the eager operations around the integer kernels share.

namespace render {

inline kernels::Viewport viewport(const Frame& frame) {
  return {static_cast<int>(frame.width), static_cast<int>(frame.height)};
}

/// The first four inputs of a call, clip components [views, vertices], as float32.
class ClipInputs {
 public:
  explicit ClipInputs(const ag::CustomCall& call);
  int64_t vertices() const { return vertices_; }
  kernels::ClipVertices view(int64_t view) const;

 private:
  int64_t vertices_;
  std::vector<float> converted_;
  std::span<const float> components_[4];
};

/// ShapeError unless the four components are [frame.views, vertices].
void check_clip(const char* operation, const Vec4& clip, const Frame& frame);

/// IndexError where a triangle names a vertex that does not exist; ShapeError where entries are not triples.
void check_triangles(const char* operation, std::span<const int32_t> triangles, int64_t vertices);

}  // namespace render
