#include <render/sdf/trace_lists.h>

#include <algorithm>
#include <array>

namespace render::sdf {

namespace {

/// run(T{}) for the type of a call's input: float or double.
template <class Run>
void with_type(const ag::CustomCall& call, size_t input, Run run) {
  if (call.type(input) == ag::DType::float32) {
    run(float{});
  } else {
    run(double{});
  }
}

struct PixelSpans {
  std::span<int32_t> pixel, view, row, column;

  void set(size_t i, int32_t view_index, int32_t row_index, int32_t column_index, const Frame& frame) const {
    const auto image = static_cast<int32_t>(frame.height * frame.width);
    pixel[i] = view_index * image + row_index * static_cast<int32_t>(frame.width) + column_index;
    view[i] = view_index;
    row[i] = row_index;
    column[i] = column_index;
  }
};

PixelSpans pixel_outputs(ag::CustomCall& call, size_t first, int64_t count) {
  return {call.output<int32_t>(first, {count}), call.output<int32_t>(first + 1, {count}),
          call.output<int32_t>(first + 2, {count}), call.output<int32_t>(first + 3, {count})};
}

/// Depths of cones in; ray, pixel, view, row and column of the pixels of those that are needed, and their depth, out.
class StartOp : public ag::CustomOp {
 public:
  StartOp(int64_t tile, const Frame& frame, double far_plane) : tile_(tile), frame_(frame), far_plane_(far_plane) {}
  const char* name() const override { return "trace"; }

  void run(ag::CustomCall& call) const override {
    with_type(call, 0, [&](auto type) { run_as<decltype(type)>(call); });
  }

 private:
  template <class T>
  void run_as(ag::CustomCall& call) const {
    const std::span<const T> cones = call.input<T>(0);
    int64_t count = 0;
    for_each_pixel(cones, [&](int64_t, int64_t, int64_t, T) { ++count; });
    const std::span<int32_t> ray = call.output<int32_t>(0, {count});
    const PixelSpans pixels = pixel_outputs(call, 1, count);
    const std::span<T> depth = call.output<T>(5, {count});
    size_t next = 0;
    for_each_pixel(cones, [&](int64_t view, int64_t row, int64_t column, T cone) {
      ray[next] = static_cast<int32_t>(next);
      pixels.set(next, static_cast<int32_t>(view), static_cast<int32_t>(row), static_cast<int32_t>(column), frame_);
      depth[next++] = cone;
    });
  }

  /// use(view, row, column, depth of the cone)
  template <class T, class Use>
  void for_each_pixel(std::span<const T> cones, Use use) const {
    size_t next = 0;
    for (int64_t view = 0; view < frame_.views; ++view) {
      for (int64_t top = 0; top < frame_.height; top += tile_) {
        for (int64_t left = 0; left < frame_.width; left += tile_) {
          const T cone = cones[next++];
          if (!(cone < static_cast<T>(far_plane_))) continue;
          for (int64_t row = top; row < std::min(top + tile_, frame_.height); ++row) {
            for (int64_t column = left; column < std::min(left + tile_, frame_.width); ++column) {
              use(view, row, column, cone);
            }
          }
        }
      }
    }
  }

  int64_t tile_;
  Frame frame_;
  double far_plane_;
};

}  // namespace

/// Ray, view, row and column, which rays go on, and the seven tensors of their state in; all but the fifth again for
/// the rays that go on out.
class UpdateOp : public ag::CustomOp {
 public:
  explicit UpdateOp(RayLists& lists) : lists_(lists) {}
  const char* name() const override { return "trace"; }

  void run(ag::CustomCall& call) const override {
    with_type(call, 5, [&](auto type) { run_as<decltype(type)>(call); });
  }

 private:
  template <class T>
  void run_as(ag::CustomCall& call) const {
    const std::span<const int32_t> ray = call.input<int32_t>(0), view = call.input<int32_t>(1),
                                   row = call.input<int32_t>(2), column = call.input<int32_t>(3);
    const std::span<const bool> goes_on = call.input<bool>(4);
    std::array<std::span<const T>, 7> state;
    for (size_t k = 0; k < state.size(); ++k) state[k] = call.input<T>(5 + k);
    const int64_t count = std::count(goes_on.begin(), goes_on.end(), true);
    const std::span<int32_t> ray_out = call.output<int32_t>(0, {count});
    const PixelSpans pixels = pixel_outputs(call, 1, count);
    std::array<std::span<T>, 7> state_out;
    for (size_t k = 0; k < state.size(); ++k) state_out[k] = call.output<T>(5 + k, {count});
    size_t next = 0;
    for (size_t i = 0; i < ray.size(); ++i) {
      if (goes_on[i]) {
        ray_out[next] = ray[i];
        pixels.set(next, view[i], row[i], column[i], lists_.frame_);
        for (size_t k = 0; k < state.size(); ++k) state_out[k][next] = state[k][i];
        ++next;
      } else {
        lists_.found_[static_cast<size_t>(ray[i])] = {state[2][i], state[3][i], state[4][i], state[5][i], state[6][i]};
      }
    }
  }

  RayLists& lists_;
};

/// View, row and column of all rays, and a tensor of the outputs' type in; the members of FoundLists out.
class FoundOp : public ag::CustomOp {
 public:
  explicit FoundOp(const RayLists& lists) : lists_(lists) {}
  const char* name() const override { return "trace"; }

  void run(ag::CustomCall& call) const override {
    with_type(call, 3, [&](auto type) { run_as<decltype(type)>(call); });
  }

 private:
  template <class T>
  void run_as(ag::CustomCall& call) const {
    const std::span<const int32_t> view = call.input<int32_t>(0), row = call.input<int32_t>(1),
                                   column = call.input<int32_t>(2);
    const double reach = silhouette_reach(lists_.options_.softness);
    const auto present = [&](const RayLists::Found& found) { return found.hit_behind > 0 || found.best < reach; };
    const auto in_silhouette = [&](const RayLists::Found& found) { return found.best > -reach && found.best < reach; };
    int64_t count = 0, silhouettes = 0;
    for (const RayLists::Found& found : lists_.found_) {
      count += present(found);
      silhouettes += in_silhouette(found);
    }
    const PixelSpans pixels = pixel_outputs(call, 0, count);
    const std::span<bool> hit = call.output<bool>(4, {count});
    const std::span<int32_t> silhouette = call.output<int32_t>(5, {silhouettes});
    std::array<std::span<T>, 4> depths;
    for (size_t k = 0; k < depths.size(); ++k) depths[k] = call.output<T>(6 + k, {count});
    size_t next = 0, next_silhouette = 0;
    for (size_t i = 0; i < lists_.found_.size(); ++i) {
      const RayLists::Found& found = lists_.found_[i];
      if (!present(found)) continue;
      pixels.set(next, view[i], row[i], column[i], lists_.frame_);
      hit[next] = found.hit_behind > 0;
      if (in_silhouette(found)) silhouette[next_silhouette++] = static_cast<int32_t>(next);
      depths[0][next] = static_cast<T>(hit[next] ? found.hit_before : found.best_before);
      depths[1][next] = static_cast<T>(hit[next] ? found.hit_behind : found.best_before);
      depths[2][next] = static_cast<T>(found.best_before);
      depths[3][next] = static_cast<T>(found.best_behind);
      ++next;
    }
  }

  const RayLists& lists_;
};

RayLists::RayLists(const Tensor& cone_depth, int64_t tile, const Frame& frame, const TraceOptions& options)
    : frame_(frame), options_(options) {
  const std::vector<Tensor> lists = ag::eager(StartOp(tile, frame, options.far_plane), 6, {cone_depth});
  first_ = {lists[1], lists[2], lists[3], lists[4], frame};
  const Tensor depth = lists[5], none = depth * 0;
  marching_ = {lists[0], first_, {depth, depth, none + 1e30, depth, depth, none, none}};
  found_.resize(static_cast<size_t>(depth.size()));
}

Tensor RayLists::goes_on(const MarchState& state) const {
  return state.best > -silhouette_reach(options_.softness) && state.depth < options_.far_plane;
}

void RayLists::update(const MarchState& state) {
  marching_.state = state;
  const Tensor going = goes_on(state);
  const Tensor count = ag::sum(ag::cast(going, ag::DType::int32));
  ag::evaluate({state.depth, state.previous, state.best, state.best_before, state.best_behind, state.hit_before,
                state.hit_behind, going, count});
  // Every length of the lists costs a plan. So they get shorter by halves, and ended rays stand still until then.
  if (2 * count.item() > static_cast<double>(marching_.ray.size())) return;
  take(going);
}

void RayLists::take(const Tensor& going) {
  const MarchState& state = marching_.state;
  const std::vector<Tensor> lists = ag::eager(
      UpdateOp(*this), 12,
      {marching_.ray, marching_.pixels.view, marching_.pixels.row, marching_.pixels.column, going, state.depth,
       state.previous, state.best, state.best_before, state.best_behind, state.hit_before, state.hit_behind});
  marching_ = {lists[0],
               {lists[1], lists[2], lists[3], lists[4], frame_},
               {lists[5], lists[6], lists[7], lists[8], lists[9], lists[10], lists[11]}};
}

FoundLists RayLists::found() {
  take(marching_.ray < 0);
  const std::vector<Tensor> lists =
      ag::eager(FoundOp(*this), 10, {first_.view, first_.row, first_.column, marching_.state.depth});
  return {{lists[0], lists[1], lists[2], lists[3], frame_}, lists[4], lists[5], lists[6], lists[7], lists[8], lists[9]};
}

}  // namespace render::sdf
