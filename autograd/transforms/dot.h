#pragma once

#include <autograd/core/tensor.h>

#include <initializer_list>
#include <span>
#include <string>

namespace autograd {

/// What the tensors are computed from, in the language of Graphviz (`dot -Tsvg`): a box for each operation with its
/// shape, type and source line, an ellipse for each Parameter and Array.
BACKLIGHT_API std::string to_dot(std::span<const Tensor> tensors);
BACKLIGHT_API std::string to_dot(std::initializer_list<Tensor> tensors);

}  // namespace autograd
