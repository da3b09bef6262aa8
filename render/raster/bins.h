#pragma once

#include <render/raster/screen.h>

// What sorting triangles into bins leaves for drawing them.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

// How a triangle is drawn; see visibility_kernel.cpp.
enum Size : int32_t { small, large, wide };

// A triangle with the pixels that it may cover. Sixteen bytes, so that eight of them are transposed as vertices are.
struct BoxedTriangle {
  int32_t triangle;
  uint16_t first_column, last_column, first_row, last_row;
  int32_t size;
};
static_assert(sizeof(BoxedTriangle) == 16);

// Pixels [first_column, last_column] x [first_row, last_row].
struct Box {
  int32_t first_column, last_column, first_row, last_row;
};

// What tiny triangles drew while they were sorted: keys of a view's pixels, bin after bin, where `drawn` is not 0.
struct Tiles {
  int64_t* keys;
  uint8_t* drawn;
};

struct BinnedView {
  Screen screen;
  std::span<const int32_t> corners;  // of all triangles
  int32_t first_triangle;            // id of the first
  Viewport viewport;
  int32_t bin_columns;
  std::span<const uint32_t> starts;  // bin i lists triangles[starts[i]] to triangles[starts[i + 1]], in order
  std::span<const BoxedTriangle> triangles;
  Tiles tiles;
};

inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
