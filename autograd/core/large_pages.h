#pragma once

#include <cstddef>
#ifdef __linux__
#include <sys/mman.h>

#include <cstdint>
#endif

// Lookups all over a large array miss the processor's list of pages more often than its caches, and each small page
// costs a visit to the system when it is first touched.

namespace autograd {

/// Asks the system to map fresh memory by large pages, where it is many of them. Only ever a hint.
inline void advise_large_pages([[maybe_unused]] void* begin, [[maybe_unused]] size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr size_t large = size_t{2} << 20, page = 4096;
  if (bytes < 2 * large) return;
  const uintptr_t first = (reinterpret_cast<uintptr_t>(begin) + page - 1) / page * page;
  const uintptr_t last = (reinterpret_cast<uintptr_t>(begin) + bytes) / page * page;
  madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

}  // namespace autograd
