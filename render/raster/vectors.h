#pragma once

#include <render/raster/kernel_variants.h>

#include <cstddef>
#include <cstdint>

#ifdef __x86_64__
#include <immintrin.h>
#endif

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

// Conversions. GCC 12 cuts those that widen into halves.
[[gnu::always_inline]] inline void widen(const Ints& in, Doubles& out) {
#ifdef __AVX512F__
  out = _mm512_maskz_cvtepi32_pd(0xff, (__m256i)in);
#else
  out = __builtin_convertvector(in, Doubles);
#endif
}
[[gnu::always_inline]] inline void widen(const Ints& in, Longs& out) {
#ifdef __AVX512F__
  out = (Longs)_mm512_maskz_cvtepi32_epi64(0xff, (__m256i)in);
#else
  out = __builtin_convertvector(in, Longs);
#endif
}
[[gnu::always_inline]] inline void widen(const Floats& in, Doubles& out) {
#ifdef __AVX512F__
  out = _mm512_maskz_cvtps_pd(0xff, in);
#else
  out = __builtin_convertvector(in, Doubles);
#endif
}

// upper << 32 | lower, where lower is from 0 to 2^32 - 1.
[[gnu::always_inline]] inline void join_words(const Ints& upper, const Longs& lower, Longs& out) {
#ifdef __AVX512F__
  const __m512i odd_words = _mm512_setr_epi32(0, 16, 2, 17, 4, 18, 6, 19, 8, 20, 10, 21, 12, 22, 14, 23);
  out = (Longs)_mm512_permutex2var_epi32((__m512i)lower, odd_words, _mm512_castsi256_si512((__m256i)upper));
#elif defined(__AVX2__) || !defined(__x86_64__)
  widen(upper, out);
  out = out << 32 | lower;
#else
  const __m128i halves[2] = {_mm_unpacklo_epi32(__m128i{}, (__m128i)upper),
                             _mm_unpackhi_epi32(__m128i{}, (__m128i)upper)};
  load(out, halves);
  out |= lower;
#endif
}

// Stores the larger of `values` and what is in memory, which stays where a value is NaN. GCC 12 would compare and
// choose, and without AVX one by one.
[[gnu::always_inline]] inline void store_larger(void* memory, const Doubles& values) {
#ifdef __AVX512F__
  _mm512_storeu_pd(memory, _mm512_maskz_max_pd(0xff, values, _mm512_loadu_pd(memory)));
#elif defined(__AVX2__)
  auto* const place = static_cast<double*>(memory);
  _mm256_storeu_pd(place, _mm256_max_pd(values, _mm256_loadu_pd(place)));
#elif defined(__x86_64__)
  __m128d halves[2], held[2];
  store(halves, values), __builtin_memcpy(held, memory, sizeof held);
  for (int i = 0; i < 2; ++i) held[i] = _mm_max_pd(halves[i], held[i]);
  __builtin_memcpy(memory, held, sizeof held);
#else
  Doubles held;
  load(held, memory);
  store(memory, values > held ? values : held);
#endif
}

inline constexpr unsigned all_lanes = (1u << lanes) - 1;

// Bit i: the sign of lane i.
[[gnu::always_inline]] inline unsigned sign_bits(const Ints& lanes_of) {
#ifdef __AVX512F__
  return _mm256_movepi32_mask((__m256i)lanes_of);
#elif defined(__x86_64__)
  return static_cast<unsigned>(_mm_movemask_ps((__m128)lanes_of));
#else
  unsigned bits = 0;
  for (int i = 0; i < lanes; ++i) bits |= static_cast<unsigned>(lanes_of[i] < 0) << i;
  return bits;
#endif
}

template <class Lanes, class T>
[[gnu::always_inline]] inline void keep_one_by_one(unsigned bits, const Lanes& values, T* out) {
  for (int i = 0; i < lanes; ++i) {
    *out = values[i];
    out += bits >> i & 1;
  }
}

// Stores the lanes whose bits are set side by side; there is room for all lanes.
[[gnu::always_inline]] inline void keep_lanes(unsigned bits, const Ints& values, int32_t* out) {
#ifdef __AVX512F__
  store(out, _mm256_maskz_compress_epi32(static_cast<__mmask8>(bits), (__m256i)values));
#else
  keep_one_by_one(bits, values, out);
#endif
}
[[gnu::always_inline]] inline void keep_lanes(unsigned bits, const Longs& values, int64_t* out) {
#ifdef __AVX512F__
  store(out, _mm512_maskz_compress_epi64(static_cast<__mmask8>(bits), (__m512i)values));
#else
  keep_one_by_one(bits, values, out);
#endif
}

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
