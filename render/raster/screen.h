#pragma once

#include <render/raster/kernel_variants.h>
#include <render/raster/vectors.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

// A view's vertices as both kernels see them. A vertex in front of the near plane is *snapped*: projected
// and rounded to 24.8 fixed point, so that orientations and edge functions are exact int64 arithmetic. A vertex
// behind the near plane, or so far off screen that products could overflow, keeps double homogeneous screen
// coordinates (x w, y w, w), and whatever it takes part in is decided on
//
//     e_ab(p) = det[(x, y, w) of a, b, p] = a' x b',   a' = (x_a - x_p w_a, y_a - y_p w_a), p a pixel centre,
//
// which holds whatever the signs of w (Olano & Greer 1997) and needs no clipped polygons. A snapped corner
// enters there as (x w, y w, w) of its snapped position, so that all triangles around it agree where it is. An edge
// between two snapped corners has the same sign there as in integers: a' and b' are exact in double, and the two
// products that are compared differ by more than their rounding unless they are equal (coordinates have 26 bits).

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

inline constexpr int32_t one_pixel = 256;
inline constexpr int32_t half_pixel = one_pixel / 2;

// Snapped coordinates stay within 2^25 (131,072 pixels): a product of two differences is at most 2^52.
inline constexpr double guard = 1 << 25;

enum VertexFlags : int32_t { beyond_far = 1, unsnapped = 2, not_finite = 4 };

struct ScreenVertex {
  int32_t x, y;    // 1/256 pixel, y down
  float nearness;  // linear on the screen, larger is nearer; see Screen::parallel
  int32_t flags;
};
static_assert(sizeof(ScreenVertex) == 16);

struct Homogeneous {
  double x, y, w;
};

inline Homogeneous cross(const Homogeneous& a, const Homogeneous& b) {
  return {a.y * b.w - a.w * b.y, a.w * b.x - a.x * b.w, a.x * b.y - a.y * b.x};
}

// e_ab(p). Swapping a and b changes the sign and no other bit.
inline double edge_value(const Homogeneous& a, const Homogeneous& b, double x, double y) {
  return (a.x - x * a.w) * (b.y - y * b.w) - (a.y - y * a.w) * (b.x - x * b.w);
}

inline double dot(const Homogeneous& a, const Homogeneous& b) { return a.x * b.x + a.y * b.y + a.w * b.w; }

// Twice the signed area of abc; positive when a, b, c turn clockwise as seen (y points down).
inline int64_t twice_area(const ScreenVertex& a, const ScreenVertex& b, const ScreenVertex& c) {
  return int64_t{b.x - a.x} * (c.y - a.y) - int64_t{b.y - a.y} * (c.x - a.x);
}

// The nearest integer, for |value| < 2^51. Unlike std::lrint it vectorises without AVX-512.
inline double rounded(double value) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52: the sum has no fraction bits left
  return (value + shift) - shift;
}

struct Screen {
  ClipVertices clip;
  std::span<const ScreenVertex> vertices;
  double half_width = 0, half_height = 0;  // 1/256 pixel

  // Nearness is 1 / w: it is linear on the screen and, unlike z / w, keeps float's relative precision
  // however small near / far is. Where all w are equal it says nothing, and 2 - z / w takes its place.
  bool parallel = false;

  // Camera depth, or z / w of a parallel projection.
  double depth(double nearness) const { return parallel ? 2 - nearness : 1 / nearness; }

  Homogeneous homogeneous(int32_t vertex) const {
    const auto i = static_cast<std::size_t>(vertex);
    const ScreenVertex& v = vertices[i];
    const double w = double{clip.w[i]};
    if (!(v.flags & unsnapped)) return {v.x * w, v.y * w, w};
    return {(double{clip.x[i]} + w) * half_width, (w - double{clip.y[i]}) * half_height, w};
  }

  int32_t flags(int32_t vertex) const { return vertices[static_cast<std::size_t>(vertex)].flags; }

  // The side of the line ab on which c lies (the visible part of what joins them): sign of det[a, b, c].
  int orientation(int32_t a, int32_t b, int32_t c) const {
    const ScreenVertex& va = vertices[static_cast<std::size_t>(a)];
    const ScreenVertex& vb = vertices[static_cast<std::size_t>(b)];
    const ScreenVertex& vc = vertices[static_cast<std::size_t>(c)];
    if ((va.flags | vb.flags | vc.flags) & unsnapped) return homogeneous_orientation(a, b, c);
    const int64_t area = twice_area(va, vb, vc);
    return (area > 0) - (area < 0);
  }

  int homogeneous_orientation(int32_t a, int32_t b, int32_t c) const {
    const double determinant = dot(homogeneous(a), cross(homogeneous(b), homogeneous(c)));
    return (determinant > 0) - (determinant < 0);
  }

  // Of the point that e weighs: e[i] is det of the other two corners and the point, so e[i] / sum e is the
  // perspective-correct weight of corner i.
  double nearness(const int32_t* corners, const double* e) const {
    double sum = 0, z = 0, w = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto v = static_cast<std::size_t>(corners[i]);
      sum += e[i];
      z += e[i] * double{clip.z[v]};
      w += e[i] * double{clip.w[v]};
    }
    return parallel ? 2 - z / w : sum / w;
  }

  // Of triangle `corners` at a point on the screen, in 1/256 pixel.
  double nearness_at(const int32_t* corners, int32_t x, int32_t y) const {
    const ScreenVertex& a = vertices[static_cast<std::size_t>(corners[0])];
    const ScreenVertex& b = vertices[static_cast<std::size_t>(corners[1])];
    const ScreenVertex& c = vertices[static_cast<std::size_t>(corners[2])];
    if ((a.flags | b.flags | c.flags) & unsnapped) {
      const Homogeneous ha = homogeneous(corners[0]), hb = homogeneous(corners[1]), hc = homogeneous(corners[2]);
      const double e[3] = {edge_value(hb, hc, x, y), edge_value(hc, ha, x, y), edge_value(ha, hb, x, y)};
      return nearness(corners, e);
    }
    const ScreenVertex point{x, y, 0, 0};
    const double weight_b = static_cast<double>(twice_area(c, a, point));
    const double weight_c = static_cast<double>(twice_area(a, b, point));
    const double area = static_cast<double>(twice_area(a, b, c));
    const double rise =
        weight_b * (double{b.nearness} - double{a.nearness}) + weight_c * (double{c.nearness} - double{a.nearness});
    return double{a.nearness} + rise / area;
  }
};

// True where all w that are numbers are equal. Of a perspective the first two mostly say no.
inline bool is_parallel(std::span<const float> w) {
  std::size_t i = 0;
  while (i < w.size() && w[i] != w[i]) ++i;
  if (i == w.size()) return false;
  for (const float first = w[i]; i < w.size(); ++i)
    if (w[i] < first || w[i] > first) return false;
  return true;
}

// Eight vertices from `first` on.
[[gnu::always_inline]] inline void snap(const Screen& screen, std::size_t first, Four (&out)[lanes]) {
  const auto wide = [&](std::span<const float> component) {
    Floats values;
    load(values, component.data() + first);
    Doubles wide_values;
    widen(values, wide_values);
    return wide_values;
  };
  const Doubles x = wide(screen.clip.x), y = wide(screen.clip.y), z = wide(screen.clip.z), w = wide(screen.clip.w);
  const Doubles column = (x / w + 1.0) * screen.half_width, row = (1.0 - y / w) * screen.half_height;
  const Longs finite = x * 0.0 + y * 0.0 + z * 0.0 + w * 0.0 == 0.0;
  const Longs in_front = (w > 0.0) & (z >= -w);
  const Longs in_guard = (column > -guard) & (column < guard) & (row > -guard) & (row < guard);  // false for NaN
  const Doubles nearness = screen.parallel ? 2.0 - z / w : 1.0 / w;
  const Longs representable = nearness < double{std::numeric_limits<float>::max()};
  const Longs snapped = finite & in_front & in_guard & representable;
  const auto nearest_integer = [&](const Doubles& coordinate) {
    constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52: the sum has no fraction bits left
    const Doubles safe = snapped ? coordinate : Doubles{};
    return __builtin_convertvector((safe + shift) - shift, Ints);
  };
  const Floats rounded_nearness = __builtin_convertvector(nearness, Floats);
  const Longs flags =
      ((finite & (z > w)) & int64_t{beyond_far}) | (~snapped & int64_t{unsnapped}) | (~finite & int64_t{not_finite});
  Ints nearness_bits;
  load(nearness_bits, &rounded_nearness);
  to_rows({nearest_integer(column), nearest_integer(row), nearness_bits, __builtin_convertvector(flags, Ints)}, out);
}

/// Fills `vertices`, as many as `clip` has, and returns the screen that looks at them.
inline Screen make_screen(const ClipVertices& clip, Viewport viewport, std::span<ScreenVertex> vertices) {
  Screen screen{clip, vertices, viewport.width * 0.5 * one_pixel, viewport.height * 0.5 * one_pixel,
                is_parallel(clip.w)};
  const std::size_t count = vertices.size();
  Four rows[lanes];
  std::size_t first = 0;
  for (; first + lanes <= count; first += lanes) {
    snap(screen, first, rows);
    // One by one: GCC 12 would put the array together in memory, and wait for it there.
    for (int i = 0; i < lanes; ++i) store(&vertices[first + static_cast<std::size_t>(i)], rows[i]);
  }
  if (first == count) return screen;
  // The rest, in a copy that is long enough.
  float rest[4][lanes] = {};
  const std::span<const float> components[4] = {clip.x, clip.y, clip.z, clip.w};
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t i = first; i < count; ++i) rest[k][i - first] = components[k][i];
  Screen copy = screen;
  copy.clip = {rest[0], rest[1], rest[2], rest[3]};
  snap(copy, 0, rows);
  for (std::size_t i = first; i < count; ++i) store(&vertices[i], rows[i - first]);
  return screen;
}

// The corners `k` of triangles, as many as there are lanes: x, y, nearness (bits), flags.
[[gnu::always_inline]] inline void load_corners(const Screen& screen, const int32_t* const (&corners)[lanes], int k,
                                                Ints (&out)[4]) {
  Four rows[lanes];
  for (int i = 0; i < lanes; ++i) load(rows[i], &screen.vertices[static_cast<std::size_t>(corners[i][k])]);
  to_columns(rows, out);
}

// Twice the signed areas of triangles with such corners, all snapped. Doubles hold them exactly: products of two
// differences are below 2^52.
[[gnu::always_inline]] inline void twice_areas(const Ints (&a)[4], const Ints (&b)[4], const Ints (&c)[4],
                                               Doubles& out) {
  const auto difference = [](const Ints& p, const Ints& q) {
    Doubles wide;
    widen(p - q, wide);
    return wide;
  };
  out = difference(b[0], a[0]) * difference(c[1], a[1]) - difference(b[1], a[1]) * difference(c[0], a[0]);
}

enum WorkspaceBlock : std::size_t {
  screen_vertices,
  // visibility
  boxed_triangles,
  bin_starts,
  binned_triangles,
  binned_view,
  tile_keys,
  tiles_drawn,
  bin_keys,
  // crossings
  face_turns,
  candidates,
  slot_bits,
  slot_ranks,
  winners,
  results,
  block_count,
};
static_assert(block_count <= Workspace::most_blocks);

template <class T>
std::span<T> acquire(Workspace& workspace, WorkspaceBlock block, std::size_t count, std::size_t kept = 0) {
  return {static_cast<T*>(workspace.acquire(block, count * sizeof(T), kept * sizeof(T))), count};
}

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
