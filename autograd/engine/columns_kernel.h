#pragma once

#include <cstddef>
#include <cstdint>

// Between rows, as indices name them, and columns, as kernels read and write them. Compiled once for each
// instruction set; elements are moved, and added in the order of the entries, so all give the same bits.

namespace autograd::engine {

/// A table whose rows are read in vectors of four, also past a row's end.
struct RowTable {
  const float* rows;  ///< stands for any elements of four bytes
  int64_t step;       ///< elements from row to row
  int64_t width;      ///< elements to be read, a multiple of four
  int64_t last;       ///< the last row, behind which nothing may be read
  const float* tail;  ///< where that one is read
};

/// Rows for a list of indices, all of which exist, to columns.
struct RowFetch {
  RowTable table;
  const int32_t* indices;
  int64_t count;
  float* columns;
  int64_t stride;  ///< elements from column to column
};

/// Columns of rows [0, rows) side by side: rows of `width` elements, a multiple of four, of which those behind the last
/// column have no meaning.
struct RowPack {
  const float* const* columns;  ///< stand for any elements of four bytes
  size_t count;
  int64_t rows, width;
  float* out;
};

/// The other way: columns of rows side by side.
struct RowSplit {
  const float* packed;
  int64_t rows, width;  ///< width: a multiple of four
  float* const* columns;
  size_t count;
};

/// Whole rows of a table, one below the other, for a list of indices, all of which exist.
struct RowCopy {
  const float* table;  ///< stands for any elements of four bytes
  int64_t stride;      ///< elements from row to row of the table
  int64_t width;       ///< elements of a row
  const int32_t* indices;
  int64_t begin, end;  ///< elements of all rows: those before and behind are left out
  float* out;          ///< of `begin`
};

/// Columns of entries to be added to rows of sums; several lists of indices take turns, entry by entry: neighbours in
/// a list often name one row, whose additions wait for one another, and another list's fill the time.
template <class T>
struct RowAddition {
  static constexpr size_t most_lists = 4, most_columns = 8;

  size_t lists;
  size_t width;  ///< columns of a list, elements of a row: 4 or 8
  int64_t count;
  const T* columns[most_lists][most_columns];
  const int32_t* indices[most_lists];
  T *sums[most_lists], *copies[most_lists];  ///< row 0
  int32_t shared[most_lists];                ///< rows before are added to the copy
};

struct IndexRange {
  int32_t lowest, highest;
};

/// Indices among which some are looked for.
struct IndexSearch {
  const int32_t* indices;
  int32_t count;
  int32_t first, rows;  ///< those from first on, below first + rows
  int32_t* places;      ///< of them among all; up to a vector behind the last is overwritten
  static constexpr size_t most_behind = 16;
};

struct ColumnKernels {
  void (*fetch)(const RowFetch& work);
  void (*pack)(const RowPack& work);
  void (*split)(const RowSplit& work);
  void (*copy)(const RowCopy& work);
  void (*add_float)(const RowAddition<float>& work);
  void (*add_double)(const RowAddition<double>& work);
  IndexRange (*range)(const int32_t* indices, int64_t count);
  size_t (*find)(const IndexSearch& work);  ///< their number
};

}  // namespace autograd::engine
