#pragma once

#include <autograd/ir/program.h>
#include <autograd/ops/reduce.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "tests/autograd/support.h"

// The one order of reductions as plain loops, written from the rules in engine/fold.h: slow, and right.

namespace canonical_order {

using autograd::Array;
using autograd::Shape;
using Kind = autograd::ir::Fold::Kind;

template <class T>
T combine(Kind kind, T a, T b) {
  if (kind == Kind::sum) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
    return static_cast<T>(a + b);
  }
  if (a != a || b != b) return a != a ? a : b;
  return kind == Kind::max ? (b < a ? a : b) : (a < b ? a : b);
}

template <class T>
T identity(Kind kind) {
  using Limits = std::numeric_limits<T>;
  if (kind == Kind::sum) return static_cast<T>(-0.0);
  if constexpr (std::is_integral_v<T>) return kind == Kind::max ? Limits::lowest() : Limits::max();
  return kind == Kind::max ? -Limits::infinity() : Limits::infinity();
}

/// The last axis: blocks of 4096, sixteen lanes each, folded by halves.
template <class T>
T fold_row(Kind kind, const T* row, int64_t count) {
  T total = identity<T>(kind);
  for (int64_t begin = 0; begin < count; begin += 4096) {
    std::array<T, 16> lanes;
    lanes.fill(identity<T>(kind));
    for (int64_t k = begin; k < std::min(count, begin + 4096); ++k) {
      T& lane = lanes[static_cast<size_t>(k % 16)];
      lane = combine(kind, lane, row[k]);
    }
    for (size_t half = 8; half > 0; half /= 2) {
      for (size_t lane = 0; lane < half; ++lane) lanes[lane] = combine(kind, lanes[lane], lanes[lane + half]);
    }
    total = combine(kind, total, lanes[0]);
  }
  return total;
}

/// The other axes: blocks of rows.
template <class T>
T fold_rows(Kind kind, const std::vector<T>& rows) {
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t blocks = std::clamp<int64_t>(count / 64, 1, 16), length = (count + blocks - 1) / blocks;
  T total = identity<T>(kind);
  for (int64_t block = 0; block < blocks; ++block) {
    T partial = identity<T>(kind);
    for (int64_t row = block * length; row < std::min(count, (block + 1) * length); ++row) {
      partial = combine(kind, partial, rows[static_cast<size_t>(row)]);
    }
    total = combine(kind, total, partial);
  }
  return total;
}

struct Axis {
  int64_t extent;
  bool reduced;
};

inline std::vector<Axis> canonical(const Shape& shape, unsigned axes) {
  std::vector<Axis> result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool reduced = (axes >> axis & 1) != 0;
    if (shape[axis] == 1) continue;
    if (!result.empty() && result.back().reduced == reduced) {
      result.back().extent *= shape[axis];
    } else {
      result.push_back({shape[axis], reduced});
    }
  }
  return result;
}

template <class T>
std::vector<T> reference(Kind kind, const std::vector<T>& values, const Shape& shape, unsigned axes) {
  std::vector<Axis> order = canonical(shape, axes);
  const bool folds_last = !order.empty() && order.back().reduced;
  const int64_t inner = folds_last ? order.back().extent : 1;
  if (folds_last) order.pop_back();
  int64_t rows = 1, outputs = 1;
  for (const Axis& axis : order) {
    rows *= axis.extent;
    if (!axis.reduced) outputs *= axis.extent;
  }
  std::vector<std::vector<T>> of_output(static_cast<size_t>(outputs));
  for (int64_t row = 0; row < rows; ++row) {  // of an output these come in row-major order
    int64_t rest = row, output = 0, stride = 1;
    for (size_t axis = order.size(); axis-- > 0;) {
      if (!order[axis].reduced) output += rest % order[axis].extent * stride, stride *= order[axis].extent;
      rest /= order[axis].extent;
    }
    const T* from = values.data() + row * inner;
    of_output[static_cast<size_t>(output)].push_back(folds_last ? fold_row(kind, from, inner) : *from);
  }
  std::vector<T> result;
  for (const std::vector<T>& list : of_output) {
    const bool nothing = list.empty() || (folds_last && inner == 0);  // a sum of nothing is +0, not the identity -0
    result.push_back(kind == Kind::sum && nothing ? T(0) : fold_rows(kind, list));
  }
  return result;
}

inline autograd::Axes axes_of(unsigned bits, int rank) {
  autograd::Axes axes;
  axes.all = false;
  for (int axis = 0; axis < rank; ++axis) {
    if ((bits >> axis & 1) != 0) axes.list[axes.count++] = axis;
  }
  return axes;
}

/// Values of very different magnitudes, so that any other order gives other bits.
template <class T>
Array rough_array(Random& random, const Shape& shape) {
  return Array::make<T>(shape, [&](std::span<T> out) {
    for (T& value : out) {
      value = static_cast<T>(random.uniform(-1, 1) * std::pow(10, random.uniform(-4, 4)));
      if (random.below(97) == 0) value = static_cast<T>(-0.0);
    }
  });
}

/// Entries in a chunk of a scatter_add by such lists of indices, each of which has partial sums of its own.
/// width  elements of a row
inline int64_t scatter_chunk(const std::vector<std::vector<int32_t>>& lists, int64_t rows, int64_t width) {
  const auto entries = static_cast<int64_t>(lists[0].size());
  const int64_t parts = std::clamp<int64_t>(entries / 32768, 1, 16);
  int64_t chunk = std::max<int64_t>((entries + parts - 1) / parts, 1);
  const auto named = [&] {  // rows, by all chunks but the first
    int64_t sum = 0;
    for (int64_t begin = chunk; begin < entries; begin += chunk) {
      int32_t lowest = INT32_MAX, highest = 0;
      for (const std::vector<int32_t>& list : lists) {
        const auto [low, high] =
            std::minmax_element(list.begin() + begin, list.begin() + std::min(begin + chunk, entries));
        lowest = std::min(lowest, *low), highest = std::max(highest, *high);
      }
      sum += highest - lowest + 1;
    }
    return sum;
  };
  if (named() <= 2 * rows) return chunk;
  while (named() * width > 1 << 18) chunk *= 2;
  return chunk;
}

}  // namespace canonical_order
