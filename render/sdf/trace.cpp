#include <render/sdf/trace.h>
#include <render/sdf/trace_lists.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace render::sdf {

namespace {

constexpr int64_t tile = 8;
constexpr int steps_per_list = 8, root_steps = 6, golden_steps = 6;

void check(const TraceOptions& options) {
  const auto fail = [](const char* name, double value, const char* expected) {
    throw ag::ValueError("trace: " + std::string(name) + " " + std::to_string(value) + "; expected " + expected);
  };
  if (!(options.near_plane > 0)) fail("near_plane", options.near_plane, "a number above 0");
  if (!(options.far_plane > options.near_plane)) fail("far_plane", options.far_plane, "a number above near_plane");
  if (options.steps < 1) fail("steps", options.steps, "at least 1");
  if (!(options.softness > 0)) fail("softness", options.softness, "a number above 0");
}

/// Depths along a ray.
struct Interval {
  Tensor before, behind;
};

/// How large a pixel is at depth 1.
Tensor pixel_size(const Rays& rays) { return ag::maximum(length(rays.right), length(rays.down)); }

/// Depth at which the cone of each tile [views * rows * columns] first comes near the surface; beyond the far plane
/// where it never does. At depth z a cone holds all points within r z of its axis. It is clear while f > r z, and
/// stays so for s further, as f falls by at most s |d|: f - s |d| > r (z + s).
Tensor march_cones(const Field& field, const Tensor& matrices, const Frame& frame, const TraceOptions& options) {
  const ag::DType type = matrices.dtype();
  const int64_t rows = (frame.height + tile - 1) / tile, columns = (frame.width + tile - 1) / tile;
  const Tensor index = ag::tensor(ag::arange(frame.views * rows * columns));
  const auto centre = [&](const Tensor& i) { return ag::cast(i * tile, type) + 0.5 * tile; };
  const Rays rays =
      rays_through(matrices, index / (rows * columns), centre(index % columns), centre(index / columns % rows));
  const Tensor half_diagonal = ag::sqrt(dot(rays.right, rays.right) + dot(rays.down, rays.down)) * (0.5 * tile);
  const Tensor radius = half_diagonal + silhouette_reach(options.softness) * pixel_size(rays);
  const Tensor slowest = 1 / (length(rays.direction) + radius);

  Tensor depth = ag::broadcast_to(ag::Located(options.near_plane).as(type), index.shape());
  for (int step = 0; step < options.steps; step += steps_per_list) {
    Tensor clear;
    for (int i = 0; i < steps_per_list; ++i) {
      const Tensor room = field(rays.at(depth)) - radius * depth;
      clear = room > 0.25 * (radius * depth) && depth < options.far_plane;
      depth = ag::where(clear, depth + room * slowest, depth);
    }
    const Tensor any = ag::max(ag::cast(clear, ag::DType::int32));
    ag::evaluate({depth, any});
    if (any.item() == 0) break;
  }
  return depth;
}

/// The shortest step, in pixels: long grazing rays hurry.
double shortest_step(int steps_done) { return std::exp2(std::max(0, steps_done - 24) / 8.0); }

/// A few steps of each ray. `best` is in pixels, so that near and far shapes compare.
MarchState advance(const Field& field, const Rays& rays, const RayLists& lists, double shortest) {
  MarchState state = lists.marching().state;
  const Tensor size = pixel_size(rays), slowness = 1 / length(rays.direction);
  for (int i = 0; i < steps_per_list; ++i) {
    const Tensor value = field(rays.at(state.depth));
    const Tensor pixel = size * state.depth;
    const Tensor next = state.depth + ag::maximum(ag::abs(value), shortest * pixel) * slowness;

    const Tensor enters = value <= 0 && state.hit_behind == 0;
    state.hit_before = ag::where(enters, state.previous, state.hit_before);
    state.hit_behind = ag::where(enters, state.depth, state.hit_behind);

    const Tensor in_pixels = value / pixel;
    const Tensor better = in_pixels < state.best;
    state.best = ag::where(better, in_pixels, state.best);
    state.best_before = ag::where(better, state.previous, state.best_before);
    state.best_behind = ag::where(better, next, state.best_behind);

    const Tensor goes_on = lists.goes_on(state);
    state.previous = ag::where(goes_on, state.depth, state.previous);
    state.depth = ag::where(goes_on, next, state.depth);
  }
  return state;
}

/// Where the field changes its sign, between two depths: regula falsi with the Illinois rule (Dowell & Jarratt 1971),
/// which halves an end's value when that end was kept twice.
Tensor crossing(const Field& field, const Rays& rays, Interval interval) {
  Tensor outside = field(rays.at(interval.before)), inside = field(rays.at(interval.behind));
  Tensor middle, went_inside;
  for (int i = 0; i < root_steps; ++i) {
    const Tensor fall = outside - inside;
    const Tensor part = ag::clamp(outside / ag::where(fall == 0, 1, fall), 0, 1);
    middle = interval.before + (interval.behind - interval.before) * part;
    const Tensor value = field(rays.at(middle));
    const Tensor is_inside = value <= 0;
    const auto halved_if_kept_twice = [&](const Tensor& end, const Tensor& kept) {
      return i == 0 ? end : ag::where(kept && went_inside == is_inside, end / 2, end);
    };
    outside = ag::where(is_inside, halved_if_kept_twice(outside, is_inside), value);
    inside = ag::where(is_inside, value, halved_if_kept_twice(inside, !is_inside));
    interval.before = ag::where(is_inside, interval.before, middle);
    interval.behind = ag::where(is_inside, middle, interval.behind);
    went_inside = is_inside;
  }
  return middle;
}

/// Around the smallest f / depth between two depths: golden-section search (Kiefer 1953), which needs no derivative,
/// as the minimum may be at a crease.
Interval closest_approach(const Field& field, const Rays& rays, Interval interval) {
  constexpr double golden = 0.61803398874989484820;
  const auto measure = [&](const Tensor& depth) { return field(rays.at(depth)) / depth; };
  const auto inner = [&](double part) { return interval.before + (interval.behind - interval.before) * part; };
  Tensor left = inner(1 - golden), right = inner(golden);
  Tensor value_left = measure(left), value_right = measure(right);
  for (int i = 0; i < golden_steps; ++i) {
    const Tensor go_left = value_left < value_right;
    interval.before = ag::where(go_left, interval.before, left);
    interval.behind = ag::where(go_left, right, interval.behind);
    if (i + 1 == golden_steps) break;
    const Tensor fresh = ag::where(go_left, inner(1 - golden), inner(golden));
    const Tensor value = measure(fresh);
    const Tensor kept = ag::where(go_left, left, right), kept_value = ag::where(go_left, value_left, value_right);
    left = ag::where(go_left, fresh, kept);
    value_left = ag::where(go_left, value, kept_value);
    right = ag::where(go_left, kept, fresh);
    value_right = ag::where(go_left, kept_value, value);
  }
  return interval;
}

}  // namespace

Trace trace(const Field& field, ag::Located matrices, const Frame& frame, const TraceOptions& options) {
  check(options);
  const Tensor m = ag::stop_gradient(matrices.as(ag::DType::float64));
  if (m.rank() != 3 || m.shape()[0] != frame.views) {
    throw ag::ShapeError("trace: matrices " + m.shape().to_string() + "; expected [" + std::to_string(frame.views) +
                         ", 3, 4]");
  }
  RayLists rays(march_cones(field, m, frame, options), tile, frame, options);
  for (int step = 0; step < options.steps && rays.marching().ray.size() > 0; step += steps_per_list) {
    rays.update(advance(field, pixel_rays(m, rays.marching().pixels), rays, shortest_step(step)));
  }
  const FoundLists found = rays.found();

  const Tensor root = crossing(field, pixel_rays(m, found.pixels), {found.hit_before, found.hit_behind});
  const Tensor near_miss = (found.best_before + found.best_behind) / 2;
  const Interval closest = closest_approach(
      field, pixel_rays(m, rows_of(found.pixels, found.silhouette)),
      {ag::gather(found.best_before, found.silhouette), ag::gather(found.best_behind, found.silhouette)});
  const Trace result{.pixels = found.pixels,
                     .hit = found.hit,
                     .depth = ag::stop_gradient(ag::where(found.hit, root, near_miss)),
                     .silhouette = found.silhouette,
                     .before = ag::stop_gradient(closest.before),
                     .behind = ag::stop_gradient(closest.behind),
                     .softness = options.softness};
  ag::evaluate({result.depth, result.before, result.behind});
  return result;
}

}  // namespace render::sdf
