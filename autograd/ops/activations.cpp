#include <autograd/ir/expression.h>
#include <autograd/ir/maths.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/record.h>

#include <numbers>

namespace autograd {

namespace {

using ir::Builder;
using ir::Code;
using ir::Expression;

/// log(1 + e), e from 0 to 1: where 1 + e is rounded, the quotient makes up for it (Kahan; Higham 2002,
/// section 1.14.1).
Expression log_of_one_plus(Expression e) {
  const Expression u = e + 1;
  const Expression logarithm{e.builder(), ir::log(e.builder(), u.value())};
  return select(u == 1, e, logarithm * (e.binary(Code::divide, u - 1)));
}

}  // namespace

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which does not overflow. vjp: g sigmoid(x).
static const Op softplus_op{"softplus", Op::Kind::map,
                            [](Builder& builder, std::span<const ir::Value> in, DType) {
                              const Expression x{builder, in[0]};
                              const Expression e{builder, ir::exp(builder, (-absolute(x)).value())};
                              return (at_least(x, 0) + log_of_one_plus(e)).value();
                            },
                            [](const Vjp& v) { return Gradients(v.grad * sigmoid(v.inputs[0])); }};
Tensor softplus(Located x) { return record_map(softplus_op, x, float_rule); }

Tensor leaky_relu(Located x, double slope) {
  const AtLine line(x);
  const Tensor input = floating("leaky_relu", x);
  return where(input > 0, input, input * slope);
}

Tensor gelu(Located x) {
  const AtLine line(x);
  const Tensor input = floating("gelu", x);
  return input * (0.5 * (1 + erf(input * (1 / std::numbers::sqrt2))));
}

}  // namespace autograd
