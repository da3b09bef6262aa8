#include <autograd/ops/elementwise.h>
#include <autograd/ops/record.h>

namespace autograd {

using ir::Builder;
using ir::Code;
using ir::Value;
using Inputs = std::span<const Value>;

namespace {

Gradients no_gradient(const Vjp&) { return Gradients(Tensor()); }

}  // namespace

static const Op equal_op{"equal", Op::Kind::map, lower2<Code::equal>, no_gradient};
static const Op not_equal_op{"not_equal", Op::Kind::map, lower2<Code::not_equal>, no_gradient};
static const Op less_op{"less", Op::Kind::map, lower2<Code::less>, no_gradient};
static const Op less_equal_op{"less_equal", Op::Kind::map, lower2<Code::less_equal>, no_gradient};
Tensor operator==(Located x, Located y) { return record_comparison(equal_op, x, y); }
Tensor operator!=(Located x, Located y) { return record_comparison(not_equal_op, x, y); }
Tensor operator<(Located x, Located y) { return record_comparison(less_op, x, y); }
Tensor operator<=(Located x, Located y) { return record_comparison(less_equal_op, x, y); }
Tensor operator>(Located x, Located y) { return record_comparison(less_op, y, x); }
Tensor operator>=(Located x, Located y) { return record_comparison(less_equal_op, y, x); }

static const Op and_op{"logical_and", Op::Kind::map, lower2<Code::logical_and>, no_gradient};
static const Op or_op{"logical_or", Op::Kind::map, lower2<Code::logical_or>, no_gradient};
static const Op not_op{"logical_not", Op::Kind::map,
                       [](Builder& b, Inputs in, DType) { return b.unary(Code::logical_not, in[0]); }, no_gradient};
Tensor operator&&(Located x, Located y) { return record_map(and_op, x, y, boolean_rule); }
Tensor operator||(Located x, Located y) { return record_map(or_op, x, y, boolean_rule); }
Tensor operator!(Located x) { return record_map(not_op, x, boolean_rule); }

static const Op where_op{"where", Op::Kind::map,
                         [](Builder& b, Inputs in, DType) { return b.select(in[0], in[1], in[2]); },
                         [](const Vjp& v) {
                           const Tensor condition = v.inputs[0];
                           return Gradients(Tensor(), v.needs(1) ? where(condition, v.grad, 0) : Tensor(),
                                            v.needs(2) ? where(condition, 0, v.grad) : Tensor());
                         }};
Tensor where(Located condition, Located x, Located y) {
  Graph& graph = Graph::current();
  uint32_t inputs[3];
  inputs[0] = graph.check(condition.as(DType::boolean));
  const DType condition_type = graph.node(inputs[0]).dtype;
  if (condition_type != DType::boolean) throw_dtype(where_op, condition_type, "a bool condition");
  const DType type = unify(where_op, {&x, &y}, inputs + 1);
  return graph.record_map(where_op, inputs, type, condition.where());
}

static const Op cast_op{"cast", Op::Kind::map, [](Builder& b, Inputs in, DType type) { return b.convert(in[0], type); },
                        [](const Vjp& v) {
                          const DType type = v.inputs[0].dtype();
                          return Gradients(is_floating(type) ? cast(v.grad, type) : Tensor());
                        }};
Tensor cast(Located x, DType type) {
  const Tensor input = x.as(type);
  if (input.dtype() == type) return input;
  return Graph::current().record({cast_op, {&input, 1}, input.shape(), type, x.where()});
}

// No vjp: grad() does not look behind it.
static const Op stop_gradient_op{"stop_gradient", Op::Kind::map, [](Builder&, Inputs in, DType) { return in[0]; },
                                 nullptr};
Tensor stop_gradient(Located x) { return record_map(stop_gradient_op, x, number_rule | boolean_rule); }

}  // namespace autograd
