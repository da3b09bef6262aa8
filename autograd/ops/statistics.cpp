#include <autograd/ops/elementwise.h>
#include <autograd/ops/iota.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>
#include <autograd/ops/reduced_axes.h>

#include <bit>
#include <limits>

// Reductions composed of sum, max, min and elementwise operations; the engine fuses them, and their gradients
// are those of their parts.

namespace autograd {

namespace {

/// sqrt(x) of a sum of squares. The square root's gradient at 0 is infinite: it is asked for at 1 there instead.
Tensor root(const Tensor& squares) {
  const Tensor zero = squares == 0;
  return where(zero, 0, sqrt(where(zero, 1, squares)));
}

/// sum / count. Of a power of two the inverse is exact: multiplied with it, the sum gives the same bits in less time.
Tensor divided(const Tensor& sum, int64_t count) {
  const bool power = count > 0 && std::has_single_bit(static_cast<uint64_t>(count));
  return power ? sum * (1 / static_cast<double>(count)) : sum / count;
}

/// The product along an axis, which stays with extent 1: halves are multiplied, the odd ones out at the end.
Tensor product_along(Tensor x, int axis) {
  Tensor rest;
  for (int64_t count = x.shape()[axis]; count > 1; count /= 2) {
    const int64_t half = count / 2;
    if (count % 2 == 1) {
      const Tensor last = slice(x, axis, {.start = 2 * half});
      rest = rest.defined() ? rest * last : last;
    }
    x = slice(x, axis, {.stop = half}) * slice(x, axis, {.start = half, .stop = 2 * half});
  }
  return rest.defined() ? x * rest : x;
}

using Extremum = Tensor (*)(Located, Axes, ReduceOptions);

Tensor position_of(const char* operation, Extremum extremum, const Located& x, const Axes& axes,
                   ReduceOptions options) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  const Shape shape = input.shape();
  if (input.dtype() == DType::boolean)
    throw DTypeError(std::string(operation) + ": bool given; expected float32, float64 or int32");
  const uint8_t reduced = axis_bits(operation, axes, shape.rank());
  require_elements(operation, shape, reduced);
  const Tensor best = extremum(input, axes, {.keep = true});
  // The first that is equal to the best, or the first NaN, to which nothing is.
  const Tensor found = is_floating(input.dtype()) ? input == best || input != input : input == best;
  const auto others = static_cast<uint8_t>(~reduced);
  return min(where(found, iota(reduced_shape(shape, others, true)), std::numeric_limits<int32_t>::max()), axes,
             options);
}

/// How many elements are true.
Tensor count_true(const char* operation, const Located& x, const Axes& axes, ReduceOptions options, bool wanted) {
  const Tensor input = x.as(DType::boolean);
  if (input.dtype() != DType::boolean)
    throw DTypeError(std::string(operation) + ": " + name_of(input.dtype()) + " given; expected bool");
  return sum(cast(wanted ? input : !input, DType::int32), axes, options);
}

}  // namespace

Tensor prod(Located x, Axes axes, ReduceOptions options) {
  const AtLine line(x);
  Tensor result = x.as(DType::float32);
  if (result.dtype() == DType::boolean) throw DTypeError("prod: bool given; expected float32, float64 or int32");
  const Shape shape = result.shape();
  const uint8_t reduced = axis_bits("prod", axes, shape.rank());
  if (reduced_count(shape, reduced) == 0) return 1 + sum(result, axes, options);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((reduced >> axis & 1) != 0) result = product_along(result, axis);
  }
  return reshape(result, reduced_shape(shape, reduced, options.keep));
}

Tensor mean(Located x, Axes axes, ReduceOptions options) {
  const AtLine line(x);
  const Tensor input = floating("mean", x);
  const auto count = reduced_count(input.shape(), axis_bits("mean", axes, input.rank()));  // first: it names wrong axes
  return divided(sum(input, axes, options), count);
}

// sum d^2, d = x - mean x, with the inputs x and d. vjp: 2 g d; what goes through the mean is sum d = 0.
static const Op squares_op{"var", Op::Kind::view, nullptr,
                           [](const Vjp& v) { return Gradients(Tensor(), 2 * v.grad * v.inputs[2]); }};

Tensor var(Located x, Axes axes, VarianceOptions options) {
  const AtLine line(x);
  const Tensor input = floating("var", x);
  const uint8_t reduced = axis_bits("var", axes, input.rank());
  const int64_t count = reduced_count(input.shape(), reduced);
  const Tensor centred = input - mean(input, axes, {.keep = true});
  const Tensor sum_of_squares = sum(square(centred), axes, {.keep = true});
  Tensor squares = with_gradient(squares_op, sum_of_squares, {input, centred});
  if (!options.keep) squares = reshape(squares, reduced_shape(input.shape(), reduced, false));
  return count > options.correction ? divided(squares, count - options.correction)
                                    : squares * std::numeric_limits<double>::quiet_NaN();
}

Tensor std(Located x, Axes axes, VarianceOptions options) {
  const AtLine line(x);
  return root(var(floating("std", x), axes, options));
}

Tensor norm(Located x, Axes axes, ReduceOptions options) {
  const AtLine line(x);
  return root(sum(square(floating("norm", x)), axes, options));
}

// m + log(sum exp(x - m)), m = max x. The result does not depend on m, so no gradient goes through it; where m is
// infinite, 0 stands for it, so that no inf - inf arises.
Tensor logsumexp(Located x, Axes axes, ReduceOptions options) {
  const AtLine line(x);
  const Tensor input = floating("logsumexp", x);
  const uint8_t reduced = axis_bits("logsumexp", axes, input.rank());
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (reduced_count(input.shape(), reduced) == 0) return sum(input, axes, options) - infinity;
  const Tensor largest = max(stop_gradient(input), axes, {.keep = true});
  const Tensor shift = where(abs(largest) == infinity, 0, largest);
  const Tensor total = sum(exp(input - shift), axes, {.keep = true});
  const Tensor nothing = total == 0;
  const Tensor result = where(nothing, -infinity, shift + log(where(nothing, 1, total)));
  return options.keep ? result : reshape(result, reduced_shape(input.shape(), reduced, false));
}

Tensor argmax(Located x, Axes axes, ReduceOptions options) { return position_of("argmax", max, x, axes, options); }
Tensor argmin(Located x, Axes axes, ReduceOptions options) { return position_of("argmin", min, x, axes, options); }

Tensor any(Located x, Axes axes, ReduceOptions options) {
  const AtLine line(x);
  return count_true("any", x, axes, options, true) > 0;
}

Tensor all(Located x, Axes axes, ReduceOptions options) {
  const AtLine line(x);
  return count_true("all", x, axes, options, false) == 0;
}

}  // namespace autograd
