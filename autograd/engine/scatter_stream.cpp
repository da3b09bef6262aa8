#include <autograd/engine/scatter_add.h>
#include <autograd/engine/scatter_stream.h>

#include <new>

namespace autograd::engine {

namespace {

/// Sums side by side in rows of four, or eight.
template <class T, int width>
class Stream final : public ScatterStream {
 public:
  static ScatterStream* make(std::span<const List> lists) {
    auto* stream = new (lists[0].entries.scratch->array<Stream>(1)) Stream(lists);
    for (size_t l = 0; l < stream->count_; ++l) {
      if (!stream->lists_[l]->all_exist() || !stream->lists_[l]->copies_fit()) return nullptr;
    }
    for (size_t l = 0; l < stream->count_; ++l) stream->lists_[l]->make_copies();
    return stream;
  }

  explicit Stream(std::span<const List> lists) : count_(lists.size()) {
    for (size_t l = 0; l < count_; ++l) {
      const ScatterEntries& entries = lists[l].entries;
      indices_[l] = entries.indices;
      sums_[l] = lists[l].sums;
      rows_[l] = entries.node->extents[0];
      side_by_side_[l] = entries.scratch->array<T>(rows_[l] * width);
      lists_[l] = new (entries.scratch->array<Scatter>(1)) Scatter(entries, width, side_by_side_[l]);
    }
  }

  int64_t chunks() const override { return lists_[0]->chunks(); }
  int64_t begin_of(int64_t chunk) const override { return lists_[0]->begin_of(chunk); }

  void start(int64_t chunk) override {
    for (size_t l = 0; l < count_; ++l) lists_[l]->clear(chunk);
  }

  void add(int64_t chunk, int64_t begin, int64_t end, const ScatterArrays<const void>* values) override {
    const size_t turns = count_ > RowAddition<T>::most_lists ? 2 : 1, at_once = (count_ + turns - 1) / turns;
    for (size_t first = 0; first < count_; first += at_once)
      add_lists(chunk, begin, end, values, first, std::min(first + at_once, count_));
  }

  void finish() override {
    for (size_t l = 0; l < count_; ++l) {
      lists_[l]->add_copies();
      take_apart(l);
    }
  }

 private:
  using Scatter = ScatterAdd<Rows<T, width>>;

  void add_lists(int64_t chunk, int64_t begin, int64_t end, const ScatterArrays<const void>* values, size_t first,
                 size_t last) const {
    RowAddition<T> work;
    work.lists = last - first;
    work.width = width;
    work.count = end - begin;
    for (size_t l = first; l < last; ++l) {
      work.indices[l - first] = indices_[l] + begin;
      const auto target = lists_[l]->target(chunk);
      work.copies[l - first] = target.copy;
      work.sums[l - first] = target.sums;
      work.shared[l - first] = target.shared;
      for (size_t k = 0; k < width; ++k)  // a column that nobody asks for is like the first
        work.columns[l - first][k] = static_cast<const T*>(values[l].data[k < values[l].count ? k : 0]);
    }
    if constexpr (sizeof(T) == sizeof(double))
      kernel_table().columns->add_double(work);
    else
      kernel_table().columns->add_float(work);
  }

  void take_apart(size_t l) const {
    constexpr int64_t rows_at_once = 256;  // which stay in the innermost cache for all columns
    const ScatterArrays<void>& sums = sums_[l];
    const double cost = static_cast<double>(rows_[l]) * static_cast<double>(sums.count) * 0.3;
    parallel_for(rows_[l], cost, [&](int64_t begin, int64_t end) {
      for (int64_t first = begin; first < end; first += rows_at_once) {
        const int64_t last = std::min(first + rows_at_once, end);
        if constexpr (std::is_same_v<T, float>) {
          float* columns[most_scatters_together];
          for (size_t k = 0; k < sums.count; ++k) columns[k] = static_cast<float*>(sums.data[k]) + first;
          const float* packed = side_by_side_[l] + first * width;
          kernel_table().columns->split({packed, last - first, width, columns, sums.count});
          continue;
        }
        for (size_t k = 0; k < sums.count; ++k) {
          T* out = static_cast<T*>(sums.data[k]);
          for (int64_t row = first; row < last; ++row)
            out[row] = side_by_side_[l][row * width + static_cast<int64_t>(k)];
        }
      }
    });
  }

  size_t count_;
  const int32_t* indices_[most_lists];
  ScatterArrays<void> sums_[most_lists];
  int64_t rows_[most_lists];
  T* side_by_side_[most_lists];
  Scatter* lists_[most_lists];
};

template <class T>
ScatterStream* make_stream(std::span<const ScatterStream::List> lists, size_t widest) {
  static_assert(most_scatters_together == 8);
  return widest <= 4 ? Stream<T, 4>::make(lists) : Stream<T, 8>::make(lists);
}

}  // namespace

ScatterStream* ScatterStream::make(std::span<const List> lists) {
  size_t widest = 0;
  for (const List& list : lists) widest = std::max(widest, list.sums.count);
  return lists[0].entries.node->dtype == DType::float64 ? make_stream<double>(lists, widest)
                                                        : make_stream<float>(lists, widest);
}

}  // namespace autograd::engine
