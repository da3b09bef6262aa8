#pragma once

#include <autograd/core/parallel.h>
#include <autograd/engine/columns_kernel.h>
#include <autograd/engine/scatter.h>

#include <algorithm>
#include <span>

namespace autograd::engine {

/// scatter_adds by up to most_lists lists of indices in all whose values come a block at a time, all lists' together.
/// The entries are cut into parts. Some of them follow one another in one thread, but those of other tasks may be in
/// other threads.
class ScatterStream {
 public:
  static constexpr size_t most_lists = 2 * RowAddition<float>::most_lists;
  static constexpr int least_columns = 3;  ///< of a table by itself: fewer are as well added one by one

  /// Lists of indices, and the results of the scatter_adds by them.
  struct Table {
    ScatterEntries entries;
    ScatterArrays<void> sums;
  };

  /// Of one type and number of entries. In the scratch memory; none where an index does not exist, or for no table.
  static ScatterStream* make(std::span<const Table> tables);

  /// Whether a table's values are taken; else they had better be complete first.
  virtual bool takes(size_t table) const = 0;
  virtual int64_t parts() const = 0;
  virtual int64_t parts_of_task() const = 0;
  /// The first entry of a part, and that behind the last one.
  virtual int64_t begin_of(int64_t part) const = 0;
  /// Before the first entries of a part.
  virtual void start(int64_t part) = 0;
  /// The entries [begin, end) of a part, after those before them; `values`, for each list of each table that is taken,
  /// are theirs from `begin` on.
  virtual void add(int64_t part, int64_t begin, int64_t end, const ScatterArrays<const void>* values) = 0;
  virtual void finish() = 0;

  /// Calls run(part) for all, by all threads.
  template <class Run>
  void for_each_part(double cost, Run&& run) {
    const int64_t of_task = parts_of_task();
    parallel_for((parts() + of_task - 1) / of_task, cost, [&](int64_t first, int64_t last) {
      for (int64_t part = first * of_task; part < std::min(last * of_task, parts()); ++part) run(part);
    });
  }

 protected:
  ~ScatterStream() = default;
};

}  // namespace autograd::engine
