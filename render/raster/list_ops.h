#pragma once

#include <autograd/autograd.h>
#include <render/raster/kernels.h>
#include <render/raster/visibility.h>

#include <optional>
#include <vector>

// What the eager operations around the integer kernels share.

namespace render {

inline kernels::Viewport viewport(const Frame& frame) {
  return {static_cast<int>(frame.width), static_cast<int>(frame.height)};
}

/// The first four inputs of a call, clip components [views, vertices] or [1, vertices], as float32.
class ClipInputs {
 public:
  explicit ClipInputs(const ag::CustomCall& call);
  int64_t vertices() const { return vertices_; }
  /// The row of a view: 0 where all views share one.
  int64_t row(int64_t view) const { return rows_ == 1 ? 0 : view; }
  kernels::ClipVertices view(int64_t view) const;

 private:
  int64_t rows_, vertices_;
  std::vector<float> converted_;
  std::span<const float> components_[4];
};

/// ShapeError unless the four components are [frame.views, vertices] or [1, vertices].
void check_clip(const char* operation, const Vec4& clip, const Frame& frame);

/// ShapeError unless the frame has 1 to 32,768 pixels a side.
void check_frame(const char* operation, const Frame& frame);

/// Whether all are from 0 to count - 1, as no integers at all are.
inline bool is_within(const kernels::Range& range, int64_t count) {
  return range.lowest > range.highest || (range.lowest >= 0 && range.highest < count);
}

/// IndexError where a triangle names a vertex that does not exist; ShapeError where entries are not triples.
void check_triangles(const char* operation, std::span<const int32_t> triangles, int64_t vertices);

/// The triangles of each view.
class TriangleRanges {
 public:
  /// throws ShapeError, IndexError: ranges that are not [views, 2], or reach beyond the list
  TriangleRanges(const char* operation, const std::optional<ag::Array>& ranges, const Frame& frame, int64_t faces);
  bool given() const { return ranges_.has_value(); }
  int64_t first(int64_t view) const { return ranges_ ? part(view)[0] : 0; }
  int64_t count(int64_t view) const { return ranges_ ? part(view)[1] : faces_; }
  int64_t total() const;

 private:
  std::span<const int32_t> part(int64_t view) const {
    return ranges_->values<int32_t>().subspan(static_cast<size_t>(2 * view), 2);
  }
  std::optional<ag::Array> ranges_;
  int64_t views_, faces_;
};

/// A view's part of the clip positions and triangles. Where ranges are given it has only the vertices between the
/// smallest and the largest that its triangles name, numbered from 0, so that many meshes in one list cost no more than
/// each by itself.
struct ViewScene {
  /// `renumbered` is the memory of such triangles.
  ViewScene(const ClipInputs& all, std::span<const int32_t> list, const TriangleRanges& ranges, int64_t view,
            std::vector<int32_t>& renumbered);
  kernels::ClipVertices clip;
  std::span<const int32_t> triangles;
  int32_t first_triangle = 0, first_vertex = 0;
};

}  // namespace render
