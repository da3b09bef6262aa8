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
// The errors are the largest ones in units in the last place (ulp) of the exact result, measured
// against double over every float (tests/bench/accuracy.cpp), for pow and atan2 over a billion
// pairs. The cost counts instructions without literals and bitcasts.
//
// Functions that decay like exp return 0 where the result would be below 2^-126: gradual underflow
// makes kernels slow. Everywhere else denormals are right, as arguments and as results.

namespace autograd::ir {

// maths_exponential.cpp                            // float32: error, cost
Value exp(Builder& builder, Value x);           // EXP
Value log(Builder& builder, Value x);           // LOG
Value pow(Builder& builder, Value x, Value y);  // POW
Value tanh(Builder& builder, Value x);          // TANH
Value sigmoid(Builder& builder, Value x);       // SIGMOID
Value erf(Builder& builder, Value x);           // ERF

// maths_trigonometric.cpp
Value sin(Builder& builder, Value x);             // SIN
Value cos(Builder& builder, Value x);             // COS
Value tan(Builder& builder, Value x);             // TAN
Value asin(Builder& builder, Value x);            // ASIN
Value acos(Builder& builder, Value x);            // ACOS
Value atan(Builder& builder, Value x);            // ATAN
Value atan2(Builder& builder, Value y, Value x);  // ATAN2

}  // namespace autograd::ir
