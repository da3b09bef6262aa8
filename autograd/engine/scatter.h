#pragma once

#include <autograd/core/calls.h>

#include <array>
#include <cstdint>

namespace autograd::engine {

inline constexpr size_t most_scatters_together = 8;

/// What one scatter_add, or several by the same lists of indices, go through: entry by entry, list by list.
struct ScatterEntries {
  const Node* node;  ///< the first
  std::array<const int32_t*, most_scatter_lists> indices;
  size_t lists;
  int64_t count;  ///< of each list
  Arena* scratch;

  int64_t all() const { return static_cast<int64_t>(lists) * count; }
};

/// Arrays of several scatter_adds, such as their results.
template <class T>
struct ScatterArrays {
  std::array<T*, most_scatters_together> data;
  size_t count = 0;

  void push_back(T* array) { data[count++] = array; }
};

/// Whether several scatter_adds such as this one are worth one pass, where they share indices, rows and type:
/// each element goes to one row.
bool scatters_together(const Node& node);
/// Up to most_scatters_together of them, `values` for each list; throws as each would.
void run_scatters_together(const ScatterEntries& entries, const ScatterArrays<const void>* values,
                           const ScatterArrays<void>& sums);

}  // namespace autograd::engine
