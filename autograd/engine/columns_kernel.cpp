#include <autograd/engine/columns_kernel.h>

#include <algorithm>
#include <array>
#include <cstring>

#ifdef __AVX__
#include <immintrin.h>
#endif

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT {

namespace {

template <class T, int lanes>
using Vector [[gnu::vector_size(lanes * sizeof(T))]] = T;

template <class T, int lanes>
void store(T* to, const Vector<T, lanes>& from) {
  std::memcpy(to, &from, sizeof from);
}

/// Four elements of each of `lanes` rows, 4 or 8: out[k] has element k of each row.
template <class T, int lanes>
struct Transposed {
  using V = Vector<T, lanes>;
  V out[4];

  /// The elements of each row from `from` on.
  Transposed(const T* const* rows, int64_t from) {
    V row[4];
    for (int i = 0; i < 4; ++i) load(row[i], rows + i, from);
    V low[2], high[2];
    for (int i = 0; i < 2; ++i) interleave(low[i], high[i], row[2 * i], row[2 * i + 1]);
    join(out[0], out[1], low[0], low[1]);
    join(out[2], out[3], high[0], high[1]);
  }

 private:
  // Row i, and i + 4 beside it where there are eight: what follows keeps inside of four elements.
  static void load(V& to, const T* const* row, int64_t from) {
    if constexpr (lanes == 4) {
      std::memcpy(&to, row[0] + from, sizeof to);
    } else {
#ifdef __AVX__
      // GCC 12 would load both halves and spend a shuffle.
      if constexpr (sizeof(T) == sizeof(float)) {
        const auto half = [&](int i) { return _mm_loadu_ps(reinterpret_cast<const float*>(row[i] + from)); };
        to = (V)_mm256_insertf128_ps(_mm256_castps128_ps256(half(0)), half(4), 1);
        return;
      }
#endif
      Vector<T, 4> here, beside;
      std::memcpy(&here, row[0] + from, sizeof here);
      std::memcpy(&beside, row[4] + from, sizeof beside);
      to = __builtin_shufflevector(here, beside, 0, 1, 2, 3, 4, 5, 6, 7);
    }
  }
  /// a0 b0 a1 b1 and a2 b2 a3 b3
  static void interleave(V& low, V& high, const V& a, const V& b) {
    if constexpr (lanes == 4) {
      low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    } else {
      low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
      high = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    }
  }
  /// a0 a1 b0 b1 and a2 a3 b2 b3
  static void join(V& low, V& high, const V& a, const V& b) {
    if constexpr (lanes == 4) {
      low = __builtin_shufflevector(a, b, 0, 1, 4, 5);
      high = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    } else {
      low = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      high = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
};

/// has_tail: the last row is elsewhere.
template <int64_t quads, bool has_tail>
void fetch_rows(const RowFetch& work) {
  constexpr int64_t width = 4 * quads, at_once = 8;
  const auto [table, indices, count, columns, stride] = work;
  const auto row = [&](int64_t entry) {
    const int64_t index = indices[entry];
    return has_tail && index == table.last ? table.tail : table.rows + index * table.step;
  };
  int64_t i = 0;
  for (; i + at_once <= count; i += at_once) {
    const float* rows[at_once];
    for (int64_t k = 0; k < at_once; ++k) rows[k] = row(i + k);
    for (int64_t from = 0; from < width; from += 4) {
      const Transposed<float, at_once> block(rows, from);
      for (int64_t k = 0; k < 4; ++k) store<float, at_once>(columns + (from + k) * stride + i, block.out[k]);
    }
  }
  for (; i < count; ++i) {
    for (int64_t k = 0; k < width; ++k) std::memcpy(columns + k * stride + i, row(i) + k, sizeof(float));
  }
}

template <bool has_tail>
void fetch_width(const RowFetch& work) {
  switch (work.table.width) {
    case 4: return fetch_rows<1, has_tail>(work);
    case 8: return fetch_rows<2, has_tail>(work);
    case 12: return fetch_rows<3, has_tail>(work);
    default: return fetch_rows<4, has_tail>(work);
  }
}

void fetch(const RowFetch& work) {
  const RowTable& table = work.table;
  table.tail == table.rows + table.last* table.step ? fetch_width<false>(work) : fetch_width<true>(work);
}

void pack(const RowPack& work) {
  const auto [columns, count, rows, width, out] = work;
  for (size_t first = 0; first < count; first += 4) {
    const float* four[4];  // where there are fewer, the first again
    for (size_t k = 0; k < 4; ++k) four[k] = columns[first + k < count ? first + k : first];
    float* to = out + first;
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      const Transposed<float, 4> block(four, row);
      for (int64_t k = 0; k < 4; ++k) store<float, 4>(to + (row + k) * width, block.out[k]);
    }
    for (; row < rows; ++row) {
      for (size_t k = 0; k < 4; ++k) std::memcpy(to + row * width + k, four[k] + row, sizeof(float));
    }
  }
}

void split(const RowSplit& work) {
  constexpr int64_t at_once = 8;
  const auto [packed, rows, width, columns, count] = work;
  for (size_t first = 0; first < count; first += 4) {
    const size_t last = std::min(first + 4, count);
    const float* from = packed + first;
    int64_t row = 0;
    for (; row + at_once <= rows; row += at_once) {
      const float* eight[at_once];
      for (int64_t k = 0; k < at_once; ++k) eight[k] = from + (row + k) * width;
      const Transposed<float, at_once> block(eight, 0);
      for (size_t c = first; c < last; ++c) {
        store<float, at_once>(columns[c] + row, block.out[c - first]);
      }
    }
    for (; row < rows; ++row) {
      for (size_t c = first; c < last; ++c) columns[c][row] = packed[row * width + static_cast<int64_t>(c)];
    }
  }
}

template <int64_t known>
void copy_rows(const RowCopy& work) {
  const auto [table, stride, given_width, indices, begin, end, out] = work;
  const int64_t width = known > 0 ? known : given_width;
  const auto copy = [&](int64_t row, int64_t from, int64_t to) {
    std::memcpy(out + row * width + from - begin, table + indices[row] * stride + from,
                static_cast<size_t>(to - from) * sizeof(float));
  };
  int64_t row = begin / width;
  if (begin % width != 0) {  // a part of the first
    copy(row, begin % width, std::min(width, end - row * width));
    ++row;
  }
  for (; (row + 1) * width <= end; ++row) copy(row, 0, width);
  if (row * width < end) copy(row, 0, end - row * width);
}

void copy(const RowCopy& work) {
  switch (work.width) {
    case 2: return copy_rows<2>(work);
    case 3: return copy_rows<3>(work);
    case 4: return copy_rows<4>(work);
    default: return copy_rows<0>(work);
  }
}

template <class T, int width>
void add_row(T* to, const Vector<T, width>& row) {
  Vector<T, width> sum;
  std::memcpy(&sum, to, sizeof sum);
  store<T, width>(to, sum + row);
}

template <class T, int width, size_t lists, bool has_copies>
void add_lists(const RowAddition<T>& work) {
  const int64_t count = work.count;
  // In registers: as far as the compiler knows, a sum could be one of the work's pointers.
  T *sums[lists], *copies[lists];
  int32_t shared[lists];
  const int32_t* indices[lists];
  std::copy_n(work.sums, lists, sums);
  std::copy_n(work.copies, lists, copies);
  std::copy_n(work.shared, lists, shared);
  std::copy_n(work.indices, lists, indices);
  const auto row_of = [&](size_t l, int64_t entry) {
    const int32_t index = indices[l][entry];
    return (has_copies && index < shared[l] ? copies[l] : sums[l]) + int64_t{index} * width;
  };
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Vector<T, width> rows[lists][4];
    for (size_t l = 0; l < lists; ++l) {
      const Transposed<T, width> block(work.columns[l], i);
      for (int k = 0; k < 4; ++k) rows[l][k] = block.out[k];
    }
    for (int64_t k = 0; k < 4; ++k) {
      for (size_t l = 0; l < lists; ++l) add_row<T, width>(row_of(l, i + k), rows[l][k]);
    }
  }
  for (; i < count; ++i) {
    for (size_t l = 0; l < lists; ++l) {
      Vector<T, width> row;
      for (int k = 0; k < width; ++k) row[k] = work.columns[l][k][i];
      add_row<T, width>(row_of(l, i), row);
    }
  }
}

template <class T, int width, bool has_copies>
void add_width(const RowAddition<T>& work) {
  switch (work.lists) {
    case 1: return add_lists<T, width, 1, has_copies>(work);
    case 2: return add_lists<T, width, 2, has_copies>(work);
    case 3: return add_lists<T, width, 3, has_copies>(work);
    default: return add_lists<T, width, 4, has_copies>(work);
  }
}

template <class T>
void add(const RowAddition<T>& work) {
  const bool has_copies = std::any_of(work.shared, work.shared + work.lists, [](int32_t rows) { return rows > 0; });
  if (work.width == 4)
    has_copies ? add_width<T, 4, true>(work) : add_width<T, 4, false>(work);
  else
    has_copies ? add_width<T, 8, true>(work) : add_width<T, 8, false>(work);
}

IndexRange range(const int32_t* indices, int64_t count) {
  int32_t lowest = INT32_MAX, highest = INT32_MIN;
  for (int64_t i = 0; i < count; ++i) {
    lowest = std::min(lowest, indices[i]);
    highest = std::max(highest, indices[i]);
  }
  return {lowest, highest};
}

bool is_wanted(const IndexSearch& work, int32_t place) {
  return static_cast<uint32_t>(work.indices[place]) - static_cast<uint32_t>(work.first) <
         static_cast<uint32_t>(work.rows);
}

#if defined(__AVX512F__)
/// Places [0, whole), a vector of them at a time; returns how many were found.
size_t find_vectors(const IndexSearch& work, int32_t whole) {
  const __m512i first = _mm512_set1_epi32(work.first), rows = _mm512_set1_epi32(work.rows);
  __m512i place = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  int32_t* to = work.places;
  for (int32_t begin = 0; begin < whole; begin += 16) {
    const __m512i distance = _mm512_sub_epi32(_mm512_loadu_si512(work.indices + begin), first);
    const __mmask16 wanted = _mm512_cmplt_epu32_mask(distance, rows);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(wanted, place));
    to += __builtin_popcount(wanted);
    place = _mm512_add_epi32(place, _mm512_set1_epi32(16));
  }
  return static_cast<size_t>(to - work.places);
}
constexpr int32_t found_at_once = 16;
#elif defined(__AVX2__)
/// For each set of lanes their numbers, a byte each, in order.
constexpr auto lanes_of_sets = [] {
  std::array<uint64_t, 256> list{};
  for (unsigned set = 0; set < 256; ++set) {
    int shift = 0;
    for (uint64_t lane = 0; lane < 8; ++lane) {
      if ((set >> lane & 1) == 0) continue;
      list[set] |= lane << shift;
      shift += 8;
    }
  }
  return list;
}();
size_t find_vectors(const IndexSearch& work, int32_t whole) {
  // Compared as signed numbers: both sides have 2^31 taken off.
  const __m256i first = _mm256_set1_epi32(static_cast<int32_t>(static_cast<uint32_t>(work.first) + 0x80000000u));
  const __m256i rows = _mm256_set1_epi32(static_cast<int32_t>(static_cast<uint32_t>(work.rows) + 0x80000000u));
  int32_t* to = work.places;
  for (int32_t begin = 0; begin < whole; begin += 8) {
    const __m256i indices = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(work.indices + begin));
    const __m256i wanted = _mm256_cmpgt_epi32(rows, _mm256_sub_epi32(indices, first));
    const auto set = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(wanted)));
    const __m128i lanes = _mm_cvtsi64_si128(static_cast<long long>(lanes_of_sets[set]));
    const __m256i places = _mm256_add_epi32(_mm256_cvtepu8_epi32(lanes), _mm256_set1_epi32(begin));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), places);
    to += __builtin_popcount(set);
  }
  return static_cast<size_t>(to - work.places);
}
constexpr int32_t found_at_once = 8;
#else
size_t find_vectors(const IndexSearch&, int32_t) { return 0; }
constexpr int32_t found_at_once = INT32_MAX;
#endif

size_t find(const IndexSearch& work) {
  const int32_t whole = work.count / found_at_once * found_at_once;
  size_t found = find_vectors(work, whole);
  for (int32_t place = whole; place < work.count; ++place) {
    work.places[found] = place;
    found += is_wanted(work, place) ? 1 : 0;  // no branch, which no processor would foresee
  }
  return found;
}

}  // namespace

extern const ColumnKernels columns;
const ColumnKernels columns{&fetch, &pack, &split, &copy, &add<float>, &add<double>, &range, &find};

}  // namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT
