#pragma once

#include <autograd/core/graph.h>

namespace autograd {

/// What the rule of a vector-Jacobian product sees. The rule is written in tensor operations, so
/// gradients can be differentiated again, and need not undo broadcasting: transforms/grad does.
struct Vjp {
  Tensor grad;  ///< of the output; never undefined
  Tensor output;
  std::span<const Tensor> inputs;
  uint32_t needed;  ///< bit per input: whether its gradient is wanted (all, with more than 32 inputs)
  uint32_t node;

  bool needs(size_t input) const { return input >= 32 || (needed >> input & 1) != 0; }
  template <class Attributes>
  Attributes attributes() const {
    const Graph& graph = Graph::current();
    return graph.attributes<Attributes>(graph.node(node));
  }
};

/// Gradients of an operation's inputs, in order; an undefined Tensor is exactly zero.
class Gradients {
 public:
  Gradients(Tensor first) : few_{first} {}
  Gradients(Tensor first, Tensor second) : few_{first, second} {}
  Gradients(Tensor first, Tensor second, Tensor third) : few_{first, second, third} {}
  /// For operations with many inputs; the memory must live as long as the Step.
  explicit Gradients(std::span<const Tensor> many) : many_(many), is_many_(true) {}

  Tensor operator[](size_t i) const { return is_many_ ? many_[i] : few_[i]; }

 private:
  Tensor few_[3];
  std::span<const Tensor> many_;
  bool is_many_ = false;
};

}  // namespace autograd
