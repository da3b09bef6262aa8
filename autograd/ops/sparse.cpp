#include <autograd/core/parallel.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>
#include <autograd/ops/sparse.h>
#include <autograd/ops/sparse_structure.h>

#include <algorithm>
#include <numeric>

namespace autograd {

namespace {

void check(bool good, const std::string& what) {
  if (!good) throw ValueError("SparsePattern: " + what);
}

void check_pattern(int64_t rows, int64_t columns, std::span<const int32_t> starts, std::span<const int32_t> indices) {
  check(rows >= 0 && columns >= 0 && static_cast<int64_t>(starts.size()) == rows + 1,
        std::to_string(starts.size()) + " starts for " + std::to_string(rows) + " rows; expected one more than rows");
  check(starts.front() == 0 && starts.back() == static_cast<int64_t>(indices.size()) &&
            std::is_sorted(starts.begin(), starts.end()),
        "starts do not ascend from 0 to " + std::to_string(indices.size()) + ", the entries");
  for (int32_t column : indices) {
    check(column >= 0 && column < columns,
          "column " + std::to_string(column) + " of a matrix with " + std::to_string(columns) + " columns");
  }
}

/// The entries by columns, in the order of rows within one.
void sort_by_columns(SparsePattern::Structure& s, std::span<const int32_t> entry_rows) {
  s.column_starts.assign(static_cast<size_t>(s.columns) + 1, 0);
  for (int32_t column : s.indices) ++s.column_starts[static_cast<size_t>(column) + 1];
  std::partial_sum(s.column_starts.begin(), s.column_starts.end(), s.column_starts.begin());
  std::vector<int32_t> next(s.column_starts.begin(), s.column_starts.end() - 1);
  s.order.resize(s.indices.size());
  s.column_rows.resize(s.indices.size());
  for (size_t entry = 0; entry < s.indices.size(); ++entry) {
    const auto place = static_cast<size_t>(next[static_cast<size_t>(s.indices[entry])]++);
    s.order[place] = static_cast<int32_t>(entry);
    s.column_rows[place] = entry_rows[entry];
  }
}

}  // namespace

SparsePattern::SparsePattern(int64_t rows, int64_t columns, std::span<const int32_t> starts,
                             std::span<const int32_t> indices) {
  check_pattern(rows, columns, starts, indices);
  auto structure = std::make_shared<Structure>();
  structure->rows = rows;
  structure->columns = columns;
  structure->starts.assign(starts.begin(), starts.end());
  structure->indices.assign(indices.begin(), indices.end());
  std::vector<int32_t> entry_rows;
  for (int32_t row = 0; row < rows; ++row) {
    entry_rows.insert(entry_rows.end(),
                      static_cast<size_t>(starts[static_cast<size_t>(row) + 1] - starts[static_cast<size_t>(row)]),
                      row);
  }
  sort_by_columns(*structure, entry_rows);
  const Shape shape{static_cast<int64_t>(indices.size())};
  structure->entry_rows = Array::from(entry_rows, shape);
  structure->entry_columns = Array::from(indices, shape);
  structure_ = std::move(structure);
}

int64_t SparsePattern::rows() const { return structure_->rows; }
int64_t SparsePattern::columns() const { return structure_->columns; }
int64_t SparsePattern::entries() const { return static_cast<int64_t>(structure_->indices.size()); }

SparseMatrix sparse_matrix(int64_t rows, int64_t columns, std::span<const SparseEntry> entries, DType type) {
  std::vector<SparseEntry> sorted(entries.begin(), entries.end());
  std::ranges::stable_sort(sorted, {}, [](const SparseEntry& entry) { return std::pair(entry.row, entry.column); });
  std::vector<int32_t> starts(static_cast<size_t>(std::max<int64_t>(rows, 0)) + 1, 0), indices;
  std::vector<double> values;
  const SparseEntry* last = nullptr;
  for (const SparseEntry& entry : sorted) {
    if (entry.row < 0 || entry.row >= rows || entry.column < 0 || entry.column >= columns) {
      throw ValueError("sparse_matrix: entry (" + std::to_string(entry.row) + ", " + std::to_string(entry.column) +
                       ") of a matrix [" + std::to_string(rows) + ", " + std::to_string(columns) + "]");
    }
    if (last != nullptr && last->row == entry.row && last->column == entry.column) {
      values.back() += entry.value;
      continue;
    }
    last = &entry;
    ++starts[static_cast<size_t>(entry.row) + 1];
    indices.push_back(entry.column);
    values.push_back(entry.value);
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  const auto count = static_cast<int64_t>(values.size());
  return {SparsePattern(rows, columns, starts, indices), Array::from(values, {count}).cast(type)};
}

// Product -----------------------------------------------------------------------------------------------------------

namespace {

struct ProductAttributes {
  const SparsePattern::Structure* structure;
  bool transpose;
};

/// The rows [begin, end) of A x, or of A^T x: sums over a row's entries, in order.
template <class T>
void multiply_rows(const Op::Call& call, int64_t begin, int64_t end) {
  const auto& [s, transpose] = *static_cast<const ProductAttributes*>(call.attributes);
  const std::vector<int32_t>&starts = transpose ? s->column_starts : s->starts,
        &from = transpose ? s->column_rows : s->indices;
  const int64_t width = call.node->rank == 2 ? call.node->extents[1] : 1;
  const T *values = call.input<T>(0), *x = call.input<T>(1);
  for (int64_t row = begin; row < end; ++row) {
    T* out = static_cast<T*>(call.output) + row * width;
    std::fill_n(out, width, T(0));
    const auto first = static_cast<size_t>(starts[static_cast<size_t>(row)]);
    const auto last = static_cast<size_t>(starts[static_cast<size_t>(row) + 1]);
    for (size_t i = first; i < last; ++i) {
      const T value = values[transpose ? static_cast<size_t>(s->order[i]) : i];
      const T* in = x + from[i] * width;
      for (int64_t k = 0; k < width; ++k) out[k] += value * in[k];
    }
  }
}

void run_product(const Op::Call& call) {
  if (call.node->size() == 0) return;
  const int64_t rows = call.node->extents[0], width = call.node->size() / rows;
  const double cost = static_cast<double>(call.inputs[0]->size() + rows) * (2 + 0.5 * static_cast<double>(width));
  parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
    if (call.node->dtype == DType::float64) {
      multiply_rows<double>(call, begin, end);
    } else {
      multiply_rows<float>(call, begin, end);
    }
  });
}

Tensor record_product(const Tensor& values, const Tensor& x, const ProductAttributes& attributes);

// y = A x. vjp: dx = A^T dy, d values[e] = dy[row e] . x[column e]; of A^T the roles are exchanged.
Gradients vjp_product(const Vjp& v) {
  auto [structure, transpose] = v.attributes<ProductAttributes>();
  Tensor values, x;
  if (v.needs(0)) {
    const Array &rows = structure->entry_rows, &columns = structure->entry_columns;
    values = gather(v.grad, transpose ? columns : rows) * gather(v.inputs[1], transpose ? rows : columns);
    if (values.rank() == 2) values = sum(values, 1);
  }
  if (v.needs(1)) x = record_product(v.inputs[0], v.grad, {structure, !transpose});
  return {values, x};
}

}  // namespace

static const Op product_op{"sparse_matmul", Op::Kind::call, nullptr, vjp_product, run_product};

namespace {

Tensor record_product(const Tensor& values, const Tensor& x, const ProductAttributes& attributes) {
  const int64_t rows = attributes.transpose ? attributes.structure->columns : attributes.structure->rows;
  const Shape shape = x.shape();
  const Tensor inputs[2] = {values, x};
  return Graph::current().record(
      {product_op, inputs, shape.rank() == 2 ? Shape{rows, shape[1]} : Shape{rows}, x.dtype(), {}}, attributes);
}

}  // namespace

Tensor sparse_matmul(const SparsePattern& a, Located values, Located x) {
  const AtLine line(values);
  uint32_t nodes[2];
  Graph& graph = Graph::current();
  const DType type = unify(product_op, {&values, &x}, nodes);
  if (!is_floating(type)) throw_dtype(product_op, type, "float32 or float64");
  const Tensor elements = graph.handle(nodes[0]), right = graph.handle(nodes[1]);
  const Shape shape = right.shape();
  if (elements.shape() != Shape{a.entries()} || shape.rank() < 1 || shape.rank() > 2 || shape[0] != a.columns()) {
    throw ShapeError("sparse_matmul: values " + elements.shape().to_string() + " and x " + shape.to_string() +
                     "; expected [" + std::to_string(a.entries()) + "], and [" + std::to_string(a.columns()) +
                     "] or [" + std::to_string(a.columns()) + ", *]");
  }
  graph.hold(a.structure());
  return record_product(elements, right, {a.structure().get(), false});
}

}  // namespace autograd
