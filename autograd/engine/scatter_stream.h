#pragma once

#include <autograd/engine/columns_kernel.h>
#include <autograd/engine/scatter.h>

#include <span>

namespace autograd::engine {

/// scatter_adds by up to most_lists lists of indices in all whose values come a block at a time, all lists' together.
/// Chunks may be in different threads.
class ScatterStream {
 public:
  static constexpr size_t most_lists = 2 * RowAddition<float>::most_lists;
  static constexpr int least_columns = 3;  ///< of a table by itself: fewer are as well added one by one

  /// Lists of indices, and the results of the scatter_adds by them.
  struct Table {
    ScatterEntries entries;
    ScatterArrays<void> sums;
  };

  /// Of one type and number of entries. In the scratch memory; none where an index does not exist, or where the
  /// values had better be complete first.
  static ScatterStream* make(std::span<const Table> tables);

  virtual int64_t chunks() const = 0;
  /// The first entry of a chunk, and that behind the last one.
  virtual int64_t begin_of(int64_t chunk) const = 0;
  /// Before the first entries of a chunk.
  virtual void start(int64_t chunk) = 0;
  /// The entries [begin, end) of a chunk, after those before them; `values`, for each list of each table, are theirs
  /// from `begin` on.
  virtual void add(int64_t chunk, int64_t begin, int64_t end, const ScatterArrays<const void>* values) = 0;
  virtual void finish() = 0;

 protected:
  ~ScatterStream() = default;
};

}  // namespace autograd::engine
