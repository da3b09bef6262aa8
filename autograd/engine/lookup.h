#pragma once

#include <autograd/core/graph.h>
#include <autograd/engine/columns_kernel.h>
#include <autograd/engine/region.h>

#include <vector>

// Processors fetch the lanes of a gather one by one. Where a region gathers from several tables by one list of
// indices, such as the coordinates and colours of vertices, the tables are put side by side first,
//
//     x0 y0 w0 r0 g0 b0 - -     so that one load fetches all that belongs to an index. Then, a block of elements
//     x1 y1 w1 r1 g1 b1 - -     at a time, before the region's kernel: rows are fetched and transposed into
//     ...                       columns, which stay in the inner cache, and the kernel loads from there.
//
// Tables that are the columns of one array, such as the channels of a texture, lie side by side as it is.
//
// Nothing is computed, so no bit depends on whether this is done.

namespace autograd::engine {

/// Elements at a time, so that columns stay in the innermost cache.
inline constexpr int64_t usual_block = 256;

/// Where something lies: bytes from the memory of a position.
struct Place {
  uint32_t base;
  int64_t bytes;
  bool operator==(const Place&) const = default;
};

/// Tables of one number of rows, and the lists of indices into them.
struct Lookups {
  /// Elements of four bytes.
  struct Table {
    Place place;
    int64_t stride;  ///< elements from row to row
    bool operator==(const Table&) const = default;
  };
  struct List {
    Place indices;    ///< int32, one for each element of the domain
    uint32_t gather;  ///< the first node that asks for it, for errors
  };
  static constexpr size_t most_tables = 16;

  int64_t rows = 0;
  std::vector<Table> tables;
  std::vector<List> lists;
  bool side_by_side = false;  ///< the tables are neighbouring columns of one array, in order
  int64_t local = 0;          ///< of the first list's columns, in bytes into local memory

  /// Elements of a row of all tables.
  int64_t width() const { return (static_cast<int64_t>(tables.size()) + 3) / 4 * 4; }
  int64_t column(size_t list, size_t table, int64_t block) const {
    return local + (static_cast<int64_t>(list) * width() + static_cast<int64_t>(table)) * column_stride(block) * 4;
  }
  /// Elements from column to column: not a power of two, which would use few lines of the cache again and again.
  static constexpr int64_t column_stride(int64_t block) { return block + 16; }
};

/// Whole rows of one table, which need no packing: the block's rows are copied one below the other.
struct RowLookup {
  Lookups::Table table;
  int64_t rows, width;  ///< width: elements of a row, neighbours in the table and in the domain
  Lookups::List list;   ///< an index for each row of the domain
  int64_t local;        ///< bytes into local memory
};

/// The elements of a piece; a bad index as look_up() does.
void look_up_rows(const RowLookup& lookup, const float* table, const int32_t* indices, const Piece& piece, Fault& fault,
                  size_t instruction);

/// The tables side by side, in `scratch` where they are not as it is.
RowTable row_table(const Lookups& lookups, const std::vector<std::byte*>& values, Arena& scratch);

/// Columns of a list for the elements of a piece of at most `block`. Reports a bad index as a fault of
/// `instruction`, and takes row 0 for it.
void look_up(const Lookups& lookups, size_t list, const RowTable& table, const int32_t* indices, const Piece& piece,
             int64_t block, Fault& fault, size_t instruction);

}  // namespace autograd::engine
