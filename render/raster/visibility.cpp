#include <render/geometry/surface.h>
#include <render/raster/kernels.h>
#include <render/raster/list_ops.h>
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
    const auto sort = [&](int64_t view) {
      auto& [sorted, renumbered] = (*of_views)[static_cast<size_t>(view)];
      const ViewScene scene(clip, triangles, ranges, view, renumbered);
      kernels::sort_into_bins({scene.clip, scene.triangles, viewport(frame_), options_.cull, scene.first_triangle},
                              sorted);
    };
    const auto bins = static_cast<int64_t>(kernels::bin_count(viewport(frame_)));
    const auto pixels = static_cast<size_t>(frame_.height * frame_.width);
    const auto draw = [&](int64_t view, int64_t bin) {
      const auto index = static_cast<size_t>(view);
      kernels::draw_bin((*of_views)[index].sorted, static_cast<size_t>(bin), ids.subspan(index * pixels, pixels));
    };
    const double vertices = static_cast<double>(frame_.views) * static_cast<double>(clip.vertices());
    const double faces = static_cast<double>(ranges.total());
    const double sort_cost = 10 * faces + 2 * vertices, draw_cost = 20 * faces + static_cast<double>(ids.size());

    // Where views alone keep all threads busy, each is drawn while what sorting left is in the cache; else its bins are
    // shared.
    if (frame_.views % ag::threads() == 0 || frame_.views >= 4 * ag::threads()) {
      ag::parallel_for(frame_.views, sort_cost + draw_cost, [&](int64_t begin, int64_t end) {
        for (int64_t view = begin; view < end; ++view) {
          sort(view);
          for (int64_t bin = 0; bin < bins; ++bin) draw(view, bin);
        }
      });
      return;
    }
    ag::parallel_for(frame_.views, sort_cost, [&](int64_t begin, int64_t end) {
      for (int64_t view = begin; view < end; ++view) sort(view);
    });
    ag::parallel_for(frame_.views * bins, draw_cost, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) draw(i / bins, i % bins);
    });
  }

 private:
  /// What lies between sorting and drawing.
  struct ViewMemory {
    kernels::Workspace sorted;
    std::vector<int32_t> renumbered;
  };
  Frame frame_;
  const VisibilityOptions& options_;
};

}  // namespace

Tensor visibility(const Vec4& clip, const ag::Array& triangles, const Frame& frame, const VisibilityOptions& options) {
  check_frame("visibility", frame);
  check_clip("visibility", clip, frame);
  require_table("visibility", "triangles", triangles, 3, ag::DType::int32);
  return ag::eager(VisibilityOp(frame, options), 1, {clip.x, clip.y, clip.z, clip.w, triangles})[0];
}

}  // namespace render
