#pragma once

#include <autograd/core/tensor.h>

#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

namespace autograd {

/// From the gradient of an output to those of the inputs, in order, written in tensor operations; an undefined Tensor
/// is zero. What it needs of the forward computation it captures.
using VjpRule = std::function<std::vector<Tensor>(const Tensor& grad)>;

/// `output`, with a derivative of your own: gradients do not pass through what it was computed by, but by `rule` to
/// `inputs`. For a formula that is more accurate or cheaper than the chain rule's, an implicit function, a clipped or
/// straight-through gradient. Second derivatives are those of the rule. A kernel of your own is a CustomOp.
///
///   Tensor softplus(Tensor x) {
///     return custom_vjp(log(1 + exp(x)), {x}, [=](Tensor g) { return std::vector{g * sigmoid(x)}; });
///   }
///
/// When asked for, a gradient throws ValueError where the rule gives another number of gradients, ShapeError where an
/// input does not broadcast to its gradient, and DTypeError where it has another type.
BACKLIGHT_API Tensor custom_vjp(const Tensor& output, std::initializer_list<Located> inputs, VjpRule rule,
                                std::source_location where = std::source_location::current());
BACKLIGHT_API Tensor custom_vjp(const Tensor& output, std::span<const Tensor> inputs, VjpRule rule,
                                std::source_location where = std::source_location::current());

}  // namespace autograd
