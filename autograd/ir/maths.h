#pragma once

#include <autograd/ir/builder.h>

// Mathematical functions as instructions. For float64 they are libm's, one instruction each. For
// float32 they are written out, without branches, tables or divisions that can be avoided, so that
// every backend computes the same bits and a fused kernel needs no call.
//
// How a float32 function is made:
//   1. Range reduction to a short interval, exact to well below the result's last bit: products
//      with a constant of two or three floats by fma (Cody & Waite, "Software Manual for the
//      Elementary Functions", 1980).
//   2. A polynomial of least largest error there (relative, but where said otherwise). The
//      coefficients were fitted by Lawson's iterated least squares (1961) in 113 bits and rounded
//      to float one after the other, lowest power first, the higher ones fitted again each time.
//      Comments give the interval and the error of the rounded polynomial in units of 2^-24, half
//      a unit in the last place of 1. The leading terms are added last and by fma, which keeps
//      the rounding errors of the others small.
//   3. Reconstruction from the bits, and selects for what is left: infinities, NaN, signed zeros.
// Below is the largest error of float32 in units in the last place (ulp) of the exact result, measured
// against double over every float, for pow and atan2 over some 10^9 pairs (tests/bench/accuracy.cpp), and the
// number of instructions, without literals and bitcasts.
//
// Functions that decay like exp return 0 where the result would be below 2^-126: gradual underflow
// makes kernels slow. Everywhere else denormals are right, as arguments and as results.

namespace autograd::ir {

// maths_exponential.cpp
Value exp(Builder& builder, Value x);           ///< 1.82 ulp, 15 instructions
Value log(Builder& builder, Value x);           ///< 1.17 ulp, 25 instructions
Value pow(Builder& builder, Value x, Value y);  ///< 3.18 ulp, 82 instructions
Value tanh(Builder& builder, Value x);          ///< 1.36 ulp, 26 instructions
Value sigmoid(Builder& builder, Value x);       ///< 2.45 ulp, 17 instructions
Value erf(Builder& builder, Value x);           ///< 2.90 ulp, 27 instructions

// maths_trigonometric.cpp
Value sin(Builder& builder, Value x);             ///< 1.55 ulp, 17 instructions
Value cos(Builder& builder, Value x);             ///< 1.63 ulp, 19 instructions
Value tan(Builder& builder, Value x);             ///< 3.05 ulp, 20 instructions
Value asin(Builder& builder, Value x);            ///< 1.55 ulp, 18 instructions
Value acos(Builder& builder, Value x);            ///< 1.35 ulp, 21 instructions
Value atan(Builder& builder, Value x);            ///< 1.64 ulp, 21 instructions
Value atan2(Builder& builder, Value y, Value x);  ///< 1.75 ulp, 32 instructions

}  // namespace autograd::ir
