#pragma once

#include <autograd/core/calls.h>

#include <array>
#include <cstdint>

namespace autograd::engine {

inline constexpr size_t most_scatters_together = 8;

/// What one scatter_add, or several by one list of indices, go through.
struct ScatterEntries {
  const Node* node;  ///< the first
  const int32_t* indices;
  int64_t count;
  Arena* scratch;
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
/// Up to most_scatters_together of them; throws as each would.
void run_scatters_together(const ScatterEntries& entries, const ScatterArrays<const void>& values,
                           const ScatterArrays<void>& sums);

}  // namespace autograd::engine
