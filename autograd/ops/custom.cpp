#include <autograd/core/evaluate.h>
#include <autograd/core/float_environment.h>
#include <autograd/ops/custom.h>
#include <autograd/ops/record.h>

#include <algorithm>

namespace autograd {

namespace {

struct CustomAttributes {
  const CustomOp* op;
};

std::vector<Tensor> as_tensors(std::initializer_list<Located> inputs) {
  std::vector<Tensor> list;
  for (const Located& input : inputs) list.push_back(input.as(DType::float32));
  return list;
}

/// Memory that nobody asked for holds whatever was there before.
void require_taken(const CustomOp& op, const CustomCall::Output& output) {
  if (!output.taken) throw ValueError(std::string(op.name()) + ": an output was not written");
}

void run_custom(const Op::Call& call) {
  const CustomOp& op = *static_cast<const CustomAttributes*>(call.attributes)->op;
  const size_t count = call.inputs.size();
  auto* const inputs = call.scratch->array<CustomCall::Value>(static_cast<int64_t>(count));
  for (size_t i = 0; i < count; ++i) inputs[i] = {call.inputs[i]->shape(), call.inputs[i]->dtype, call.input_data[i]};
  CustomCall::Output output{call.node->shape(), call.node->dtype, call.output, false};
  CustomCall custom_call(op.name(), {inputs, count}, {&output, 1}, false);
  op.run(custom_call);
  require_taken(op, output);
}

Gradients vjp_custom(const Vjp& v) {
  const CustomOp& op = *v.attributes<CustomAttributes>().op;
  const std::vector<Tensor> grads = op.vjp(v.grad, v.inputs, v.output);
  check_rule(op.name(), grads, v.inputs);
  auto* memory = static_cast<Tensor*>(Graph::current().allocate(static_cast<int64_t>(grads.size() * sizeof(Tensor))));
  std::copy(grads.begin(), grads.end(), memory);
  return Gradients(std::span<const Tensor>(memory, grads.size()));
}

}  // namespace

static const Op custom_op{"custom", Op::Kind::call, nullptr, vjp_custom, run_custom};

const void* CustomCall::input_data(size_t i, DType type) const {
  if (i >= inputs_.size())
    throw IndexError(std::string(operation_) + ": input " + std::to_string(i) + " of " +
                     std::to_string(inputs_.size()));
  if (inputs_[i].dtype != type) {
    throw DTypeError(std::string(operation_) + ": input " + std::to_string(i) + " is " + name_of(inputs_[i].dtype) +
                     ", read as " + name_of(type));
  }
  return inputs_[i].data;
}

void* CustomCall::output_data(size_t i, const Shape& shape, DType type) {
  if (i >= outputs_.size())
    throw IndexError(std::string(operation_) + ": output " + std::to_string(i) + " of " +
                     std::to_string(outputs_.size()));
  Output& output = outputs_[i];
  output.taken = true;
  if (!eager_) {
    if (output.shape != shape || output.dtype != type) {
      throw ShapeError(std::string(operation_) + ": output " + std::to_string(i) + " was declared as " +
                       output.shape.to_string() + " " + name_of(output.dtype) + " and is written as " +
                       shape.to_string() + " " + name_of(type));
    }
    return output.data;
  }
  output.shape = shape;
  output.dtype = type;
  output.data = Graph::current().allocate(shape.size() * size_of(type));
  return output.data;
}

OutputType CustomOp::output(std::span<const OutputType>) const {
  throw ValueError(std::string(name()) + ": a lazy operation must override output()");
}

std::vector<Tensor> CustomOp::vjp(const Tensor&, std::span<const Tensor>, const Tensor&) const {
  throw NotDifferentiable(std::string(name()) +
                          ": has no gradient; override vjp(), or cut it off with stop_gradient()");
}

Tensor custom(std::shared_ptr<const CustomOp> op, std::span<const Tensor> inputs, std::source_location where) {
  if (op == nullptr) throw ValueError("custom: no operation given");
  Graph& graph = Graph::current();
  std::vector<OutputType> types;
  types.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    const Node& node = graph.node(graph.check(input));
    types.push_back({node.shape(), node.dtype});
  }
  const OutputType type = op->output(types);
  const CustomAttributes attributes{op.get()};
  graph.hold(std::move(op));
  return graph.record({custom_op, inputs, type.shape, type.dtype, where}, attributes);
}

Tensor custom(std::shared_ptr<const CustomOp> op, std::initializer_list<Located> inputs, std::source_location where) {
  return custom(std::move(op), as_tensors(inputs), where);
}

std::vector<Tensor> eager(const CustomOp& op, size_t outputs, std::span<const Tensor> inputs,
                          std::source_location where) {
  evaluate(inputs);
  Graph& graph = Graph::current();
  std::vector<CustomCall::Value> values;
  for (const Tensor& input : inputs) {
    const Node& node = graph.node(graph.check(input));
    values.push_back({node.shape(), node.dtype, node.value});
  }
  std::vector<CustomCall::Output> results(outputs);
  CustomCall call(op.name(), values, results, true);
  {
    const FloatEnvironment environment;
    op.run(call);
  }
  std::vector<Tensor> tensors;
  for (CustomCall::Output& result : results) {
    require_taken(op, result);
    tensors.push_back(graph.leaf(result.data, result.shape, result.dtype, where));
  }
  return tensors;
}

std::vector<Tensor> eager(const CustomOp& op, size_t outputs, std::initializer_list<Located> inputs,
                          std::source_location where) {
  return eager(op, outputs, as_tensors(inputs), where);
}

}  // namespace autograd
