#include <autograd/engine/triangular_kernel.h>

#include <cstddef>
#include <cstring>

// L y = b and L^T x = y for sparse L. Neighbouring columns often have the same rows below them: a supernode, of
// which up to four are taken at once, so that each element of x is fetched once for all of them.
//
//     column c    * . .      each is the next one's rows and the diagonal before them
//           c+1   * * .
//           c+2   * * *
//     rows        * * *
//     below       * * *

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT {

extern const TriangularKernels triangular;

namespace {

using Four = double __attribute__((vector_size(4 * sizeof(double))));

void load(Four& to, const double* from) { std::memcpy(&to, from, sizeof to); }
void store(double* to, const Four& from) { std::memcpy(to, &from, sizeof from); }

constexpr size_t most_columns = 4;

/// `count` neighbouring columns and the rows that all of them have.
template <int count>
struct Block {
  const TriangularFactor& factor;
  size_t column;
  const double* numbers[static_cast<size_t>(count)];  ///< of each column, from the first common row on
  const int32_t* rows;
  size_t row_count;

  Block(const TriangularFactor& factor_, size_t column_) : factor(factor_), column(column_) {
    const auto last = column + count - 1;
    rows = factor.rows + factor.starts[last];
    row_count = static_cast<size_t>(factor.starts[last + 1] - factor.starts[last]);
    for (size_t j = 0; j < count; ++j) numbers[j] = factor.numbers + factor.starts[column + j + 1] - row_count;
  }

  /// Of column j, what it has in the row of the later column k of the block.
  double inside(size_t j, size_t k) const {
    return factor.numbers[static_cast<size_t>(factor.starts[column + j]) + k - j - 1];
  }

  /// Rows from `end` on are those of `behind`.
  void forward(double* x, size_t end, double* behind) const {
    Four pivot[static_cast<size_t>(count)];
    for (size_t j = 0; j < count; ++j) {
      load(pivot[j], x + 4 * (column + j));
      for (size_t i = 0; i < j; ++i) pivot[j] -= inside(i, j) * pivot[i];
      pivot[j] *= factor.inverse_diagonal[column + j];
      store(x + 4 * (column + j), pivot[j]);
    }
    const auto subtract = [&](double* rows_of, size_t r) {
      double* at = rows_of + 4 * static_cast<size_t>(rows[r]);
      Four target;
      load(target, at);
      for (size_t j = 0; j < count; ++j) target -= numbers[j][r] * pivot[j];
      store(at, target);
    };
    size_t r = 0;
    for (; r < row_count && static_cast<size_t>(rows[r]) < end; ++r) subtract(x, r);
    for (; r < row_count; ++r) subtract(behind, r);
  }

  void backward(double* x) const {
    Four pivot[static_cast<size_t>(count)];
    for (size_t j = 0; j < count; ++j) load(pivot[j], x + 4 * (column + j));
    for (size_t r = 0; r < row_count; ++r) {
      Four source;
      load(source, x + 4 * static_cast<size_t>(rows[r]));
      for (size_t j = 0; j < count; ++j) pivot[j] -= numbers[j][r] * source;
    }
    for (size_t j = count; j-- > 0;) {
      for (size_t k = j + 1; k < count; ++k) pivot[j] -= inside(j, k) * pivot[k];
      pivot[j] *= factor.inverse_diagonal[column + j];
      store(x + 4 * (column + j), pivot[j]);
    }
  }
};

/// Whether the column's rows are the next one and that one's rows: those of a column are always among them.
bool joins_next(const TriangularFactor& factor, size_t column) {
  const int32_t* starts = factor.starts + column;
  const int32_t length = starts[1] - starts[0];
  return length > 0 && length == starts[2] - starts[1] + 1 &&
         factor.rows[starts[0]] == static_cast<int32_t>(column) + 1;
}

/// Calls use(block) for `count` columns from `column` on.
template <class Use>
void with_block(const TriangularFactor& factor, size_t column, size_t count, Use&& use) {
  switch (count) {
    case 1: return use(Block<1>(factor, column));
    case 2: return use(Block<2>(factor, column));
    case 3: return use(Block<3>(factor, column));
    default: return use(Block<4>(factor, column));
  }
}

}  // namespace

static void forward(const TriangularFactor& factor, int64_t begin, int64_t end, double* x, double* behind) {
  const auto last = static_cast<size_t>(end);
  for (auto column = static_cast<size_t>(begin); column < last;) {
    size_t count = 1;
    while (count < most_columns && column + count < last && joins_next(factor, column + count - 1)) ++count;
    with_block(factor, column, count, [&](const auto& block) { block.forward(x, last, behind); });
    column += count;
  }
}

static void backward(const TriangularFactor& factor, int64_t begin, int64_t end, double* x) {
  const auto first = static_cast<size_t>(begin);
  for (auto column = static_cast<size_t>(end); column > first;) {
    size_t count = 1;
    while (count < most_columns && column - first > count && joins_next(factor, column - count - 1)) ++count;
    column -= count;
    with_block(factor, column, count, [&](const auto& block) { block.backward(x); });
  }
}

const TriangularKernels triangular{&forward, &backward};

}  // namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT
