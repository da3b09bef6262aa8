#include <autograd/core/parallel.h>
#include <autograd/engine/lookup.h>

#include <algorithm>

namespace autograd::engine {

namespace {

using Four = float __attribute__((vector_size(16)));  // of any four bytes: they are moved, not computed with

Four load(const float* from) {
  Four four;
  __builtin_memcpy(&four, from, sizeof four);
  return four;
}

void store(float* to, Four four) { __builtin_memcpy(to, &four, sizeof four); }

/// Of four rows, four elements each, transposed into four columns.
void transpose(const float* a, const float* b, const float* c, const float* d, float* columns, int64_t stride) {
  const Four row_a = load(a), row_b = load(b), row_c = load(c), row_d = load(d);
  const Four ab_low = __builtin_shufflevector(row_a, row_b, 0, 4, 1, 5),
             ab_high = __builtin_shufflevector(row_a, row_b, 2, 6, 3, 7),
             cd_low = __builtin_shufflevector(row_c, row_d, 0, 4, 1, 5),
             cd_high = __builtin_shufflevector(row_c, row_d, 2, 6, 3, 7);
  store(columns, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store(columns + stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store(columns + 2 * stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store(columns + 3 * stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

/// Four times as many tables as `quads`; `count` is a multiple of four, the indices exist.
template <int64_t quads>
void fetch(const float* packed, const int32_t* indices, int64_t count, float* columns, int64_t stride) {
  constexpr int64_t width = 4 * quads;
  for (int64_t i = 0; i < count; i += 4) {
    const float *a = packed + indices[i] * width, *b = packed + indices[i + 1] * width,
                *c = packed + indices[i + 2] * width, *d = packed + indices[i + 3] * width;
    for (int64_t from = 0; from < width; from += 4)
      transpose(a + from, b + from, c + from, d + from, columns + from * stride + i, stride);
  }
}

bool all_exist(const int32_t* indices, int64_t count, int64_t rows) {
  uint32_t highest = 0;  // a negative index is a high one
  for (int64_t i = 0; i < count; ++i) highest = std::max(highest, static_cast<uint32_t>(indices[i]));
  return highest < static_cast<uint64_t>(rows);
}

}  // namespace

const float* pack(const Lookups& lookups, const std::vector<std::byte*>& values, Arena& scratch) {
  const int64_t width = lookups.width();
  auto* packed = scratch.array<float>(lookups.rows * width);
  const double cost = static_cast<double>(lookups.rows * width) * 0.5;
  parallel_for(lookups.rows, cost, [&](int64_t begin, int64_t end) {
    for (size_t t = 0; t < lookups.tables.size(); ++t) {
      const Lookups::Table& table = lookups.tables[t];
      const std::byte* from = values[table.place.base] + table.place.bytes;
      float* to = packed + t;
      for (int64_t row = begin; row < end; ++row)
        __builtin_memcpy(to + row * width, from + row * table.stride * 4, sizeof(float));
    }
  });
  return packed;
}

void look_up(const Lookups& lookups, size_t list, const float* packed, const int32_t* indices, const Piece& piece,
             int64_t block, Fault& fault, size_t instruction) {
  const int64_t count = piece.end - piece.begin, stride = Lookups::column_stride(block);
  auto* columns = reinterpret_cast<float*>(piece.local + lookups.column(list, 0, block));
  const auto fetch_all = [&](const int32_t* chosen, int64_t from, int64_t size) {
    switch (lookups.width()) {
      case 4: return fetch<1>(packed, chosen, size, columns + from, stride);
      case 8: return fetch<2>(packed, chosen, size, columns + from, stride);
      case 12: return fetch<3>(packed, chosen, size, columns + from, stride);
      default: return fetch<4>(packed, chosen, size, columns + from, stride);
    }
  };
  const int32_t* given = indices + piece.begin;
  const int64_t whole = all_exist(given, count, lookups.rows) ? count / 4 * 4 : 0;
  fetch_all(given, 0, whole);
  for (int64_t i = whole; i < count; i += 4) {  // the rest, and where an index does not exist
    int32_t chosen[4] = {};
    for (int64_t k = i; k < std::min(i + 4, count); ++k) {
      if (given[k] >= 0 && given[k] < lookups.rows)
        chosen[k - i] = given[k];
      else
        fault.report(piece.begin + k, instruction, given[k]);
    }
    fetch_all(chosen, i, 4);
  }
}

}  // namespace autograd::engine
