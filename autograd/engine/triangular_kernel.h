#pragma once

#include <autograd/core/calls.h>

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT {

void solve_triangular(const TriangularFactor& factor, double* x);

}  // namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT
