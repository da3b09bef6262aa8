#include <autograd/core/calls.h>
#include <autograd/core/error.h>
#include <autograd/core/parallel.h>

#include <algorithm>
#include <mutex>

namespace autograd {

namespace {

template <class T>
T plus(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  } else {
    return a + b;
  }
}

/// Entries [begin, end) in order; returns the first entry whose index is bad, or -1.
template <class T>
int64_t add_entries(T* out, const T* values, const int32_t* indices, int64_t begin, int64_t end, int64_t rows,
                    int64_t width) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = indices[i];
    if (row < 0 || row >= rows) return i;
    if (width == 1) {
      out[row] = plus(out[row], values[i]);
    } else {
      for (int64_t k = 0; k < width; ++k) out[row * width + k] = plus(out[row * width + k], values[i * width + k]);
    }
  }
  return -1;
}

template <class T>
void scatter(const Op::Call& call) {
  const int64_t rows = call.node->extents[0];
  const int64_t size = call.node->size();
  const int64_t width = rows == 0 ? 0 : size / rows;
  const int64_t entries = call.inputs[1]->size();
  const int64_t chunks = std::clamp<int64_t>(entries / 32768, 1, 16);
  const int64_t chunk = (entries + chunks - 1) / chunks;
  // Chunk 0 adds into the output, each other one into a copy of its own.
  auto* copies = call.scratch->array<T>((chunks - 1) * size);
  auto* out = static_cast<T*>(call.output);
  int64_t first_bad = -1;
  std::mutex mutex;
  const double cost = static_cast<double>(entries) * (1 + 0.5 * static_cast<double>(width)) * 1.5;
  parallel_for(chunks, cost, [&](int64_t from, int64_t to) {
    for (int64_t c = from; c < to; ++c) {
      T* target = c == 0 ? out : copies + (c - 1) * size;
      std::fill_n(target, size, T(0));
      const int64_t bad = add_entries(target, call.input<T>(0), call.input<int32_t>(1), c * chunk,
                                      std::min((c + 1) * chunk, entries), rows, width);
      if (bad < 0) continue;
      const std::lock_guard lock(mutex);
      if (first_bad < 0 || bad < first_bad) first_bad = bad;
    }
  });
  if (first_bad >= 0) {
    throw IndexError("scatter_add: index " + std::to_string(call.input<int32_t>(1)[first_bad]) + " at element " +
                     std::to_string(first_bad) + " (recorded at " + to_string(call.node->where) + "); expected 0 to " +
                     std::to_string(rows - 1));
  }
  parallel_for(size, static_cast<double>(size * (chunks - 1)) * 0.3, [&](int64_t begin, int64_t end) {
    for (int64_t c = 1; c < chunks; ++c) {
      const T* copy = copies + (c - 1) * size;
      for (int64_t i = begin; i < end; ++i) out[i] = plus(out[i], copy[i]);
    }
  });
}

}  // namespace

void run_scatter_add(const Op::Call& call) {
  switch (call.node->dtype) {
    case DType::float64: return scatter<double>(call);
    case DType::int32: return scatter<int32_t>(call);
    default: return scatter<float>(call);
  }
}

}  // namespace autograd
