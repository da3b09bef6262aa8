#pragma once

#include <autograd/core/error.h>
#include <autograd/core/vjp.h>
#include <autograd/ir/builder.h>

#include <initializer_list>

// How the families of operations record; private to ops/.

namespace autograd {

/// An elementwise operation on inputs of one floating-point or integer type.
struct MapRule {
  bool floats = true, integers = true, booleans = false;
};
inline constexpr MapRule float_rule{.integers = false};
Tensor record_map(const Op& op, const Located& x, MapRule rule = {});
Tensor record_map(const Op& op, const Located& x, const Located& y, MapRule rule = {});
Tensor record_comparison(const Op& op, const Located& x, const Located& y);

/// The operands' nodes, all of the returned type, which numbers take from the tensors; float32 if all are
/// numbers. DTypeError where tensors differ.
DType unify(const Op& op, std::initializer_list<const Located*> operands, uint32_t* out);

/// For a vjp: `product` of the incoming gradient and a derivative, but 0 where the gradient is 0 and the
/// derivative infinite or undefined. Where the derivative is finite the product itself stays, so that it
/// can be differentiated again also where the gradient happens to be 0.
Tensor zero_of_zero(const Tensor& grad, const Tensor& product);

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
