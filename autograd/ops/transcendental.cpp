#include <autograd/ir/maths.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/record.h>

#include <numbers>

// Where a derivative is infinite (sqrt, log, pow at 0, asin at 1) and the incoming gradient is 0,
// the result is 0: see zero_of_zero().

namespace autograd {

using ir::Builder;
using ir::Code;
using ir::Value;
using Inputs = std::span<const Value>;

namespace {

template <Value (*function)(Builder&, Value)>
Value lower(Builder& builder, Inputs in, DType) {
  return function(builder, in[0]);
}
template <Value (*function)(Builder&, Value, Value)>
Value lower(Builder& builder, Inputs in, DType) {
  return function(builder, in[0], in[1]);
}

}  // namespace

static const Op square_op{"square", Op::Kind::map,
                          [](Builder& b, Inputs in, DType) { return b.binary(Code::multiply, in[0], in[0]); },
                          [](const Vjp& v) { return Gradients(2 * v.grad * v.inputs[0]); }};
static const Op sqrt_op{"sqrt", Op::Kind::map, lower1<Code::square_root>,
                        [](const Vjp& v) { return Gradients(zero_of_zero(v.grad, v.grad / (2 * v.output))); }};
static const Op exp_op{"exp", Op::Kind::map, lower<ir::exp>,
                       [](const Vjp& v) { return Gradients(zero_of_zero(v.grad, v.grad * v.output)); }};
static const Op log_op{"log", Op::Kind::map, lower<ir::log>,
                       [](const Vjp& v) { return Gradients(zero_of_zero(v.grad, v.grad / v.inputs[0])); }};
Tensor square(Located x) { return record_map(square_op, x); }
Tensor sqrt(Located x) { return record_map(sqrt_op, x, float_rule); }
Tensor rsqrt(Located x) { return Located(1, x.where()) / Located(sqrt(x), x.where()); }
Tensor exp(Located x) { return record_map(exp_op, x, float_rule); }
Tensor log(Located x) { return record_map(log_op, x, float_rule); }

// x^y. vjp: g y x^(y-1), g x^y log(x); the latter 0 at x = 0, where the limit is (y > 0).
static const Op pow_op{"pow", Op::Kind::map, lower<ir::pow>, [](const Vjp& v) {
                         const Tensor x = v.inputs[0], y = v.inputs[1];
                         Tensor of_x, of_y;
                         if (v.needs(0)) {
                           const Tensor product = v.grad * y * pow(x, y - 1);
                           of_x = where(((v.grad == 0) || (y == 0)) && (product != product), 0, product);
                         }
                         if (v.needs(1)) {
                           const Tensor product = v.grad * v.output * log(where(x == 0, 1, x));
                           of_y = where(x == 0, 0, zero_of_zero(v.grad, product));
                         }
                         return Gradients(of_x, of_y);
                       }};
Tensor pow(Located x, Located y) { return record_map(pow_op, x, y, float_rule); }

static const Op sin_op{"sin", Op::Kind::map, lower<ir::sin>,
                       [](const Vjp& v) { return Gradients(v.grad * cos(v.inputs[0])); }};
static const Op cos_op{"cos", Op::Kind::map, lower<ir::cos>,
                       [](const Vjp& v) { return Gradients(-(v.grad * sin(v.inputs[0]))); }};
static const Op tan_op{"tan", Op::Kind::map, lower<ir::tan>,
                       [](const Vjp& v) { return Gradients(v.grad * (1 + square(v.output))); }};
static const Op asin_op{"asin", Op::Kind::map, lower<ir::asin>, [](const Vjp& v) {
                          return Gradients(zero_of_zero(v.grad, v.grad / sqrt(1 - square(v.inputs[0]))));
                        }};
static const Op acos_op{"acos", Op::Kind::map, lower<ir::acos>, [](const Vjp& v) {
                          return Gradients(zero_of_zero(v.grad, -(v.grad / sqrt(1 - square(v.inputs[0])))));
                        }};
static const Op atan_op{"atan", Op::Kind::map, lower<ir::atan>,
                        [](const Vjp& v) { return Gradients(v.grad / (1 + square(v.inputs[0]))); }};
// atan2(y, x). vjp: g x / (x^2 + y^2), -g y / (x^2 + y^2)
static const Op atan2_op{"atan2", Op::Kind::map, lower<ir::atan2>, [](const Vjp& v) {
                           const Tensor y = v.inputs[0], x = v.inputs[1];
                           const Tensor over = zero_of_zero(v.grad, v.grad / (square(x) + square(y)));
                           return Gradients(zero_of_zero(over, over * x), -zero_of_zero(over, over * y));
                         }};
Tensor sin(Located x) { return record_map(sin_op, x, float_rule); }
Tensor cos(Located x) { return record_map(cos_op, x, float_rule); }
Tensor tan(Located x) { return record_map(tan_op, x, float_rule); }
Tensor asin(Located x) { return record_map(asin_op, x, float_rule); }
Tensor acos(Located x) { return record_map(acos_op, x, float_rule); }
Tensor atan(Located x) { return record_map(atan_op, x, float_rule); }
Tensor atan2(Located y, Located x) { return record_map(atan2_op, y, x, float_rule); }

// tanh(x). vjp: g (1 - y^2), in terms of the output, so it does not overflow.
static const Op tanh_op{"tanh", Op::Kind::map, lower<ir::tanh>,
                        [](const Vjp& v) { return Gradients(v.grad * (1 - square(v.output))); }};
Tensor tanh(Located x) { return record_map(tanh_op, x, float_rule); }

// 1 / (1 + e^-x), without overflow. vjp: g y (1 - y).
static const Op sigmoid_op{"sigmoid", Op::Kind::map, lower<ir::sigmoid>,
                           [](const Vjp& v) { return Gradients(v.grad * v.output * (1 - v.output)); }};
Tensor sigmoid(Located x) { return record_map(sigmoid_op, x, float_rule); }

// erf(x). vjp: g 2 / sqrt(pi) e^(-x^2)
static const Op erf_op{"erf", Op::Kind::map, lower<ir::erf>, [](const Vjp& v) {
                         return Gradients(v.grad * (2 * std::numbers::inv_sqrtpi) * exp(-square(v.inputs[0])));
                       }};
Tensor erf(Located x) { return record_map(erf_op, x, float_rule); }

}  // namespace autograd
