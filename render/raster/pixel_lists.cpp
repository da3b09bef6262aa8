#include <render/raster/list_ops.h>
#include <render/raster/visibility.h>

#include <algorithm>
#include <string>
#include <vector>

// Lists of what is visible: pure bookkeeping on int32.

namespace render {

namespace {

/// Ids in; pixel, triangle, view, row and column of the covered ones out.
class VisiblePixelsOp : public ag::CustomOp {
 public:
  const char* name() const override { return "visible_pixels"; }

  void run(ag::CustomCall& call) const override {
    const std::span<const int32_t> ids = call.input<int32_t>(0);
    const ag::Shape shape = call.shape(0);
    const auto height = shape[1], width = shape[2], rows = shape[0] * height;
    const double cost = static_cast<double>(ids.size()) * 0.3;
    // The list's first pixel of each row, first as the rows' counts.
    thread_local std::vector<int64_t> starts;
    starts.assign(static_cast<size_t>(rows) + 1, 0);
    int64_t* const start = starts.data();
    const auto row_of = [&](int64_t row) {
      return ids.subspan(static_cast<size_t>(row * width), static_cast<size_t>(width));
    };
    ag::parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) start[row + 1] = kernels::count_visible(row_of(row));
    });
    for (int64_t row = 0; row < rows; ++row) start[row + 1] += start[row];
    int32_t* out[5];
    for (size_t i = 0; i < 5; ++i) out[i] = call.output<int32_t>(i, {start[rows]}).data();
    const kernels::PixelLists lists{out[0], out[1], out[2], out[3], out[4]};
    ag::parallel_for(rows, cost + 3 * static_cast<double>(start[rows]), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const kernels::PixelRow numbers{static_cast<int32_t>(row * width), static_cast<int32_t>(row / height),
                                        static_cast<int32_t>(row % height)};
        kernels::list_visible(row_of(row), numbers, lists, static_cast<size_t>(start[row]));
      }
    });
  }
};

/// Triangles, and triangle and view of each visible pixel in; the vertices of the pixels' triangles out, and, where
/// clip positions have a row of `vertices` a view, their places there.
class CornersOp : public ag::CustomOp {
 public:
  explicit CornersOp(int64_t vertices) : vertices_(vertices) {}
  const char* name() const override { return "corners"; }

  void run(ag::CustomCall& call) const override {
    const std::span<const int32_t> triangles = call.input<int32_t>(0), seen = call.input<int32_t>(1),
                                   views = call.input<int32_t>(2);
    const auto count = static_cast<int64_t>(seen.size());
    const kernels::Range range = kernels::range_of(seen);
    if (!is_within(range, static_cast<int64_t>(triangles.size() / 3))) {
      throw ag::IndexError("corners: triangles " + std::to_string(range.lowest) + " to " +
                           std::to_string(range.highest) + " of " + std::to_string(triangles.size() / 3));
    }
    std::span<int32_t> vertex[3], row[3];
    for (size_t k = 0; k < 3; ++k) vertex[k] = call.output<int32_t>(k, {count});
    for (size_t k = 0; k < 3 && vertices_ > 0; ++k) row[k] = call.output<int32_t>(3 + k, {count});
    ag::parallel_for(count, static_cast<double>(count) * 2, [&](int64_t begin, int64_t end) {
      constexpr int64_t stretch = 2048;  // pixels whose corners are still in the innermost cache
      for (; begin < end; begin += stretch) {
        const auto first = static_cast<size_t>(begin), here = static_cast<size_t>(std::min(end - begin, stretch));
        kernels::look_up_corners(triangles, seen.subspan(first, here),
                                 {&vertex[0][first], &vertex[1][first], &vertex[2][first]});
        for (size_t k = 0; k < 3 && vertices_ > 0; ++k)
          kernels::multiply_add(views.subspan(first, here), static_cast<int32_t>(vertices_),
                                vertex[k].subspan(first, here), &row[k][first]);
      }
    });
  }

 private:
  int64_t vertices_;
};

}  // namespace

VisiblePixels visible_pixels(const Tensor& ids) {
  const ag::Shape shape = ids.shape();
  if (shape.rank() != 3)
    throw ag::ShapeError("visible_pixels: ids " + shape.to_string() + "; expected [views, height, width]");
  const std::vector<Tensor> lists = ag::eager(VisiblePixelsOp(), 5, {ids});
  return {lists[0], lists[1], lists[2], lists[3], lists[4], {shape[0], shape[1], shape[2]}};
}

Corners corners(const ag::Array& triangles, const VisiblePixels& pixels, int64_t vertices) {
  const ag::Shape shape = triangles.shape();
  if (shape.rank() != 2 || shape[1] != 3)
    throw ag::ShapeError("corners: triangles " + shape.to_string() + "; expected [faces, 3]");
  const bool in_views = vertices > 0 && pixels.frame.views > 1;
  const std::vector<Tensor> lists =
      ag::eager(CornersOp(in_views ? vertices : 0), in_views ? 6 : 3, {triangles, pixels.triangle, pixels.view});
  Corners result{{lists[0], lists[1], lists[2]}};
  if (in_views) result.in_views = {vertices, {lists[3], lists[4], lists[5]}};
  return result;
}

}  // namespace render
