#include <autograd/core/calls.h>
#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/interpreter_kernels.h>

#include <algorithm>
#include <cstring>
#include <string>

// Several lists of entries added into one table, as the gradient of a texture takes them: the taps of a pixel share its
// gradient, each by a weight of its own. Each thread owns a stretch of rows and goes through all entries for those, so
// a sum runs in the order of the entries whoever owns it, and no entry's product is ever left in memory.

namespace autograd::engine {

namespace {

constexpr int64_t block = 512;  // entries whose indices are checked, then added while they are in the innermost cache

constexpr int64_t prefetched = 16;  // entries ahead

struct Lists {
  explicit Lists(const Op::Call& call)
      : lists(static_cast<size_t>(static_cast<const WeightedAttributes*>(call.attributes)->lists)),
        data(call.input_data),
        entries(call.inputs[0]->size()),
        rows(call.node->extents[0]),
        width(call.node->extents[1]) {}

  const int32_t* index(size_t k) const { return static_cast<const int32_t*>(data[k]); }

  size_t lists;
  std::span<const void* const> data;
  int64_t entries, rows, width;
};

[[noreturn]] void throw_bad_index(const Op::Call& call, const Lists& in, size_t list, int64_t entry) {
  while (in.index(list)[entry] >= 0 && in.index(list)[entry] < in.rows) ++entry;
  throw IndexError("scatter_add_weighted: index " + std::to_string(in.index(list)[entry]) + " at element " +
                   std::to_string(entry) + " of list " + std::to_string(list) + " (recorded at " +
                   to_string(call.node->where) + "); " + expected_rows(in.rows));
}

void check(const Op::Call& call, const Lists& in, int64_t begin, int64_t end) {
  for (size_t k = 0; k < in.lists; ++k) {
    const IndexRange range = kernel_table().columns->range(in.index(k) + begin, end - begin);
    if (range.lowest < 0 || range.highest >= in.rows) throw_bad_index(call, in, k, begin);
  }
}

/// The entries [begin, end) that go to rows [first, last).
struct Part {
  int64_t begin, end, first, last;
};

/// known: columns, where that is known; else 0
template <class T, int known>
void add_entries(const Lists& in, const Part& part, T* out) {
  const int64_t width = known > 0 ? known : in.width;
  const auto base = static_cast<uint32_t>(part.first), rows = static_cast<uint32_t>(part.last - part.first);
  const T* const* columns = reinterpret_cast<const T* const*>(in.data.data() + 2 * in.lists);
  const T* const* weights = reinterpret_cast<const T* const*>(in.data.data() + in.lists);
  for (int64_t i = part.begin; i < part.end; ++i) {
    T row[known > 0 ? known : 1];
    for (int c = 0; c < known; ++c) row[c] = columns[c][i];
    const int64_t ahead = std::min(i + prefetched, part.end - 1);
    for (size_t k = 0; k < in.lists; ++k) {
      __builtin_prefetch(out + in.index(k)[ahead] * width, 1);
      const int32_t index = in.index(k)[i];
      if (static_cast<uint32_t>(index) - base >= rows) continue;
      const T weight = weights[k][i];
      T* to = out + index * width;
      if constexpr (known > 0) {
        for (int c = 0; c < known; ++c) to[c] += weight * row[c];
      } else {
        for (int64_t c = 0; c < width; ++c) to[c] += weight * columns[c][i];
      }
    }
  }
}

template <class T>
void add_part(const Lists& in, const Part& part, T* out) {
  switch (in.width) {
    case 1: return add_entries<T, 1>(in, part, out);
    case 3: return add_entries<T, 3>(in, part, out);
    case 4: return add_entries<T, 4>(in, part, out);
    default: return add_entries<T, 0>(in, part, out);
  }
}

template <class T>
void add(const Op::Call& call) {
  const Lists in(call);
  T* const out = static_cast<T*>(call.output);
  const int64_t stretches = std::min<int64_t>(threads(), in.rows);
  const double cost = static_cast<double>(in.entries) * static_cast<double>(in.lists) * 3;
  parallel_for(stretches, cost + static_cast<double>(in.rows * in.width) * 0.2, [&](int64_t begin, int64_t end) {
    const int64_t first = in.rows * begin / stretches, last = in.rows * end / stretches;
    std::fill(out + first * in.width, out + last * in.width, T(0));
    for (int64_t entry = 0; entry < in.entries; entry += block) {
      const Part part{entry, std::min(entry + block, in.entries), first, last};
      check(call, in, part.begin, part.end);  // each thread: the error is the same whoever meets it
      add_part(in, part, out);
    }
  });
  if (in.rows == 0 && in.entries > 0) check(call, in, 0, in.entries);
}

}  // namespace

}  // namespace autograd::engine

namespace autograd {

void run_scatter_add_weighted(const Op::Call& call) {
  if (call.node->dtype == DType::float64)
    engine::add<double>(call);
  else
    engine::add<float>(call);
}

}  // namespace autograd
