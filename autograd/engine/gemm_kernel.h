#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

// The matrix product's inner loops, included by the sources that are compiled for each instruction set.

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT {

inline constexpr int64_t gemm_chunk = 4096;

/// `rows` x up to `width` elements of C at a time in registers, k innermost.
template <class T, int rows, int width>
void gemm_tile(const T* a, const T* b, T* c, int64_t k_begin, int64_t k_end, int64_t k, int64_t n, int64_t columns) {
  T sums[rows][width] = {};
  if (columns == width) {
    for (int64_t i = k_begin; i < k_end; ++i) {
      for (int r = 0; r < rows; ++r) {
        const T factor = a[r * k + i];
        for (int j = 0; j < width; ++j) sums[r][j] = std::fma(factor, b[i * n + j], sums[r][j]);
      }
    }
  } else {
    for (int64_t i = k_begin; i < k_end; ++i) {
      for (int r = 0; r < rows; ++r) {
        const T factor = a[r * k + i];
        for (int64_t j = 0; j < columns; ++j) sums[r][j] = std::fma(factor, b[i * n + j], sums[r][j]);
      }
    }
  }
  for (int r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < columns; ++j) c[r * n + j] = k_begin == 0 ? sums[r][j] : c[r * n + j] + sums[r][j];
  }
}

template <class T>
void gemm_all(const T* a, const T* b, T* c, int64_t m, int64_t k, int64_t n) {
  constexpr int rows = 4, width = 32;
  if (k == 0) std::fill_n(c, m * n, T(0));
  for (int64_t k_begin = 0; k_begin < k; k_begin += gemm_chunk) {
    const int64_t k_end = std::min(k, k_begin + gemm_chunk);
    for (int64_t j = 0; j < n; j += width) {
      const int64_t columns = std::min<int64_t>(width, n - j);
      int64_t i = 0;
      for (; i + rows <= m; i += rows) {
        gemm_tile<T, rows, width>(a + i * k, b + j, c + i * n + j, k_begin, k_end, k, n, columns);
      }
      for (; i < m; ++i) gemm_tile<T, 1, width>(a + i * k, b + j, c + i * n + j, k_begin, k_end, k, n, columns);
    }
  }
}

}  // namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT
