#include <autograd/core/error.h>
#include <autograd/core/vjp.h>
#include <autograd/ops/record.h>
#include <autograd/transforms/checkpoint.h>
#include <autograd/transforms/custom_vjp.h>
#include <autograd/transforms/grad.h>

#include <cstring>

namespace autograd {

// A copy of the first input that exists only after the second. Without it the engine would see that the values
// are those of the forward pass, and keep them.
static const Op barrier_op{"barrier", Op::Kind::call, nullptr, [](const Vjp& v) { return Gradients(v.grad, Tensor()); },
                           [](const Op::Call& call) {
                             const int64_t bytes = call.node->size() * size_of(call.node->dtype);
                             std::memcpy(call.output, call.input_data[0], static_cast<size_t>(bytes));
                           }};

namespace {

Tensor barrier(const Tensor& value, const Tensor& after, std::source_location where) {
  const Tensor inputs[] = {value, after};
  return Graph::current().record({barrier_op, inputs, value.shape(), value.dtype(), where});
}

}  // namespace

Tensor checkpoint(const Segment& segment, std::span<const Tensor> inputs, std::source_location where) {
  if (!segment) throw ValueError("checkpoint: no segment given");
  const std::vector<Tensor> kept(inputs.begin(), inputs.end());
  return custom_vjp(
      segment(inputs), inputs,
      [segment, kept, where](const Tensor& gradient) {
        std::vector<Tensor> again;
        std::vector<Located> variables;
        for (const Tensor& input : kept) {
          again.push_back(barrier(input, gradient, where));
          if (is_floating(input.dtype())) variables.emplace_back(again.back(), where);
        }
        const std::span<const Tensor> gradients =
            grad(segment(again), variables, {.unused = GradOptions::Unused::zeros, .cotangent = gradient});
        std::vector<Tensor> result(kept.size());
        size_t next = 0;
        for (size_t i = 0; i < kept.size(); ++i) {
          if (is_floating(kept[i].dtype())) result[i] = gradients[next++];
        }
        return result;
      },
      where);
}

Tensor checkpoint(const Segment& segment, std::initializer_list<Located> inputs, std::source_location where) {
  return checkpoint(segment, listed(inputs), where);
}

}  // namespace autograd
