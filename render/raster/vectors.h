#pragma once

#include <render/raster/kernel_variants.h>

#include <cstddef>
#include <cstdint>

// Several numbers at once for the kernels: GCC's and clang's vectors, on which arithmetic is whatever instructions the
// variant has. They are passed by reference: how vectors are passed by value depends on the instruction set.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

// As many doubles as the widest registers hold, but four where those are narrower.
#ifdef __AVX512F__
inline constexpr int lanes = 8;
#else
inline constexpr int lanes = 4;
#endif
using Ints [[gnu::vector_size(lanes * 4)]] = int32_t;
using Floats [[gnu::vector_size(lanes * 4)]] = float;
using Longs [[gnu::vector_size(lanes * 8)]] = int64_t;
using Doubles [[gnu::vector_size(lanes * 8)]] = double;
using Four [[gnu::vector_size(16)]] = int32_t;

template <class Vector>
[[gnu::always_inline]] inline void load(Vector& out, const void* memory) {
  __builtin_memcpy(&out, memory, sizeof out);
}
template <class Vector>
[[gnu::always_inline]] inline void store(void* memory, const Vector& in) {
  __builtin_memcpy(memory, &in, sizeof in);
}

[[gnu::always_inline]] inline void keep_smaller(Ints& a, const Ints& b) { a = a < b ? a : b; }
[[gnu::always_inline]] inline void keep_larger(Ints& a, const Ints& b) { a = a > b ? a : b; }

// Rows of four words <-> four columns of as many words as there are lanes.
#ifdef __AVX512F__

inline constexpr Ints lane_numbers{0, 1, 2, 3, 4, 5, 6, 7};

[[gnu::always_inline]] inline void transpose(const Ints (&in)[4], Ints (&out)[4]) {  // each half by itself
  const Ints low01 = __builtin_shufflevector(in[0], in[1], 0, 8, 1, 9, 4, 12, 5, 13);
  const Ints low23 = __builtin_shufflevector(in[2], in[3], 0, 8, 1, 9, 4, 12, 5, 13);
  const Ints high01 = __builtin_shufflevector(in[0], in[1], 2, 10, 3, 11, 6, 14, 7, 15);
  const Ints high23 = __builtin_shufflevector(in[2], in[3], 2, 10, 3, 11, 6, 14, 7, 15);
  out[0] = __builtin_shufflevector(low01, low23, 0, 1, 8, 9, 4, 5, 12, 13);
  out[1] = __builtin_shufflevector(low01, low23, 2, 3, 10, 11, 6, 7, 14, 15);
  out[2] = __builtin_shufflevector(high01, high23, 0, 1, 8, 9, 4, 5, 12, 13);
  out[3] = __builtin_shufflevector(high01, high23, 2, 3, 10, 11, 6, 7, 14, 15);
}

[[gnu::always_inline]] inline void to_columns(const Four (&rows)[lanes], Ints (&columns)[4]) {
  Ints pairs[4];
  for (int i = 0; i < 4; ++i) pairs[i] = __builtin_shufflevector(rows[i], rows[i + 4], 0, 1, 2, 3, 4, 5, 6, 7);
  transpose(pairs, columns);
}

[[gnu::always_inline]] inline void to_rows(const Ints (&columns)[4], Four (&rows)[lanes]) {
  Ints pairs[4];
  transpose(columns, pairs);
  for (int i = 0; i < 4; ++i) {
    rows[i] = __builtin_shufflevector(pairs[i], pairs[i], 0, 1, 2, 3);
    rows[i + 4] = __builtin_shufflevector(pairs[i], pairs[i], 4, 5, 6, 7);
  }
}

#else

inline constexpr Ints lane_numbers{0, 1, 2, 3};

[[gnu::always_inline]] inline void to_columns(const Four (&in)[4], Four (&out)[4]) {
  const Four low01 = __builtin_shufflevector(in[0], in[1], 0, 4, 1, 5),
             low23 = __builtin_shufflevector(in[2], in[3], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(in[0], in[1], 2, 6, 3, 7),
             high23 = __builtin_shufflevector(in[2], in[3], 2, 6, 3, 7);
  out[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  out[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  out[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  out[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}
[[gnu::always_inline]] inline void to_rows(const Four (&in)[4], Four (&out)[4]) { to_columns(in, out); }

#endif

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
