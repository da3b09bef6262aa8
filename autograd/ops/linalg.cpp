#include <autograd/ops/dense_kernels.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/iota.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/linalg.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/matrices.h>
#include <autograd/ops/matrix_calls.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

#include <atomic>
#include <cmath>

// Solutions of linear systems. A factorisation is a node of its own without a gradient, in float64; what is solved with
// it also names the matrix, and has the gradient.

namespace autograd {

// Shapes ---------------------------------------------------------------------------------------------------------

Shape batch_shape(const Shape& shape) {
  return Shape(std::span<const int64_t>(shape.begin(), static_cast<size_t>(shape.rank() - 2)));
}

Shape matrix_shape(const Shape& batch, int64_t rows, int64_t columns) {
  int64_t extents[max_rank + 2];
  int64_t* end = std::copy(batch.begin(), batch.end(), extents);
  *end++ = rows;
  *end++ = columns;
  return Shape(std::span<const int64_t>(extents, end));
}

int64_t square_rows(const char* operation, const Shape& shape) {
  const int rank = shape.rank();
  if (rank < 2 || shape[rank - 2] != shape[rank - 1])
    throw ShapeError(std::string(operation) + ": " + shape.to_string() + " given; expected [..., n, n]");
  return shape[rank - 1];
}

namespace {

/// Where column - row compares with the offset: [rows, columns] bool.
Tensor band(const Shape& shape, int64_t offset, bool lower) {
  const int rank = shape.rank();
  const Tensor distance = iota({1, shape[rank - 1]}) - iota({shape[rank - 2], 1});
  return lower ? distance <= offset : distance >= offset;
}

Tensor triangle(const char* operation, const Located& x, int64_t offset, bool lower) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  if (input.rank() < 2)
    throw ShapeError(std::string(operation) + ": " + input.shape().to_string() + " has no two axes");
  return where(band(input.shape(), offset, lower), input, 0);
}

/// B as [..., n, k] for matrices with n rows; a vector [n] becomes a column.
Tensor columns_for(const char* operation, const Shape& a, const Tensor& b) {
  const Shape shape = b.shape();
  const int64_t rows = a[a.rank() - 1];
  const int row_axis = shape.rank() == 1 ? 0 : shape.rank() - 2;
  if (shape.rank() == 0 || shape[row_axis] != rows) {
    const std::string n = std::to_string(rows);
    throw ShapeError(std::string(operation) + ": right-hand side " + shape.to_string() + " for " + a.to_string() +
                     "; expected [..., " + n + ", *] or [" + n + "]");
  }
  return shape.rank() == 1 ? expand_dims(b, 1) : b;
}

struct System {
  Tensor a, b;
  bool vector;
};

/// The checked operands of a solution.
System system_of(const Op& op, const Located& a, const Located& b) {
  uint32_t nodes[2];
  const DType type = unify(op, {&a, &b}, nodes);
  if (!is_floating(type)) throw_dtype(op, type, "float32 or float64");
  const Tensor left = Graph::current().handle(nodes[0]), right = Graph::current().handle(nodes[1]);
  square_rows(op.name, left.shape());
  return {left, columns_for(op.name, left.shape(), right), right.rank() == 1};
}

/// Matrices and right-hand sides with the axes before them broadcast; one matrix for all stays one.
void broadcast(const char* operation, Tensor& a, Tensor& b) {
  const Shape matrices = a.shape(), sides = b.shape();
  const Shape batch = broadcast_shapes(operation, batch_shape(matrices), batch_shape(sides));
  const int64_t rows = sides[sides.rank() - 2];
  if (matrices.rank() > 2) a = broadcast_to(a, matrix_shape(batch, rows, rows));
  b = broadcast_to(b, matrix_shape(batch, rows, sides[sides.rank() - 1]));
}

/// The matrix of right-hand side `index`.
int64_t matrix_of(const Node& matrices, int64_t index) { return matrices.rank == 2 ? 0 : index; }

double cube(int64_t n) { return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n); }

}  // namespace

Tensor identity(int64_t rows, DType type) { return cast(iota({rows, 1}) == iota({1, rows}), type); }

Tensor tril(Located x, int64_t offset) { return triangle("tril", x, offset, true); }
Tensor triu(Located x, int64_t offset) { return triangle("triu", x, offset, false); }

Tensor trace(Located x) {
  const AtLine line(x);
  return sum(diagonal(x), -1);
}

// LU ---------------------------------------------------------------------------------------------------------------

// The factors [n, n], and a row that tells whose rows they are.
static const Op lu_op{"lu", Op::Kind::call, nullptr, nullptr, [](const Op::Call& call) {
                        const int64_t n = columns_of(*call.node), size = n * n;
                        for_matrices(call, matrices_of(*call.node), 0, 0.5 * cube(n), [&](int64_t i, double*) {
                          double* lu = static_cast<double*>(call.output) + i * (size + n);
                          load_matrix(call, 0, i, size, lu);
                          dense::factor_lu(lu, n, lu + size);
                        });
                      }};

namespace {

struct SolveAttributes {
  bool transpose;
};

Tensor factor_lu(const Tensor& a) {
  const Shape shape = a.shape();
  const int64_t n = shape[shape.rank() - 1];
  return Graph::current().record({lu_op, {&a, 1}, matrix_shape(batch_shape(shape), n + 1, n), DType::float64, {}});
}

Tensor solve_with(const Tensor& a, const Tensor& b, const Tensor& lu, bool transpose);

// X = A^-1 B. vjp: dB = A^-T dX, dA = -dB X^T; of A^-T B: dB = A^-1 dX, dA = -X dB^T.
Gradients vjp_solve(const Vjp& v) {
  const bool transposed = v.attributes<SolveAttributes>().transpose;
  const Tensor db = solve_with(v.inputs[0], v.grad, v.inputs[2], !transposed);
  if (!v.needs(0)) return {Tensor(), db};
  return {-(transposed ? matmul(v.output, transpose(db)) : matmul(db, transpose(v.output))), db};
}

void run_solve(const Op::Call& call) {
  const Node& node = *call.node;
  const bool transposed = static_cast<const SolveAttributes*>(call.attributes)->transpose;
  const int64_t n = rows_of(node), columns = columns_of(node), size = n * columns;
  const double cost = 2 * static_cast<double>(size * n);
  for_matrices(call, matrices_of(node), 2 * size, cost, [&](int64_t i, double* room) {
    const double* lu = call.input<double>(2) + matrix_of(*call.inputs[2], i) * (n + 1) * n;
    load_matrix(call, 1, i, size, room);
    dense::solve_lu(lu, lu + n * n, n, room, room + size, columns, transposed);
    store_matrix(call, i, size, room + size);
  });
}

}  // namespace

static const Op solve_op{"solve", Op::Kind::call, nullptr, vjp_solve, run_solve};

namespace {

Tensor solve_with(const Tensor& a, const Tensor& b, const Tensor& lu, bool transpose) {
  const Tensor inputs[3] = {a, b, lu};
  return Graph::current().record({solve_op, inputs, b.shape(), b.dtype(), {}}, SolveAttributes{transpose});
}

}  // namespace

Tensor solve(Located a, Located b) {
  const AtLine line(a);
  auto [matrix, right, vector] = system_of(solve_op, a, b);
  Tensor x;
  if (const int64_t n = right.shape()[right.rank() - 2]; n > 0 && n <= most_small) {
    const int64_t columns = right.shape()[right.rank() - 1];
    const bool small = columns > 0 && columns <= most_small;
    x = small ? small_product(small_inverse(matrix), right) : matmul(small_inverse(matrix), right);
  } else {
    broadcast("solve", matrix, right);
    x = solve_with(matrix, right, factor_lu(matrix), false);
  }
  return vector ? squeeze(x, -1) : x;
}

Tensor inverse(Located a) {
  const AtLine line(a);
  const Tensor input = floating("inverse", a);
  const int64_t n = square_rows("inverse", input.shape());
  return n > 0 && n <= most_small ? small_inverse(input)
                                  : solve(input, broadcast_to(identity(n, input.dtype()), input.shape()));
}

// det A. vjp: g det(A) A^-T
static const Op det_op{"det", Op::Kind::call, nullptr,
                       [](const Vjp& v) {
                         const Tensor a = v.inputs[0];
                         const Tensor ones = broadcast_to(identity(a.shape()[a.rank() - 1], a.dtype()), a.shape());
                         const Tensor scale = expand_dims(expand_dims(v.grad * v.output, -1), -1);
                         return Gradients(scale * solve_with(a, ones, v.inputs[1], true), Tensor());
                       },
                       [](const Op::Call& call) {
                         const int64_t n = columns_of(*call.inputs[1]);
                         for_matrices(call, call.node->size(), 0, static_cast<double>(n * n), [&](int64_t i, double*) {
                           const double* lu = call.input<double>(1) + i * (n + 1) * n;
                           const double value = dense::det_lu(lu, lu + n * n, n);
                           store_matrix(call, i, 1, &value);
                         });
                       }};

Tensor det(Located a) {
  const AtLine line(a);
  const Tensor input = floating("det", a);
  const Shape shape = input.shape();
  const int64_t n = square_rows("det", shape);
  if (n == 0) return 1 + sum(input, {-2, -1});
  if (n <= most_small) return small_det(input);
  const Tensor inputs[2] = {input, factor_lu(input)};
  return Graph::current().record({det_op, inputs, batch_shape(shape), input.dtype(), {}});
}

// Triangles and Cholesky ----------------------------------------------------------------------------------------------

namespace {

// X = T^-1 B. vjp: as of solve(), of the triangle only.
Gradients vjp_triangular(const Vjp& v) {
  const auto options = v.attributes<TriangularOptions>();
  TriangularOptions other = options;
  other.transpose = !options.transpose;
  const Tensor db = solve_triangular(v.inputs[0], v.grad, other);
  if (!v.needs(0)) return {Tensor(), db};
  const Tensor da = -(options.transpose ? matmul(v.output, transpose(db)) : matmul(db, transpose(v.output)));
  const int64_t offset = options.unit_diagonal ? 1 : 0;
  return {options.lower ? tril(da, -offset) : triu(da, offset), db};
}

void run_triangular(const Op::Call& call) {
  const auto& options = *static_cast<const TriangularOptions*>(call.attributes);
  const dense::Triangle kind{options.lower, options.transpose, options.unit_diagonal};
  const int64_t n = rows_of(*call.node), columns = columns_of(*call.node), size = n * columns;
  const double cost = static_cast<double>(size * n);
  for_matrices(call, matrices_of(*call.node), size + n * n, cost, [&](int64_t i, double* room) {
    load_matrix(call, 0, matrix_of(*call.inputs[0], i), n * n, room);
    load_matrix(call, 1, i, size, room + n * n);
    dense::solve_triangle(room, n, room + n * n, columns, kind);
    store_matrix(call, i, size, room + n * n);
  });
}

}  // namespace

static const Op triangular_op{"solve_triangular", Op::Kind::call, nullptr, vjp_triangular, run_triangular};

Tensor solve_triangular(Located a, Located b, TriangularOptions options) {
  const AtLine line(a);
  auto [matrix, right, vector] = system_of(triangular_op, a, b);
  broadcast("solve_triangular", matrix, right);
  const Tensor inputs[2] = {matrix, right};
  const Tensor x = Graph::current().record({triangular_op, inputs, right.shape(), right.dtype(), {}}, options);
  return vector ? squeeze(x, -1) : x;
}

// L L^T = A. vjp: dA = L^-T P L^-1, P = the lower triangle of L^T dL with half its diagonal (Murray 2016, eq. 10).
static const Op cholesky_op{"cholesky", Op::Kind::call, nullptr,
                            [](const Vjp& v) {
                              const Tensor l = v.output;
                              const Tensor product = matmul(transpose(l), v.grad);
                              const Tensor half = (tril(product) + tril(product, -1)) / 2;
                              const Tensor left = solve_triangular(l, half, {.transpose = true});
                              return Gradients(transpose(solve_triangular(l, transpose(left), {.transpose = true})));
                            },
                            [](const Op::Call& call) {
                              const int64_t n = rows_of(*call.node), count = matrices_of(*call.node);
                              std::atomic<int64_t> bad{count};
                              for_matrices(call, count, n * n, 0.3 * cube(n), [&](int64_t i, double* room) {
                                load_matrix(call, 0, i, n * n, room);
                                if (!dense::factor_cholesky(room, n)) {
                                  for (int64_t first = bad; i < first && !bad.compare_exchange_weak(first, i);) {
                                  }
                                }
                                store_matrix(call, i, n * n, room);
                              });
                              if (bad == count) return;
                              throw ValueError("cholesky: matrix " + std::to_string(bad) + " of " +
                                               std::to_string(count) + " (recorded at " + to_string(call.node->where) +
                                               ") is not positive definite");
                            }};

Tensor cholesky(Located a) {
  const AtLine line(a);
  const Tensor input = floating("cholesky", a);
  square_rows("cholesky", input.shape());
  const Tensor symmetric = (input + transpose(input)) / 2;
  return Graph::current().record({cholesky_op, {&symmetric, 1}, input.shape(), input.dtype(), {}});
}

Tensor cholesky_solve(Located l, Located b) {
  const AtLine line(l);
  return solve_triangular(l, solve_triangular(l, b), {.transpose = true});
}

}  // namespace autograd
