#include <render/raster/bins.h>
#include <render/raster/kernel_variants.h>
#include <render/raster/tiny_triangles.h>

// Sorting: each triangle's box of pixels; those without a pixel centre in reach are dropped, tiny ones are drawn, the
// others are listed in the bins of 64 x 64 pixels that they touch. Eight triangles at a time.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

namespace {

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

// The triangles to draw so far, in memory that grows by doubling.
class BoxList {
 public:
  explicit BoxList(Workspace& workspace) : workspace_(workspace) {}

  // Room for `more` behind the end.
  BoxedTriangle* reserve(std::size_t more) {
    if (size_ + more > memory_.size())
      memory_ = acquire<BoxedTriangle>(workspace_, boxed_triangles, 2 * (size_ + more) + 1024, size_);
    return memory_.data() + size_;
  }
  void added(std::size_t count) { size_ += count; }
  std::span<const BoxedTriangle> all() const { return memory_.first(size_); }

 private:
  Workspace& workspace_;
  std::span<BoxedTriangle> memory_;
  std::size_t size_ = 0;
};

[[gnu::noinline]] void add_wide(const Screen& screen, const Scene& scene, std::size_t triangle, BoxList& list) {
  const int32_t* corners = scene.triangles.data() + 3 * triangle;
  const int sign = screen.orientation(corners[0], corners[1], corners[2]);
  if (sign == 0 || (scene.cull == Cull::back && sign > 0) || (scene.cull == Cull::front && sign < 0)) return;
  const Box box = visible_box(screen, corners, scene.viewport);
  if (box.first_column > box.last_column || box.first_row > box.last_row) return;
  *list.reserve(1) = {static_cast<int32_t>(triangle),         static_cast<uint16_t>(box.first_column),
                      static_cast<uint16_t>(box.last_column), static_cast<uint16_t>(box.first_row),
                      static_cast<uint16_t>(box.last_row),    wide};
  list.added(1);
}

struct Boxes {
  Ints first_column, last_column, first_row, last_row;
  Ints size;
  Ints drawn;  // -1: some pixel centre is in reach
  Ints tiny;   // -1: as the painter of tiny triangles wants them
};

// Boxes of eight triangles with snapped corners.
[[gnu::always_inline]] inline void find_boxes(const Ints (&a)[4], const Ints (&b)[4], const Ints (&c)[4],
                                              const Scene& scene, Boxes& out) {
  Ints left = a[0], right = a[0], top = a[1], bottom = a[1];
  keep_smaller(left, b[0]), keep_smaller(left, c[0]);
  keep_larger(right, b[0]), keep_larger(right, c[0]);
  keep_smaller(top, b[1]), keep_smaller(top, c[1]);
  keep_larger(bottom, b[1]), keep_larger(bottom, c[1]);
  constexpr int32_t most = small_size * one_pixel;
  const Ints fits = (right - left <= most) & (bottom - top <= most);
  out.size = fits ? Ints{} + int32_t{small} : Ints{} + int32_t{large};

  // First and last pixels with a centre between the bounds.
  constexpr int32_t to_first = half_pixel - 1, to_last = -half_pixel;
  Ints first_column = (left + to_first) >> 8, last_column = (right + to_last) >> 8;
  Ints first_row = (top + to_first) >> 8, last_row = (bottom + to_last) >> 8;
  const Ints most_column = Ints{} + (scene.viewport.width - 1), most_row = Ints{} + (scene.viewport.height - 1);
  out.tiny = (first_column >= 0) & (first_row >= 0) & (last_column <= most_column) & (last_row <= most_row) &
             (last_column - first_column < tiny_size) & (last_row - first_row < tiny_size);
  keep_larger(first_column, Ints{}), keep_larger(first_row, Ints{});
  keep_smaller(last_column, most_column), keep_smaller(last_row, most_row);
  out.first_column = first_column, out.last_column = last_column;
  out.first_row = first_row, out.last_row = last_row;

  Doubles area;
  twice_areas(a, b, c, area);
  const Longs seen = scene.cull == Cull::none ? area != 0.0 : scene.cull == Cull::back ? area < 0.0 : area > 0.0;
  out.drawn = (first_column <= last_column) & (first_row <= last_row) & __builtin_convertvector(seen, Ints);
}

// Tiny triangles are drawn where they come in numbers, in the list and in the view; all others are listed.
void list_boxes(const Screen& screen, const Scene& scene, TinyPainter& painter, BoxList& list) {
  const std::size_t count = scene.triangles.size() / 3;
  const bool many = TinyPainter::pays(count, scene.viewport);
  for (std::size_t first = 0; first < count; first += lanes) {
    const auto here = static_cast<int>(count - first < lanes ? count - first : lanes);
    const int32_t* corners[lanes];
    for (int i = 0; i < lanes; ++i)
      corners[i] = scene.triangles.data() + 3 * (first + static_cast<std::size_t>(i < here ? i : 0));
    Ints a[4], b[4], c[4];
    load_corners(screen, corners, 0, a);
    load_corners(screen, corners, 1, b);
    load_corners(screen, corners, 2, c);
    Boxes boxes;
    find_boxes(a, b, c, scene, boxes);
    const Ints flags = a[3] | b[3] | c[3];
    const Ints numbers = lane_numbers + static_cast<int32_t>(first);
    Ints drawn = boxes.drawn & (flags == 0) & (lane_numbers < here);
    const Ints tiny = drawn & boxes.tiny;
    if (many && __builtin_popcount(sign_bits(tiny)) >= lanes / 2) {
      TinyTriangles triangles;
      make_corner(a, triangles.a), make_corner(b, triangles.b), make_corner(c, triangles.c);
      triangles.first_column = boxes.first_column, triangles.last_column = boxes.last_column;
      triangles.first_row = boxes.first_row, triangles.last_row = boxes.last_row;
      triangles.ids = numbers + scene.first_triangle;
      triangles.drawn = tiny;
      painter.draw(triangles);
      drawn &= ~tiny;
    }
    if (sign_bits(drawn | (flags != 0)) == 0) continue;
    Four rows[lanes];
    to_rows({numbers, boxes.first_column | boxes.last_column << 16, boxes.first_row | boxes.last_row << 16, boxes.size},
            rows);
    for (int i = 0; i < here; ++i) {
      store(list.reserve(1), rows[i]);
      list.added(static_cast<std::size_t>(-drawn[i]));
      if (flags[i] != 0 && !(flags[i] & not_finite)) add_wide(screen, scene, first + static_cast<std::size_t>(i), list);
    }
  }
}

// Calls function(bin, first, last) with runs of triangles in the bin: neighbours in the list mostly lie in the same
// one, and what a bin's turn costs is paid once a run.
template <class Function>
void for_bins(std::span<const BoxedTriangle> list, int32_t bin_columns, Function&& function) {
  constexpr int32_t several = -1;
  const auto bin_of = [&](const BoxedTriangle& boxed) {
    const int32_t column = boxed.first_column / bin_size, row = boxed.first_row / bin_size;
    const bool one = (boxed.last_column / bin_size == column) & (boxed.last_row / bin_size == row);
    return one ? row * bin_columns + column : several;
  };
  for (std::size_t first = 0; first < list.size();) {
    const int32_t bin = bin_of(list[first]);
    std::size_t last = first + 1;
    if (bin != several) {
      while (last < list.size() && bin_of(list[last]) == bin) ++last;
      function(static_cast<std::size_t>(bin), first, last);
    } else {
      const BoxedTriangle& boxed = list[first];
      for (int32_t row = boxed.first_row / bin_size; row <= boxed.last_row / bin_size; ++row)
        for (int32_t column = boxed.first_column / bin_size; column <= boxed.last_column / bin_size; ++column)
          function(static_cast<std::size_t>(row * bin_columns + column), first, last);
    }
    first = last;
  }
}

}  // namespace

void sort_into_bins(const Scene& scene, Workspace& workspace) {
  const Viewport viewport = scene.viewport;
  const Screen screen =
      make_screen(scene.clip, viewport, acquire<ScreenVertex>(workspace, screen_vertices, scene.clip.w.size()));
  BoxList list(workspace);
  TinyPainter painter(workspace, viewport);
  list_boxes(screen, scene, painter, list);

  const int32_t bin_columns = (viewport.width + bin_size - 1) / bin_size;
  const std::size_t bins = bin_count(viewport);
  const std::span<uint32_t> starts = acquire<uint32_t>(workspace, bin_starts, bins + 2);
  for (uint32_t& start : starts) start = 0;
  // Shifted by two, so that filling a bin moves its start on to where it belongs.
  for_bins(list.all(), bin_columns, [&](std::size_t bin, std::size_t first, std::size_t last) {
    starts[bin + 2] += static_cast<uint32_t>(last - first);
  });
  for (std::size_t bin = 2; bin < starts.size(); ++bin) starts[bin] += starts[bin - 1];
  const std::span<BoxedTriangle> binned = acquire<BoxedTriangle>(workspace, binned_triangles, starts.back());
  for_bins(list.all(), bin_columns, [&](std::size_t bin, std::size_t first, std::size_t last) {
    BoxedTriangle* out = &binned[starts[bin + 1]];
    for (std::size_t i = first; i < last; ++i) *out++ = list.all()[i];
    starts[bin + 1] += static_cast<uint32_t>(last - first);
  });
  acquire<BinnedView>(workspace, binned_view, 1)[0] = {screen,   scene.triangles, scene.first_triangle,
                                                       viewport, bin_columns,     starts.first(bins + 1),
                                                       binned,   painter.finish()};
}

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
