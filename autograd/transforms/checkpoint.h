#pragma once

#include <autograd/core/tensor.h>

#include <functional>
#include <initializer_list>
#include <span>

namespace autograd {

/// A part of a computation.
using Segment = std::function<Tensor(std::span<const Tensor>)>;

/// segment(inputs), whose intermediate values are not kept for the gradient: that computes them again from the
/// inputs, once the output's gradient is there. Less memory for more time: with n layers in segments of sqrt(n), the
/// memory of sqrt(n) layers for one more forward pass.
///
///   for (int i = 0; i < 4; ++i) h = checkpoint([i](auto x) { return four_layers(i, x[0], x[1]); }, {h, weights[i]});
///
/// Gradients go to the inputs and to what else the segment reads, such as a layer's Parameters. What it captures of
/// other computations is kept until then: only inputs are worth their memory. The segment must give the same at each
/// call, and is called once more for a gradient: what it captures by reference must live until the Step ends.
///
/// throws  what the segment throws; DTypeError where its result is not of a floating type
/// source  Griewank and Walther 2000, "Revolve: an implementation of checkpointing"
BACKLIGHT_API Tensor checkpoint(const Segment& segment, std::span<const Tensor> inputs,
                                std::source_location where = std::source_location::current());
BACKLIGHT_API Tensor checkpoint(const Segment& segment, std::initializer_list<Located> inputs,
                                std::source_location where = std::source_location::current());

}  // namespace autograd
