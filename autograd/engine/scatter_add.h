#pragma once

#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/graph.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/interpreter_kernels.h>
#include <autograd/engine/scatter.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <type_traits>

// scatter_add without atomics, in an order that indices and rows fix:
//
//   copies    the entries are cut into chunks by their number; each chunk adds into a copy of its own of the
//             rows that earlier chunks may name, too, and straight into the sums behind those; then copies are added
//             in order. For few rows, and for pixels and views in order, whose chunks name one stretch each. Where
//             copies would be large, chunks are joined in pairs, and these again.
//   stretches each thread owns a stretch of rows, and goes through all entries for those of its own: a sum is
//             ascending, whoever owns it. For many rows in any order, where but one chunk is left. To skip an entry
//             takes a fraction of the time to add it.
//
// A scatter_add may have several lists of indices, as a vertex has one a corner of its faces: they take turns entry by
// entry. Lists that several scatter_adds share are gone through once: their values are columns, their
// sums are side by side until the end. So where three coordinates of a vertex are looked up, their
// gradients cost little more than one. Where a region computes those columns, it does so a block at a
// time, and the sums take the block while it is in the innermost cache (scatter_stream.h).

namespace autograd::engine {

inline constexpr size_t most_chunks = 16;
inline constexpr int64_t chunk_entries = 32768;
inline constexpr int64_t copied_elements = int64_t{1} << 18;  // in all copies of one scatter_add, beyond twice its size
inline constexpr size_t prefetched = 24;                      // entries ahead

template <class T>
T plus(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  } else {
    return a + b;
  }
}

/// A part of the entries, and the rows [first, last) that it names.
struct Chunk {
  int64_t begin, end;
  int64_t first = 0, last = 0;
  int64_t shared = 0;  ///< [first, shared) may be other chunks' too, and have a copy
  int64_t bad = -1;    ///< the first entry with an index that does not exist

  int64_t rows() const { return last - first; }
};

inline Chunk joined(const Chunk& a, const Chunk& b) {
  Chunk both{a.begin, b.end};
  both.first = a.rows() == 0 ? b.first : b.rows() == 0 ? a.first : std::min(a.first, b.first);
  both.last = std::max(a.last, b.last);
  return both;
}

/// The first list whose index at an entry does not exist, or the number of lists.
inline size_t bad_list(const ScatterEntries& entries, int64_t entry) {
  const auto exists = [&](const int32_t* list) { return list[entry] >= 0 && list[entry] < entries.node->extents[0]; };
  const auto* const begin = entries.indices.begin();
  return static_cast<size_t>(std::find_if_not(begin, begin + entries.lists, exists) - begin);
}

inline void find_rows(Chunk& chunk, const ScatterEntries& entries) {
  if (chunk.begin == chunk.end) return;
  int32_t low = INT32_MAX, high = INT32_MIN;
  for (size_t l = 0; l < entries.lists; ++l) {
    const IndexRange range = kernel_table().columns->range(entries.indices[l] + chunk.begin, chunk.end - chunk.begin);
    low = std::min(low, range.lowest);
    high = std::max(high, range.highest);
  }
  if (low < 0 || high >= entries.node->extents[0]) {
    chunk.bad = chunk.begin;
    while (bad_list(entries, chunk.bad) == entries.lists) ++chunk.bad;
    return;
  }
  chunk.first = low;
  chunk.last = int64_t{high} + 1;
}

/// to[k] += from[k]. A width that is known is one step of a vector.
template <class T, int known>
void add_row(T* to, const T* from, int64_t width) {
  if constexpr (known > 0) {
    T sum[static_cast<size_t>(known)];
    for (int k = 0; k < known; ++k) sum[k] = plus(to[k], from[k]);
    for (int k = 0; k < known; ++k) to[k] = sum[k];
  } else {
    for (int64_t k = 0; k < width; ++k) to[k] = plus(to[k], from[k]);
  }
}

/// Values as one scatter_add has them.
template <class T_, int known_>
struct Rows {
  using T = T_;
  static constexpr int known = known_;

  const T* values;
  int64_t width;

  void add(T* to, int64_t entry) const { add_row<T, known>(to, values + entry * width, width); }
};

/// The values of several.
template <class T_, int known_>
struct Columns {
  using T = T_;
  static constexpr int known = known_, width = known_;

  std::array<const T*, static_cast<size_t>(known)> values;

  void add(T* to, int64_t entry) const {
    T row[static_cast<size_t>(known)];
    for (int k = 0; k < known; ++k) row[k] = values[static_cast<size_t>(k)][entry];
    add_row<T, known>(to, row, known);
  }
};

/// One scatter_add, or the sums of several side by side.
template <class Values>
class ScatterAdd {
 public:
  using T = typename Values::T;
  static constexpr int known = Values::known;

  /// out: rows of all sums
  ScatterAdd(const ScatterEntries& entries, int64_t width, T* out)
      : in_(entries),
        out_(out),
        entries_(entries.count),
        rows_(entries.node->extents[0]),
        width_(width),
        parts_(std::clamp<int64_t>(entries_ / chunk_entries, 1, most_chunks)),
        count_(parts_) {
    parallel_for(parts_, static_cast<double>(in_.all()) * 0.3, [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        chunk(c) = {begin_of(c), begin_of(c + 1)};
        find_rows(chunk(c), in_);
      }
    });
    for (int64_t c = 0; c < parts_ && bad_ < 0; ++c) bad_ = chunk(c).bad;
    join_chunks();
  }

  /// Values for each list. Throws IndexError.
  void run(const Values* values) {
    check();
    if (is_for_stretches()) return add_by_stretches(values);
    make_copies();
    parallel_for(count_, cost(), [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        clear(c);
        add(c, chunk(c).begin, chunk(c).end, values);
      }
    });
    add_copies();
  }

  int64_t chunks() const { return count_; }
  /// What chunks are joined of, equal parts of the entries, and how many are one.
  int64_t parts() const { return parts_; }
  int64_t parts_of_chunk() const { return joined_; }
  int64_t begin_of(int64_t part) const { return std::min(part * ((entries_ + parts_ - 1) / parts_), entries_); }
  bool all_exist() const { return bad_ < 0; }
  /// One chunk, of so many entries that threads had better share it.
  bool is_for_stretches() const { return count_ == 1 && parts_ > 1; }

  // A chunk's sum starts from +0 and so is never -0: where it has no entry, adding its zero changes no bit, and the
  // rows that it does not name can be left out; and what it adds to rows that are its own may as well be there already.
  void make_copies() {
    int64_t held = 0, named = 0;
    for (int64_t c = 0; c < count_; ++c) {
      Chunk& here = chunk(c);
      here.shared = std::clamp(named, here.first, here.last);
      held += here.shared - here.first;
      named = std::max(named, here.last);
    }
    auto* next = in_.scratch->array<T>(held * width_);
    for (int64_t c = 0; c < count_; ++c) {
      copies_[static_cast<size_t>(c)] = next - chunk(c).first * width_;
      next += (chunk(c).shared - chunk(c).first) * width_;
    }
    const int64_t size = rows_ * width_;
    parallel_for(size, static_cast<double>(size) * 0.2,
                 [&](int64_t begin, int64_t end) { std::fill(out_ + begin, out_ + end, T(0)); });
  }
  /// Where a chunk's rows are: those before `shared` in the copy, the others among the sums.
  struct Target {
    T *copy, *sums;
    int32_t shared;
    T* row(int32_t index, int64_t width) const { return (index < shared ? copy : sums) + int64_t{index} * width; }
  };
  Target target(int64_t c) const {
    const Chunk& here = chunks_[static_cast<size_t>(c)];
    return {copies_[static_cast<size_t>(c)], out_, static_cast<int32_t>(here.shared > here.first ? here.shared : 0)};
  }
  void clear(int64_t c) {
    T* copy = copies_[static_cast<size_t>(c)];
    std::fill(copy + chunk(c).first * width_, copy + chunk(c).shared * width_, T(0));
  }
  /// The entries [begin, end) of a chunk, which come in order.
  void add(int64_t c, int64_t begin, int64_t end, const Values* values) {
    const Target to = target(c);
    in_turn(begin, end, [&](size_t l, int64_t i) { values[l].add(to.row(in_.indices[l][i], width_), i); });
  }
  void add_copies() {
    parallel_for(rows_, static_cast<double>(copied() * width_) * 0.3, [&](int64_t begin, int64_t end) {
      for (int64_t c = 1; c < count_; ++c) {
        const T* copy = copies_[static_cast<size_t>(c)];
        const int64_t last = std::min(end, chunk(c).shared) * width_;
        for (int64_t i = std::max(begin, chunk(c).first) * width_; i < last; ++i) out_[i] = plus(out_[i], copy[i]);
      }
    });
  }

 private:
  Chunk& chunk(int64_t c) { return chunks_[static_cast<size_t>(c)]; }
  double cost() const { return static_cast<double>(in_.all()) * (1 + 0.5 * static_cast<double>(width_)) * 1.5; }

  /// add(list, entry) for the entries [begin, end) of all lists.
  template <class Add>
  void in_turn(int64_t begin, int64_t end, Add&& add) const {
    if (in_.lists == 1) {
      for (int64_t i = begin; i < end; ++i) add(0, i);
      return;
    }
    for (int64_t i = begin; i < end; ++i) {
      for (size_t l = 0; l < in_.lists; ++l) add(l, i);
    }
  }

  void check() const {
    if (bad_ < 0) return;
    const size_t list = bad_list(in_, bad_);
    throw IndexError("scatter_add: index " + std::to_string(in_.indices[list][bad_]) + " at element " +
                     std::to_string(bad_) + (in_.lists > 1 ? " of list " + std::to_string(list) : "") +
                     " (recorded at " + to_string(in_.node->where) + "); " + expected_rows(rows_));
  }

  /// Rows that chunks name, those of the first aside.
  int64_t copied() const {
    int64_t rows = 0;
    for (int64_t c = 1; c < count_; ++c) rows += chunks_[static_cast<size_t>(c)].rows();
    return rows;
  }
  /// The same for one scatter_add and for several side by side, whose sums have the same order so.
  void join_chunks() {
    if (copied() <= 2 * rows_) return;
    const int64_t elements = in_.node->size() / rows_;  // of a row
    while (copied() * elements > copied_elements) {
      for (int64_t c = 0; c < count_; c += 2) chunk(c / 2) = c + 1 < count_ ? joined(chunk(c), chunk(c + 1)) : chunk(c);
      count_ = (count_ + 1) / 2;
      joined_ *= 2;
    }
  }

  void add_by_stretches(const Values* values) {
    const int64_t stretches = std::min<int64_t>(threads(), rows_);
    parallel_for(stretches, cost() + static_cast<double>(rows_ * width_) * 0.2, [&](int64_t begin, int64_t end) {
      add_stretch(rows_ * begin / stretches, rows_ * end / stretches, values);
    });
  }

  void add_stretch(int64_t first, int64_t last, const Values* values) {
    std::fill(out_ + first * width_, out_ + last * width_, T(0));
    if (last - first == rows_) {
      in_turn(0, entries_, [&](size_t l, int64_t i) {
        fetch(l, i);
        values[l].add(row_of(l, i), i);
      });
    } else if (in_.lists == 1) {
      add_found(first, last, values[0]);
    } else {
      const auto rows = static_cast<uint32_t>(last - first);
      in_turn(0, entries_, [&](size_t l, int64_t i) {
        if (static_cast<uint32_t>(in_.indices[l][i]) - static_cast<uint32_t>(first) >= rows) return;
        fetch(l, i);
        values[l].add(row_of(l, i), i);
      });
    }
  }

  /// Of one list, those entries whose rows are in the stretch.
  void add_found(int64_t first, int64_t last, const Values& values) {
    constexpr int64_t block = 1024;
    static_assert(prefetched >= IndexSearch::most_behind);
    int32_t own[block + prefetched];  // entries of the block whose rows are in the stretch
    for (int64_t begin = 0; begin < entries_; begin += block) {
      const auto length = static_cast<int32_t>(std::min(block, entries_ - begin));
      const size_t count = kernel_table().columns->find(
          {in_.indices[0] + begin, length, static_cast<int32_t>(first), static_cast<int32_t>(last - first), own});
      std::fill_n(own + count, prefetched, length - 1);
      for (size_t k = 0; k < count; ++k) {
        __builtin_prefetch(row_of(0, begin + own[k + prefetched]), 1);
        values.add(row_of(0, begin + own[k]), begin + own[k]);
      }
    }
  }

  T* row_of(size_t list, int64_t entry) const { return out_ + int64_t{in_.indices[list][entry]} * width_; }
  /// What comes soon.
  void fetch(size_t list, int64_t entry) const {
    __builtin_prefetch(row_of(list, std::min(entry + int64_t{prefetched}, entries_ - 1)), 1);
  }

  const ScatterEntries in_;
  T* out_;
  int64_t entries_, rows_, width_, parts_, count_;
  int64_t joined_ = 1;  ///< parts in a chunk
  int64_t bad_ = -1;    ///< the first entry with an index that does not exist
  std::array<Chunk, most_chunks> chunks_;
  std::array<T*, most_chunks> copies_;  ///< the address of row 0
};

}  // namespace autograd::engine
