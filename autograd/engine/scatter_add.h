#pragma once

#include <autograd/core/error.h>
#include <autograd/core/graph.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/interpreter_kernels.h>
#include <autograd/engine/scatter.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

// scatter_add without atomics, in one order: the entries are cut into chunks by their number; a row's
// sum is ascending inside a chunk, and chunks are added in order. Two ways give exactly this.
//
//   copies   each chunk adds into a copy of its own of the rows that it names; then copies are added.
//            For few rows, and for pixels in order, whose chunks name one stretch of an image each.
//   blocks   entries are sorted by blocks of rows, stably; then each block does all its chunks, in
//            memory that stays in the cache. For many rows in any order, such as texels.
//
// A list of indices that several scatter_adds share is gone through once: their values are columns, their
// sums are side by side until the end. So where three coordinates of a vertex are looked up, their
// gradients cost little more than one. Where a region computes those columns, it does so a block at a
// time, and the sums take the block while it is in the innermost cache (scatter_stream.h).

namespace autograd::engine {

inline constexpr size_t most_chunks = 16;
inline constexpr int64_t chunk_entries = 32768;
inline constexpr int64_t copy_bytes = int64_t{4} << 20;    // of all copies: beyond, blocks are worth sorting for
inline constexpr int64_t block_bytes = int64_t{64} << 10;  // a block's rows
inline constexpr int64_t most_blocks = 4096;

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
  int64_t bad = -1;  ///< the first entry whose index does not exist

  int64_t rows() const { return last - first; }
};

inline void find_rows(Chunk& chunk, const int32_t* indices, int64_t rows) {
  if (chunk.begin == chunk.end) return;
  const auto [low, high] = kernel_table().columns->range(indices + chunk.begin, chunk.end - chunk.begin);
  if (low < 0 || high >= rows) {
    chunk.bad = chunk.begin;
    while (indices[chunk.bad] >= 0 && indices[chunk.bad] < rows) ++chunk.bad;
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
      : node_(*entries.node),
        scratch_(*entries.scratch),
        indices_(entries.indices),
        out_(out),
        entries_(entries.count),
        rows_(entries.node->extents[0]),
        width_(width),
        count_(std::clamp<int64_t>(entries_ / chunk_entries, 1, most_chunks)) {
    const int64_t length = (entries_ + count_ - 1) / count_;
    parallel_for(count_, static_cast<double>(entries_) * 0.3, [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        chunk(c) = {std::min(c * length, entries_), std::min((c + 1) * length, entries_)};
        find_rows(chunk(c), indices_, rows_);
      }
    });
    for (int64_t c = 1; c < count_; ++c) copied_ += chunk(c).rows();
  }

  /// throws IndexError
  void run(const Values& values) {
    check();
    if (!copies_fit()) return add_by_blocks(values);
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
  int64_t begin_of(int64_t c) const { return c == count_ ? entries_ : chunks_[static_cast<size_t>(c)].begin; }
  bool all_exist() const {
    return std::all_of(chunks_.begin(), chunks_.begin() + count_, [](const Chunk& chunk) { return chunk.bad < 0; });
  }
  bool copies_fit() const {
    return copied_ <= 2 * rows_ || copied_ * width_ * static_cast<int64_t>(sizeof(T)) <= copy_bytes;
  }

  // A chunk's sum starts from +0 and so is never -0: where it has no entry, adding its zero changes no bit, and the
  // rows that it does not name can be left out.
  void make_copies() {
    auto* next = scratch_.array<T>(copied_ * width_);
    copies_[0] = out_;
    for (int64_t c = 1; c < count_; ++c) {
      copies_[static_cast<size_t>(c)] = next - chunk(c).first * width_;
      next += chunk(c).rows() * width_;
    }
    const int64_t size = rows_ * width_;
    parallel_for(size, static_cast<double>(size) * 0.2,
                 [&](int64_t begin, int64_t end) { std::fill(out_ + begin, out_ + end, T(0)); });
  }
  T* copy(int64_t c) { return copies_[static_cast<size_t>(c)]; }
  void clear(int64_t c) {
    T* copy = copies_[static_cast<size_t>(c)];
    if (c > 0) std::fill(copy + chunk(c).first * width_, copy + chunk(c).last * width_, T(0));
  }
  /// The entries [begin, end) of a chunk, which come in order.
  void add(int64_t c, int64_t begin, int64_t end, const Values& values) {
    T* copy = copies_[static_cast<size_t>(c)];
    for (int64_t i = begin; i < end; ++i) values.add(copy + int64_t{indices_[i]} * width_, i);
  }
  void add_copies() {
    parallel_for(rows_, static_cast<double>(copied_ * width_) * 0.3, [&](int64_t begin, int64_t end) {
      for (int64_t c = 1; c < count_; ++c) {
        const T* copy = copies_[static_cast<size_t>(c)];
        const int64_t last = std::min(end, chunk(c).last) * width_;
        for (int64_t i = std::max(begin, chunk(c).first) * width_; i < last; ++i) out_[i] = plus(out_[i], copy[i]);
      }
    });
  }

 private:
  Chunk& chunk(int64_t c) { return chunks_[static_cast<size_t>(c)]; }
  double cost() const { return static_cast<double>(entries_) * (1 + 0.5 * static_cast<double>(width_)) * 1.5; }

  void check() {
    for (int64_t c = 0; c < count_; ++c) {
      const int64_t bad = chunk(c).bad;
      if (bad < 0) continue;
      throw IndexError("scatter_add: index " + std::to_string(indices_[bad]) + " at element " + std::to_string(bad) +
                       " (recorded at " + to_string(node_.where) + "); " + expected_rows(rows_));
    }
  }

  void add_by_blocks(const Values& values) {
    const int64_t least = std::max(block_bytes / (width_ * static_cast<int64_t>(sizeof(T))), rows_ / most_blocks);
    shift_ = static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(least, 1))));
    blocks_ = (rows_ >> shift_) + 1;
    order_ = scratch_.array<int32_t>(entries_);
    starts_ = scratch_.array<int32_t>(blocks_ * count_ + 1);
    sort_entries();
    parallel_for(blocks_, cost() + static_cast<double>(rows_ * width_) * 0.2, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) add_block(block, values);
    });
  }

  /// Order of the entries by block, then chunk, then as they came; a counting sort.
  void sort_entries() {
    std::fill_n(starts_, blocks_ * count_ + 1, 0);
    const auto place = [&](int64_t entry, int64_t c) { return (int64_t{indices_[entry]} >> shift_) * count_ + c; };
    const double sort_cost = static_cast<double>(entries_) * 1.5;
    parallel_for(count_, sort_cost, [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        for (int64_t i = chunk(c).begin; i < chunk(c).end; ++i) ++starts_[place(i, c) + 1];
      }
    });
    for (int64_t k = 0; k < blocks_ * count_; ++k) starts_[k + 1] += starts_[k];
    parallel_for(count_, sort_cost, [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        for (int64_t i = chunk(c).begin; i < chunk(c).end; ++i)
          order_[starts_[place(i, c)]++] = static_cast<int32_t>(i);
      }
    });
    // Each start has moved to its end, which is the next one's start.
    std::copy_backward(starts_, starts_ + blocks_ * count_, starts_ + blocks_ * count_ + 1);
    starts_[0] = 0;
  }

  void add_block(int64_t block, const Values& values) {
    const int64_t first = block << shift_, last = std::min((block + 1) << shift_, rows_);
    if (first >= last) return;
    std::fill(out_ + first * width_, out_ + last * width_, T(0));
    Copy& copy = Copy::current();
    copy.reset(last - first, width_);
    for (int64_t c = 0; c < count_; ++c) {
      const int32_t* begin = order_ + starts_[block * count_ + c];
      const int32_t* end = order_ + starts_[block * count_ + c + 1];
      if (c == 0) {
        for (const int32_t* entry = begin; entry < end; ++entry)
          values.add(out_ + int64_t{indices_[*entry]} * width_, *entry);
        continue;
      }
      for (const int32_t* entry = begin; entry < end; ++entry) {
        const int64_t row = indices_[*entry] - first;
        T* sum = copy.sums.data() + row * width_;
        if (copy.chunks[static_cast<size_t>(row)] != c) {
          copy.chunks[static_cast<size_t>(row)] = static_cast<uint8_t>(c);
          copy.named.push_back(static_cast<int32_t>(row));
          std::fill_n(sum, width_, T(0));
        }
        values.add(sum, *entry);
      }
      for (const int32_t row : copy.named) {
        add_row<T, known>(out_ + (first + row) * width_, copy.sums.data() + row * width_, width_);
      }
      copy.named.clear();
    }
  }

  /// A chunk's sums in one block, and the rows that it named; of a thread, kept from call to call.
  struct Copy {
    std::vector<T> sums;
    std::vector<uint8_t> chunks;  ///< the last that named the row
    std::vector<int32_t> named;

    static Copy& current() {
      thread_local Copy copy;
      return copy;
    }
    void reset(int64_t rows, int64_t width) {
      if (sums.size() < static_cast<size_t>(rows * width)) sums.resize(static_cast<size_t>(rows * width));
      chunks.assign(static_cast<size_t>(rows), 0);
      named.clear();
      named.reserve(static_cast<size_t>(rows));
    }
  };

  const Node& node_;
  Arena& scratch_;
  const int32_t* indices_;
  T* out_;
  int64_t entries_, rows_, width_, count_;
  int64_t copied_ = 0;  ///< rows that chunks name, those of the first aside
  std::array<Chunk, most_chunks> chunks_;
  std::array<T*, most_chunks> copies_;  ///< the address of row 0
  // By blocks of 2^shift rows:
  int shift_ = 0;
  int64_t blocks_ = 0;
  int32_t* order_ = nullptr;   ///< entries
  int32_t* starts_ = nullptr;  ///< in order_, by block and chunk, and the end
};

}  // namespace autograd::engine
