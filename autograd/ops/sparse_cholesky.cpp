#include <autograd/core/calls.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/elimination_order.h>
#include <autograd/ops/index.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>
#include <autograd/ops/sparse_structure.h>

#include <Eigen/SparseCholesky>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

// Eigen finds the order of rows and factorises; the numbers of a factor are a tensor, so that a gradient solves with
// the same ones. The solve loops are our own, over all right-hand sides at once, so that L is read once.

namespace autograd {

struct SparseCholesky::Factor {
  CholeskyStructure structure;
  Array numbers;
};

namespace {

using Sparse = Eigen::SparseMatrix<double, Eigen::ColMajor, int32_t>;

struct Position {
  int32_t row, column;
};

/// A fill-reducing order: where each row goes.
std::vector<int32_t> order_of(int64_t size, std::span<const Position> positions) {
  std::vector<Eigen::Triplet<double, int32_t>> lower;
  for (const Position& p : positions) {
    if (p.row >= p.column) lower.emplace_back(p.row, p.column, 1);
  }
  Sparse matrix(size, size);
  matrix.setFromTriplets(lower.begin(), lower.end());
  const Sparse symmetric = matrix.selfadjointView<Eigen::Lower>();
  Eigen::PermutationMatrix<Eigen::Dynamic, Eigen::Dynamic, int32_t> inverse;
  Eigen::AMDOrdering<int32_t>()(symmetric, inverse);
  std::vector<int32_t> order(static_cast<size_t>(size));
  for (int32_t i = 0; i < size; ++i) order[static_cast<size_t>(inverse.indices()[i])] = i;
  return order;
}

/// The lower triangle, with the whole diagonal, of the matrix whose row order[i] is row i; L is not known yet.
CholeskyStructure permuted(int64_t size, std::span<const Position> positions, const std::vector<int32_t>& order) {
  CholeskyStructure s;
  s.size = size;
  s.permutation.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) s.permutation[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
  const auto permute = [&](const Position& p) {  // (column, row), in the lower triangle
    const int32_t row = order[static_cast<size_t>(p.row)], column = order[static_cast<size_t>(p.column)];
    return std::pair(std::min(row, column), std::max(row, column));
  };
  std::vector<std::pair<int32_t, int32_t>> all;
  for (int32_t i = 0; i < size; ++i) all.emplace_back(i, i);
  for (const Position& p : positions) {
    if (p.row >= p.column) all.push_back(permute(p));
  }
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  s.starts.assign(static_cast<size_t>(size) + 1, 0);
  for (const auto& [column, row] : all) {
    ++s.starts[static_cast<size_t>(column) + 1];
    s.rows.push_back(row);
  }
  std::partial_sum(s.starts.begin(), s.starts.end(), s.starts.begin());
  for (const Position& p : positions) {
    const bool lower = p.row >= p.column;
    s.places.push_back(lower ? static_cast<int32_t>(std::ranges::lower_bound(all, permute(p)) - all.begin()) : -1);
  }
  return s;
}

/// In an order with little fill-in, and independent parts where they are worth it.
CholeskyStructure ordered(int64_t size, std::span<const Position> positions) {
  if (size == 0) return permuted(0, positions, {});
  std::vector<int32_t> order = order_of(size, positions);
  CholeskyStructure s = permuted(size, positions, order);
  EliminationOrder parts = elimination_order(s.starts, s.rows);
  if (parts.parts.size() > 1) {
    std::vector<int32_t> moved(order.size());
    for (size_t i = 0; i < moved.size(); ++i) moved[static_cast<size_t>(parts.rows[i])] = static_cast<int32_t>(i);
    for (int32_t& row : order) row = moved[static_cast<size_t>(row)];
    s = permuted(size, positions, order);
  }
  s.parts = std::move(parts.parts);
  return s;
}

/// L of the permuted matrix whose lower triangle has these values; empty where it is not positive definite.
Sparse factorise(const CholeskyStructure& s, const double* values) {
  if (s.size == 0) return Sparse();
  const Eigen::Map<const Sparse> lower(s.size, s.size, static_cast<Eigen::Index>(s.rows.size()), s.starts.data(),
                                       s.rows.data(), values);
  const Eigen::SimplicialLLT<Sparse, Eigen::Lower, Eigen::NaturalOrdering<int32_t>> cholesky{Sparse(lower)};
  return cholesky.info() == Eigen::Success ? Sparse(cholesky.matrixL()) : Sparse();
}

bool is_factor(const CholeskyStructure& s, const Sparse& l) { return l.rows() == s.size; }

void set_structure(CholeskyStructure& s, const Sparse& l) {
  for (int32_t column = 0; column < s.size; ++column) {
    s.l_starts.push_back(static_cast<int32_t>(s.l_rows.size()));
    for (Sparse::InnerIterator entry(l, column); entry; ++entry) {
      if (entry.row() != column) s.l_rows.push_back(static_cast<int32_t>(entry.row()));
    }
  }
  s.l_starts.push_back(static_cast<int32_t>(s.l_rows.size()));
}

void copy_numbers(const CholeskyStructure& s, const Sparse& l, double* numbers) {
  double *value = numbers, *diagonal = numbers + s.l_rows.size();
  for (int32_t column = 0; column < s.size; ++column) {
    for (Sparse::InnerIterator entry(l, column); entry; ++entry) {
      if (entry.row() == column) {
        *diagonal++ = 1 / entry.value();
      } else {
        *value++ = entry.value();
      }
    }
  }
}

// Solving -----------------------------------------------------------------------------------------------------------

constexpr int64_t side_by_side = 4;  // right-hand sides

/// Columns [first, first + count) of the right-hand sides; x: room for four.
template <class T>
void solve_columns(const CholeskyStructure& s, const Op::Call& call, int64_t columns, int64_t first, double* x) {
  const T* b = call.input<T>(0) + first;
  T* out = static_cast<T*>(call.output) + first;
  const auto* numbers = call.input<double>(1);
  const auto size = static_cast<size_t>(s.size), count = static_cast<size_t>(std::min(side_by_side, columns - first));
  std::fill_n(x, 4 * size, 0.0);
  for (size_t i = 0; i < size; ++i) {
    const T* from = b + s.permutation[i] * columns;
    for (size_t k = 0; k < count; ++k) x[4 * i + k] = static_cast<double>(from[k]);
  }
  const TriangularFactor factor{s.size,  s.l_starts.data(),         s.l_rows.data(),
                                numbers, numbers + s.l_rows.size(), s.parts};
  solve_triangular(factor, x, *call.scratch);
  for (size_t i = 0; i < size; ++i) {
    T* to = out + s.permutation[i] * columns;
    for (size_t k = 0; k < count; ++k) to[k] = static_cast<T>(x[4 * i + k]);
  }
}

struct SolveAttributes {
  const CholeskyStructure* structure;
  const SparsePattern::Structure* pattern;  ///< of the values, if they are an input
};

template <class T>
void solve_all(const Op::Call& call) {
  const CholeskyStructure& s = *static_cast<const SolveAttributes*>(call.attributes)->structure;
  const int64_t columns = call.node->rank == 2 ? call.node->extents[1] : 1;
  auto* x = call.scratch->array<double>(side_by_side * s.size);
  for (int64_t column = 0; column < columns; column += side_by_side) solve_columns<T>(s, call, columns, column, x);
}

void run_solve(const Op::Call& call) {
  if (call.node->dtype == DType::float64) {
    solve_all<double>(call);
  } else {
    solve_all<float>(call);
  }
}

Tensor record_solve(std::span<const Tensor> inputs, const SolveAttributes& attributes);

/// -dB[i] . x[j] - dB[j] . x[i] for an entry (i, j) below the diagonal, which stands for both; half on it, 0 above it.
Tensor gradient_of_values(const SparsePattern::Structure& pattern, const Tensor& db, const Tensor& x) {
  const Array &rows = pattern.entry_rows, &columns = pattern.entry_columns;
  Tensor both = gather(db, rows) * gather(x, columns) + gather(db, columns) * gather(x, rows);
  if (both.rank() == 2) both = sum(both, 1);
  const Tensor row = Located(rows).tensor(), column = Located(columns).tensor();
  return -where(row > column, both, where(row == column, both / 2, 0));
}

// A is symmetric: vjp: dB = A^-1 dX, dA = -dB X^T.
Gradients vjp_solve(const Vjp& v) {
  const auto attributes = v.attributes<SolveAttributes>();
  Tensor inputs[3];
  std::copy(v.inputs.begin(), v.inputs.end(), inputs);
  inputs[0] = v.grad;
  const Tensor db = record_solve({inputs, v.inputs.size()}, attributes);
  const bool of_values = v.inputs.size() == 3 && v.needs(2);
  return {db, Tensor(), of_values ? gradient_of_values(*attributes.pattern, db, v.output) : Tensor()};
}

}  // namespace

static const Op sparse_solve_op{"solve", Op::Kind::call, nullptr, vjp_solve, run_solve};

namespace {

Tensor record_solve(std::span<const Tensor> inputs, const SolveAttributes& attributes) {
  return Graph::current().record({sparse_solve_op, inputs, inputs[0].shape(), inputs[0].dtype(), {}}, attributes);
}

void check_right(int64_t size, const Tensor& b) {
  if (!is_floating(b.dtype())) throw_dtype(sparse_solve_op, b.dtype(), "float32 or float64");
  const Shape shape = b.shape();
  if (shape.rank() >= 1 && shape.rank() <= 2 && shape[0] == size) return;
  throw ShapeError("solve: right-hand side " + shape.to_string() + "; expected [" + std::to_string(size) + "] or [" +
                   std::to_string(size) + ", *]");
}

}  // namespace

// Of a constant matrix -----------------------------------------------------------------------------------------------

SparseCholesky::SparseCholesky(int64_t size, std::span<const SparseEntry> entries) {
  if (size < 0) throw ValueError("SparseCholesky: a matrix of " + std::to_string(size) + " rows; expected 0 or more");
  std::vector<Position> positions;
  for (const SparseEntry& entry : entries) {
    const bool inside = entry.row >= 0 && entry.column >= 0 && entry.row < size && entry.column < size;
    if (!inside || !std::isfinite(entry.value)) {
      throw ValueError("SparseCholesky: entry (" + std::to_string(entry.row) + ", " + std::to_string(entry.column) +
                       ") of a matrix with " + std::to_string(size) + " rows is outside it or not finite");
    }
    positions.push_back({entry.row, entry.column});
  }
  auto factor = std::make_shared<Factor>();
  CholeskyStructure& structure = factor->structure = ordered(size, positions);
  std::vector<double> values(structure.rows.size(), 0);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (structure.places[i] >= 0) values[static_cast<size_t>(structure.places[i])] += entries[i].value;
  }
  const Sparse l = factorise(structure, values.data());
  if (!is_factor(structure, l)) throw ValueError("SparseCholesky: the matrix is not positive definite");
  set_structure(structure, l);
  factor->numbers = Array::make<double>({structure.numbers()},
                                        [&](std::span<double> out) { copy_numbers(structure, l, out.data()); });
  factor_ = std::move(factor);
}

int64_t SparseCholesky::size() const { return factor_->structure.size; }

Tensor solve(const SparseCholesky& a, Located b) {
  const AtLine line(b);
  const Tensor inputs[2] = {b.as(DType::float32), Located(a.factor()->numbers).tensor()};
  check_right(a.size(), inputs[0]);
  Graph::current().hold(a.factor());
  return record_solve(inputs, {&a.factor()->structure, nullptr});
}

// Of a matrix whose values are a tensor ------------------------------------------------------------------------------

const CholeskyStructure& SparsePattern::Structure::cholesky() const {
  std::call_once(once_, [this] {
    std::vector<Position> positions;
    const std::span<const int32_t> row = entry_rows.values<int32_t>();
    for (size_t i = 0; i < indices.size(); ++i) positions.push_back({row[i], indices[i]});
    auto structure = std::make_unique<CholeskyStructure>(ordered(rows, positions));
    // L of any positive definite matrix with this pattern has the same one: of a dominant diagonal.
    std::vector<double> values(structure->rows.size(), 1);
    for (size_t column = 0; column < static_cast<size_t>(rows); ++column) {
      values[static_cast<size_t>(structure->starts[column])] = static_cast<double>(rows) + 1;
    }
    set_structure(*structure, factorise(*structure, values.data()));
    cholesky_ = std::move(structure);
  });
  return *cholesky_;
}

namespace {

struct FactorAttributes {
  const CholeskyStructure* structure;
};

void run_factor(const Op::Call& call) {
  const CholeskyStructure& s = *static_cast<const FactorAttributes*>(call.attributes)->structure;
  auto* values = call.scratch->array<double>(static_cast<int64_t>(s.rows.size()));
  std::fill_n(values, s.rows.size(), 0.0);
  for (size_t i = 0; i < s.places.size(); ++i) {
    if (s.places[i] < 0) continue;
    const bool wide = call.inputs[0]->dtype == DType::float64;
    values[s.places[i]] += wide ? call.input<double>(0)[i] : static_cast<double>(call.input<float>(0)[i]);
  }
  const Sparse l = factorise(s, values);
  if (!is_factor(s, l)) {
    throw ValueError("solve: the sparse matrix (recorded at " + to_string(call.node->where) +
                     ") is not positive definite");
  }
  copy_numbers(s, l, static_cast<double*>(call.output));
}

}  // namespace

static const Op factor_op{"sparse_cholesky", Op::Kind::call, nullptr, nullptr, run_factor};

Tensor solve(const SparsePattern& a, Located values, Located b) {
  const AtLine line(values);
  Graph& graph = Graph::current();
  uint32_t nodes[2];
  unify(sparse_solve_op, {&values, &b}, nodes);
  const Tensor elements = graph.handle(nodes[0]), right = graph.handle(nodes[1]);
  if (a.rows() != a.columns() || elements.shape() != Shape{a.entries()}) {
    throw ShapeError("solve: values " + elements.shape().to_string() + " of a sparse matrix [" +
                     std::to_string(a.rows()) + ", " + std::to_string(a.columns()) + "] with " +
                     std::to_string(a.entries()) + " entries; expected one value an entry, and a square matrix");
  }
  check_right(a.rows(), right);
  graph.hold(a.structure());
  const CholeskyStructure& structure = a.structure()->cholesky();
  const Tensor numbers = graph.record({factor_op, {&elements, 1}, {structure.numbers()}, DType::float64, {}},
                                      FactorAttributes{&structure});
  const Tensor inputs[3] = {right, numbers, elements};
  return record_solve(inputs, {&structure, a.structure().get()});
}

}  // namespace autograd
