#pragma once

#include <render/raster/kernels.h>
#include <render/raster/workspace.h>

#include <cstdint>
#include <span>

// The kernel sources are compiled up to three times, for growing instruction sets, each time with
// another name in BACKLIGHT_KERNEL_VARIANT; dispatch.cpp picks at run time. They decide in integers and in
// IEEE arithmetic without contraction, so all variants return the same bits.
// BACKLIGHT_HAS_V3 and BACKLIGHT_HAS_V4 say which variants besides `baseline` were built.

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace render::kernels {

inline constexpr int32_t bin_size = 64;  // pixels

#define BACKLIGHT_DECLARE_KERNELS(variant)                                                                            \
  namespace variant {                                                                                                 \
  void sort_into_bins(const Scene& scene, Workspace& workspace);                                                      \
  void draw_bin(Workspace& sorted, std::size_t bin, std::span<int32_t> ids, Workspace& workspace);                    \
  std::span<const Crossing> crossings(const ClipVertices& clip, std::span<const int32_t> triangles,                   \
                                      const EdgeTopology& topology, Viewport viewport, std::span<const int32_t> ids,  \
                                      Workspace& workspace);                                                          \
  Range range_of(std::span<const int32_t> values);                                                                    \
  bool is_ascending(std::span<const int32_t> values);                                                                 \
  int32_t count_visible(std::span<const int32_t> ids);                                                                \
  void list_visible(std::span<const int32_t> ids, const PixelRow& row, const PixelLists& out, std::size_t at);        \
  void look_up_corners(std::span<const int32_t> triangles, std::span<const int32_t> seen, int32_t* const (&out)[3]);  \
  void multiply_add(std::span<const int32_t> factors, int32_t factor, std::span<const int32_t> values, int32_t* out); \
  template <class T>                                                                                                  \
  void write_image(std::span<const int32_t> pixels, const ImageChannels<T>& channels, int64_t begin, int64_t end,     \
                   T* image);                                                                                         \
  }

BACKLIGHT_DECLARE_KERNELS(baseline)
#ifdef BACKLIGHT_HAS_V3
BACKLIGHT_DECLARE_KERNELS(v3)
#endif
#ifdef BACKLIGHT_HAS_V4
BACKLIGHT_DECLARE_KERNELS(v4)
#endif

#undef BACKLIGHT_DECLARE_KERNELS

/// Which variant the kernels run in on this processor: "baseline", "v3" or "v4".
const char* chosen_variant();

}  // namespace render::kernels
