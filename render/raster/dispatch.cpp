#include <render/raster/kernel_variants.h>

#include <algorithm>
#include <cstring>
#include <new>

// Picks the kernel variant for this processor, and owns the memory that the kernels work in.

namespace render::kernels {

namespace {

constexpr std::align_val_t alignment{64};

/// The kernels of one variant.
struct Variant {
  const char* name;
  decltype(&baseline::sort_into_bins) sort_into_bins;
  decltype(&baseline::draw_bin) draw_bin;
  decltype(&baseline::crossings) crossings;
  decltype(&baseline::range_of) range_of;
  decltype(&baseline::is_ascending) is_ascending;
  decltype(&baseline::count_visible) count_visible;
  decltype(&baseline::list_visible) list_visible;
  decltype(&baseline::look_up_corners) look_up_corners;
  decltype(&baseline::multiply_add) multiply_add;
  decltype(&baseline::write_image<float>) write_float_image;
  decltype(&baseline::write_image<double>) write_double_image;
};

#define BACKLIGHT_KERNELS_OF(variant)                                                                   \
  {                                                                                                     \
#variant, variant::sort_into_bins, variant::draw_bin, variant::crossings, variant::range_of,        \
        variant::is_ascending, variant::count_visible, variant::list_visible, variant::look_up_corners, \
        variant::multiply_add, variant::write_image < float>, variant::write_image < double>            \
  }

Variant choose() {
#if defined(BACKLIGHT_HAS_V3) || defined(BACKLIGHT_HAS_V4)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#ifdef BACKLIGHT_HAS_V4
  if (v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return BACKLIGHT_KERNELS_OF(v4);
#endif
#ifdef BACKLIGHT_HAS_V3
  if (v3) return BACKLIGHT_KERNELS_OF(v3);
#endif
#endif
  return BACKLIGHT_KERNELS_OF(baseline);
}

#undef BACKLIGHT_KERNELS_OF

const Variant& chosen() {
  static const Variant variant = choose();
  return variant;
}

Workspace& workspace_of_this_thread() {
  thread_local Workspace workspace;
  return workspace;
}

}  // namespace

Workspace::~Workspace() {
  for (Block& block : blocks_) ::operator delete(block.memory, alignment);
}

void* Workspace::acquire(std::size_t block, std::size_t bytes, std::size_t kept) {
  Block& held = blocks_.at(block);
  if (held.bytes >= bytes && held.memory) return held.memory;
  const std::size_t grown = std::max(bytes, held.bytes + held.bytes / 2);
  void* memory = ::operator new(grown, alignment);
  if (kept > 0) std::memcpy(memory, held.memory, kept);
  ::operator delete(held.memory, alignment);
  held = {memory, grown};
  return memory;
}

const char* chosen_variant() { return chosen().name; }

std::size_t bin_count(Viewport viewport) {
  const auto bins = [](int pixels) { return static_cast<std::size_t>((pixels + bin_size - 1) / bin_size); };
  return bins(viewport.width) * bins(viewport.height);
}

void sort_into_bins(const Scene& scene, Workspace& sorted) { chosen().sort_into_bins(scene, sorted); }

void draw_bin(Workspace& sorted, std::size_t bin, std::span<int32_t> ids) {
  chosen().draw_bin(sorted, bin, ids, workspace_of_this_thread());
}

void visibility(const Scene& scene, std::span<int32_t> ids) {
  Workspace& workspace = workspace_of_this_thread();
  sort_into_bins(scene, workspace);
  for (std::size_t bin = 0; bin < bin_count(scene.viewport); ++bin) draw_bin(workspace, bin, ids);
}

void crossings(const ClipVertices& clip, std::span<const int32_t> triangles, const EdgeTopology& topology,
               Viewport viewport, std::span<const int32_t> ids, std::vector<Crossing>& out) {
  const std::span<const Crossing> found =
      chosen().crossings(clip, triangles, topology, viewport, ids, workspace_of_this_thread());
  out.insert(out.end(), found.begin(), found.end());
}

Range range_of(std::span<const int32_t> values) { return chosen().range_of(values); }

bool is_ascending(std::span<const int32_t> values) { return chosen().is_ascending(values); }

int32_t count_visible(std::span<const int32_t> ids) { return chosen().count_visible(ids); }

void list_visible(std::span<const int32_t> ids, const PixelRow& row, const PixelLists& out, std::size_t at) {
  chosen().list_visible(ids, row, out, at);
}

void look_up_corners(std::span<const int32_t> triangles, std::span<const int32_t> seen, int32_t* const (&out)[3]) {
  chosen().look_up_corners(triangles, seen, out);
}

void multiply_add(std::span<const int32_t> factors, int32_t factor, std::span<const int32_t> values, int32_t* out) {
  chosen().multiply_add(factors, factor, values, out);
}

template <>
void write_image(std::span<const int32_t> pixels, const ImageChannels<float>& channels, int64_t begin, int64_t end,
                 float* image) {
  chosen().write_float_image(pixels, channels, begin, end, image);
}

template <>
void write_image(std::span<const int32_t> pixels, const ImageChannels<double>& channels, int64_t begin, int64_t end,
                 double* image) {
  chosen().write_double_image(pixels, channels, begin, end, image);
}

}  // namespace render::kernels
