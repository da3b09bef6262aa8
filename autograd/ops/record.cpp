#include <autograd/ops/elementwise.h>
#include <autograd/ops/embed.h>
#include <autograd/ops/record.h>

#include <algorithm>

namespace autograd {

namespace {

void check_rule(const Op& op, DType type, MapRule rule) {
  if ((static_cast<int>(rule) >> static_cast<int>(type) & 1) != 0) [[likely]]
    return;
  throw_dtype(op, type,
              rule == float_rule     ? "float32 or float64"
              : rule == integer_rule ? "int32"
              : rule == boolean_rule ? "bool"
                                     : "float32, float64 or int32");
}

}  // namespace

void check_rule(const char* operation, std::span<const Tensor> gradients, std::span<const Tensor> inputs) {
  if (gradients.size() != inputs.size()) {
    throw ValueError(std::string(operation) + ": the rule gave " + std::to_string(gradients.size()) +
                     " gradients for " + std::to_string(inputs.size()) + " inputs");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!gradients[i].defined() || !is_floating(inputs[i].dtype())) continue;
    if (gradients[i].dtype() != inputs[i].dtype()) {
      throw DTypeError(std::string(operation) + ": the rule gave a " + name_of(gradients[i].dtype()) +
                       " gradient for input " + std::to_string(i) + ", which is " + name_of(inputs[i].dtype()));
    }
    const Shape given = gradients[i].shape(), to = inputs[i].shape();
    if (given != to && broadcast_shapes(operation, given, to) != given) {
      throw ShapeError(std::string(operation) + ": the rule gave a gradient of shape " + given.to_string() +
                       " for input " + std::to_string(i) + " of shape " + to.to_string());
    }
  }
}

void throw_dtype(const Op& op, DType given, const char* accepted) {
  throw DTypeError(std::string(op.name) + ": " + name_of(given) + " given; expected " + accepted);
}

std::span<Tensor> list_of(size_t count) {
  return {static_cast<Tensor*>(Graph::current().allocate(static_cast<int64_t>(count * sizeof(Tensor)))), count};
}

std::span<const Tensor> listed(std::initializer_list<Located> operands) {
  const auto first =
      std::find_if(operands.begin(), operands.end(), [](const Located& operand) { return !operand.is_number(); });
  const DType type = first == operands.end() ? DType::float32 : first->tensor().dtype();
  const std::span<Tensor> list = list_of(operands.size());
  std::transform(operands.begin(), operands.end(), list.begin(),
                 [&](const Located& operand) { return operand.as(type); });
  return list;
}

Tensor floating(const char* operation, const Located& x) {
  const Tensor input = x.as(DType::float32);
  if (is_floating(input.dtype())) return input;
  throw DTypeError(std::string(operation) + ": " + name_of(input.dtype()) + " given; expected float32 or float64");
}

DType unify(const Op& op, std::initializer_list<const Located*> operands, uint32_t* out) {
  const Graph& graph = Graph::current();
  DType type = DType::float32;
  bool found = false;
  uint32_t* node = out;
  for (const Located* operand : operands) {
    if (!operand->is_number()) {
      *node = graph.check(operand->tensor());
      const DType given = graph.node(*node).dtype;
      if (found && given != type) {
        throw DTypeError(std::string(op.name) + ": " + name_of(type) + " and " + name_of(given) +
                         " tensors do not mix; convert one with cast()");
      }
      type = given;
      found = true;
    }
    ++node;
  }
  node = out;
  for (const Located* operand : operands) {
    if (operand->is_number()) *node = graph.check(operand->as(type));
    ++node;
  }
  return type;
}

Tensor record_map(const Op& op, const Located& x, MapRule rule) {
  uint32_t input;
  const DType type = unify(op, {&x}, &input);
  check_rule(op, type, rule);
  return Graph::current().record_map(op, {&input, 1}, type, x.where());
}

Tensor record_map(const Op& op, const Located& x, const Located& y, MapRule rule) {
  Graph& graph = Graph::current();
  uint32_t inputs[2];
  if (!x.is_number() && !y.is_number()) [[likely]] {  // unify(), without its loops
    inputs[0] = graph.check(x.tensor());
    inputs[1] = graph.check(y.tensor());
    const DType type = graph.node(inputs[0]).dtype;
    if (graph.node(inputs[1]).dtype == type) [[likely]] {
      check_rule(op, type, rule);
      return graph.record_map(op, inputs, type, x.where());
    }
  }
  const DType type = unify(op, {&x, &y}, inputs);
  check_rule(op, type, rule);
  return graph.record_map(op, inputs, type, x.where());
}

Tensor record_comparison(const Op& op, const Located& x, const Located& y) {
  uint32_t inputs[2];
  unify(op, {&x, &y}, inputs);
  return Graph::current().record_map(op, inputs, DType::boolean, x.where());
}

// A view shows its first input, and the engine looks at no other.
Tensor with_gradient(const Op& op, const Tensor& value, std::initializer_list<Tensor> inputs) {
  Tensor list[4] = {value};
  std::copy(inputs.begin(), inputs.end(), list + 1);
  const std::span<const Tensor> all(list, inputs.size() + 1);
  const Shape shape = value.shape();
  return Graph::current().record({op, all, shape, value.dtype(), {}}, plain_view(shape.rank()));
}

Tensor zero_of_zero(const Tensor& grad, const Tensor& product) {
  return where((grad == 0) && (product != product), 0, product);
}

}  // namespace autograd
