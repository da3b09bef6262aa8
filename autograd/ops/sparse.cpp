#include <autograd/ops/custom.h>
#include <autograd/ops/record.h>
#include <autograd/ops/sparse.h>

#include <Eigen/SparseCholesky>
#include <cmath>
#include <vector>

namespace autograd {

// Columns of L without its diagonal, in the permuted order; the solve loops are our own, over all
// right-hand sides at once, so that L is read once.
struct SparseCholesky::Factor {
  int64_t size = 0;
  std::vector<int32_t> permutation;  ///< row i of the permuted system is row permutation[i] of A
  std::vector<int32_t> start, rows;
  std::vector<double> values, inverse_diagonal;
};

namespace {

template <int width>
void solve_permuted(const SparseCholesky::Factor& factor, double* x) {
  const auto size = static_cast<size_t>(factor.size);
  for (size_t column = 0; column < size; ++column) {  // L y = b
    double* pivot = x + column * width;
    for (int k = 0; k < width; ++k) pivot[k] *= factor.inverse_diagonal[column];
    for (auto i = static_cast<size_t>(factor.start[column]); i < static_cast<size_t>(factor.start[column + 1]); ++i) {
      double* target = x + static_cast<size_t>(factor.rows[i]) * width;
      for (int k = 0; k < width; ++k) target[k] -= factor.values[i] * pivot[k];
    }
  }
  for (size_t column = size; column-- > 0;) {  // L^T x = y
    double* pivot = x + column * width;
    for (auto i = static_cast<size_t>(factor.start[column]); i < static_cast<size_t>(factor.start[column + 1]); ++i) {
      const double* source = x + static_cast<size_t>(factor.rows[i]) * width;
      for (int k = 0; k < width; ++k) pivot[k] -= factor.values[i] * source[k];
    }
    for (int k = 0; k < width; ++k) pivot[k] *= factor.inverse_diagonal[column];
  }
}

/// Columns [first, first + width) of the right-hand sides.
template <int width, class T>
void solve_columns(const SparseCholesky::Factor& factor, const T* b, T* out, int64_t columns, int64_t first) {
  const auto size = static_cast<size_t>(factor.size);
  std::vector<double> x(size * width);
  for (size_t i = 0; i < size; ++i) {
    const T* from = b + static_cast<int64_t>(factor.permutation[i]) * columns + first;
    for (int k = 0; k < width; ++k) x[i * width + static_cast<size_t>(k)] = static_cast<double>(from[k]);
  }
  solve_permuted<width>(factor, x.data());
  for (size_t i = 0; i < size; ++i) {
    T* to = out + static_cast<int64_t>(factor.permutation[i]) * columns + first;
    for (int k = 0; k < width; ++k) to[k] = static_cast<T>(x[i * width + static_cast<size_t>(k)]);
  }
}

template <class T>
void solve_all(const SparseCholesky::Factor& factor, const T* b, T* out, int64_t columns) {
  int64_t column = 0;
  for (; column + 3 <= columns; column += 3) solve_columns<3>(factor, b, out, columns, column);
  for (; column < columns; ++column) solve_columns<1>(factor, b, out, columns, column);
}

class SolveOp : public CustomOp {
 public:
  explicit SolveOp(SparseCholesky a) : a_(std::move(a)) {}
  const char* name() const override { return "solve"; }

  OutputType output(std::span<const OutputType> inputs) const override {
    const OutputType& b = inputs[0];
    if (!is_floating(b.dtype))
      throw DTypeError(std::string("solve: ") + name_of(b.dtype) + " given; expected float32 or float64");
    if (b.shape.rank() < 1 || b.shape.rank() > 2 || b.shape[0] != a_.size()) {
      throw ShapeError("solve: right-hand side " + b.shape.to_string() + "; expected [" + std::to_string(a_.size()) +
                       "] or [" + std::to_string(a_.size()) + ", *]");
    }
    return b;
  }

  void run(CustomCall& call) const override {
    const Shape shape = call.shape(0);
    const int64_t columns = shape.rank() == 2 ? shape[1] : 1;
    if (call.type(0) == DType::float64) {
      solve_all(*a_.factor(), call.input<double>(0).data(), call.output<double>(0, shape).data(), columns);
    } else {
      solve_all(*a_.factor(), call.input<float>(0).data(), call.output<float>(0, shape).data(), columns);
    }
  }

  // A is symmetric: the adjoint of x = A^-1 b is A^-1 g.
  std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor>, const Tensor&) const override {
    return {solve(a_, grad)};
  }

 private:
  SparseCholesky a_;
};

}  // namespace

SparseCholesky::SparseCholesky(int64_t size, std::span<const SparseEntry> entries) {
  std::vector<Eigen::Triplet<double, int32_t>> lower;
  for (const SparseEntry& entry : entries) {
    const bool inside = entry.row >= 0 && entry.column >= 0 && entry.row < size && entry.column < size;
    if (!inside || !std::isfinite(entry.value)) {
      throw ValueError("SparseCholesky: entry (" + std::to_string(entry.row) + ", " + std::to_string(entry.column) +
                       ") of a matrix with " + std::to_string(size) + " rows is outside it or not finite");
    }
    if (entry.row >= entry.column) lower.emplace_back(entry.row, entry.column, entry.value);
  }
  Eigen::SparseMatrix<double, Eigen::ColMajor, int32_t> matrix(size, size);
  matrix.setFromTriplets(lower.begin(), lower.end());
  const Eigen::SimplicialLLT<Eigen::SparseMatrix<double, Eigen::ColMajor, int32_t>, Eigen::Lower,
                             Eigen::AMDOrdering<int32_t>>
      cholesky(matrix);
  if (cholesky.info() != Eigen::Success) throw ValueError("SparseCholesky: the matrix is not positive definite");

  auto factor = std::make_shared<Factor>();
  factor->size = size;
  factor->permutation.resize(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    // Eigen's permutation P maps index i of A to P(i) of the permuted system.
    const int64_t to = size > 0 && cholesky.permutationP().size() > 0 ? cholesky.permutationP().indices()[i] : i;
    factor->permutation[static_cast<size_t>(to)] = static_cast<int32_t>(i);
  }
  const Eigen::SparseMatrix<double, Eigen::ColMajor, int32_t> l = cholesky.matrixL();
  for (int64_t column = 0; column < size; ++column) {
    factor->start.push_back(static_cast<int32_t>(factor->rows.size()));
    for (decltype(l)::InnerIterator entry(l, column); entry; ++entry) {
      if (entry.row() == column) {
        factor->inverse_diagonal.push_back(1 / entry.value());
      } else {
        factor->rows.push_back(static_cast<int32_t>(entry.row()));
        factor->values.push_back(entry.value());
      }
    }
  }
  factor->start.push_back(static_cast<int32_t>(factor->rows.size()));
  factor_ = std::move(factor);
}

int64_t SparseCholesky::size() const { return factor_->size; }

Tensor solve(const SparseCholesky& a, Located b) { return custom(std::make_shared<SolveOp>(a), {b}, b.where()); }

}  // namespace autograd
