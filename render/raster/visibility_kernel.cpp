#include <render/raster/kernel_variants.h>
#include <render/raster/screen.h>

#include <bit>

// Visibility: for each pixel centre the nearest triangle that covers it.
//
// A pixel holds one 64-bit key, (complement of the nearness bits) << 32 | triangle: the smallest key is the nearest
// triangle and, among equals, the smallest id, so the order in which triangles are drawn does not show.
//
// Three paths, by what the triangle needs:
//   small      at most 64 pixels wide and high (nearly all, in fits): int32 edge functions, every pixel of the box
//   large      int64 edge functions; each row's covered span is solved for, then only depths are compared
//   wide       a corner behind the near plane, beyond the far plane or far off screen: homogeneous, see screen.h

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

namespace {

constexpr uint64_t empty = ~uint64_t{0};

// Pixels [first_column, last_column] x [first_row, last_row].
struct Box {
  int32_t first_column, last_column, first_row, last_row;
};

struct Target {
  uint64_t* keys;
  Viewport viewport;

  uint64_t* row(int32_t index) const { return keys + static_cast<std::ptrdiff_t>(index) * viewport.width; }
};

int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

int32_t centre_of(int32_t pixel) { return pixel * one_pixel + half_pixel; }
int32_t first_centre_from(int32_t coordinate) { return (coordinate + half_pixel - 1) >> 8; }
int32_t last_centre_to(int32_t coordinate) { return (coordinate - half_pixel) >> 8; }

// Rounding may leave a point of a grazing triangle a hair behind infinity; it stays comparable.
uint64_t key_of(double nearness, uint32_t triangle) {
  const auto value = static_cast<float>(nearness > 0 ? nearness : 0);
  return uint64_t{~std::bit_cast<uint32_t>(value)} << 32 | triangle;
}

// e(x, y) = step_x * columns + step_y * rows + start, positive inside; -1 is added where the edge does not own
// the centres on it, so that inside is e >= 0. `bias` is that -1.
template <class Int>
struct EdgeFunction {
  Int start, step_x, step_y, bias;
};

// Edge from a to b at pixel (column, row). Top and left edges own their centres.
template <class Int>
EdgeFunction<Int> edge_function(const ScreenVertex& a, const ScreenVertex& b, int32_t column, int32_t row) {
  const Int dx = Int{b.x} - a.x, dy = Int{b.y} - a.y;
  const Int bias = (dy < 0) | ((dy == 0) & (dx > 0)) ? 0 : -1;
  const Int start = dx * (Int{centre_of(row)} - a.y) - dy * (Int{centre_of(column)} - a.x);
  return {start + bias, -dy * one_pixel, dx * one_pixel, bias};
}

// Nearness over the triangle, linear on the screen, relative to the box's first pixel.
struct DepthPlane {
  double start, step_x, step_y;
};

template <class Int>
DepthPlane depth_plane(const ScreenVertex& a, const ScreenVertex& b, const ScreenVertex& c, int64_t area,
                       const EdgeFunction<Int>& ca, const EdgeFunction<Int>& ab) {
  const double scale = 1 / static_cast<double>(area);
  const double rise_b = (double{b.nearness} - double{a.nearness}) * scale;
  const double rise_c = (double{c.nearness} - double{a.nearness}) * scale;
  return {double{a.nearness} +
              (static_cast<double>(ca.start - ca.bias) * rise_b + static_cast<double>(ab.start - ab.bias) * rise_c),
          static_cast<double>(ca.step_x) * rise_b + static_cast<double>(ab.step_x) * rise_c,
          static_cast<double>(ca.step_y) * rise_b + static_cast<double>(ab.step_y) * rise_c};
}

void draw_small(const ScreenVertex& a, const ScreenVertex& b, const ScreenVertex& c, int64_t area, uint32_t triangle,
                const Box& box, const Target& target) {
  const auto bc = edge_function<int32_t>(b, c, box.first_column, box.first_row);
  const auto ca = edge_function<int32_t>(c, a, box.first_column, box.first_row);
  const auto ab = edge_function<int32_t>(a, b, box.first_column, box.first_row);
  const DepthPlane plane = depth_plane(a, b, c, area, ca, ab);
  const int32_t columns = box.last_column - box.first_column + 1;
  int32_t e0 = bc.start, e1 = ca.start, e2 = ab.start;
  double nearness = plane.start;
  uint64_t* keys = target.row(box.first_row) + box.first_column;
  for (int32_t row = box.first_row; row <= box.last_row; ++row, keys += target.viewport.width) {
    for (int32_t i = 0; i < columns; ++i) {
      // Without branches: outside, where an edge function is negative, all bits of the key are set.
      const int32_t outside = ((e0 + i * bc.step_x) | (e1 + i * ca.step_x) | (e2 + i * ab.step_x)) >> 31;
      const uint64_t key = key_of(nearness + i * plane.step_x, triangle) | static_cast<uint64_t>(int64_t{outside});
      keys[i] = key < keys[i] ? key : keys[i];
    }
    e0 += bc.step_y, e1 += ca.step_y, e2 += ab.step_y;
    nearness += plane.step_y;
  }
}

// Narrows [first, last] to where start + i * step >= 0.
void narrow(int64_t start, int64_t step, int64_t& first, int64_t& last) {
  if (step > 0) {
    if (start < 0) first = larger(first, (-start + step - 1) / step);
  } else if (start < 0) {
    last = -1;
  } else if (step < 0) {
    last = smaller(last, start / -step);
  }
}

void draw_large(const ScreenVertex& a, const ScreenVertex& b, const ScreenVertex& c, int64_t area, uint32_t triangle,
                const Box& box, const Target& target) {
  const auto bc = edge_function<int64_t>(b, c, box.first_column, box.first_row);
  const auto ca = edge_function<int64_t>(c, a, box.first_column, box.first_row);
  const auto ab = edge_function<int64_t>(a, b, box.first_column, box.first_row);
  const DepthPlane plane = depth_plane(a, b, c, area, ca, ab);
  for (int32_t row = box.first_row; row <= box.last_row; ++row) {
    const int64_t down = row - box.first_row;
    int64_t first = 0, last = box.last_column - box.first_column;
    narrow(bc.start + down * bc.step_y, bc.step_x, first, last);
    narrow(ca.start + down * ca.step_y, ca.step_x, first, last);
    narrow(ab.start + down * ab.step_y, ab.step_x, first, last);
    const double nearness = plane.start + static_cast<double>(down) * plane.step_y;
    uint64_t* keys = target.row(row) + box.first_column;
    for (auto i = static_cast<int32_t>(first); i <= static_cast<int32_t>(last); ++i) {
      const uint64_t key = key_of(nearness + i * plane.step_x, triangle);
      keys[i] = key < keys[i] ? key : keys[i];
    }
  }
}

void draw_snapped(const ScreenVertex& a, const ScreenVertex& b, const ScreenVertex& c, uint32_t triangle,
                  const Target& target) {
  const int32_t left = smaller(a.x, smaller(b.x, c.x)), right = larger(a.x, larger(b.x, c.x));
  const int32_t top = smaller(a.y, smaller(b.y, c.y)), bottom = larger(a.y, larger(b.y, c.y));
  const Box box{larger(first_centre_from(left), 0), smaller(last_centre_to(right), target.viewport.width - 1),
                larger(first_centre_from(top), 0), smaller(last_centre_to(bottom), target.viewport.height - 1)};
  if (box.first_column > box.last_column || box.first_row > box.last_row) return;  // no pixel centre in reach
  const int64_t area = twice_area(a, b, c);
  if (area == 0) return;
  const ScreenVertex& second = area > 0 ? b : c;  // clockwise as seen, so that edge functions are positive inside
  const ScreenVertex& third = area > 0 ? c : b;
  constexpr int32_t small = 64 * one_pixel;
  if (right - left <= small && bottom - top <= small)
    draw_small(a, second, third, area > 0 ? area : -area, triangle, box, target);
  else
    draw_large(a, second, third, area > 0 ? area : -area, triangle, box, target);
}

// One edge of a triangle with an unsnapped corner, turned so that it is positive inside. Both triangles at the edge
// get values that differ in sign only, so no centre falls between them.
struct WideEdge {
  Homogeneous a, b;
  int sign;
  bool owns_centres;

  double value(int32_t column, int32_t row) const { return sign * edge_value(a, b, centre_of(column), centre_of(row)); }
  bool inside(double e) const { return e > 0 || (e == 0 && owns_centres); }
};

WideEdge wide_edge(const Homogeneous& a, const Homogeneous& b, int sign) {
  const Homogeneous line = cross(a, b);
  const double x = sign * line.x, y = sign * line.y;
  return {a, b, sign, x > 0 || (x == 0 && y > 0)};
}

// Grows as points of the visible part come in; a point that does not project asks for the whole viewport.
struct Reach {
  double left = __builtin_inf(), right = -__builtin_inf(), top = __builtin_inf(), bottom = -__builtin_inf();
  bool unbounded = false;

  void add(const Homogeneous& point) {
    const double x = point.x / point.w, y = point.y / point.w;
    if (!(point.w > 0) || x - x != 0 || y - y != 0) {
      unbounded = true;
      return;
    }
    left = x < left ? x : left, right = x > right ? x : right;
    top = y < top ? y : top, bottom = y > bottom ? y : bottom;
  }

  // One pixel wider than the points, which were rounded.
  Box box(Viewport viewport) const {
    if (unbounded) return {0, viewport.width - 1, 0, viewport.height - 1};
    const auto pixel = [](double coordinate, int32_t beyond, int32_t size) {
      const double value = coordinate / one_pixel + beyond;
      return static_cast<int32_t>(value < -1 ? -1 : value > size ? size : value);
    };
    return {larger(pixel(left, -2, viewport.width), 0), smaller(pixel(right, 1, viewport.width), viewport.width - 1),
            larger(pixel(top, -2, viewport.height), 0),
            smaller(pixel(bottom, 1, viewport.height), viewport.height - 1)};
  }
};

// Bounds of the part with z >= -w: its corners are those in front and where edges meet the near plane.
Box visible_box(const Screen& screen, const int32_t* corners, Viewport viewport) {
  Reach reach;
  for (std::size_t i = 0; i < 3; ++i) {
    const int32_t a = corners[i], b = corners[(i + 1) % 3];
    const Homogeneous ha = screen.homogeneous(a), hb = screen.homogeneous(b);
    const double from_near_a = double{screen.clip.z[static_cast<std::size_t>(a)]} + ha.w;
    const double from_near_b = double{screen.clip.z[static_cast<std::size_t>(b)]} + hb.w;
    if (from_near_a >= 0) reach.add(ha);
    if ((from_near_a >= 0) == (from_near_b >= 0)) continue;
    const double t = from_near_a / (from_near_a - from_near_b);
    reach.add({ha.x + t * (hb.x - ha.x), ha.y + t * (hb.y - ha.y), ha.w + t * (hb.w - ha.w)});
  }
  return reach.box(viewport);
}

// Whether the point that e weighs lies between the near and the far plane.
bool within_planes(const Screen& screen, const int32_t* corners, const double* e) {
  double from_near = 0, from_far = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double z = double{screen.clip.z[static_cast<std::size_t>(corners[i])]};
    const double w = double{screen.clip.w[static_cast<std::size_t>(corners[i])]};
    from_near += e[i] * (w + z);
    from_far += e[i] * (w - z);
  }
  return from_near >= 0 && from_far >= 0;
}

[[gnu::noinline]] void draw_wide(const Screen& screen, const int32_t* corners, uint32_t triangle,
                                 const Target& target) {
  const int sign = screen.orientation(corners[0], corners[1], corners[2]);
  if (sign == 0) return;
  const Homogeneous a = screen.homogeneous(corners[0]), b = screen.homogeneous(corners[1]),
                    c = screen.homogeneous(corners[2]);
  const WideEdge edges[3] = {wide_edge(b, c, sign), wide_edge(c, a, sign), wide_edge(a, b, sign)};
  const Box box = visible_box(screen, corners, target.viewport);
  for (int32_t row = box.first_row; row <= box.last_row; ++row) {
    uint64_t* keys = target.row(row);
    for (int32_t column = box.first_column; column <= box.last_column; ++column) {
      const double e[3] = {edges[0].value(column, row), edges[1].value(column, row), edges[2].value(column, row)};
      if (!edges[0].inside(e[0]) || !edges[1].inside(e[1]) || !edges[2].inside(e[2])) continue;
      if (!within_planes(screen, corners, e)) continue;
      const uint64_t key = key_of(screen.nearness(corners, e), triangle);
      if (key < keys[column]) keys[column] = key;
    }
  }
}

}  // namespace

void visibility(const ClipVertices& clip, std::span<const int32_t> triangles, Viewport viewport, std::span<int32_t> ids,
                Workspace& workspace) {
  const Screen screen = make_screen(clip, viewport, acquire<ScreenVertex>(workspace, screen_vertices, clip.w.size()));
  const std::span<uint64_t> keys = acquire<uint64_t>(workspace, depth_keys, ids.size());
  for (uint64_t& key : keys) key = empty;
  const Target target{keys.data(), viewport};
  const std::size_t count = triangles.size() / 3;
  for (std::size_t i = 0; i < count; ++i) {
    const int32_t* corners = triangles.data() + 3 * i;
    const ScreenVertex& a = screen.vertices[static_cast<std::size_t>(corners[0])];
    const ScreenVertex& b = screen.vertices[static_cast<std::size_t>(corners[1])];
    const ScreenVertex& c = screen.vertices[static_cast<std::size_t>(corners[2])];
    const uint32_t flags = a.flags | b.flags | c.flags;
    if (flags == 0)
      draw_snapped(a, b, c, static_cast<uint32_t>(i), target);
    else if (!(flags & not_finite))
      draw_wide(screen, corners, static_cast<uint32_t>(i), target);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(static_cast<uint32_t>(keys[i]));
}

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
