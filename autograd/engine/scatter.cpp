#include <autograd/core/calls.h>
#include <autograd/engine/scatter_add.h>
#include <autograd/engine/scatter_stream.h>

namespace autograd {

namespace engine {

namespace {

template <class T, int known>
void scatter_rows(const Op::Call& call, int64_t width) {
  ScatterEntries entries{call.node, {}, call.inputs.size() / 2, call.inputs[1]->size(), call.scratch};
  Rows<T, known> values[most_scatter_lists];
  for (size_t l = 0; l < entries.lists; ++l) {
    values[l] = {call.input<T>(2 * l), width};
    entries.indices[l] = call.input<int32_t>(2 * l + 1);
  }
  ScatterAdd<Rows<T, known>>(entries, width, static_cast<T*>(call.output)).run(values);
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

/// Sums of several, side by side.
template <class T, int count>
class SideBySide {
 public:
  SideBySide(const ScatterEntries& entries, const ScatterArrays<void>& sums)
      : sums_(sums), rows_(entries.node->extents[0]), side_by_side_(entries.scratch->array<T>(rows_ * count)) {}

  T* data() { return side_by_side_; }

  void take_apart() const {
    parallel_for(rows_, static_cast<double>(rows_ * count) * 0.3, [this](int64_t begin, int64_t end) {
      for (int64_t k = 0; k < count; ++k) {
        T* out = static_cast<T*>(sums_.data[static_cast<size_t>(k)]);
        const T* from = side_by_side_ + k;
        for (int64_t row = begin; row < end; ++row) out[row] = from[row * count];
      }
    });
  }

 private:
  ScatterArrays<void> sums_;
  int64_t rows_;
  T* side_by_side_;
};

template <class T, int count>
Columns<T, count> columns_of(const ScatterArrays<const void>& values) {
  Columns<T, count> columns;
  for (size_t k = 0; k < static_cast<size_t>(count); ++k) columns.values[k] = static_cast<const T*>(values.data[k]);
  return columns;
}

/// use.template operator()<T, count>()
template <class T, class Use>
auto with_count(size_t count, Use&& use) {
  static_assert(most_scatters_together == 8);
  switch (count) {
    case 1: return use.template operator()<T, 1>();
    case 2: return use.template operator()<T, 2>();
    case 3: return use.template operator()<T, 3>();
    case 4: return use.template operator()<T, 4>();
    case 5: return use.template operator()<T, 5>();
    case 6: return use.template operator()<T, 6>();
    case 7: return use.template operator()<T, 7>();
    default: return use.template operator()<T, 8>();
  }
}

template <class Use>
auto with_type_and_count(DType type, size_t count, Use&& use) {
  return type == DType::float64 ? with_count<double>(count, use) : with_count<float>(count, use);
}

/// With values that are complete.
template <class T>
void run_at_once(ScatterStream& stream, const ScatterEntries& entries, const ScatterArrays<const void>* values) {
  const double cost = static_cast<double>(entries.all()) * (1 + 0.5 * static_cast<double>(values[0].count));
  stream.for_each_part(cost, [&](int64_t part) {
    const int64_t begin = stream.begin_of(part);
    ScatterArrays<const void> from_here[most_scatter_lists];
    for (size_t l = 0; l < entries.lists; ++l) {
      for (size_t k = 0; k < values[l].count; ++k)
        from_here[l].push_back(static_cast<const T*>(values[l].data[k]) + begin);
    }
    stream.start(part);
    stream.add(part, begin, stream.begin_of(part + 1), from_here);
  });
  stream.finish();
}

}  // namespace

bool scatters_together(const Node& node) {
  const bool floating = node.dtype == DType::float32 || node.dtype == DType::float64;
  return node.op->run == run_scatter_add && floating && node.size() == node.extents[0];
}

void run_scatters_together(const ScatterEntries& entries, const ScatterArrays<const void>* values,
                           const ScatterArrays<void>& sums) {
  with_type_and_count(entries.node->dtype, sums.count, [&]<class T, int count>() {
    // Where most rows get nothing, to put them side by side and apart again would be most of the work.
    if (entries.all() < entries.node->extents[0] / 4) {
      for (size_t k = 0; k < static_cast<size_t>(count); ++k) {
        Rows<T, 1> alone[most_scatter_lists];
        for (size_t l = 0; l < entries.lists; ++l) alone[l] = {static_cast<const T*>(values[l].data[k]), 1};
        ScatterAdd<Rows<T, 1>>(entries, 1, static_cast<T*>(sums.data[k])).run(alone);
      }
      return;
    }
    if constexpr (count >= ScatterStream::least_columns) {
      const ScatterStream::Table table{entries, sums};
      if (ScatterStream* const stream = ScatterStream::make({&table, 1}))
        return run_at_once<T>(*stream, entries, values);
    }
    SideBySide<T, count> all(entries, sums);
    Columns<T, count> columns[most_scatter_lists];
    for (size_t l = 0; l < entries.lists; ++l) columns[l] = columns_of<T, count>(values[l]);
    ScatterAdd<Columns<T, count>>(entries, count, all.data()).run(columns);
    all.take_apart();
  });
}

}  // namespace engine

void run_scatter_add(const Op::Call& call) {
  switch (call.node->dtype) {
    case DType::float64: return engine::scatter<double>(call);
    case DType::int32: return engine::scatter<int32_t>(call);
    default: return engine::scatter<float>(call);
  }
}

}  // namespace autograd
