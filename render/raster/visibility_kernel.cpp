#include <render/raster/bin_buffer.h>
#include <render/raster/bins.h>
#include <render/raster/kernel_variants.h>
#include <render/raster/small_triangles.h>

// Visibility: for each pixel centre the nearest triangle that covers it. Triangles come sorted into bins
// (bins_kernel.cpp), which are independent, so they are what threads share. A bin is drawn in a buffer that stays in
// the innermost cache, over the tiny triangles that sorting has drawn there. Three ways, by what the triangle needs:
//
//   small  at most 64 pixels wide and high: int32 edge functions, made for eight triangles at once, then for eight
//          pixels of a row at once
//   large  edge functions in doubles, which hold these integers exactly, over tiles of 8 x 8 pixels; tiles
//          outside an edge are skipped, tiles inside all of them only compare depths
//   wide   a corner behind the near plane, beyond the far plane or far off screen: homogeneous, see screen.h

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

namespace {

constexpr int32_t centre_of(int32_t pixel) { return pixel * one_pixel + half_pixel; }

// --- Small -----------------------------------------------------------------------------------

// The first `count` triangles of a list; the other lanes repeat the first. Large and wide triangles give numbers that
// nobody reads.
struct SmallList {
  Ints first_column, first_row, last_column, last_row;  // of their boxes
  SmallTriangles triangles;
};

void load_small(const Screen& screen, std::span<const int32_t> triangles, const BoxedTriangle* list, int count,
                SmallList& out) {
  Four rows[lanes];
  const int32_t* corners[lanes];
  for (int i = 0; i < lanes; ++i) {
    const BoxedTriangle& boxed = list[i < count && list[i].size == small ? i : 0];
    load(rows[i], &boxed);
    corners[i] = triangles.data() + 3 * static_cast<std::size_t>(boxed.triangle);
  }
  Ints words[4];
  to_columns(rows, words);
  out.first_column = words[1] & 0xffff, out.last_column = words[1] >> 16;
  out.first_row = words[2] & 0xffff, out.last_row = words[2] >> 16;
  Corner corner[3];
  for (int k = 0; k < 3; ++k) {
    load_corners(screen, corners, k, words);
    make_corner(words, corner[k]);
  }
  make_small(corner[0], corner[1], corner[2], out.first_column, out.first_row, out.triangles);
}

// The part of a triangle that lies in the bin.
void draw_small(const SmallList& list, int lane, int32_t id, const Box& bin, BinBuffer& buffer) {
  const SmallTriangles& all = list.triangles;
  const int32_t first_column = larger(list.first_column[lane], bin.first_column),
                last_column = smaller(list.last_column[lane], bin.last_column);
  const int32_t first_row = larger(list.first_row[lane], bin.first_row);
  const int32_t rows = smaller(list.last_row[lane], bin.last_row) - first_row + 1;
  const int32_t down = first_row - list.first_row[lane];
  const Longs inverted = Longs{} + inverted_id(id);
  const double nearness_y = all.nearness_y[lane];
  const int32_t furthest_column = bin.first_column + bin_size - lanes;
  for (int32_t next = first_column; next <= last_column; next += lanes) {
    const int32_t column = smaller(next, furthest_column);  // what is drawn twice changes nothing
    const Ints count = lane_numbers + (column - list.first_column[lane]);
    Ints e[3];
    for (int k = 0; k < 3; ++k) {
      const SmallTriangles::Edge& edge = all.edges[k];
      e[k] = edge.step_x[lane] * count + (edge.start[lane] + down * edge.step_y[lane]);
    }
    const Doubles at_top = all.nearness[lane] + all.nearness_x[lane] * __builtin_convertvector(count, Doubles);
    std::size_t at = buffer.offset(column, first_row);
    Doubles below = Doubles{} + static_cast<double>(down);
    for (int32_t row = 0; row < rows; ++row, at += bin_size, below += 1.0) {
      buffer.draw(at, at_top + nearness_y * below, (e[0] | e[1] | e[2]) >> 31, inverted);
      for (int k = 0; k < 3; ++k) e[k] += all.edges[k].step_y[lane];
    }
  }
}

// --- Large -----------------------------------------------------------------------------------

// As the edges above, in doubles.
struct EdgeFunction {
  double value;  // at the first pixel, without the -1
  double start, step_x, step_y;
};

EdgeFunction edge_function(const ScreenVertex& a, const ScreenVertex& b, int32_t column, int32_t row) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const bool owned = dy < 0 || (dy == 0 && dx > 0);
  const double value = dx * (centre_of(row) - a.y) - dy * (centre_of(column) - a.x);
  return {value, owned ? value : value - 1, -dy * one_pixel, dx * one_pixel};
}

// A tile's smallest and largest value of an edge function, from that at its first pixel.
struct TileRange {
  double low, high;
  explicit TileRange(const EdgeFunction& e) {
    const double right = 7 * e.step_x, down = 7 * e.step_y;
    low = (right < 0 ? right : 0) + (down < 0 ? down : 0);
    high = (right > 0 ? right : 0) + (down > 0 ? down : 0);
  }
};

void draw_large(const Screen& screen, const int32_t* corners, int32_t triangle, const Box& box, BinBuffer& buffer) {
  const auto corner = [&](int k) -> const ScreenVertex& {
    return screen.vertices[static_cast<std::size_t>(corners[k])];
  };
  const ScreenVertex& a = corner(0);
  const double dbx = corner(1).x - a.x, dby = corner(1).y - a.y, dcx = corner(2).x - a.x, dcy = corner(2).y - a.y;
  const double turned = dbx * dcy - dby * dcx;
  const ScreenVertex &b = corner(turned > 0 ? 1 : 2), &c = corner(turned > 0 ? 2 : 1);
  const int32_t first_column = box.first_column & -8, first_row = box.first_row & -8;
  const EdgeFunction edges[3] = {edge_function(b, c, first_column, first_row),
                                 edge_function(c, a, first_column, first_row),
                                 edge_function(a, b, first_column, first_row)};
  const TileRange ranges[3] = {TileRange(edges[0]), TileRange(edges[1]), TileRange(edges[2])};
  const double scale = 1 / (turned > 0 ? turned : -turned);
  const double rise_b = (double{b.nearness} - double{a.nearness}) * scale;
  const double rise_c = (double{c.nearness} - double{a.nearness}) * scale;
  const double nearness_start = double{a.nearness} + (edges[1].value * rise_b + edges[2].value * rise_c);
  const double nearness_x = edges[1].step_x * rise_b + edges[2].step_x * rise_c;
  const double nearness_y = edges[1].step_y * rise_b + edges[2].step_y * rise_c;
  const Longs inverted = Longs{} + inverted_id(triangle);
  for (int32_t row = first_row; row <= box.last_row; row += 8) {
    for (int32_t column = first_column; column <= box.last_column; column += 8) {
      const double right = column - first_column, down = row - first_row;
      double start[3];
      bool outside = false, inside = true;
      for (int k = 0; k < 3; ++k) {
        start[k] = edges[k].start + right * edges[k].step_x + down * edges[k].step_y;
        outside |= start[k] + ranges[k].high < 0;
        inside &= start[k] + ranges[k].low >= 0;
      }
      if (outside) continue;
      const double at_tile = nearness_start + right * nearness_x + down * nearness_y;
      for (int32_t part = 0; part < 8; part += lanes) {
        const Doubles numbers = __builtin_convertvector(lane_numbers + part, Doubles);
        Doubles nearness = at_tile + nearness_x * numbers;
        std::size_t at = buffer.offset(column + part, row);
        if (inside) {
          for (int i = 0; i < 8; ++i, at += bin_size, nearness += nearness_y)
            buffer.draw(at, nearness, Ints{}, inverted);
          continue;
        }
        Doubles e0 = start[0] + edges[0].step_x * numbers, e1 = start[1] + edges[1].step_x * numbers,
                e2 = start[2] + edges[2].step_x * numbers;
        for (int i = 0; i < 8; ++i, at += bin_size, nearness += nearness_y) {
          const Longs outside_lanes = (e0 < 0.0) | (e1 < 0.0) | (e2 < 0.0);
          buffer.draw(at, nearness, __builtin_convertvector(outside_lanes, Ints), inverted);
          e0 += edges[0].step_y, e1 += edges[1].step_y, e2 += edges[2].step_y;
        }
      }
    }
  }
}

// --- Wide ------------------------------------------------------------------------------------

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

[[gnu::noinline]] void draw_wide(const Screen& screen, const int32_t* corners, int32_t triangle, const Box& box,
                                 BinBuffer& buffer) {
  const int sign = screen.orientation(corners[0], corners[1], corners[2]);
  const Homogeneous a = screen.homogeneous(corners[0]), b = screen.homogeneous(corners[1]),
                    c = screen.homogeneous(corners[2]);
  const WideEdge edges[3] = {wide_edge(b, c, sign), wide_edge(c, a, sign), wide_edge(a, b, sign)};
  for (int32_t row = box.first_row; row <= box.last_row; ++row) {
    for (int32_t column = box.first_column; column <= box.last_column; ++column) {
      const double e[3] = {edges[0].value(column, row), edges[1].value(column, row), edges[2].value(column, row)};
      if (!edges[0].inside(e[0]) || !edges[1].inside(e[1]) || !edges[2].inside(e[2])) continue;
      if (within_planes(screen, corners, e)) buffer.draw_pixel(column, row, screen.nearness(corners, e), triangle);
    }
  }
}

}  // namespace

void draw_bin(Workspace& sorted, std::size_t bin, std::span<int32_t> ids, Workspace& workspace) {
  const BinnedView& view = acquire<BinnedView>(sorted, binned_view, 1)[0];
  const auto first_column = static_cast<int32_t>(bin) % view.bin_columns * bin_size;
  const auto first_row = static_cast<int32_t>(bin) / view.bin_columns * bin_size;
  const Box area{first_column, smaller(first_column + bin_size, view.viewport.width) - 1, first_row,
                 smaller(first_row + bin_size, view.viewport.height) - 1};
  const int32_t width = area.last_column - area.first_column + 1;
  int32_t* image = ids.data() + static_cast<std::ptrdiff_t>(first_row) * view.viewport.width + first_column;
  const auto list = view.triangles.subspan(view.starts[bin], view.starts[bin + 1] - view.starts[bin]);
  const bool has_tiny = view.tiles.drawn[bin] != 0;
  if (list.empty() && !has_tiny) {
    for (int32_t row = area.first_row; row <= area.last_row; ++row, image += view.viewport.width)
      for (int32_t i = 0; i < width; ++i) image[i] = -1;
    return;
  }
  int64_t* const keys =
      has_tiny ? view.tiles.keys + bin * bin_area : acquire<int64_t>(workspace, bin_keys, bin_area).data();
  BinBuffer buffer(keys, first_column, first_row);
  if (!has_tiny) buffer.clear();
  for (std::size_t first = 0; first < list.size(); first += lanes) {
    const auto here = static_cast<int>(list.size() - first < lanes ? list.size() - first : lanes);
    SmallList triangles;
    load_small(view.screen, view.corners, list.data() + first, here, triangles);
    for (std::size_t next = first + lanes; next < list.size() && next < first + 2 * lanes; ++next)
      __builtin_prefetch(view.corners.data() + 3 * static_cast<std::size_t>(list[next].triangle));
    for (int i = 0; i < here; ++i) {
      const BoxedTriangle& boxed = list[first + static_cast<std::size_t>(i)];
      const int32_t* corners = view.corners.data() + 3 * static_cast<std::size_t>(boxed.triangle);
      const int32_t id = view.first_triangle + boxed.triangle;
      if (boxed.size == small) {
        draw_small(triangles, i, id, area, buffer);
        continue;
      }
      const Box part{larger(boxed.first_column, area.first_column), smaller(boxed.last_column, area.last_column),
                     larger(boxed.first_row, area.first_row), smaller(boxed.last_row, area.last_row)};
      if (boxed.size == large)
        draw_large(view.screen, corners, id, part, buffer);
      else
        draw_wide(view.screen, corners, id, part, buffer);
    }
  }
  for (int32_t row = 0; row <= area.last_row - area.first_row; ++row, image += view.viewport.width)
    buffer.read_row(row, width, image);
}

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
