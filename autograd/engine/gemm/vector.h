#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Vectors of the level of the processor that a source is compiled for; for kernel sources only.

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT {

// The register tile: rows x vectors sums, the vectors of a row of Q and one element of P fill the registers.
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64, tile_rows = 8, tile_vectors = 3;  // of 32
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int vector_bytes = 32, tile_rows = 6, tile_vectors = 2;  // of 16
#else
inline constexpr int vector_bytes = 16, tile_rows = 4, tile_vectors = 2;
#endif

template <class T>
struct VectorOf {
  using type [[gnu::vector_size(vector_bytes)]] = T;
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
Vector<T> load(const T* from) {
  Vector<T> value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(T* to, Vector<T> value) {
  std::memcpy(to, &value, sizeof value);
}

#if defined(__AVX512F__)

inline __m512 broadcast(float x) { return _mm512_set1_ps(x); }
inline __m512d broadcast(double x) { return _mm512_set1_pd(x); }
inline __m512 fma(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
inline __m512d fma(__m512d a, __m512d b, __m512d c) { return _mm512_fmadd_pd(a, b, c); }

/// The first `count` lanes, 1 to all of them; the others are 0, and left as they are in memory.
inline __m512 load_part(const float* from, int count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
}
inline __m512d load_part(const double* from, int count) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), from);
}
inline void store_part(float* to, __m512 value, int count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), value);
}
inline void store_part(double* to, __m512d value, int count) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << count) - 1), value);
}

#elif defined(__AVX2__) && defined(__FMA__)

inline __m256 broadcast(float x) { return _mm256_set1_ps(x); }
inline __m256d broadcast(double x) { return _mm256_set1_pd(x); }
inline __m256 fma(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
inline __m256d fma(__m256d a, __m256d b, __m256d c) { return _mm256_fmadd_pd(a, b, c); }

/// The first `count` lanes, 1 to all of them; the others are 0, and left as they are in memory.
inline __m256i mask32(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i mask64(int count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
inline __m256 load_part(const float* from, int count) { return _mm256_maskload_ps(from, mask32(count)); }
inline __m256d load_part(const double* from, int count) { return _mm256_maskload_pd(from, mask64(count)); }
inline void store_part(float* to, __m256 value, int count) { _mm256_maskstore_ps(to, mask32(count), value); }
inline void store_part(double* to, __m256d value, int count) { _mm256_maskstore_pd(to, mask64(count), value); }

#else

template <class T>
Vector<T> broadcast(T x) {
  Vector<T> value;
  for (int lane = 0; lane < lanes<T>; ++lane) value[lane] = x;
  return value;
}

template <class V>
V fma(V a, V b, V c) {
  for (int lane = 0; lane < static_cast<int>(sizeof(V) / sizeof(a[0])); ++lane) {
    c[lane] = std::fma(a[lane], b[lane], c[lane]);
  }
  return c;
}

/// The first `count` lanes, 1 to all of them; the others are 0, and left as they are in memory.
template <class T>
Vector<T> load_part(const T* from, int count) {
  Vector<T> value{};
  for (int lane = 0; lane < count; ++lane) value[lane] = from[lane];
  return value;
}

template <class T>
void store_part(T* to, Vector<T> value, int count) {
  for (int lane = 0; lane < count; ++lane) to[lane] = value[lane];
}

#endif

/// Calls f with the constants 0 to count - 1: a loop whose arrays stay in registers.
template <int count, class Function>
void unroll(Function&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) { (f(std::integral_constant<int, i>()), ...); }
  (std::make_integer_sequence<int, count>());
}

}  // namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT
