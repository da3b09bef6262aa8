#include <autograd/ops/elementwise.h>
#include <autograd/ops/record.h>

namespace autograd {

using ir::Builder;
using ir::Code;
using ir::Value;
using Inputs = std::span<const Value>;

namespace {

// NaN of either side spreads: the IR's minimum and maximum are one comparison, which only lets y's through.
template <Code code>
Value lower_extremum(Builder& builder, Inputs in, DType type) {
  const Value result = builder.binary(code, in[0], in[1]);
  if (!is_floating(type)) return result;
  return builder.select(builder.binary(Code::not_equal, in[0], in[0]), in[0], result);
}

Gradients no_gradient(const Vjp&) { return Gradients(Tensor()); }

// The side that was taken gets the gradient, ties share equally.
Gradients vjp_extremum(const Vjp& v) {
  const Tensor x = v.inputs[0], y = v.inputs[1];
  const Tensor half = 0.5 * v.grad;
  const Tensor tie = x == y;
  return {where(tie, half, where(v.output == x, v.grad, 0)), where(tie, half, where(v.output == y, v.grad, 0))};
}

}  // namespace

// x + y, x - y, x y, x / y
static const Op add_op{"add", Op::Kind::map, lower2<Code::add>, [](const Vjp& v) { return Gradients(v.grad, v.grad); }};
static const Op subtract_op{"subtract", Op::Kind::map, lower2<Code::subtract>,
                            [](const Vjp& v) { return Gradients(v.grad, v.needs(1) ? -v.grad : Tensor()); }};
static const Op multiply_op{"multiply", Op::Kind::map, lower2<Code::multiply>, [](const Vjp& v) {
                              return Gradients(v.needs(0) ? v.grad * v.inputs[1] : Tensor(),
                                               v.needs(1) ? v.grad * v.inputs[0] : Tensor());
                            }};
static const Op divide_op{"divide", Op::Kind::map, lower2<Code::divide>, [](const Vjp& v) {
                            const Tensor over = zero_of_zero(v.grad, v.grad / v.inputs[1]);
                            return Gradients(over, v.needs(1) ? -zero_of_zero(over, over * v.output) : Tensor());
                          }};
static const Op remainder_op{"remainder", Op::Kind::map, lower2<Code::remainder>, no_gradient};
static const Op negate_op{"negate", Op::Kind::map, lower1<Code::negate>,
                          [](const Vjp& v) { return Gradients(-v.grad); }};

Tensor operator+(Located x, Located y) { return record_map(add_op, x, y); }
bool is_addition(const Node& node) { return node.op == &add_op; }
Tensor operator-(Located x, Located y) { return record_map(subtract_op, x, y); }
Tensor operator*(Located x, Located y) { return record_map(multiply_op, x, y); }
Tensor operator/(Located x, Located y) { return record_map(divide_op, x, y); }
Tensor operator%(Located x, Located y) { return record_map(remainder_op, x, y, integer_rule); }
Tensor operator-(Located x) { return record_map(negate_op, x); }

// |x|. vjp: g sign(x), 0 at 0.
static const Op absolute_op{"abs", Op::Kind::map, lower1<Code::absolute>,
                            [](const Vjp& v) { return Gradients(v.grad * sign(v.inputs[0])); }};
Tensor abs(Located x) { return record_map(absolute_op, x); }

// -1, 0, 1; NaN stays NaN.
static const Op sign_op{"sign", Op::Kind::map,
                        [](Builder& b, Inputs in, DType type) {
                          const Value zero = b.literal(0, type);
                          const Value positive = b.select(b.binary(Code::less, zero, in[0]), b.literal(1, type), in[0]);
                          return b.select(b.binary(Code::less, in[0], zero), b.literal(-1, type), positive);
                        },
                        no_gradient};
Tensor sign(Located x) { return record_map(sign_op, x); }

static const Op minimum_op{"minimum", Op::Kind::map, lower_extremum<Code::minimum>, vjp_extremum};
static const Op maximum_op{"maximum", Op::Kind::map, lower_extremum<Code::maximum>, vjp_extremum};
Tensor minimum(Located x, Located y) { return record_map(minimum_op, x, y); }
Tensor maximum(Located x, Located y) { return record_map(maximum_op, x, y); }

Tensor clamp(Located x, Located low, Located high) { return minimum(Located(maximum(x, low), x.where()), high); }

// max(x, 0). vjp: g where x > 0.
static const Op relu_op{"relu", Op::Kind::map,
                        [](Builder& b, Inputs in, DType type) {
                          // NaN < 0 is false: NaN passes.
                          const Value zero = b.literal(0, type);
                          return b.select(b.binary(Code::less, in[0], zero), zero, in[0]);
                        },
                        [](const Vjp& v) { return Gradients(where(v.inputs[0] > 0, v.grad, 0)); }};
Tensor relu(Located x) { return record_map(relu_op, x); }

static const Op fma_op{"fma", Op::Kind::map, [](Builder& b, Inputs in, DType) { return b.fma(in[0], in[1], in[2]); },
                       [](const Vjp& v) { return Gradients(v.grad * v.inputs[1], v.grad * v.inputs[0], v.grad); }};
Tensor fma(Located x, Located y, Located z) {
  uint32_t inputs[3];
  const DType type = unify(fma_op, {&x, &y, &z}, inputs);
  if (!is_floating(type)) throw_dtype(fma_op, type, "float32 or float64");
  return Graph::current().record_map(fma_op, inputs, type, x.where());
}

static const Op floor_op{"floor", Op::Kind::map, lower1<Code::floor>, no_gradient};
static const Op ceil_op{"ceil", Op::Kind::map, lower1<Code::ceil>, no_gradient};
static const Op round_op{"round", Op::Kind::map, lower1<Code::round>, no_gradient};
Tensor floor(Located x) { return record_map(floor_op, x, float_rule); }
Tensor ceil(Located x) { return record_map(ceil_op, x, float_rule); }
Tensor round(Located x) { return record_map(round_op, x, float_rule); }

}  // namespace autograd
