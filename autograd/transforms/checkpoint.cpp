#include <autograd/core/error.h>
#include <autograd/core/vjp.h>
#include <autograd/ops/embed.h>
#include <autograd/ops/record.h>
#include <autograd/transforms/checkpoint.h>
#include <autograd/transforms/custom_vjp.h>
#include <autograd/transforms/grad.h>

#include <algorithm>
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

bool has_gradient(const Graph& graph, const Node& node) {
  if (!is_floating(node.dtype) || node.op->kind == Op::Kind::number) return false;
  return node.op->vjp != nullptr || (node.op->kind == Op::Kind::leaf && graph.storage_of(node) != nullptr);
}

/// What nodes from `first` on read that is not of them, and the Parameters and Arrays among them: in ascending order.
std::vector<Tensor> read_from(const Graph& graph, uint32_t first) {
  std::vector<uint32_t> read;
  for (uint32_t index = first; index < graph.size(); ++index) {
    const Node& node = graph.node(index);
    if (node.op->kind == Op::Kind::leaf) read.push_back(index);
    for (const uint32_t input : graph.inputs(node)) {
      if (input < first) read.push_back(input);
    }
  }
  std::sort(read.begin(), read.end());
  read.erase(std::unique(read.begin(), read.end()), read.end());
  std::vector<Tensor> tensors;
  for (const uint32_t index : read) {
    if (has_gradient(graph, graph.node(index))) tensors.push_back(graph.handle(index));
  }
  return tensors;
}

/// The values, as nodes of their own: what a segment captures is told from its inputs, also where it is one of them.
std::vector<Tensor> passed(std::span<const Tensor> inputs, std::source_location where) {
  std::vector<Tensor> views;
  for (const Tensor& input : inputs)
    views.push_back(record_view(input, plain_view(input.rank()), input.shape(), where));
  return views;
}

}  // namespace

Tensor checkpoint(const Segment& segment, std::span<const Tensor> inputs, std::source_location where) {
  if (!segment) throw ValueError("checkpoint: no segment given");
  Graph& graph = Graph::current();
  const std::vector<Tensor> given = passed(inputs, where);
  const uint32_t first = graph.size();
  const Tensor output = segment(given);
  std::vector<Tensor> all(inputs.begin(), inputs.end());
  for (const Tensor& tensor : read_from(graph, first)) {
    const auto is_same = [&](const Tensor& input) { return graph.check(input) == graph.check(tensor); };
    if (std::none_of(given.begin(), given.end(), is_same)) all.push_back(tensor);
  }
  return custom_vjp(
      output, all,
      [segment, all, count = inputs.size(), where](const Tensor& gradient) {
        std::vector<Tensor> again;
        std::vector<Located> variables;
        for (size_t i = 0; i < all.size(); ++i) {
          if (i < count) again.push_back(barrier(all[i], gradient, where));
          if (is_floating(all[i].dtype())) variables.emplace_back(i < count ? again.back() : all[i], where);
        }
        const std::span<const Tensor> gradients = grad(
            segment(again), variables, {.unused = GradOptions::Unused::zeros, .cotangent = gradient, .partial = true});
        std::vector<Tensor> result(all.size());
        size_t next = 0;
        for (size_t i = 0; i < all.size(); ++i) {
          if (is_floating(all[i].dtype())) result[i] = gradients[next++];
        }
        return result;
      },
      where);
}

Tensor checkpoint(const Segment& segment, std::initializer_list<Located> inputs, std::source_location where) {
  return checkpoint(segment, listed(inputs), where);
}

}  // namespace autograd
