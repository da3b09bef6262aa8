#include <autograd/core/error.h>
#include <autograd/ops/record.h>
#include <autograd/transforms/custom_vjp.h>

#include <algorithm>

// A view of the output whose further inputs only matter to gradients: the engine looks through the first.

namespace autograd {

namespace {

struct Attributes {
  StridedView view;
  const VjpRule* rule;  ///< held by the Step
};

Gradients apply_rule(const Vjp& v) {
  const std::vector<Tensor> grads = (*v.attributes<Attributes>().rule)(v.grad);
  check_rule("custom_vjp", grads, v.inputs.subspan(1));
  const std::span<Tensor> all = list_of(v.inputs.size());
  all[0] = Tensor();
  std::copy(grads.begin(), grads.end(), all.begin() + 1);
  return Gradients(std::span<const Tensor>(all));
}

}  // namespace

static const Op custom_vjp_op{"custom_vjp", Op::Kind::view, nullptr, apply_rule, nullptr, Op::Inputs::value_first};

Tensor custom_vjp(const Tensor& output, std::span<const Tensor> inputs, VjpRule rule, std::source_location where) {
  if (!is_floating(output.dtype()))
    throw DTypeError(std::string("custom_vjp: a ") + name_of(output.dtype()) + " output; expected float32 or float64");
  if (!rule) throw ValueError("custom_vjp: no rule given");
  Graph& graph = Graph::current();
  const std::span<Tensor> operands = list_of(inputs.size() + 1);
  operands[0] = output;
  std::copy(inputs.begin(), inputs.end(), operands.begin() + 1);
  Attributes attributes{};
  for (int axis = 0; axis < output.rank(); ++axis) {
    attributes.view.axis[axis] = static_cast<int8_t>(axis);
    attributes.view.step[axis] = 1;
  }
  const auto held = std::make_shared<const VjpRule>(std::move(rule));
  attributes.rule = held.get();
  graph.hold(held);
  return graph.record({custom_vjp_op, operands, output.shape(), output.dtype(), where}, attributes);
}

Tensor custom_vjp(const Tensor& output, std::initializer_list<Located> inputs, VjpRule rule,
                  std::source_location where) {
  return custom_vjp(output, listed(inputs), std::move(rule), where);
}

}  // namespace autograd
