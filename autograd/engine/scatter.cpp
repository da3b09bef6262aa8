#include <autograd/core/calls.h>
#include <autograd/core/error.h>
#include <autograd/core/parallel.h>

#include <algorithm>
#include <array>
#include <cstdint>

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

/// A part of the entries, and the target rows [first, last) that it names. Only those rows of its copy
/// are cleared and added: pixels in order touch one stretch of an image, not all of it.
struct Chunk {
  int64_t begin, end;
  int64_t first = 0, last = 0;
  int64_t bad = -1;  ///< the first entry whose index does not exist
};

void find_rows(Chunk& chunk, const int32_t* indices, int64_t rows) {
  int32_t low = INT32_MAX, high = INT32_MIN;
  for (int64_t i = chunk.begin; i < chunk.end; ++i) {
    low = std::min(low, indices[i]);
    high = std::max(high, indices[i]);
  }
  if (chunk.begin == chunk.end) return;
  if (low < 0 || high >= rows) {
    chunk.bad = chunk.begin;
    while (indices[chunk.bad] >= 0 && indices[chunk.bad] < rows) ++chunk.bad;
    return;
  }
  chunk.first = low;
  chunk.last = int64_t{high} + 1;
}

template <class T>
void add_entries(T* out, const T* values, const int32_t* indices, const Chunk& chunk, int64_t width) {
  for (int64_t i = chunk.begin; i < chunk.end; ++i) {
    const int64_t row = indices[i];
    if (width == 1) {
      out[row] = plus(out[row], values[i]);
    } else {
      for (int64_t k = 0; k < width; ++k) out[row * width + k] = plus(out[row * width + k], values[i * width + k]);
    }
  }
}

// A chunk's sum starts from +0 and so is never -0: where a chunk has no entry, adding its zero changes
// no bit, and the rows outside its range can be left out.
template <class T>
void scatter(const Op::Call& call) {
  const int64_t rows = call.node->extents[0];
  const int64_t size = call.node->size();
  const int64_t width = rows == 0 ? 0 : size / rows;
  const int64_t entries = call.inputs[1]->size();
  const int64_t count = std::clamp<int64_t>(entries / 32768, 1, 16);
  const int64_t length = (entries + count - 1) / count;
  const auto* indices = call.input<int32_t>(1);
  std::array<Chunk, 16> chunks;
  for (int64_t c = 0; c < count; ++c) {
    chunks[static_cast<size_t>(c)] = {std::min(c * length, entries), std::min((c + 1) * length, entries)};
  }
  // Chunk 0 adds into the output, each other one into a copy of its own.
  auto* copies = call.scratch->array<T>((count - 1) * size);
  auto* out = static_cast<T*>(call.output);
  parallel_for(size, static_cast<double>(size) * 0.2,
               [&](int64_t begin, int64_t end) { std::fill(out + begin, out + end, T(0)); });
  const double cost = static_cast<double>(entries) * (1 + 0.5 * static_cast<double>(width)) * 1.5;
  parallel_for(count, cost, [&](int64_t from, int64_t to) {
    for (int64_t c = from; c < to; ++c) {
      Chunk& chunk = chunks[static_cast<size_t>(c)];
      find_rows(chunk, indices, rows);
      if (chunk.bad >= 0) continue;
      T* target = c == 0 ? out : copies + (c - 1) * size;
      if (c > 0) std::fill(target + chunk.first * width, target + chunk.last * width, T(0));
      add_entries(target, call.input<T>(0), indices, chunk, width);
    }
  });
  double combined = 0;
  for (int64_t c = 0; c < count; ++c) {
    const Chunk& chunk = chunks[static_cast<size_t>(c)];
    if (chunk.bad >= 0) {
      throw IndexError("scatter_add: index " + std::to_string(indices[chunk.bad]) + " at element " +
                       std::to_string(chunk.bad) + " (recorded at " + to_string(call.node->where) +
                       "); expected 0 to " + std::to_string(rows - 1));
    }
    if (c > 0) combined += static_cast<double>((chunk.last - chunk.first) * width);
  }
  parallel_for(rows, combined * 0.3, [&](int64_t begin, int64_t end) {
    for (int64_t c = 1; c < count; ++c) {
      const Chunk& chunk = chunks[static_cast<size_t>(c)];
      const T* copy = copies + (c - 1) * size;
      const int64_t last = std::min(end, chunk.last) * width;
      for (int64_t i = std::max(begin, chunk.first) * width; i < last; ++i) out[i] = plus(out[i], copy[i]);
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
