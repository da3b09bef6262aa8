#pragma once

#include <autograd/core/tensor.h>

#include <span>

namespace autograd {

/// The elements of all tensors end to end: [their number]. Nothing is copied that a fused region can read in pieces,
/// so that many small arrays cost one region. For optimisers, and without a gradient.
/// throws DTypeError: of several types
Tensor pack(std::span<const Tensor> tensors);
/// The same where the caller knows that all are of `type`, with `size` elements together.
Tensor pack(std::span<const Tensor> tensors, int64_t size, DType type);

}  // namespace autograd
