#include <render/raster/list_ops.h>
#include <render/raster/visibility.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

// Lists of what is visible: pure bookkeeping on int32.

namespace render {

namespace {

constexpr size_t stretch = 16;

/// For the covered pixels of a row, in order: one(column), or all(column) for a stretch of them from there on.
template <class One, class All>
void for_covered(std::span<const int32_t> ids, One&& one, All&& all_of) {
  size_t column = 0;
  for (; column + stretch <= ids.size(); column += stretch) {
    int32_t all = -1, any = 0;  // empty: -1
    for (size_t i = 0; i < stretch; ++i) all &= ids[column + i] >> 31, any |= ids[column + i] >> 31;
    if (all != 0) continue;
    if (any == 0) {
      all_of(column);
      continue;
    }
    for (size_t i = column; i < column + stretch; ++i) {
      if (ids[i] >= 0) one(i);
    }
  }
  for (; column < ids.size(); ++column) {
    if (ids[column] >= 0) one(column);
  }
}

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
      for (int64_t row = begin; row < end; ++row) {
        int32_t count = 0;
        for (const int32_t id : row_of(row)) count += id >= 0;
        start[row + 1] = count;
      }
    });
    for (int64_t row = 0; row < rows; ++row) start[row + 1] += start[row];
    std::span<int32_t> out[5];
    for (size_t i = 0; i < 5; ++i) out[i] = call.output<int32_t>(i, {start[rows]});
    ag::parallel_for(rows, cost + 3 * static_cast<double>(start[rows]), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const auto first = static_cast<int32_t>(row * width);
        const auto view = static_cast<int32_t>(row / height), row_in_view = static_cast<int32_t>(row % height);
        const std::span<const int32_t> seen = row_of(row);
        auto next = static_cast<size_t>(start[row]);
        const auto add = [&](size_t column, size_t count) {
          for (size_t i = 0; i < count; ++i) out[0][next + i] = first + static_cast<int32_t>(column + i);
          for (size_t i = 0; i < count; ++i) out[1][next + i] = seen[column + i];
          for (size_t i = 0; i < count; ++i) out[2][next + i] = view;
          for (size_t i = 0; i < count; ++i) out[3][next + i] = row_in_view;
          for (size_t i = 0; i < count; ++i) out[4][next + i] = static_cast<int32_t>(column + i);
          next += count;
        };
        for_covered(
            seen, [&](size_t column) { add(column, 1); }, [&](size_t column) { add(column, stretch); });
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
    const IntRange range = range_of(seen);
    if (!range.within(static_cast<int64_t>(triangles.size() / 3))) {
      throw ag::IndexError("corners: triangles " + std::to_string(range.lowest) + " to " +
                           std::to_string(range.highest) + " of " + std::to_string(triangles.size() / 3));
    }
    std::span<int32_t> vertex[3], row[3];
    for (size_t k = 0; k < 3; ++k) vertex[k] = call.output<int32_t>(k, {count});
    for (size_t k = 0; k < 3 && vertices_ > 0; ++k) row[k] = call.output<int32_t>(3 + k, {count});
    ag::parallel_for(count, static_cast<double>(count) * 2, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        const int32_t* corners = &triangles[3 * static_cast<size_t>(seen[i])];
        for (size_t k = 0; k < 3; ++k) vertex[k][i] = corners[k];
      }
      if (vertices_ == 0) return;
      const auto length = static_cast<int32_t>(vertices_);
      for (size_t k = 0; k < 3; ++k) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
          row[k][i] = views[i] * length + vertex[k][i];
      }
    });
  }

 private:
  int64_t vertices_;
};

}  // namespace

IntRange range_of(std::span<const int32_t> values) {
  int32_t lowest = INT32_MAX, highest = INT32_MIN;
  for (const int32_t value : values) {
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
  return {lowest, highest};
}

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
