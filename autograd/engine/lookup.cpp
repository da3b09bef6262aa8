#include <autograd/core/parallel.h>
#include <autograd/engine/interpreter_kernels.h>
#include <autograd/engine/lookup.h>

#include <algorithm>

namespace autograd::engine {

namespace {

constexpr int64_t rows_at_once = 256;  // which stay in the innermost cache for all columns

const float* pack(const Lookups& lookups, const std::vector<std::byte*>& values, Arena& scratch) {
  const int64_t width = lookups.width();
  const size_t count = lookups.tables.size();
  auto* packed = scratch.array<float>(lookups.rows * width);
  const bool dense = std::ranges::all_of(lookups.tables, [](const Lookups::Table& table) { return table.stride == 1; });
  const double cost = static_cast<double>(lookups.rows * width) * 0.25;
  parallel_for(lookups.rows, cost, [&](int64_t begin, int64_t end) {
    for (; begin < end; begin += rows_at_once) {
      const int64_t rows = std::min(rows_at_once, end - begin);
      float* to = packed + begin * width;
      const float* from[Lookups::most_tables];
      for (size_t t = 0; t < count; ++t) {
        const Lookups::Table& table = lookups.tables[t];
        from[t] = reinterpret_cast<const float*>(values[table.place.base] + table.place.bytes) + begin * table.stride;
      }
      if (dense) {
        kernel_table().columns->pack({from, count, rows, width, to});
        continue;
      }
      for (size_t t = 0; t < count; ++t) {
        const int64_t stride = lookups.tables[t].stride;
        for (int64_t row = 0; row < rows; ++row)
          __builtin_memcpy(to + row * width + t, from[t] + row * stride, sizeof(float));
      }
    }
  });
  return packed;
}

}  // namespace

RowTable row_table(const Lookups& lookups, const std::vector<std::byte*>& values, Arena& scratch) {
  const int64_t width = lookups.width(), last = lookups.rows - 1;
  if (!lookups.side_by_side) {
    const float* packed = pack(lookups, values, scratch);
    return {packed, width, width, last, packed + last * width};
  }
  const Lookups::Table& first = lookups.tables[0];
  const auto* rows = reinterpret_cast<const float*>(values[first.place.base] + first.place.bytes);
  auto* tail = scratch.array<float>(width);
  std::fill_n(tail, width, 0.0f);
  __builtin_memcpy(tail, rows + last * first.stride, lookups.tables.size() * sizeof(float));
  return {rows, first.stride, width, last, tail};
}

void look_up(const Lookups& lookups, size_t list, const RowTable& table, const int32_t* indices, const Piece& piece,
             int64_t block, Fault& fault, size_t instruction) {
  const ColumnKernels& kernels = *kernel_table().columns;
  const int64_t count = piece.end - piece.begin;
  auto* columns = reinterpret_cast<float*>(piece.local + lookups.column(list, 0, block));
  const RowFetch work{table, indices + piece.begin, count, columns, Lookups::column_stride(block)};
  const IndexRange range = kernels.range(work.indices, count);
  if (range.lowest >= 0 && range.highest < lookups.rows) return kernels.fetch(work);
  for (int64_t i = 0; i < count; ++i) {
    int32_t chosen = indices[piece.begin + i];
    if (chosen < 0 || chosen >= lookups.rows) {
      fault.report(piece.begin + i, instruction, chosen);
      chosen = 0;
    }
    kernels.fetch({table, &chosen, 1, columns + i, work.stride});
  }
}

void look_up_rows(const RowLookup& lookup, const float* table, const int32_t* indices, const Piece& piece, Fault& fault,
                  size_t instruction) {
  const ColumnKernels& kernels = *kernel_table().columns;
  const int64_t width = lookup.width, first = piece.begin / width, last = (piece.end + width - 1) / width;
  auto* out = reinterpret_cast<float*>(piece.local + lookup.local);
  const IndexRange range = kernels.range(indices + first, last - first);
  if (range.lowest >= 0 && range.highest < lookup.rows)
    return kernels.copy({table, lookup.table.stride, width, indices, piece.begin, piece.end, out});
  for (int64_t row = first; row < last; ++row) {
    const int64_t begin = std::max(piece.begin, row * width), end = std::min(piece.end, (row + 1) * width);
    int32_t chosen = indices[row];
    if (chosen < 0 || chosen >= lookup.rows) {
      fault.report(begin, instruction, chosen);
      chosen = 0;
    }
    const int64_t from = row * width;
    kernels.copy({table, lookup.table.stride, width, &chosen, begin - from, end - from, out + begin - piece.begin});
  }
}

}  // namespace autograd::engine
