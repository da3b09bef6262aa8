#pragma once

#include <autograd/core/tensor.h>

#include <initializer_list>
#include <span>
#include <string_view>

namespace autograd {

/// Sum of products over named axes, as in numpy: "bij,bjk->bik" is a batched matrix product, "ij->ji" a transpose,
/// "ii->" a trace, "i,j->ij" an outer product. Each operand's axes are letters; a letter that stands twice in an
/// operand takes its diagonal, one that is not in the result is summed over. Without "->" the result has the letters
/// that stand once, in alphabetical order. "..." stands for leading axes, which broadcast. float32, float64.
///
/// Two operands at a time, from the left: as a matmul of permuted axes where both have axes to contract and one has
/// axes of its own, else as a product and a sum.
///
/// throws ValueError (the expression), ShapeError (it does not fit the operands), DTypeError
BACKLIGHT_API Tensor einsum(std::string_view expression, std::span<const Tensor> operands,
                            std::source_location where = std::source_location::current());
BACKLIGHT_API Tensor einsum(std::string_view expression, std::initializer_list<Located> operands,
                            std::source_location where = std::source_location::current());

}  // namespace autograd
