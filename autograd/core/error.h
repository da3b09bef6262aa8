#pragma once

#include <stdexcept>
#include <string>

namespace autograd {

/// Base of everything this library throws. The text starts with the operation
/// and says what was given and what is accepted.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// clang-format off
/// Shapes do not fit together, or an axis does not exist.
class ShapeError : public Error { using Error::Error; };
/// An element type that the operation does not take.
class DTypeError : public Error { using Error::Error; };
/// An argument outside its range.
class ValueError : public Error { using Error::Error; };
/// An index outside the axis that it selects from.
class IndexError : public Error { using Error::Error; };
/// More elements or axes than the library can address.
class SizeError : public Error { using Error::Error; };
/// A Tensor used after the Step that recorded it has ended.
class StaleTensor : public Error { using Error::Error; };
/// A Tensor or Step used from a thread other than the one that opened it.
class WrongThread : public Error { using Error::Error; };
/// A value is needed that depends on a Parameter's overwritten version.
class OverwrittenParameter : public Error { using Error::Error; };
/// A Parameter was assigned while another thread's open Step reads it.
class ParameterInUse : public Error { using Error::Error; };
/// A Step went past its byte limit.
class OutOfMemory : public Error { using Error::Error; };
/// A gradient with respect to something that the function does not depend on.
class UnreachedGradient : public Error { using Error::Error; };
/// A gradient through an operation that has none.
class NotDifferentiable : public Error { using Error::Error; };
/// NaN in a result, found with set_nan_checks().
class NotANumber : public Error { using Error::Error; };
// clang-format on

}  // namespace autograd
