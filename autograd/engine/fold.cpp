#include <autograd/core/parallel.h>
#include <autograd/engine/fold.h>
#include <autograd/engine/interpreter_kernels.h>
#include <autograd/engine/region.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace autograd::engine {

namespace {

using Kind = ir::Fold::Kind;

template <class Visit>
void visit_number(DType type, Visit&& visit) {
  switch (type) {
    case DType::float64: return visit(double{});
    case DType::int32: return visit(int32_t{});
    default: return visit(float{});
  }
}

template <class T>
T identity(Kind kind) {
  using Limits = std::numeric_limits<T>;
  if (kind == Kind::sum) return Limits::has_infinity ? T(-0.0) : T(0);
  if constexpr (Limits::has_infinity) {
    return kind == Kind::max ? -Limits::infinity() : Limits::infinity();
  } else {
    return kind == Kind::max ? Limits::lowest() : Limits::max();
  }
}

template <class T>
T combine(Kind kind, T a, T b) {
  if (kind == Kind::sum) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
    } else {
      return a + b;
    }
  }
  if (kind == Kind::max) return b < a || a != a ? a : b;
  return a < b || a != a ? a : b;
}

template <class T>
void combine_all(Kind kind, T* out, const T* values, int64_t count) {
  switch (kind) {  // outside the loop, so that each loop is plain
    case Kind::sum:
      for (int64_t i = 0; i < count; ++i) out[i] = combine(Kind::sum, out[i], values[i]);
      return;
    case Kind::max:
      for (int64_t i = 0; i < count; ++i) out[i] = combine(Kind::max, out[i], values[i]);
      return;
    case Kind::min:
      for (int64_t i = 0; i < count; ++i) out[i] = combine(Kind::min, out[i], values[i]);
      return;
  }
}

constexpr int64_t lane_count = 16;

/// A row of at most 16 elements: folding by halves, without the lanes that saw nothing. `known` > 0: its length.
template <class T, int known>
T fold_short(Kind kind, const T* row, int64_t length) {
  int64_t count = known > 0 ? known : length;
  T lanes[lane_count];
  std::copy_n(row, count, lanes);
  for (int64_t half = lane_count / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane + half < count; ++lane) lanes[lane] = combine(kind, lanes[lane], lanes[lane + half]);
    count = std::min(count, half);
  }
  return lanes[0];
}

template <class T, int known>
void fold_short_rows(Kind kind, const T* in, T* out, int64_t rows, int64_t length) {
  const auto fold = [&](auto constant) {
    for (int64_t row = 0; row < rows; ++row) out[row] = fold_short<T, known>(constant, in + row * length, length);
  };
  switch (kind) {
    case Kind::sum: return fold(std::integral_constant<Kind, Kind::sum>());
    case Kind::max: return fold(std::integral_constant<Kind, Kind::max>());
    case Kind::min: return fold(std::integral_constant<Kind, Kind::min>());
  }
}

/// Each of `rows` contiguous short rows to one element.
void fold_short_rows(Kind kind, DType type, const void* input, void* output, int64_t rows, int64_t length) {
  visit_number(type, [&]<class T>(T) {
    const auto* in = static_cast<const T*>(input);
    auto* out = static_cast<T*>(output);
    switch (length) {
      case 2: return fold_short_rows<T, 2>(kind, in, out, rows, length);
      case 3: return fold_short_rows<T, 3>(kind, in, out, rows, length);
      case 4: return fold_short_rows<T, 4>(kind, in, out, rows, length);
      default: return fold_short_rows<T, 0>(kind, in, out, rows, length);
    }
  });
}

/// out = combine(out, row) for each of `rows` contiguous rows. Short ones stay in registers.
template <class T, int known>
void add_rows(Kind kind, T* out, const T* in, int64_t rows, int64_t width) {
  if constexpr (known == 0) {
    for (int64_t row = 0; row < rows; ++row) combine_all(kind, out, in + row * width, width);
  } else {
    const auto add = [&](auto constant) {
      T sums[static_cast<size_t>(known)];
      std::copy_n(out, known, sums);
      for (int64_t row = 0; row < rows; ++row) {
        for (int k = 0; k < known; ++k) sums[k] = combine<T>(constant, sums[k], in[row * known + k]);
      }
      std::copy_n(sums, known, out);
    };
    switch (kind) {
      case Kind::sum: return add(std::integral_constant<Kind, Kind::sum>());
      case Kind::max: return add(std::integral_constant<Kind, Kind::max>());
      case Kind::min: return add(std::integral_constant<Kind, Kind::min>());
    }
  }
}

void add_rows(Kind kind, DType type, void* output, const void* input, int64_t rows, int64_t width) {
  visit_number(type, [&]<class T>(T) {
    const auto* in = static_cast<const T*>(input);
    auto* out = static_cast<T*>(output);
    switch (width) {
      case 1: return add_rows<T, 1>(kind, out, in, rows, width);
      case 2: return add_rows<T, 2>(kind, out, in, rows, width);
      case 3: return add_rows<T, 3>(kind, out, in, rows, width);
      case 4: return add_rows<T, 4>(kind, out, in, rows, width);
      default: return add_rows<T, 0>(kind, out, in, rows, width);
    }
  });
}

/// The shape with axes of extent 1 dropped and neighbours of the same kind merged.
struct Canonical {
  int rank = 0;
  int64_t extents[max_rank + 1];
  bool reduced[max_rank + 1];
};

Canonical canonical(const int64_t* extents, int rank, uint8_t axes) {
  Canonical result;
  for (int axis = 0; axis < rank; ++axis) {
    if (extents[axis] == 1) continue;
    const bool reduced = (axes >> axis & 1) != 0;
    if (result.rank > 0 && result.reduced[result.rank - 1] == reduced) {
      result.extents[result.rank - 1] *= extents[axis];
    } else {
      result.extents[result.rank] = extents[axis];
      result.reduced[result.rank++] = reduced;
    }
  }
  if (result.rank == 0) {
    result.extents[0] = 1;
    result.reduced[result.rank++] = false;
  }
  return result;
}

/// Counts over an axis-major index: the position of a row among the kept and the reduced axes.
struct RowCounter {
  const Canonical& shape;
  int axes;  ///< those before the last one
  int64_t index[max_rank + 1] = {};
  int64_t kept = 0, reduced = 0;

  void set(int64_t row) {
    for (int axis = axes - 1; axis >= 0; --axis) {
      index[axis] = row % shape.extents[axis];
      row /= shape.extents[axis];
    }
    kept = reduced = 0;
    for (int axis = 0; axis < axes; ++axis) {
      int64_t& position = shape.reduced[axis] ? reduced : kept;
      position = position * shape.extents[axis] + index[axis];
    }
  }
};

}  // namespace

void fold_lanes(Kind kind, DType type, const FoldLanes& all, void* out) {
  visit_number(type, [&]<class T>(T) {
    T lanes[16];
    std::memcpy(lanes, all.bytes, sizeof lanes);
    for (int half = 8; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) lanes[lane] = combine(kind, lanes[lane], lanes[lane + half]);
    }
    std::memcpy(out, lanes, sizeof(T));
  });
}

void fold_identity(Kind kind, DType type, void* out, int64_t count) {
  visit_number(type, [&]<class T>(T) { std::fill_n(static_cast<T*>(out), count, identity<T>(kind)); });
}

void fold_nothing(Kind kind, DType type, void* out, int64_t count) {
  if (kind != Kind::sum) return fold_identity(kind, type, out, count);
  std::memset(out, 0, static_cast<size_t>(count * size_of(type)));
}

void fold_elements(Kind kind, DType type, void* out, const void* values, int64_t count) {
  visit_number(type,
               [&]<class T>(T) { combine_all(kind, static_cast<T*>(out), static_cast<const T*>(values), count); });
}

void fold_row(Kind kind, DType type, void* out, const void* row, int64_t count) {
  const FoldFunction fold = kernel_table().fold(kind, type);
  const int64_t size = size_of(type);
  FoldLanes lanes;
  std::byte block[8];
  for (int64_t begin = 0; begin < count; begin += fold_block) {
    fold_identity(kind, type, lanes.bytes, 16);
    fold(lanes.bytes, static_cast<const std::byte*>(row) + begin * size, std::min(fold_block, count - begin));
    fold_lanes(kind, type, lanes, begin == 0 ? out : block);
    if (begin > 0) fold_elements(kind, type, out, block, 1);
  }
  if (count == 0) fold_nothing(kind, type, out, 1);
}

int64_t row_blocks(int64_t rows) { return std::clamp<int64_t>(rows / 64, 1, 16); }

void fold_axes(Kind kind, DType type, const void* input, const int64_t* extents, int rank, uint8_t axes, void* output,
               Arena& scratch) {
  const Canonical shape = canonical(extents, rank, axes);
  const int last = shape.rank - 1;
  const int64_t inner = shape.extents[last];
  int64_t kept_rows = 1, reduced_rows = 1;
  for (int axis = 0; axis < last; ++axis) (shape.reduced[axis] ? reduced_rows : kept_rows) *= shape.extents[axis];
  const int64_t rows = kept_rows * reduced_rows;
  const int64_t width = shape.reduced[last] ? 1 : inner;  // elements that a row contributes
  const int64_t size = size_of(type);
  const int64_t blocks = row_blocks(reduced_rows);
  const int64_t block_rows = std::max<int64_t>((reduced_rows + blocks - 1) / blocks, 1);
  const int64_t outputs = kept_rows * width;
  if (reduced_rows == 0 || (shape.reduced[last] && inner == 0)) return fold_nothing(kind, type, output, outputs);

  // Accumulators [blocks, outputs]; block 0 is the output itself.
  auto* accumulators = static_cast<std::byte*>(scratch.allocate(std::max<int64_t>((blocks - 1) * outputs * size, 1)));
  auto* out = static_cast<std::byte*>(output);
  fold_identity(kind, type, out, outputs);
  fold_identity(kind, type, accumulators, (blocks - 1) * outputs);

  // A task owns a range of kept rows, or, where nothing outer is kept, one block.
  const auto fold_rows = [&](int64_t row_begin, int64_t row_end) {
    RowCounter counter{shape, last};
    std::byte value[8];
    for (int64_t row = row_begin; row < row_end; ++row) {
      counter.set(row);
      const int64_t block = counter.reduced / block_rows;
      const std::byte* from = static_cast<const std::byte*>(input) + row * inner * size;
      std::byte* to = (block == 0 ? out : accumulators + (block - 1) * outputs * size) + counter.kept * width * size;
      if (shape.reduced[last]) {
        fold_row(kind, type, value, from, inner);
        fold_elements(kind, type, to, value, 1);
      } else {
        fold_elements(kind, type, to, from, inner);
      }
    }
  };
  // Rows that are all kept, or all reduced, one after another.
  const auto fold_block_of_rows = [&](int64_t block) {
    const int64_t begin = block * block_rows, end = std::min(begin + block_rows, rows);
    std::byte* to = block == 0 ? out : accumulators + (block - 1) * outputs * size;
    add_rows(kind, type, to, static_cast<const std::byte*>(input) + begin * inner * size, end - begin, inner);
  };
  const double cost = static_cast<double>(rows) * (4 + 0.3 * static_cast<double>(inner));
  if (last == 1 && shape.reduced[1] && inner <= lane_count) {
    parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
      fold_short_rows(kind, type, static_cast<const std::byte*>(input) + begin * inner * size, out + begin * size,
                      end - begin, inner);
    });
  } else if (last == 1 && !shape.reduced[1]) {
    parallel_for(blocks, cost, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) fold_block_of_rows(block);
    });
  } else if (last > 0 && !shape.reduced[0]) {
    const int64_t per_outer = rows / std::max<int64_t>(shape.extents[0], 1);
    parallel_for(shape.extents[0], cost,
                 [&](int64_t begin, int64_t end) { fold_rows(begin * per_outer, end * per_outer); });
  } else if (last == 0 && shape.reduced[0]) {
    fold_row(kind, type, out, input, inner);
  } else {
    fold_rows(0, rows);
  }
  for (int64_t block = 1; block < blocks; ++block) {
    fold_elements(kind, type, out, accumulators + (block - 1) * outputs * size, outputs);
  }
}

}  // namespace autograd::engine
