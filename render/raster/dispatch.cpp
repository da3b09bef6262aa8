#include <render/raster/kernel_variants.h>

#include <algorithm>
#include <cstring>
#include <new>

// Picks the kernel variant for this processor, and owns the memory that the kernels work in.

namespace render::kernels {

namespace {

constexpr std::align_val_t alignment{64};

enum class Level { baseline, v3, v4 };

Level detect() {
#if defined(BACKLIGHT_HAS_V3) || defined(BACKLIGHT_HAS_V4)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#ifdef BACKLIGHT_HAS_V4
  if (v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return Level::v4;
#endif
#ifdef BACKLIGHT_HAS_V3
  if (v3) return Level::v3;
#endif
#endif
  return Level::baseline;
}

Level level() {
  static const Level chosen = detect();
  return chosen;
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

const char* chosen_variant() {
  switch (level()) {
    case Level::v4: return "v4";
    case Level::v3: return "v3";
    case Level::baseline: break;
  }
  return "baseline";
}

std::size_t bin_count(Viewport viewport) {
  const auto bins = [](int pixels) { return static_cast<std::size_t>((pixels + bin_size - 1) / bin_size); };
  return bins(viewport.width) * bins(viewport.height);
}

void sort_into_bins(const Scene& scene, Workspace& sorted) {
  switch (level()) {
#ifdef BACKLIGHT_HAS_V4
    case Level::v4: return v4::sort_into_bins(scene, sorted);
#endif
#ifdef BACKLIGHT_HAS_V3
    case Level::v3: return v3::sort_into_bins(scene, sorted);
#endif
    default: return baseline::sort_into_bins(scene, sorted);
  }
}

void draw_bin(Workspace& sorted, std::size_t bin, std::span<int32_t> ids) {
  Workspace& workspace = workspace_of_this_thread();
  switch (level()) {
#ifdef BACKLIGHT_HAS_V4
    case Level::v4: return v4::draw_bin(sorted, bin, ids, workspace);
#endif
#ifdef BACKLIGHT_HAS_V3
    case Level::v3: return v3::draw_bin(sorted, bin, ids, workspace);
#endif
    default: return baseline::draw_bin(sorted, bin, ids, workspace);
  }
}

void visibility(const Scene& scene, std::span<int32_t> ids) {
  Workspace& workspace = workspace_of_this_thread();
  sort_into_bins(scene, workspace);
  for (std::size_t bin = 0; bin < bin_count(scene.viewport); ++bin) draw_bin(workspace, bin, ids);
}

void crossings(const ClipVertices& clip, std::span<const int32_t> triangles, const EdgeTopology& topology,
               Viewport viewport, std::span<const int32_t> ids, std::vector<Crossing>& out) {
  Workspace& workspace = workspace_of_this_thread();
  const std::span<const Crossing> found = [&] {
    switch (level()) {
#ifdef BACKLIGHT_HAS_V4
      case Level::v4: return v4::crossings(clip, triangles, topology, viewport, ids, workspace);
#endif
#ifdef BACKLIGHT_HAS_V3
      case Level::v3: return v3::crossings(clip, triangles, topology, viewport, ids, workspace);
#endif
      default: return baseline::crossings(clip, triangles, topology, viewport, ids, workspace);
    }
  }();
  out.insert(out.end(), found.begin(), found.end());
}

}  // namespace render::kernels
