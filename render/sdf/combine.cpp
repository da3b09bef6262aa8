#include <render/sdf/combine.h>

#include <string>

namespace render::sdf {

Tensor union_of(const Tensor& a, const Tensor& b) { return ag::minimum(a, b); }
Tensor intersection_of(const Tensor& a, const Tensor& b) { return ag::maximum(a, b); }
Tensor difference_of(const Tensor& a, const Tensor& b) { return ag::maximum(a, -b); }

Tensor smooth_union(const Tensor& a, const Tensor& b, ag::Located width) {
  if (width.is_number() && !(width.number() > 0)) {
    throw ag::ValueError("smooth_union: width " + std::to_string(width.number()) + "; expected a number above 0");
  }
  const Tensor x = ag::clamp((a - b) / width, -1, 1);
  const Tensor rest = 1 - x;
  const Tensor rounded = b - width * (rest * rest * rest * (3 + x)) / 16;
  return ag::where(ag::abs(x) < 1, rounded, ag::minimum(a, b));
}

Tensor smooth_intersection(const Tensor& a, const Tensor& b, ag::Located width) { return -smooth_union(-a, -b, width); }

Tensor smooth_difference(const Tensor& a, const Tensor& b, ag::Located width) { return -smooth_union(-a, b, width); }

}  // namespace render::sdf
