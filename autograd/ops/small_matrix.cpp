#include <autograd/ops/elementwise.h>
#include <autograd/ops/embed.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matrices.h>
#include <autograd/ops/record.h>

#include <algorithm>

// Matrices as tables of tensors, one for each element: a lane is a matrix, and all arithmetic of a product or an
// inverse is one fused region. A result is stacked element by element, [m, n, batch...], and seen as [batch..., m, n],
// so that the next operation takes its elements as they lie.
//
// Gradients are written down: those of the parts would each fill a matrix with zeros around one element.

namespace autograd {

namespace {

int64_t rows_of(const Tensor& a) { return a.shape()[a.rank() - 2]; }
int64_t columns_of(const Tensor& a) { return a.shape()[a.rank() - 1]; }

struct Elements {
  Tensor at[most_small][most_small];
  int64_t rows = 0, columns = 0;

  Elements(int64_t rows_, int64_t columns_) : rows(rows_), columns(columns_) {}
  explicit Elements(const Tensor& a) : rows(rows_of(a)), columns(columns_of(a)) {
    const Shape batch = batch_shape(a.shape());
    StridedView view = plain_view(a.rank());
    view.axis[batch.rank()] = view.axis[batch.rank() + 1] = -1;
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        view.start[batch.rank()] = i;
        view.start[batch.rank() + 1] = j;
        at[i][j] = record_view(a, view, batch, {});
      }
    }
  }

  /// The determinant of two rows and two columns.
  Tensor minor(int64_t row, int64_t other_row, int64_t column, int64_t other_column) const {
    return at[row][column] * at[other_row][other_column] - at[row][other_column] * at[other_row][column];
  }
};

/// All of one shape, as [rows, columns, batch...].
Tensor stacked(const Elements& elements) {
  Tensor list[most_small * most_small];
  int64_t count = 0;
  for (int64_t i = 0; i < elements.rows; ++i) {
    for (int64_t j = 0; j < elements.columns; ++j) list[count++] = elements.at[i][j];
  }
  const Tensor stack_of_all = stack(std::span<const Tensor>(list, static_cast<size_t>(count)), 0);
  const Shape batch = list[0].shape();
  int64_t extents[max_rank + 2] = {elements.rows, elements.columns};
  int64_t* const end = std::copy(batch.begin(), batch.end(), extents + 2);
  return reshape(stack_of_all, Shape(std::span<const int64_t>(extents, end)));
}

/// Stacked elements as matrices [batch..., rows, columns].
Tensor matrices(const Tensor& stack) {
  int order[max_rank];
  for (int axis = 0; axis < stack.rank(); ++axis) order[axis] = (axis + 2) % stack.rank();
  return permute(stack, std::span<const int>(order, static_cast<size_t>(stack.rank())));
}

/// The columns (or rows) that are not `left_out`, in order.
struct Others {
  int64_t list[most_small];
  explicit Others(int64_t left_out) {
    for (int64_t i = 0; i < most_small; ++i) list[i] = i < left_out ? i : i + 1;
  }
  int64_t operator[](int64_t i) const { return list[i]; }
};

/// The determinant without a row and a column. Of four rows: by the row that is its neighbour in the upper or lower
/// pair, and the minors of the other pair (Laplace).
Tensor minor_without(const Elements& a, int64_t row, int64_t column) {
  const Others r(row), c(column);
  if (a.rows == 1) return broadcast_to(Located(1).as(a.at[0][0].dtype()), a.at[0][0].shape());
  if (a.rows == 2) return a.at[r[0]][c[0]];
  if (a.rows == 3) return a.minor(r[0], r[1], c[0], c[1]);
  const int64_t pair = row < 2 ? 2 : 0;
  const auto& neighbour = a.at[row ^ 1];
  const auto of_pair = [&](int64_t j, int64_t k) { return a.minor(pair, pair + 1, c[j], c[k]); };
  return neighbour[c[0]] * of_pair(1, 2) - neighbour[c[1]] * of_pair(0, 2) + neighbour[c[2]] * of_pair(0, 1);
}

Elements adjugate(const Elements& a) {
  Elements result(a.rows, a.rows);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.rows; ++j) {
      const Tensor minor = minor_without(a, j, i);
      result.at[i][j] = (i + j) % 2 == 0 ? minor : -minor;
    }
  }
  return result;
}

Tensor det_of(const Elements& a, const Elements& adjugate) {
  Tensor result = a.at[0][0] * adjugate.at[0][0];
  for (int64_t i = 1; i < a.rows; ++i) result = result + a.at[0][i] * adjugate.at[i][0];
  return result;
}

}  // namespace

// det A. vjp: g adj(A)^T
static const Op det_op{"det", Op::Kind::view, nullptr, [](const Vjp& v) {
                         const Tensor grad = expand_dims(expand_dims(v.grad, -1), -1);
                         return Gradients(Tensor(),
                                          grad * transpose(matrices(stacked(adjugate(Elements(v.inputs[1]))))));
                       }};

Tensor small_det(const Tensor& a) {
  const Elements elements(a);
  Elements column(elements.rows, 1);  // all that is needed of the adjugate
  for (int64_t i = 0; i < elements.rows; ++i) {
    const Tensor minor = minor_without(elements, 0, i);
    column.at[i][0] = i % 2 == 0 ? minor : -minor;
  }
  return with_gradient(det_op, det_of(elements, column), {a});
}

// Y = A^-1 = adj(A) / det(A). vjp: -Y^T G Y^T
static const Op inverse_op{"inverse", Op::Kind::view, nullptr, [](const Vjp& v) {
                             const Tensor transposed = transpose(matrices(v.output));
                             const Tensor product = small_product(transposed, matrices(v.grad));
                             return Gradients(Tensor(), -small_product(product, transposed));
                           }};

Tensor small_inverse(const Tensor& a) {
  const Elements elements(a);
  Elements result = adjugate(elements);
  const Tensor det = det_of(elements, result);
  for (int64_t i = 0; i < result.rows; ++i) {
    for (int64_t j = 0; j < result.rows; ++j) result.at[i][j] = result.at[i][j] / det;
  }
  return matrices(with_gradient(inverse_op, stacked(result), {a}));
}

// C = A B. vjp: dA = dC B^T, dB = A^T dC.
static const Op small_product_op{"small_product", Op::Kind::view, nullptr, [](const Vjp& v) {
                                   const Tensor a = v.inputs[1], b = v.inputs[2], grad = matrices(v.grad);
                                   return Gradients(Tensor(), v.needs(1) ? small_product(grad, transpose(b)) : Tensor(),
                                                    v.needs(2) ? small_product(transpose(a), grad) : Tensor());
                                 }};

Tensor small_product(const Tensor& a, const Tensor& b) {
  const Elements left(a), right(b);
  Elements product(left.rows, right.columns);
  for (int64_t i = 0; i < left.rows; ++i) {
    for (int64_t j = 0; j < right.columns; ++j) {
      Tensor& sum = product.at[i][j];
      for (int64_t k = 0; k < left.columns; ++k) {
        const Tensor term = left.at[i][k] * right.at[k][j];
        sum = sum.defined() ? sum + term : term;
      }
    }
  }
  return matrices(with_gradient(small_product_op, stacked(product), {a, b}));
}

}  // namespace autograd
