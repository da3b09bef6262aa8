#include <autograd/ops/dense_kernels.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/linalg.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/matrices.h>
#include <autograd/ops/matrix_calls.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

#include <algorithm>
#include <limits>

// Eigenvalues and singular values. A decomposition is one node without a gradient, in float64; its parts are nodes that
// copy some of its rows, name the matrix, and have the gradients: a gradient of the values alone needs none of the
// vectors' terms.

namespace autograd {

namespace {

/// Rows of a decomposition.
struct PartAttributes {
  int64_t first, rows;
};

void run_part(const Op::Call& call) {
  const auto [first, rows] = *static_cast<const PartAttributes*>(call.attributes);
  const Node& whole = *call.inputs[1];
  const int64_t columns = columns_of(whole), size = rows * columns;
  if (call.node->size() == 0) return;
  for (int64_t i = 0; i < matrices_of(whole); ++i) {
    store_matrix(call, i, size, call.input<double>(1) + (i * rows_of(whole) + first) * columns);
  }
}

Tensor record_part(const Op& op, const Tensor& a, const Tensor& whole, PartAttributes part, const Shape& shape) {
  const Tensor inputs[2] = {a, whole};
  return Graph::current().record({op, inputs, shape, a.dtype(), {}}, part);
}

Tensor as_row(const Tensor& x) { return expand_dims(x, -2); }
Tensor as_column(const Tensor& x) { return expand_dims(x, -1); }

/// 1 / difference, but 0 where it is no larger than rounding errors of the largest of `values`.
Tensor over(const Tensor& difference, const Tensor& values, int64_t extent) {
  if (values.size() == 0) return difference;
  const double epsilon =
      values.dtype() == DType::float64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  const Tensor largest = stop_gradient(max(abs(values), -1, {.keep = true}));
  const Tensor tolerance = static_cast<double>(extent) * epsilon * largest;
  const Tensor distinct = abs(difference) > (difference.rank() > values.rank() ? as_column(tolerance) : tolerance);
  return where(distinct, 1 / where(distinct, difference, 1), 0);
}

/// values[j] - values[i] at (i, j)
Tensor differences(const Tensor& values) { return as_row(values) - as_column(values); }

int64_t last_extent(const Tensor& x) { return x.shape()[x.rank() - 1]; }

Shape vector_shape(const Shape& batch, int64_t extent) {
  int64_t extents[max_rank];
  int64_t* end = std::copy(batch.begin(), batch.end(), extents);
  *end++ = extent;
  return Shape(std::span<const int64_t>(extents, end));
}

}  // namespace

// Eigenvalues
// -----------------------------------------------------------------------------------------------------------

static const Op eigh_op{"eigh", Op::Kind::call, nullptr, nullptr, [](const Op::Call& call) {
                          const int64_t n = columns_of(*call.node);
                          const double cost = 20 * static_cast<double>(n * n) * static_cast<double>(n);
                          for_matrices(call, matrices_of(*call.node), n * n, cost, [&](int64_t i, double* room) {
                            load_matrix(call, 0, i, n * n, room);
                            dense::eigh(room, n, static_cast<double*>(call.output) + i * (n + 1) * n);
                          });
                        }};

namespace {
Tensor eigenvectors(const Tensor& a, const Tensor& whole);
Tensor eigenvalues(const Tensor& a, const Tensor& whole);
}  // namespace

// vjp: dA = V diag(d values) V^T
static const Op eigenvalues_op{"eigenvalues", Op::Kind::call, nullptr,
                               [](const Vjp& v) {
                                 const Tensor vectors = eigenvectors(v.inputs[0], v.inputs[1]);
                                 return Gradients(matmul(vectors * as_row(v.grad), transpose(vectors)), Tensor());
                               },
                               run_part};

// vjp: dA = V (F * V^T dV) V^T, F(i, j) = 1 / (values[j] - values[i]) for i != j.
static const Op eigenvectors_op{"eigenvectors", Op::Kind::call, nullptr,
                                [](const Vjp& v) {
                                  const Tensor vectors = v.output, values = eigenvalues(v.inputs[0], v.inputs[1]);
                                  const Tensor f = over(differences(values), values, last_extent(values));
                                  const Tensor inner = f * matmul(transpose(vectors), v.grad);
                                  return Gradients(matmul(matmul(vectors, inner), transpose(vectors)), Tensor());
                                },
                                run_part};

namespace {

Tensor eigenvalues(const Tensor& a, const Tensor& whole) {
  const int64_t n = last_extent(a);
  return record_part(eigenvalues_op, a, whole, {0, 1}, vector_shape(batch_shape(a.shape()), n));
}

Tensor eigenvectors(const Tensor& a, const Tensor& whole) {
  return record_part(eigenvectors_op, a, whole, {1, last_extent(a)}, a.shape());
}

}  // namespace

Eigh eigh(Located a) {
  const AtLine line(a);
  const Tensor input = floating("eigh", a);
  const int64_t n = square_rows("eigh", input.shape());
  const Tensor symmetric = (input + transpose(input)) / 2;
  const Shape shape = matrix_shape(batch_shape(input.shape()), n + 1, n);
  const Tensor whole = Graph::current().record({eigh_op, {&symmetric, 1}, shape, DType::float64, {}});
  return {eigenvalues(symmetric, whole), eigenvectors(symmetric, whole)};
}

// Singular values
// ---------------------------------------------------------------------------------------------------------

static const Op svd_op{
    "svd", Op::Kind::call, nullptr, nullptr, [](const Op::Call& call) {
      const int64_t m = rows_of(*call.inputs[0]), n = columns_of(*call.inputs[0]);
      const double cost = 40 * static_cast<double>(m * n) * static_cast<double>(std::min(m, n));
      for_matrices(call, matrices_of(*call.node), m * n, cost, [&](int64_t i, double* room) {
        load_matrix(call, 0, i, m * n, room);
        dense::svd(room, m, n, static_cast<double*>(call.output) + i * rows_of(*call.node) * columns_of(*call.node));
      });
    }};

namespace {

/// The parts of A = U diag(s) V^T, recorded anew: copies of rows of one decomposition.
struct Parts {
  Tensor a, whole;
  int64_t m, n, k;
  Parts(const Tensor& matrix, const Tensor& decomposition)
      : a(matrix), whole(decomposition), m(a.shape()[a.rank() - 2]), n(last_extent(a)), k(std::min(m, n)) {}
  Tensor u() const;
  Tensor s() const;
  Tensor v() const;
};

/// F * (X^T dX - dX^T X), F(i, j) = 1 / (s[j]^2 - s[i]^2) for i != j.
Tensor turning(const Tensor& x, const Tensor& grad, const Tensor& s, int64_t extent) {
  const Tensor product = matmul(transpose(x), grad);
  const Tensor f = over(differences(s), s, extent) / where(differences(s) == 0, 1, as_row(s) + as_column(s));
  return f * (product - transpose(product));
}

/// dX / s without what lies in the space of X's columns; undefined where they span all.
Tensor leaving(const Tensor& x, const Tensor& grad, const Tensor& s, int64_t rows, int64_t extent) {
  if (rows == last_extent(x)) return Tensor();
  const Tensor scaled = grad * as_row(over(s, s, extent));
  return scaled - matmul(x, matmul(transpose(x), scaled));
}

}  // namespace

// Townsend 2016, eq. 13, a term for each of dU, ds, dV:
//   dA = [U (F * (U^T dU - dU^T U)) S + (I - U U^T) dU S^-1] V^T + U ds V^T
//        + U [S (F * (V^T dV - dV^T V)) V^T + S^-1 dV^T (I - V V^T)]
static const Op svd_u_op{"svd_u", Op::Kind::call, nullptr,
                         [](const Vjp& vjp) {
                           const Parts parts(vjp.inputs[0], vjp.inputs[1]);
                           const Tensor u = vjp.output, s = parts.s();
                           const int64_t extent = std::max(parts.m, parts.n);
                           Tensor left = matmul(u, turning(u, vjp.grad, s, extent) * as_row(s));
                           const Tensor out = leaving(u, vjp.grad, s, parts.m, extent);
                           if (out.defined()) left = left + out;
                           return Gradients(matmul(left, transpose(parts.v())), Tensor());
                         },
                         run_part};
static const Op svd_s_op{"svd_s", Op::Kind::call, nullptr,
                         [](const Vjp& vjp) {
                           const Parts parts(vjp.inputs[0], vjp.inputs[1]);
                           return Gradients(matmul(parts.u() * as_row(vjp.grad), transpose(parts.v())), Tensor());
                         },
                         run_part};
static const Op svd_v_op{"svd_v", Op::Kind::call, nullptr,
                         [](const Vjp& vjp) {
                           const Parts parts(vjp.inputs[0], vjp.inputs[1]);
                           const Tensor v = vjp.output, s = parts.s();
                           const int64_t extent = std::max(parts.m, parts.n);
                           Tensor right = matmul(as_column(s) * turning(v, vjp.grad, s, extent), transpose(v));
                           const Tensor out = leaving(v, vjp.grad, s, parts.n, extent);
                           if (out.defined()) right = right + transpose(out);
                           return Gradients(matmul(parts.u(), right), Tensor());
                         },
                         run_part};

namespace {

Tensor Parts::u() const { return record_part(svd_u_op, a, whole, {0, m}, matrix_shape(batch_shape(a.shape()), m, k)); }
Tensor Parts::s() const { return record_part(svd_s_op, a, whole, {m, 1}, vector_shape(batch_shape(a.shape()), k)); }
Tensor Parts::v() const {
  return record_part(svd_v_op, a, whole, {m + 1, n}, matrix_shape(batch_shape(a.shape()), n, k));
}

}  // namespace

Svd svd(Located a) {
  const AtLine line(a);
  const Tensor input = floating("svd", a);
  const Shape shape = input.shape();
  if (shape.rank() < 2) throw ShapeError("svd: " + shape.to_string() + " given; expected [..., m, n]");
  const int64_t m = shape[shape.rank() - 2], n = last_extent(input);
  const Tensor whole = Graph::current().record(
      {svd_op, {&input, 1}, matrix_shape(batch_shape(shape), m + 1 + n, std::min(m, n)), DType::float64, {}});
  const Parts parts(input, whole);
  return {parts.u(), parts.s(), transpose(parts.v())};
}

}  // namespace autograd
