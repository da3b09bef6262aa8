#include <autograd/ops/elementwise.h>
#include <autograd/ops/record.h>

namespace autograd {

namespace {

void check_rule(const Op& op, DType type, MapRule rule) {
  if (is_floating(type) && rule.floats) return;
  if (type == DType::int32 && rule.integers) return;
  if (type == DType::boolean && rule.booleans) return;
  throw_dtype(op, type,
              !rule.integers && !rule.booleans ? "float32 or float64"
              : !rule.floats                   ? (rule.integers ? "int32 or bool" : "bool")
                                               : "float32, float64 or int32");
}

}  // namespace

void throw_dtype(const Op& op, DType given, const char* accepted) {
  throw DTypeError(std::string(op.name) + ": " + name_of(given) + " given; expected " + accepted);
}

void unify(const Op& op, std::initializer_list<const Located*> operands, Tensor* out) {
  DType type = DType::float32;
  bool found = false;
  for (const Located* operand : operands) {
    if (operand->is_number()) continue;
    const DType given = operand->tensor().dtype();
    if (found && given != type) {
      throw DTypeError(std::string(op.name) + ": " + name_of(type) + " and " + name_of(given) +
                       " tensors do not mix; convert one with cast()");
    }
    type = given;
    found = true;
  }
  for (const Located* operand : operands) *out++ = operand->as(type);
}

Tensor record_map(const Op& op, const Located& x, MapRule rule) {
  const Tensor input = x.as(DType::float32);
  const DType type = input.dtype();
  check_rule(op, type, rule);
  return Graph::current().record({op, {&input, 1}, input.shape(), type, x.where()});
}

Tensor record_map(const Op& op, const Located& x, const Located& y, MapRule rule) {
  Tensor inputs[2];
  unify(op, {&x, &y}, inputs);
  const DType type = inputs[0].dtype();
  check_rule(op, type, rule);
  const Shape shape = broadcast_shapes(op.name, inputs[0].shape(), inputs[1].shape());
  return Graph::current().record({op, inputs, shape, type, x.where()});
}

Tensor record_comparison(const Op& op, const Located& x, const Located& y) {
  Tensor inputs[2];
  unify(op, {&x, &y}, inputs);
  const Shape shape = broadcast_shapes(op.name, inputs[0].shape(), inputs[1].shape());
  return Graph::current().record({op, inputs, shape, DType::boolean, x.where()});
}

Tensor zero_of_zero(const Tensor& grad, const Tensor& product) {
  return where((grad == 0) && (product != product), 0, product);
}

}  // namespace autograd
