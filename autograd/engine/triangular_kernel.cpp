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

namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT {

namespace {

using Four = double __attribute__((vector_size(4 * sizeof(double))));

void load(Four& to, const double* from) { std::memcpy(&to, from, sizeof to); }
void store(double* to, const Four& from) { std::memcpy(to, &from, sizeof from); }

constexpr int most_columns = 4;

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

  void forward(double* x) const {
    Four pivot[static_cast<size_t>(count)];
    for (size_t j = 0; j < count; ++j) {
      load(pivot[j], x + 4 * (column + j));
      for (size_t i = 0; i < j; ++i) pivot[j] -= inside(i, j) * pivot[i];
      pivot[j] *= factor.inverse_diagonal[column + j];
      store(x + 4 * (column + j), pivot[j]);
    }
    for (size_t r = 0; r < row_count; ++r) {
      double* at = x + 4 * static_cast<size_t>(rows[r]);
      Four target;
      load(target, at);
      for (size_t j = 0; j < count; ++j) target -= numbers[j][r] * pivot[j];
      store(at, target);
    }
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
  if (column + 1 >= static_cast<size_t>(factor.size)) return false;
  const int32_t* starts = factor.starts + column;
  const int32_t length = starts[1] - starts[0];
  return length > 0 && length == starts[2] - starts[1] + 1 &&
         factor.rows[starts[0]] == static_cast<int32_t>(column) + 1;
}

/// Calls use(block) for `count` columns from `column` on.
template <class Use>
void with_block(const TriangularFactor& factor, size_t column, int count, Use&& use) {
  switch (count) {
    case 1: return use(Block<1>(factor, column));
    case 2: return use(Block<2>(factor, column));
    case 3: return use(Block<3>(factor, column));
    default: return use(Block<4>(factor, column));
  }
}

}  // namespace

void solve_triangular(const TriangularFactor& factor, double* x) {
  const auto size = static_cast<size_t>(factor.size);
  for (size_t column = 0; column < size;) {
    int count = 1;
    while (count < most_columns && joins_next(factor, column + static_cast<size_t>(count) - 1)) ++count;
    with_block(factor, column, count, [&](const auto& block) { block.forward(x); });
    column += static_cast<size_t>(count);
  }
  for (size_t end = size; end > 0;) {
    int count = 1;
    while (count < most_columns && end > static_cast<size_t>(count) &&
           joins_next(factor, end - static_cast<size_t>(count) - 1))
      ++count;
    end -= static_cast<size_t>(count);
    with_block(factor, end, count, [&](const auto& block) { block.backward(x); });
  }
}

}  // namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT
