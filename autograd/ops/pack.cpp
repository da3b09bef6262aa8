#include <autograd/ops/pack.h>
#include <autograd/ops/record.h>

namespace autograd {

static const Op pack_op{"pack", Op::Kind::pack, nullptr, nullptr};

Tensor pack(std::span<const Tensor> tensors) {
  if (tensors.empty()) throw ShapeError("pack: no tensors given");
  const Graph& graph = Graph::current();
  const DType type = graph.node(graph.check(tensors[0])).dtype;
  int64_t size = 0;
  for (const Tensor& tensor : tensors) {
    const Node& node = graph.node(graph.check(tensor));
    if (node.dtype != type) throw DTypeError(std::string("pack: ") + name_of(type) + " and " + name_of(node.dtype));
    size += node.size();
  }
  return pack(tensors, size, type);
}

Tensor pack(std::span<const Tensor> tensors, int64_t size, DType type) {
  return Graph::current().record({pack_op, tensors, {size}, type, std::source_location()});
}

}  // namespace autograd
