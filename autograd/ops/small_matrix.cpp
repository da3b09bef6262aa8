#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matrices.h>
#include <autograd/ops/record.h>

#include <algorithm>

// Determinants and inverses by cofactors, one lane an element. Element (i, j) of the adjugate is the minor without row
// j and column i, whose rows are j + 1, j + 2, ... modulo n: in the matrix laid out twice in each direction, slices.
//
//     a b c a b c     n = 3: adj(i, j) = S(1, 1) S(2, 2) - S(1, 2) S(2, 1),
//     d e f d e f            S(p, q) = A(j + p, i + q)
//     g h i g h i
//     a b c a b c     For odd n the cyclic order has the sign (-1)^(i + j) already, for even n it has not.
//
// Gradients are written down: those of the parts would each fill a matrix with zeros around one element.

namespace autograd {

namespace {

int64_t rows_of(const Tensor& a) { return a.shape()[a.rank() - 1]; }

/// Where i + j is even: [rows, rows] bool, for 2 and 4 rows.
const Array& checkerboard(int64_t rows) {
  const auto make = [](int64_t n) {
    return Array::make<bool>({n, n}, [n](std::span<bool> out) {
      for (int64_t i = 0; i < n * n; ++i) out[static_cast<size_t>(i)] = (i / n + i % n) % 2 == 0;
    });
  };
  static const Array two = make(2), four = make(4);
  return rows == 2 ? two : four;
}

/// A(j + p, i + q) at (i, j), modulo the rows; of matrices [batch, rows, rows].
class Shifted {
 public:
  explicit Shifted(const Tensor& a) : rows_(rows_of(a)) {
    const int64_t batch = a.shape()[0];
    const Tensor repeated = broadcast_to(reshape(a, {batch, 1, rows_, 1, rows_}), {batch, 2, rows_, 2, rows_});
    tiles_ = reshape(repeated, {batch, 2 * rows_, 2 * rows_});
  }
  Tensor operator()(int64_t p, int64_t q) const {
    const Tensor columns = slice(tiles_, 2, {.start = q, .stop = q + rows_});
    return transpose(slice(columns, 1, {.start = p, .stop = p + rows_}));
  }

 private:
  int64_t rows_;
  Tensor tiles_;
};

Tensor small_adjugate(const Tensor& a) {
  const int64_t rows = rows_of(a);
  if (rows == 1) return broadcast_to(Located(1).as(a.dtype()), a.shape());
  const Shifted s(reshape(a, {-1, rows, rows}));
  Tensor result;
  if (rows == 2) {
    result = s(1, 1);
  } else if (rows == 3) {
    result = s(1, 1) * s(2, 2) - s(1, 2) * s(2, 1);
  } else {
    const auto minor = [&](int64_t q, int64_t r) { return s(2, q) * s(3, r) - s(2, r) * s(3, q); };
    result = s(1, 1) * minor(2, 3) - s(1, 2) * minor(1, 3) + s(1, 3) * minor(1, 2);
  }
  if (rows % 2 == 0) result = where(checkerboard(rows), result, -result);
  return reshape(result, a.shape());
}

Tensor det_value(const Tensor& a) {
  Tensor e[most_small][most_small];
  const int64_t rows = rows_of(a);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) e[i][j] = select(select(a, -2, i), -1, j);
  }
  const auto minor = [&](int row, int j, int k) { return e[row][j] * e[row + 1][k] - e[row][k] * e[row + 1][j]; };
  if (rows == 1) return e[0][0];
  if (rows == 2) return minor(0, 0, 1);
  if (rows == 3) return e[0][0] * minor(1, 1, 2) - e[0][1] * minor(1, 0, 2) + e[0][2] * minor(1, 0, 1);
  // Laplace's expansion by the minors of the upper and the lower two rows.
  return minor(0, 0, 1) * minor(2, 2, 3) - minor(0, 0, 2) * minor(2, 1, 3) + minor(0, 0, 3) * minor(2, 1, 2) +
         minor(0, 1, 2) * minor(2, 0, 3) - minor(0, 1, 3) * minor(2, 0, 2) + minor(0, 2, 3) * minor(2, 0, 1);
}

}  // namespace

// det A. vjp: g adj(A)^T
static const Op det_op{"det", Op::Kind::reshape, nullptr, [](const Vjp& v) {
                         const Tensor grad = expand_dims(expand_dims(v.grad, -1), -1);
                         return Gradients(Tensor(), grad * transpose(small_adjugate(v.inputs[1])));
                       }};

Tensor small_det(const Tensor& a) { return with_gradient(det_op, det_value(a), {a}); }

// Y = A^-1. vjp: -Y^T G Y^T
static const Op inverse_op{"inverse", Op::Kind::reshape, nullptr, [](const Vjp& v) {
                             const Tensor transposed = transpose(v.output);
                             return Gradients(Tensor(), -small_product(small_product(transposed, v.grad), transposed));
                           }};

Tensor small_inverse(const Tensor& a) {
  const Tensor over = expand_dims(expand_dims(det_value(a), -1), -1);
  return with_gradient(inverse_op, small_adjugate(a) / over, {a});
}

// C = A B. vjp: dA = dC B^T, dB = A^T dC.
static const Op small_product_op{"small_product", Op::Kind::reshape, nullptr, [](const Vjp& v) {
                                   const Tensor a = v.inputs[1], b = v.inputs[2];
                                   return Gradients(Tensor(),
                                                    v.needs(1) ? small_product(v.grad, transpose(b)) : Tensor(),
                                                    v.needs(2) ? small_product(transpose(a), v.grad) : Tensor());
                                 }};

Tensor small_product(const Tensor& a, const Tensor& b) {
  Tensor value;
  for (int64_t i = 0; i < rows_of(a); ++i) {
    const Tensor term = slice(a, -1, {.start = i, .stop = i + 1}) * slice(b, -2, {.start = i, .stop = i + 1});
    value = value.defined() ? value + term : term;
  }
  return with_gradient(small_product_op, value, {a, b});
}

}  // namespace autograd
