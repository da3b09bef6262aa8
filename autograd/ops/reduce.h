#pragma once

#include <autograd/core/tensor.h>
#include <autograd/ops/axes.h>

#include <initializer_list>
#include <span>

// Reductions. Reduced axes disappear unless `keep` is set. A sum has one order, fixed by the shape (see
// engine/fold.h). NaN propagates. All throw ShapeError for an axis that does not exist, DTypeError for a type
// that is not named here.

namespace autograd {

struct ReduceOptions {
  bool keep = false;  ///< leave reduced axes with extent 1
};

// Sums and products ------------------------------------------------------------------------------------------
/// float32, float64, int32 (wraps). Of no elements: 0.
BACKLIGHT_API Tensor sum(Located x, Axes axes = {}, ReduceOptions options = {});
/// float32, float64, int32 (wraps). Of no elements: 1. Halves of an axis are multiplied until one element is left, so
/// the gradient, the product of all others, is right where elements are 0 too.
BACKLIGHT_API Tensor prod(Located x, Axes axes = {}, ReduceOptions options = {});
/// float32, float64. Of no elements: NaN.
BACKLIGHT_API Tensor mean(Located x, Axes axes = {}, ReduceOptions options = {});

struct VarianceOptions {
  bool keep = false;
  int64_t correction = 0;  ///< of the divisor: 0 for the population's (numpy), 1 for a sample's (Bessel, PyTorch)
};
/// Variance, sum (x - mean)^2 / (n - correction), in two passes: nothing cancels. float32, float64. NaN for
/// n <= correction.
BACKLIGHT_API Tensor var(Located x, Axes axes = {}, VarianceOptions options = {});
/// Standard deviation, sqrt(var); its gradient at 0 is 0.
BACKLIGHT_API Tensor std(Located x, Axes axes = {}, VarianceOptions options = {});
/// Euclidean norm, sqrt(sum x^2); its gradient at 0 is 0. float32, float64.
BACKLIGHT_API Tensor norm(Located x, Axes axes = {}, ReduceOptions options = {});
/// log(sum exp(x)), without overflow; -infinity, with gradient 0, where all elements are or there are none.
/// float32, float64.
BACKLIGHT_API Tensor logsumexp(Located x, Axes axes = {}, ReduceOptions options = {});

// Extremes -----------------------------------------------------------------------------------------------------
/// float32, float64, int32. ShapeError over no elements. Ties share the gradient.
BACKLIGHT_API Tensor max(Located x, Axes axes = {}, ReduceOptions options = {});
BACKLIGHT_API Tensor min(Located x, Axes axes = {}, ReduceOptions options = {});
/// int32 position of the extreme, counted row-major over the reduced axes: the first among equals, the first NaN
/// if there is one. ShapeError over no elements.
BACKLIGHT_API Tensor argmax(Located x, Axes axes = {}, ReduceOptions options = {});
BACKLIGHT_API Tensor argmin(Located x, Axes axes = {}, ReduceOptions options = {});

// Logic (bool) ---------------------------------------------------------------------------------------------------
/// Of no elements: any() is false, all() true.
BACKLIGHT_API Tensor any(Located x, Axes axes = {}, ReduceOptions options = {});
BACKLIGHT_API Tensor all(Located x, Axes axes = {}, ReduceOptions options = {});

// Scans ----------------------------------------------------------------------------------------------------------
struct CumsumOptions {
  bool reverse = false;    ///< sums of what follows instead of what precedes
  bool exclusive = false;  ///< without the element itself: starts with 0
};
/// Running sums along an axis, in its order: y[i] = x[0] + ... + x[i]. float64; float32, added in float64 and each
/// rounded once; int32 (wraps).
BACKLIGHT_API Tensor cumsum(Located x, int axis, CumsumOptions options = {});

}  // namespace autograd
