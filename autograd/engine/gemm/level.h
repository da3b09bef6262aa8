#pragma once

#include <autograd/engine/gemm/kernels.h>

// The kernels of one level of the processor: the same names in a namespace of its own. Private to kernel sources.

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT {

extern const Level level;  // kernel.cpp

void pack(const Strip<float>& strip, float* to);  // pack.cpp
void pack(const Strip<double>& strip, double* to);
void finish(const Finish<float>& work);
void finish(const Finish<double>& work);

}  // namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT
