#include <render/raster/kernels.h>
#include <render/raster/list_ops.h>
#include <render/raster/pixel_frame.h>
#include <render/raster/visibility.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

namespace render {

namespace {

/// Clip components and triangles in; ids out.
class VisibilityOp : public ag::CustomOp {
 public:
  VisibilityOp(const Frame& frame, const VisibilityOptions& options) : frame_(frame), options_(options) {}
  const char* name() const override { return "visibility"; }

  void run(ag::CustomCall& call) const override {
    const ClipInputs clip(call);
    const std::span<const int32_t> triangles = call.input<int32_t>(4);
    check_triangles("visibility", triangles, clip.vertices());
    const TriangleRanges ranges("visibility", options_.ranges, frame_, static_cast<int64_t>(triangles.size() / 3));
    const std::span<int32_t> ids = call.output<int32_t>(0, {frame_.views, frame_.height, frame_.width});

    thread_local std::deque<ViewMemory> memory;  // of the thread that called, for its next step too
    while (memory.size() < static_cast<size_t>(frame_.views)) memory.emplace_back();
    auto* const of_views = &memory;  // the loops' threads have memory of their own
    const double vertices = static_cast<double>(frame_.views) * static_cast<double>(clip.vertices());
    const double faces = static_cast<double>(ranges.total());
    ag::parallel_for(frame_.views, 10 * faces + 2 * vertices, [&](int64_t begin, int64_t end) {
      for (int64_t view = begin; view < end; ++view) {
        auto& [sorted, renumbered] = (*of_views)[static_cast<size_t>(view)];
        const ViewScene scene(clip, triangles, ranges, view, renumbered);
        kernels::sort_into_bins({scene.clip, scene.triangles, viewport(frame_), options_.cull, scene.first_triangle},
                                sorted);
      }
    });
    const auto bins = static_cast<int64_t>(kernels::bin_count(viewport(frame_)));
    const auto pixels = static_cast<size_t>(frame_.height * frame_.width);
    ag::parallel_for(frame_.views * bins, 20 * faces + static_cast<double>(ids.size()),
                     [&](int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) {
                         const auto view = static_cast<size_t>(i / bins);
                         kernels::draw_bin((*of_views)[view].sorted, static_cast<size_t>(i % bins),
                                           ids.subspan(view * pixels, pixels));
                       }
                     });
  }

 private:
  /// What lies between the two loops.
  struct ViewMemory {
    kernels::Workspace sorted;
    std::vector<int32_t> renumbered;
  };
  Frame frame_;
  const VisibilityOptions& options_;
};

/// Ids in; pixel, triangle, view, row and column of the covered ones out.
class VisiblePixelsOp : public ag::CustomOp {
 public:
  const char* name() const override { return "visible_pixels"; }

  void run(ag::CustomCall& call) const override {
    const std::span<const int32_t> ids = call.input<int32_t>(0);
    const ag::Shape shape = call.shape(0);
    const auto width = static_cast<int32_t>(shape[2]), area = static_cast<int32_t>(shape[1] * shape[2]);
    const int64_t count = std::count_if(ids.begin(), ids.end(), [](int32_t id) { return id >= 0; });
    std::span<int32_t> out[5];
    for (size_t i = 0; i < 5; ++i) out[i] = call.output<int32_t>(i, {count});
    size_t next = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0) continue;
      const auto pixel = static_cast<int32_t>(i);
      out[0][next] = pixel;
      out[1][next] = ids[i];
      out[2][next] = pixel / area;
      out[3][next] = pixel % area / width;
      out[4][next] = pixel % width;
      ++next;
    }
  }
};

/// Coordinates of pixel centres in [-1, 1]; y up.
Tensor centre_x(const Tensor& column, int64_t width, ag::DType type) {
  return (ag::cast(column, type) + 0.5) * (2.0 / static_cast<double>(width)) - 1;
}
Tensor centre_y(const Tensor& row, int64_t height, ag::DType type) {
  return 1 - (ag::cast(row, type) + 0.5) * (2.0 / static_cast<double>(height));
}

}  // namespace

Tensor visibility(const Vec4& clip, const ag::Array& triangles, const Frame& frame, const VisibilityOptions& options) {
  check_frame("visibility", frame);
  check_clip("visibility", clip, frame);
  return ag::eager(VisibilityOp(frame, options), 1, {clip.x, clip.y, clip.z, clip.w, triangles})[0];
}

VisiblePixels visible_pixels(const Tensor& ids) {
  const ag::Shape shape = ids.shape();
  if (shape.rank() != 3)
    throw ag::ShapeError("visible_pixels: ids " + shape.to_string() + "; expected [views, height, width]");
  const std::vector<Tensor> lists = ag::eager(VisiblePixelsOp(), 5, {ids});
  return {lists[0], lists[1], lists[2], lists[3], lists[4], {shape[0], shape[1], shape[2]}};
}

Corners corners(const ag::Array& triangles, const VisiblePixels& pixels) {
  const Tensor rows = ag::gather(triangles, pixels.triangle);  // [n, 3]
  return {{ag::select(rows, 1, 0), ag::select(rows, 1, 1), ag::select(rows, 1, 2)}};
}

PixelFrame pixel_frame(const char* operation, const Vec4& clip, const Corners& corners, const VisiblePixels& pixels) {
  check_clip(operation, clip, pixels.frame);
  const auto vertices = clip.x.shape()[1];
  const ag::DType type = clip.x.dtype();
  const Tensor x = ag::flatten(clip.x), y = ag::flatten(clip.y), w = ag::flatten(clip.w);
  const Tensor centre_column = centre_x(pixels.column, pixels.frame.width, type);
  const Tensor centre_row = centre_y(pixels.row, pixels.frame.height, type);
  PixelFrame frame;
  for (int i = 0; i < 3; ++i) {
    const Tensor at = pixels.view * vertices + corners.vertex[i];
    frame.w[i] = ag::gather(w, at);
    frame.p[i] = {ag::gather(x, at) - centre_column * frame.w[i], ag::gather(y, at) - centre_row * frame.w[i]};
  }
  return frame;
}

PixelAreas pixel_areas(const PixelFrame& frame) {
  const auto cross2 = [](const Vec2& a, const Vec2& b) { return a.x * b.y - a.y * b.x; };
  PixelAreas areas{
      {cross2(frame.p[1], frame.p[2]), cross2(frame.p[2], frame.p[0]), cross2(frame.p[0], frame.p[1])}, {}, {}};
  const Tensor sum = areas.area[0] + areas.area[1] + areas.area[2];
  const auto sane = [&](const Tensor& area) {
    const Tensor weight = ag::stop_gradient(area / sum);
    return weight >= -0.5 && weight <= 1.5;  // false for NaN
  };
  areas.usable = sane(areas.area[0]) && sane(areas.area[1]) && sane(areas.area[2]);
  areas.inverse_sum = 1 / ag::where(areas.usable, sum, 1);
  return areas;
}

Vec3 weights(const PixelAreas& areas) {
  const auto weight = [&](int i) { return ag::where(areas.usable, areas.area[i] * areas.inverse_sum, 1.0 / 3); };
  return {weight(0), weight(1), weight(2)};
}

Vec3 barycentrics(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels) {
  return weights(pixel_areas(pixel_frame("barycentrics", clip, corners, pixels)));
}

Tensor interpolate(const Tensor& attribute, const Corners& corners, const Vec3& weights) {
  return ag::gather(attribute, corners.vertex[0]) * weights.x + ag::gather(attribute, corners.vertex[1]) * weights.y +
         ag::gather(attribute, corners.vertex[2]) * weights.z;
}

Vec3 interpolate(const Vec3& attribute, const Corners& corners, const Vec3& weights) {
  return {interpolate(attribute.x, corners, weights), interpolate(attribute.y, corners, weights),
          interpolate(attribute.z, corners, weights)};
}

Tensor depth(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels, const Vec3& weights) {
  const Tensor first = pixels.view * clip.w.shape()[1];
  const Corners rows{{first + corners.vertex[0], first + corners.vertex[1], first + corners.vertex[2]}};
  return interpolate(ag::flatten(clip.w), rows, weights);
}

Tensor to_image(const Tensor& values, const VisiblePixels& pixels) {
  const Frame& frame = pixels.frame;
  const Tensor flat = ag::scatter_add(values, pixels.pixel, frame.pixels());
  if (values.rank() == 1) return ag::reshape(flat, {frame.views, frame.height, frame.width});
  return ag::reshape(flat, {frame.views, frame.height, frame.width, values.shape()[1]});
}

}  // namespace render
