#pragma once

#include <render/raster/cull.h>
#include <render/raster/workspace.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// The integer-valued kernels of the renderer: which triangle a pixel sees, and where silhouette
// edges cross between two pixels; and the loops over lists of pixels. They know nothing of tensors; visibility.h and
// silhouettes.h wrap them as eager operations. Each view is one call, and calls are independent and may run at once on
// several threads; working memory is kept per thread, so a steady step allocates nothing.
//
// Clip space is OpenGL's: w is the depth in front of the camera; x / w, y / w in [-1, 1] inside the image, y up;
// what has w > 0 and z / w in [-1, 1] is visible. Row 0 is on top, pixel centres are at half-integers:
//   column coordinate X = (x / w + 1) * width / 2,   row coordinate Y = (1 - y / w) * height / 2.
// Positions are rounded to 1/256 pixel, and both kernels decide on these integers.
// Nearest means the largest 1 / w, or the smallest z / w where all w are equal (a parallel projection).
// A triangle with a coordinate that is not finite is not drawn. Indices are not checked.

namespace render::kernels {

/// Clip coordinates of one view's vertices, structure of arrays.
struct ClipVertices {
  std::span<const float> x, y, z, w;
};

/// Pixels; at most 32768 each.
struct Viewport {
  int width = 0, height = 0;
};

/// A view's part in a rendering.
struct Scene {
  ClipVertices clip;
  std::span<const int32_t> triangles;
  Viewport viewport;
  Cull cull = Cull::none;
  int32_t first_triangle = 0;  ///< id of triangles[0]
};

/// ids[row * width + column] = the nearest triangle that covers the pixel's centre, or -1. At equal
/// depth (as float32) the smaller id. Of triangles that share an edge, one covers a centre on it (top-left rule),
/// whatever their winding.
void visibility(const Scene& scene, std::span<int32_t> ids);

/// The same in two steps, for threads: sorting, which returns a number of bins and remembers them in `sorted`; then
/// each bin's part of the ids, in any order and by any thread.
std::size_t bin_count(Viewport viewport);
void sort_into_bins(const Scene& scene, Workspace& sorted);
void draw_bin(Workspace& sorted, std::size_t bin, std::span<int32_t> ids);

/// Edges and wings as in render/geometry/topology.h.
struct EdgeTopology {
  std::span<const int32_t> edges, wing_start, wing_turns, edge_component, face_component;
  int components = 1;
};

/// One silhouette edge between the centres of two neighbouring pixels.
struct Crossing {
  int32_t a = 0, b = 0;          ///< vertices of the edge
  int32_t inner = 0, outer = 0;  ///< pixels (row * width + column)
  int32_t axis = 0;              ///< 0: the pair lies in one row, 1: in one column
};

/// Appends the view's accepted crossings in order of (axis, inner, outer), at most one a pair and axis.
/// `ids` is what visibility() returned for the same vertices, triangles and viewport.
void crossings(const ClipVertices& clip, std::span<const int32_t> triangles, const EdgeTopology& topology,
               Viewport viewport, std::span<const int32_t> ids, std::vector<Crossing>& out);

/// The smallest and the largest of some integers; of none, lowest > highest.
struct Range {
  int32_t lowest = INT32_MAX, highest = INT32_MIN;
};
Range range_of(std::span<const int32_t> values);

/// Whether each is larger than the one before.
bool is_ascending(std::span<const int32_t> values);

/// Numbers of a row of pixels.
struct PixelRow {
  int32_t first_pixel, view, row;
};
/// Lists of visible pixels.
struct PixelLists {
  int32_t *pixel, *triangle, *view, *row, *column;
};
int32_t count_visible(std::span<const int32_t> ids);
/// Lists the visible ones of a row's ids, in places `at` and following.
void list_visible(std::span<const int32_t> ids, const PixelRow& row, const PixelLists& out, std::size_t at);

/// Corner k of the triangles seen to out[k].
void look_up_corners(std::span<const int32_t> triangles, std::span<const int32_t> seen, int32_t* const (&out)[3]);

/// out = factors * factor + values; all as long as `values`.
void multiply_add(std::span<const int32_t> factors, int32_t factor, std::span<const int32_t> values, int32_t* out);

/// Values of pixels, a list a channel, from `first` on; behind them a channel of 1 where `coverage`.
template <class T>
struct ImageChannels {
  const T* const* values;
  std::size_t count, first;
  bool coverage;
};
/// Pixels [begin, end) of an image: values at the pixels listed, which ascend and lie there, zeros elsewhere.
/// T is float or double.
template <class T>
void write_image(std::span<const int32_t> pixels, const ImageChannels<T>& channels, int64_t begin, int64_t end,
                 T* image);

}  // namespace render::kernels
