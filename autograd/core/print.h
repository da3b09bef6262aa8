#pragma once

#include <autograd/core/tensor.h>

#include <iosfwd>

namespace autograd {

/// "float32 [2, 3] [[1, 2, 3], [4, 5, 6]]": the shortest text of each number that reads back; of long
/// axes the first and last three elements. Printing a Tensor evaluates it.
BACKLIGHT_API std::ostream& operator<<(std::ostream& stream, const Array& array);
BACKLIGHT_API std::ostream& operator<<(std::ostream& stream, const Parameter& parameter);
BACKLIGHT_API std::ostream& operator<<(std::ostream& stream, const Tensor& tensor);

}  // namespace autograd
