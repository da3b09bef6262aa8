#include <autograd/engine/scatter_add.h>
#include <autograd/engine/scatter_stream.h>

#include <new>

namespace autograd::engine {

namespace {

/// Sums side by side in rows of four, or eight.
template <class T, int width>
class Stream final : public ScatterStream {
 public:
  static ScatterStream* make(std::span<const Table> tables) {
    auto* stream = new (tables[0].entries.scratch->array<Stream>(1)) Stream;
    for (size_t t = 0; t < tables.size(); ++t) {
      if (!stream->add_table(t, tables[t])) return nullptr;
    }
    for (const Sums& sums : stream->tables()) sums.scatter->make_copies();
    return stream->count_ > 0 ? stream : nullptr;
  }

  bool takes(size_t table) const override {
    return std::ranges::any_of(tables(), [&](const Sums& sums) { return sums.table == table; });
  }
  int64_t parts() const override { return tables_[0].scatter->parts(); }
  int64_t parts_of_task() const override {
    int64_t most = 1;
    for (const Sums& sums : tables()) most = std::max(most, sums.scatter->parts_of_chunk());
    return most;
  }
  int64_t begin_of(int64_t part) const override { return tables_[0].scatter->begin_of(part); }

  void start(int64_t part) override {
    for (const Sums& sums : tables()) {
      if (part % sums.scatter->parts_of_chunk() == 0) sums.scatter->clear(sums.chunk_of(part));
    }
  }

  /// As many tables in one pass as it takes lists.
  void add(int64_t part, int64_t begin, int64_t end, const ScatterArrays<const void>* values) override {
    RowAddition<T> work;
    work.lists = 0;
    work.width = width;
    work.count = end - begin;
    for (const Sums& sums : tables()) {
      if (work.lists + sums.entries.lists > RowAddition<T>::most_lists) add(work);
      for (size_t l = 0; l < sums.entries.lists; ++l)
        add_list(work, sums.entries.indices[l] + begin, sums.scatter->target(sums.chunk_of(part)), *values++);
    }
    add(work);
  }

  void finish() override {
    for (const Sums& sums : tables()) {
      sums.scatter->add_copies();
      take_apart(sums);
    }
  }

 private:
  using Scatter = ScatterAdd<Rows<T, width>>;

  /// Of one table.
  struct Sums {
    size_t table;
    ScatterEntries entries;
    ScatterArrays<void> apart;
    T* side_by_side;
    Scatter* scatter;

    int64_t chunk_of(int64_t part) const { return part / scatter->parts_of_chunk(); }
  };

  /// False where an index does not exist.
  bool add_table(size_t t, const Table& table) {
    const ScatterEntries& entries = table.entries;
    T* const side_by_side = entries.scratch->array<T>(entries.node->extents[0] * width);
    auto* const scatter = new (entries.scratch->array<Scatter>(1)) Scatter(entries, width, side_by_side);
    const bool shared_better = scatter->is_for_stretches() && threads() > 1;
    if (!shared_better) tables_[count_++] = {t, entries, table.sums, side_by_side, scatter};
    return scatter->all_exist();
  }

  std::span<const Sums> tables() const { return {tables_, count_}; }

  static void add_list(RowAddition<T>& work, const int32_t* indices, const typename Scatter::Target& target,
                       const ScatterArrays<const void>& values) {
    const size_t list = work.lists++;
    work.indices[list] = indices;
    work.copies[list] = target.copy;
    work.sums[list] = target.sums;
    work.shared[list] = target.shared;
    for (size_t k = 0; k < width; ++k)  // a column that nobody asks for is like the first
      work.columns[list][k] = static_cast<const T*>(values.data[k < values.count ? k : 0]);
  }

  static void add(RowAddition<T>& work) {
    if constexpr (sizeof(T) == sizeof(double))
      kernel_table().columns->add_double(work);
    else
      kernel_table().columns->add_float(work);
    work.lists = 0;
  }

  static void take_apart(const Sums& table) {
    constexpr int64_t rows_at_once = 256;  // which stay in the innermost cache for all columns
    const ScatterArrays<void>& sums = table.apart;
    const int64_t rows = table.entries.node->extents[0];
    const double cost = static_cast<double>(rows) * static_cast<double>(sums.count) * 0.3;
    parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
      for (int64_t first = begin; first < end; first += rows_at_once) {
        const int64_t last = std::min(first + rows_at_once, end);
        if constexpr (std::is_same_v<T, float>) {
          float* columns[most_scatters_together];
          for (size_t k = 0; k < sums.count; ++k) columns[k] = static_cast<float*>(sums.data[k]) + first;
          const float* packed = table.side_by_side + first * width;
          kernel_table().columns->split({packed, last - first, width, columns, sums.count});
          continue;
        }
        for (size_t k = 0; k < sums.count; ++k) {
          T* out = static_cast<T*>(sums.data[k]);
          for (int64_t row = first; row < last; ++row)
            out[row] = table.side_by_side[row * width + static_cast<int64_t>(k)];
        }
      }
    });
  }

  size_t count_ = 0;
  Sums tables_[most_lists];
};

template <class T>
ScatterStream* make_stream(std::span<const ScatterStream::Table> tables, size_t widest) {
  static_assert(most_scatters_together == 8);
  return widest <= 4 ? Stream<T, 4>::make(tables) : Stream<T, 8>::make(tables);
}

}  // namespace

ScatterStream* ScatterStream::make(std::span<const Table> tables) {
  size_t widest = 0;
  for (const Table& table : tables) widest = std::max(widest, table.sums.count);
  return tables[0].entries.node->dtype == DType::float64 ? make_stream<double>(tables, widest)
                                                         : make_stream<float>(tables, widest);
}

}  // namespace autograd::engine
