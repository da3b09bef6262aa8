#include <autograd/core/parallel.h>
#include <autograd/engine/fold.h>
#include <autograd/engine/interpreter_kernels.h>
#include <autograd/engine/region.h>

#include <algorithm>
#include <cstring>
#include <limits>

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
  const double cost = static_cast<double>(rows) * (4 + 0.3 * static_cast<double>(inner));
  if (last > 0 && !shape.reduced[0]) {
    const int64_t per_outer = rows / std::max<int64_t>(shape.extents[0], 1);
    parallel_for(shape.extents[0], cost,
                 [&](int64_t begin, int64_t end) { fold_rows(begin * per_outer, end * per_outer); });
  } else if (last == 1 && blocks > 1) {
    parallel_for(blocks, cost,
                 [&](int64_t begin, int64_t end) { fold_rows(begin * block_rows, std::min(end * block_rows, rows)); });
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
