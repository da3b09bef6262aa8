#include <autograd/core/error.h>
#include <autograd/core/vjp.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/embed.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/reduce.h>
#include <autograd/ops/scatter.h>
#include <autograd/transforms/grad.h>

#include <algorithm>
#include <deque>
#include <vector>

// Reverse mode. Creation order is a topological order, so two loops over node numbers do: one up,
// marking what depends on the variables, one down, collecting adjoints. Adjoints are tensors that
// rules record from operations, so the result can be differentiated again. An adjoint that is
// structurally zero stays an undefined Tensor and costs nothing. Undoing broadcasts happens here, once.

namespace autograd {

namespace {

/// Sums a gradient over the axes along which `to` was broadcast.
Tensor unbroadcast(const Graph& graph, const Tensor& grad, uint32_t to) {
  const Node &node = graph.node(graph.check(grad)), &target = graph.node(to);
  if (same_shape(node, target)) [[likely]]
    return grad;
  const Shape from = node.shape(), shape = target.shape();
  const int shift = from.rank() - shape.rank();
  Axes axes;
  axes.all = false;
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (from[axis] != 1 && (axis < shift || shape[axis - shift] == 1)) axes.list[axes.count++] = axis;
  }
  return reshape(axes.count > 0 ? sum(grad, axes) : grad, shape);
}

/// Restores the graph's line override, also when a rule throws.
class LineOverride {
 public:
  explicit LineOverride(Graph& graph) : graph_(graph), saved_(graph.where_override) {}
  ~LineOverride() { graph_.where_override = saved_; }
  LineOverride(const LineOverride&) = delete;
  LineOverride& operator=(const LineOverride&) = delete;
  void set(const std::source_location* where) { graph_.where_override = where; }

 private:
  Graph& graph_;
  const std::source_location* saved_;
};

/// What a reverse pass works in, kept for the next: a steady step allocates nothing. A rule may itself
/// differentiate, so each depth has its own.
struct Memory {
  std::vector<uint8_t> depends;
  std::vector<Tensor> adjoints;
  std::vector<uint32_t> input_nodes, variables;
  std::vector<Tensor> inputs;
};

class Lease {
 public:
  Lease() : pool_(pool()) {
    if (pool_.list.size() == pool_.depth) pool_.list.emplace_back();
    memory_ = &pool_.list[pool_.depth++];
  }
  ~Lease() { --pool_.depth; }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Memory& operator*() { return *memory_; }

 private:
  struct Pool {
    std::deque<Memory> list;
    size_t depth = 0;
  };
  static Pool& pool() {
    thread_local Pool pool;
    return pool;
  }
  Pool& pool_;
  Memory* memory_;
};

class Reverse {
 public:
  Reverse(Graph& graph, uint32_t from, uint32_t first, Memory& memory)
      : graph_(graph),
        first_(first),
        depends_(memory.depends),
        adjoints_(memory.adjoints),
        input_nodes_(memory.input_nodes),
        inputs_(memory.inputs) {
    depends_.assign(from >= first ? from - first + 1 : 0, 0);
    adjoints_.assign(depends_.size(), Tensor());
  }

  /// held: nothing is passed on to what it was computed from
  void mark_variable(uint32_t node, bool held = false) {
    if (covers(node)) depends_[node - first_] = held ? held_variable : dependent;
  }

  void mark_dependents() {
    for (uint32_t node = first_; covers(node); ++node) {
      const Node& recorded = graph_.node(node);
      if (depends_[node - first_] != 0 || !is_floating(recorded.dtype) || recorded.op->vjp == nullptr) continue;
      const size_t first = recorded.op->inputs == Op::Inputs::value_first ? 1 : 0;
      for (uint32_t input : graph_.inputs(recorded).subspan(first)) {
        if (depends(input)) depends_[node - first_] = dependent;
      }
    }
  }

  bool depends(uint32_t node) const { return covers(node) && depends_[node - first_] != 0; }

  void add(uint32_t node, const Tensor& grad) {
    Tensor& adjoint = adjoints_[node - first_];
    if (!adjoint.defined()) {
      adjoint = grad;
      return;
    }
    Tensor joined = join_embedded(adjoint, grad);
    if (!joined.defined()) joined = join_scattered(adjoint, grad);
    adjoint = joined.defined() ? joined : adjoint + grad;
  }

  Tensor adjoint(uint32_t node) const { return covers(node) ? adjoints_[node - first_] : Tensor(); }

  void run() {
    LineOverride line(graph_);
    for (size_t i = adjoints_.size(); i-- > 0;) {
      const uint32_t node = first_ + static_cast<uint32_t>(i);
      if (depends_[i] != dependent || !adjoints_[i].defined()) continue;
      const Node& recorded = graph_.node(node);
      if (recorded.op->vjp == nullptr || recorded.input_count == 0) continue;  // a variable that is a leaf or cut off
      const std::source_location where = recorded.where;
      line.set(&where);
      propagate(node);
    }
  }

 private:
  bool covers(uint32_t node) const { return node >= first_ && node - first_ < depends_.size(); }

  void propagate(uint32_t node) {
    const Node& recorded = graph_.node(node);
    // Copies: recording moves the nodes.
    if (recorded.input_count != Node::many_inputs) [[likely]] {
      const uint32_t nodes[few] = {recorded.inputs[0], recorded.inputs[1], recorded.inputs[2]};
      Tensor inputs[few];
      propagate(node, {nodes, recorded.input_count}, {inputs, recorded.input_count});
    } else {
      const std::span<const uint32_t> nodes = graph_.inputs(recorded);
      input_nodes_.assign(nodes.begin(), nodes.end());
      inputs_.resize(nodes.size());
      propagate(node, input_nodes_, inputs_);
    }
  }

  void propagate(uint32_t node, std::span<const uint32_t> nodes, std::span<Tensor> inputs) {
    uint32_t needed = 0;
    for (size_t i = 0; i < nodes.size(); ++i) {
      inputs[i] = graph_.handle(nodes[i]);
      if (i < 32 && depends(nodes[i])) needed |= 1u << i;
    }
    const Gradients gradients =
        graph_.node(node).op->vjp({adjoints_[node - first_], graph_.handle(node), inputs, needed, node});
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!depends(nodes[i]) || !gradients[i].defined()) continue;
      add(nodes[i], unbroadcast(graph_, gradients[i], nodes[i]));
    }
  }

  static constexpr size_t few = 3;
  static constexpr uint8_t dependent = 1, held_variable = 2;
  Graph& graph_;
  uint32_t first_;
  std::vector<uint8_t>& depends_;
  std::vector<Tensor>& adjoints_;
  std::vector<uint32_t>& input_nodes_;
  std::vector<Tensor>& inputs_;
};

Tensor seed(const Tensor& f, const GradOptions& options) {
  const Shape shape = f.shape();
  if (!is_floating(f.dtype()))
    throw DTypeError(std::string("grad: of a ") + name_of(f.dtype()) + " tensor; expected float32 or float64");
  if (!options.cotangent.defined()) {
    if (shape.size() != 1 || shape.rank() != 0) {
      throw ShapeError("grad: of a tensor of shape " + shape.to_string() + "; expected a scalar, or give a cotangent");
    }
    return Located(1).as(f.dtype());
  }
  if (options.cotangent.shape() != shape) {
    throw ShapeError("grad: cotangent " + options.cotangent.shape().to_string() + " of a tensor of shape " +
                     shape.to_string());
  }
  if (options.cotangent.dtype() != f.dtype()) {
    throw DTypeError(std::string("grad: ") + name_of(options.cotangent.dtype()) + " cotangent of a " +
                     name_of(f.dtype()) + " tensor");
  }
  return options.cotangent;
}

/// Whether node `from` was computed from `variable` by operations that gradients pass.
bool depends_on(Graph& graph, uint32_t from, uint32_t variable) {
  Lease memory;
  Reverse reverse(graph, from, variable, *memory);
  reverse.mark_variable(variable);
  reverse.mark_dependents();
  return reverse.depends(from);
}

}  // namespace

std::span<const Tensor> grad(const Tensor& f, std::span<const Located> variables, const GradOptions& options) {
  Graph& graph = Graph::current();
  const uint32_t from = graph.check(f);
  auto* results = static_cast<Tensor*>(graph.allocate(static_cast<int64_t>(variables.size() * sizeof(Tensor))));
  Lease memory;
  std::vector<uint32_t>& nodes = (*memory).variables;
  nodes.clear();
  uint32_t first = from;
  for (const Located& variable : variables) {
    if (variable.is_number()) throw ValueError("grad: with respect to a number; expected a Tensor, Parameter or Array");
    nodes.push_back(graph.check(variable.tensor()));
    first = std::min(first, nodes.back());
  }
  Reverse reverse(graph, from, first, *memory);
  for (uint32_t node : nodes) reverse.mark_variable(node, options.partial);
  reverse.mark_dependents();
  const Tensor start = seed(f, options);
  if (reverse.depends(from)) {
    reverse.add(from, start);
    reverse.run();
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    Tensor result = reverse.adjoint(nodes[i]);
    if (!result.defined()) {
      const Node& node = graph.node(nodes[i]);
      // A function that depends on x through steps only has the gradient zero; one that does not
      // depend on x at all was probably not meant.
      if (options.unused == GradOptions::Unused::error && !depends_on(graph, from, nodes[i])) {
        throw UnreachedGradient(std::string("grad: the function does not depend on variable ") + std::to_string(i) +
                                " (" + node.op->name + " " + node.shape().to_string() + ", recorded at " +
                                to_string(node.where) + "); pass {.unused = zeros} where that is meant");
      }
      result = broadcast_to(Located(0).as(node.dtype), node.shape());
    }
    results[i] = result;
  }
  return {results, nodes.size()};
}

Tensor grad(const Tensor& f, Located x, const GradOptions& options) {
  return grad(f, std::span<const Located>(&x, 1), options)[0];
}

}  // namespace autograd
