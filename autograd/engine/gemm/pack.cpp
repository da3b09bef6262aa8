#include <autograd/engine/gemm/level.h>
#include <autograd/engine/gemm/vector.h>

#include <algorithm>

// What moves between memory and the layout of the register tiles, once for each level of the processor.

namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT {

namespace {

/// The lanes of a and b by turns: a0 b0 a1 b1 ..., the lower or the upper halves.
template <class T, bool upper, int... lane>
Vector<T> interleave(Vector<T> a, Vector<T> b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, (lane / 2 + (upper ? lanes<T> / 2 : 0) + (lane % 2 == 0 ? 0 : lanes<T>))...);
}

/// A square of lanes x lanes elements: rows become columns. Each round interleaves the rows of the first half with
/// those of the second, a perfect shuffle of all elements, which moves the bits of an element's place (row, lane)
/// round by one; after log2(lanes) rounds row and lane have changed places.
template <class T>
void transpose(Vector<T> (&rows)[lanes<T>]) {
  constexpr int half = lanes<T> / 2;
  constexpr std::make_integer_sequence<int, lanes<T>> order;
  for (int round = 1; round < lanes<T>; round *= 2) {
    Vector<T> shuffled[lanes<T>];
    unroll<half>([&](auto r) {
      shuffled[2 * r] = interleave<T, false>(rows[r], rows[r + half], order);
      shuffled[2 * r + 1] = interleave<T, true>(rows[r], rows[r + half], order);
    });
    unroll<lanes<T>>([&](auto r) { rows[r] = shuffled[r]; });
  }
}

/// The square at `from`, of which `rows` x `columns` elements exist; the others are 0.
template <class T>
void load_square(Vector<T> (&square)[lanes<T>], const T* from, int64_t row, int64_t rows, int columns) {
  unroll<lanes<T>>([&](auto r) { square[r] = r < rows ? load_part(from + r * row, columns) : Vector<T>{}; });
}

template <class T>
void copy_rows(const Strip<T>& strip, T* to) {
  const int64_t whole = strip.count / lanes<T> * lanes<T>;
  const int rest = static_cast<int>(strip.count - whole);
  const int64_t padded = std::min(whole + lanes<T>, strip.width);
  for (int64_t k = 0; k < strip.depth; ++k) {
    const T* from = strip.from + k * strip.depth_stride;
    T* row = to + k * strip.width;
    for (int64_t i = 0; i < whole; i += lanes<T>) store<T>(row + i, load<T>(from + i));
    if (rest > 0) {
      store_part(row + whole, load_part(from + whole, rest), static_cast<int>(padded - whole));
    }
  }
}

template <class T>
void copy_columns(const Strip<T>& strip, T* to) {
  for (int64_t i = 0; i < strip.width; i += lanes<T>) {
    const int width = static_cast<int>(std::min<int64_t>(strip.width - i, lanes<T>));
    for (int64_t k = 0; k < strip.depth; k += lanes<T>) {
      const int depth = static_cast<int>(std::min<int64_t>(strip.depth - k, lanes<T>));
      Vector<T> square[lanes<T>];
      load_square<T>(square, strip.from + i * strip.along + k, strip.along, strip.count - i, depth);
      transpose<T>(square);
      unroll<lanes<T>>([&](auto r) {
        if (r < depth) store_part(to + (k + r) * strip.width + i, square[r], width);
      });
    }
  }
}

template <class T>
void copy_elements(const Strip<T>& strip, T* to) {
  for (int64_t k = 0; k < strip.depth; ++k) {
    const T* from = strip.from + k * strip.depth_stride;
    T* row = to + k * strip.width;
    for (int64_t i = 0; i < strip.count; ++i) row[i] = from[i * strip.along];
    std::fill(row + strip.count, row + strip.width, T(0));
  }
}

template <class T>
void pack_strip(const Strip<T>& strip, T* to) {
  if (strip.along == 1) {
    copy_rows(strip, to);
  } else if (strip.depth_stride == 1) {
    copy_columns(strip, to);
  } else {
    copy_elements(strip, to);
  }
}

template <class T>
void finish_rows(const Finish<T>& work) {
  for (int64_t i = 0; i < work.rows; ++i) {
    const T* d = work.d + i * work.d_row;
    T* c = work.c + i * work.c_row;
    if (work.add) {
      for (int64_t j = 0; j < work.columns; ++j) c[j] = c[j] + d[j];
    } else {
      std::copy_n(d, work.columns, c);
    }
  }
}

template <class T>
void finish_columns(const Finish<T>& work) {
  for (int64_t j = 0; j < work.columns; j += lanes<T>) {
    const int columns = static_cast<int>(std::min<int64_t>(work.columns - j, lanes<T>));
    for (int64_t i = 0; i < work.rows; i += lanes<T>) {
      const int rows = static_cast<int>(std::min<int64_t>(work.rows - i, lanes<T>));
      Vector<T> square[lanes<T>];
      load_square<T>(square, work.d + i * work.d_row + j, work.d_row, rows, columns);
      transpose<T>(square);
      unroll<lanes<T>>([&](auto r) {
        if (r >= columns) return;
        T* c = work.c + (j + r) * work.c_column + i;
        store_part(c, work.add ? load_part(c, rows) + square[r] : square[r], rows);
      });
    }
  }
}

template <class T>
void finish_block(const Finish<T>& work) {
  if (work.c_column == 1) {
    finish_rows(work);
  } else {
    finish_columns(work);
  }
}

}  // namespace

void pack(const Strip<float>& strip, float* to) { pack_strip(strip, to); }
void pack(const Strip<double>& strip, double* to) { pack_strip(strip, to); }
void finish(const Finish<float>& work) { finish_block(work); }
void finish(const Finish<double>& work) { finish_block(work); }

}  // namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT
