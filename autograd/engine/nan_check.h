#pragma once

#include <autograd/core/evaluate.h>

#include <span>

namespace autograd::engine {

/// Evaluates without assigning. throws NotANumber where a result holds NaN
void refuse_nan(std::span<const Tensor> tensors, std::span<const Assignment> assignments,
                std::span<const PackedAssignment> packed);

}  // namespace autograd::engine
