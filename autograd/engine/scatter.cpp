#include <autograd/core/calls.h>
#include <autograd/core/error.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/scatter.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
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
// gradients cost little more than one.

namespace autograd {

namespace {

constexpr size_t most_chunks = 16;
constexpr int64_t chunk_entries = 32768;
constexpr int64_t copy_bytes = int64_t{4} << 20;    // all copies together, beyond which blocks are worth sorting for
constexpr int64_t block_bytes = int64_t{64} << 10;  // a block's rows
constexpr int64_t most_blocks = 4096;

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

void find_rows(Chunk& chunk, const int32_t* indices, int64_t rows) {
  int32_t low = INT32_MAX, high = INT32_MIN;
  for (int64_t i = chunk.begin; i < chunk.end; ++i) {
    low = std::min(low, indices[i]);
    high = std::max(high, indices[i]);
  }
  if (chunk.begin == chunk.end) return;
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

template <class Values>
class ScatterAdd {
 public:
  using T = typename Values::T;
  static constexpr int known = Values::known;

  /// call: the first of several; out: rows of all their sums
  ScatterAdd(const Op::Call& call, const Values& values, T* out)
      : call_(call),
        indices_(call.input<int32_t>(1)),
        values_(values),
        out_(out),
        entries_(call.inputs[1]->size()),
        rows_(call.node->extents[0]),
        width_(values.width),
        count_(std::clamp<int64_t>(entries_ / chunk_entries, 1, most_chunks)) {}

  void run() {
    find_chunks();
    int64_t copied = 0;
    for (int64_t c = 1; c < count_; ++c) copied += chunk(c).rows();
    if (copied <= 2 * rows_ || copied * width_ * static_cast<int64_t>(sizeof(T)) <= copy_bytes) {
      add_by_copies(copied);
    } else {
      add_by_blocks();
    }
  }

 private:
  Chunk& chunk(int64_t c) { return chunks_[static_cast<size_t>(c)]; }
  double cost() const { return static_cast<double>(entries_) * (1 + 0.5 * static_cast<double>(width_)) * 1.5; }
  void add(T* to, int64_t entry) const { values_.add(to, entry); }

  void find_chunks() {
    const int64_t length = (entries_ + count_ - 1) / count_;
    parallel_for(count_, static_cast<double>(entries_) * 0.3, [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        chunk(c) = {std::min(c * length, entries_), std::min((c + 1) * length, entries_)};
        find_rows(chunk(c), indices_, rows_);
      }
    });
    for (int64_t c = 0; c < count_; ++c) {
      const int64_t bad = chunk(c).bad;
      if (bad < 0) continue;
      throw IndexError("scatter_add: index " + std::to_string(indices_[bad]) + " at element " + std::to_string(bad) +
                       " (recorded at " + to_string(call_.node->where) + "); expected 0 to " +
                       std::to_string(rows_ - 1));
    }
  }

  // A chunk's sum starts from +0 and so is never -0: where it has no entry, adding its zero changes no bit, and the
  // rows that it does not name can be left out.
  void add_by_copies(int64_t copied) {
    std::array<T*, most_chunks> copies;  // the address of row 0
    auto* next = call_.scratch->array<T>(copied * width_);
    copies[0] = out_;
    for (int64_t c = 1; c < count_; ++c) {
      copies[static_cast<size_t>(c)] = next - chunk(c).first * width_;
      next += chunk(c).rows() * width_;
    }
    const int64_t size = rows_ * width_;
    parallel_for(size, static_cast<double>(size) * 0.2,
                 [&](int64_t begin, int64_t end) { std::fill(out_ + begin, out_ + end, T(0)); });
    parallel_for(count_, cost(), [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        T* target = copies[static_cast<size_t>(c)];
        if (c > 0) std::fill(target + chunk(c).first * width_, target + chunk(c).last * width_, T(0));
        for (int64_t i = chunk(c).begin; i < chunk(c).end; ++i) add(target + int64_t{indices_[i]} * width_, i);
      }
    });
    parallel_for(rows_, static_cast<double>(copied * width_) * 0.3, [&](int64_t begin, int64_t end) {
      for (int64_t c = 1; c < count_; ++c) {
        const T* copy = copies[static_cast<size_t>(c)];
        const int64_t last = std::min(end, chunk(c).last) * width_;
        for (int64_t i = std::max(begin, chunk(c).first) * width_; i < last; ++i) out_[i] = plus(out_[i], copy[i]);
      }
    });
  }

  void add_by_blocks() {
    const int64_t least = std::max(block_bytes / (width_ * static_cast<int64_t>(sizeof(T))), rows_ / most_blocks);
    shift_ = static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(least, 1))));
    blocks_ = (rows_ >> shift_) + 1;
    order_ = call_.scratch->array<int32_t>(entries_);
    starts_ = call_.scratch->array<int32_t>(blocks_ * count_ + 1);
    sort_entries();
    parallel_for(blocks_, cost() + static_cast<double>(rows_ * width_) * 0.2, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) add_block(block);
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

  void add_block(int64_t block) {
    const int64_t first = block << shift_, last = std::min((block + 1) << shift_, rows_);
    if (first >= last) return;
    std::fill(out_ + first * width_, out_ + last * width_, T(0));
    Copy& copy = Copy::current();
    copy.reset(last - first, width_);
    for (int64_t c = 0; c < count_; ++c) {
      const int32_t* begin = order_ + starts_[block * count_ + c];
      const int32_t* end = order_ + starts_[block * count_ + c + 1];
      if (c == 0) {
        for (const int32_t* entry = begin; entry < end; ++entry) add(out_ + int64_t{indices_[*entry]} * width_, *entry);
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
        add(sum, *entry);
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

  const Op::Call& call_;
  const int32_t* indices_;
  Values values_;
  T* out_;
  int64_t entries_, rows_, width_, count_;
  std::array<Chunk, most_chunks> chunks_;
  // By blocks of 2^shift rows:
  int shift_ = 0;
  int64_t blocks_ = 0;
  int32_t* order_ = nullptr;   ///< entries
  int32_t* starts_ = nullptr;  ///< in order_, by block and chunk, and the end
};

template <class T, int known>
void scatter_rows(const Op::Call& call, int64_t width) {
  const Rows<T, known> values{call.input<T>(0), width};
  ScatterAdd<Rows<T, known>>(call, values, static_cast<T*>(call.output)).run();
}

template <class T>
void scatter(const Op::Call& call) {
  const int64_t rows = call.node->extents[0];
  const int64_t width = rows == 0 ? 0 : call.node->size() / rows;
  switch (width) {
    case 1: return scatter_rows<T, 1>(call, width);
    case 2: return scatter_rows<T, 2>(call, width);
    case 3: return scatter_rows<T, 3>(call, width);
    case 4: return scatter_rows<T, 4>(call, width);
    default: return scatter_rows<T, 0>(call, width);
  }
}

template <class T, int count>
void scatter_columns(std::span<const Op::Call> calls) {
  const int64_t rows = calls[0].node->extents[0];
  Columns<T, count> columns;
  std::array<T*, static_cast<size_t>(count)> out;
  for (size_t k = 0; k < out.size(); ++k) {
    columns.values[k] = calls[k].input<T>(0);
    out[k] = static_cast<T*>(calls[k].output);
  }
  auto* sums = calls[0].scratch->array<T>(rows * count);
  ScatterAdd<Columns<T, count>>(calls[0], columns, sums).run();
  parallel_for(rows, static_cast<double>(rows * count) * 0.3, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (size_t k = 0; k < out.size(); ++k) out[k][row] = sums[row * count + static_cast<int64_t>(k)];
    }
  });
}

template <class T>
void scatter_together(std::span<const Op::Call> calls) {
  static_assert(engine::most_scatters_together == 8);
  switch (calls.size()) {
    case 2: return scatter_columns<T, 2>(calls);
    case 3: return scatter_columns<T, 3>(calls);
    case 4: return scatter_columns<T, 4>(calls);
    case 5: return scatter_columns<T, 5>(calls);
    case 6: return scatter_columns<T, 6>(calls);
    case 7: return scatter_columns<T, 7>(calls);
    default: return scatter_columns<T, 8>(calls);
  }
}

}  // namespace

void run_scatter_add(const Op::Call& call) {
  switch (call.node->dtype) {
    case DType::float64: return scatter<double>(call);
    case DType::int32: return scatter<int32_t>(call);
    default: return scatter<float>(call);
  }
}

namespace engine {

bool scatters_together(const Node& node) {
  const bool floating = node.dtype == DType::float32 || node.dtype == DType::float64;
  return node.op->run == run_scatter_add && floating && node.size() == node.extents[0];
}

void run_scatters_together(std::span<const Op::Call> calls) {
  if (calls[0].node->dtype == DType::float64)
    scatter_together<double>(calls);
  else
    scatter_together<float>(calls);
}

}  // namespace engine

}  // namespace autograd
