#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>
#include <autograd/transforms/derivatives.h>

#include <algorithm>

namespace autograd {

namespace {

constexpr GradOptions zeros_where_unused{.unused = GradOptions::Unused::zeros};

/// A cotangent to differentiate by. A vector-Jacobian product is linear in it, so that its value does not matter; at 1
/// no rule takes the shortcut of a gradient of 0.
Tensor any_cotangent(const Tensor& f) { return broadcast_to(Located(1).as(f.dtype()), f.shape()); }

/// sum_i <a_i, b_i>
Tensor dot(const char* operation, std::span<const Tensor> a, std::span<const Tensor> b) {
  if (a.size() != b.size() || a.empty()) {
    throw ValueError(std::string(operation) + ": " + std::to_string(b.size()) + " vectors for " +
                     std::to_string(a.size()) + " variables; expected one each, and at least one");
  }
  Tensor total;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].shape() != b[i].shape()) {
      throw ShapeError(std::string(operation) + ": a vector of shape " + b[i].shape().to_string() +
                       " for a variable of shape " + a[i].shape().to_string());
    }
    if (a[i].dtype() != b[i].dtype()) {
      throw DTypeError(std::string(operation) + ": a " + name_of(b[i].dtype()) + " vector for a " +
                       name_of(a[i].dtype()) + " variable");
    }
    const Tensor part = sum(a[i] * b[i]);
    total = total.defined() ? total + cast(part, total.dtype()) : part;
  }
  return total;
}

/// The derivatives of each element of y, rows [y's elements, x's elements]. `unused`: what y may not depend on.
Tensor rows_of_jacobian(const Tensor& y, const Tensor& x, const GradOptions& options) {
  const Tensor elements = flatten(y);
  const int64_t count = y.size();
  if (count == 0) return broadcast_to(Located(0).as(x.dtype()), {0, x.size()});
  const std::span<Tensor> rows = list_of(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) rows[static_cast<size_t>(i)] = flatten(grad(select(elements, 0, i), x, options));
  return stack(rows, 0);
}

Shape joined(const Shape& a, const Shape& b) {
  if (a.rank() + b.rank() > max_rank)
    throw ShapeError("jacobian: of " + a.to_string() + " by " + b.to_string() + " has more than " +
                     std::to_string(max_rank) + " axes; flatten one");
  int64_t extents[max_rank];
  int64_t* const end = std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), extents));
  return Shape(std::span<const int64_t>(extents, end));
}

Tensor variable_of(const char* operation, const Located& x) {
  if (!x.is_number()) return x.tensor();
  throw ValueError(std::string(operation) + ": with respect to a number; expected a Tensor, Parameter or Array");
}

}  // namespace

ValueAndGradient value_and_grad(const Tensor& f, Located x) {
  const ValueAndGradient result{f, grad(f, x)};
  evaluate({result.value, result.gradient});
  return result;
}

// The product u^T J is linear in u: its derivative by u along t is J t.
Tensor jvp(const Tensor& f, std::span<const Located> variables, std::span<const Tensor> tangents) {
  const Tensor u = any_cotangent(f);
  const std::span<const Tensor> products = grad(f, variables, {.cotangent = u});
  return grad(dot("jvp", products, tangents), u, zeros_where_unused);
}

Tensor jvp(const Tensor& f, Located x, const Tensor& tangent) {
  return jvp(f, std::span<const Located>(&x, 1), std::span<const Tensor>(&tangent, 1));
}

std::span<const Tensor> hvp(const Tensor& f, std::span<const Located> variables, std::span<const Tensor> vectors) {
  const std::span<Tensor> constant = list_of(vectors.size());
  std::transform(vectors.begin(), vectors.end(), constant.begin(), [](const Tensor& v) { return stop_gradient(v); });
  return grad(dot("hvp", grad(f, variables), constant), variables, zeros_where_unused);
}

Tensor hvp(const Tensor& f, Located x, const Tensor& v) {
  return hvp(f, std::span<const Located>(&x, 1), std::span<const Tensor>(&v, 1))[0];
}

Tensor jacobian(const Tensor& f, Located x) {
  const Tensor variable = variable_of("jacobian", x);
  const Shape shape = joined(f.shape(), variable.shape());
  if (f.size() <= variable.size()) {
    grad(f, variable, {.cotangent = any_cotangent(f)});  // throws where f does not depend on x; a row may well not
    return reshape(rows_of_jacobian(f, variable, zeros_where_unused), shape);
  }
  const Tensor u = any_cotangent(f);
  const Tensor product = grad(f, variable, {.cotangent = u});
  return reshape(transpose(rows_of_jacobian(product, u, zeros_where_unused)), shape);
}

Tensor hessian(const Tensor& f, Located x) {
  const Tensor variable = variable_of("hessian", x);
  const Shape shape = joined(variable.shape(), variable.shape());
  return reshape(rows_of_jacobian(grad(f, variable), variable, zeros_where_unused), shape);
}

}  // namespace autograd
