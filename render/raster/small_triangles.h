#pragma once

#include <render/raster/screen.h>

// Small triangles, as many as there are lanes at once: their edge functions fit int32.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

/// How wide and high such a triangle may be, in pixels.
inline constexpr int32_t small_size = 64;

/// A corner of each triangle.
struct Corner {
  Ints x, y;
  Doubles nearness;
};

/// From words of ScreenVertex, by columns.
[[gnu::always_inline]] inline void make_corner(const Ints (&words)[4], Corner& out) {
  Floats nearness;
  load(nearness, &words[2]);
  out.x = words[0], out.y = words[1];
  widen(nearness, out.nearness);
}

// Edge functions e(x, y) = step_x * columns + step_y * rows + start, positive inside; start has -1 where the edge does
// not own the centres on it (top and left edges do), so that inside is e >= 0. Nearness is linear on the screen too.
// Columns and rows count from the first pixel of the triangle's box, whichever part of it is drawn and however many at
// once: the plane of nearness is rounded the same way for all.
struct SmallTriangles {
  struct Edge {
    Ints start, step_x, step_y;
  };
  Edge edges[3];
  Doubles nearness, nearness_x, nearness_y;
};

[[gnu::always_inline]] inline void make_edge(const Corner& a, const Corner& b, const Ints& x, const Ints& y,
                                             SmallTriangles::Edge& out, Doubles& value) {
  const Ints dx = b.x - a.x, dy = b.y - a.y;
  const Ints at_first = dx * (y - a.y) - dy * (x - a.x);
  const Ints owned = (dy < 0) | ((dy == 0) & (dx > 0));
  out = {at_first - 1 - owned, -dy * one_pixel, dx * one_pixel};
  widen(at_first, value);
}

/// Lanes with triangles that are not small get numbers that nobody may read.
[[gnu::always_inline]] inline void make_small(const Corner& a, const Corner& b, const Corner& c,
                                              const Ints& first_column, const Ints& first_row, SmallTriangles& out) {
  // Clockwise as seen, so that edge functions are positive inside.
  const Ints turned = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  const Ints clockwise = turned > 0;
  Longs clockwise_wide;
  widen(clockwise, clockwise_wide);
  const Corner second{clockwise ? b.x : c.x, clockwise ? b.y : c.y, clockwise_wide ? b.nearness : c.nearness};
  const Corner third{clockwise ? c.x : b.x, clockwise ? c.y : b.y, clockwise_wide ? c.nearness : b.nearness};

  const Ints x = first_column * one_pixel + half_pixel, y = first_row * one_pixel + half_pixel;
  Doubles value[3];
  make_edge(second, third, x, y, out.edges[0], value[0]);
  make_edge(third, a, x, y, out.edges[1], value[1]);
  make_edge(a, second, x, y, out.edges[2], value[2]);
  Doubles area;
  widen(clockwise ? turned : -turned, area);
  const Doubles scale = 1.0 / area;
  const Doubles rise_b = (second.nearness - a.nearness) * scale, rise_c = (third.nearness - a.nearness) * scale;
  const auto along = [&](const Ints& step_b, const Ints& step_c) {
    Doubles by_b, by_c;
    widen(step_b, by_b), widen(step_c, by_c);
    return by_b * rise_b + by_c * rise_c;
  };
  out.nearness = a.nearness + (value[1] * rise_b + value[2] * rise_c);
  out.nearness_x = along(out.edges[1].step_x, out.edges[2].step_x);
  out.nearness_y = along(out.edges[1].step_y, out.edges[2].step_y);
}

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
