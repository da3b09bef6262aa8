#pragma once

#include <autograd/core/error.h>
#include <autograd/core/vjp.h>
#include <autograd/ir/builder.h>

#include <initializer_list>

// How the families of operations record; private to ops/.

namespace autograd {

/// The types that an elementwise operation takes, all inputs of one: a bit a type.
enum class MapRule : uint8_t {};
constexpr MapRule operator|(MapRule a, MapRule b) {
  return static_cast<MapRule>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr MapRule rule_of(DType type) { return static_cast<MapRule>(1 << static_cast<int>(type)); }
inline constexpr MapRule float_rule = rule_of(DType::float32) | rule_of(DType::float64);
inline constexpr MapRule integer_rule = rule_of(DType::int32);
inline constexpr MapRule boolean_rule = rule_of(DType::boolean);
inline constexpr MapRule number_rule = float_rule | integer_rule;

Tensor record_map(const Op& op, const Located& x, MapRule rule = number_rule);
Tensor record_map(const Op& op, const Located& x, const Located& y, MapRule rule = number_rule);
Tensor record_comparison(const Op& op, const Located& x, const Located& y);

/// The operands' nodes, all of the returned type, which numbers take from the tensors; float32 if all are
/// numbers. DTypeError where tensors differ.
DType unify(const Op& op, std::initializer_list<const Located*> operands, uint32_t* out);

/// For a vjp: `product` of the incoming gradient and a derivative, but 0 where the gradient is 0 and the
/// derivative infinite or undefined. Where the derivative is finite the product itself stays, so that it
/// can be differentiated again also where the gradient happens to be 0.
Tensor zero_of_zero(const Tensor& grad, const Tensor& product);

/// The operand as a tensor of floats, or DTypeError.
Tensor floating(const char* operation, const Located& x);

/// While it lives, nodes carry the line on which `operand` was given: for an operation composed of others. Inside
/// another that is, or a gradient's, theirs stays.
class AtLine {
 public:
  explicit AtLine(const Located& operand) : graph_(Graph::current()), outer_(graph_.where_override) {
    if (outer_ == nullptr) graph_.where_override = &operand.where();
  }
  ~AtLine() { graph_.where_override = outer_; }
  AtLine(const AtLine&) = delete;
  AtLine& operator=(const AtLine&) = delete;

 private:
  Graph& graph_;
  const std::source_location* outer_;
};

/// Whether the node is a sum of two.
bool is_addition(const Node& node);

/// Room for tensors in the Step's memory.
std::span<Tensor> list_of(size_t count);
/// The operands; numbers take the type of the first tensor.
std::span<const Tensor> listed(std::initializer_list<Located> operands);

/// `value`, with the gradient of `op`, whose kind is view and whose rule sees the inputs {value, inputs...}: for an
/// operation composed of others whose derivative is better written than derived. Costs nothing. Up to three inputs;
/// the value's parts can be among them, for the rule to read.
Tensor with_gradient(const Op& op, const Tensor& value, std::initializer_list<Tensor> inputs);

/// Throws, naming `operation`, unless a user's rule gave a gradient of each input: undefined, or of the input's type
/// and a shape that the input broadcasts to. What it gives for integers counts for nothing.
void check_rule(const char* operation, std::span<const Tensor> gradients, std::span<const Tensor> inputs);

[[noreturn]] void throw_dtype(const Op& op, DType given, const char* accepted);

/// Lowerings of operations that are one instruction.
template <ir::Code code>
ir::Value lower1(ir::Builder& builder, std::span<const ir::Value> in, DType) {
  return builder.unary(code, in[0]);
}
template <ir::Code code>
ir::Value lower2(ir::Builder& builder, std::span<const ir::Value> in, DType) {
  return builder.binary(code, in[0], in[1]);
}

}  // namespace autograd
