#pragma once

#include <autograd/ops/axes.h>

#include <cstdint>

// Axes as bits, and what a reduction over them leaves; private to ops/.

namespace autograd {

/// Bit a: axis a is among them. throws ShapeError: no such axis, or given twice
uint8_t axis_bits(const char* operation, const Axes& axes, int rank);
Axes axes_of_bits(uint8_t bits);
/// The shape without the reduced axes, or with extent 1 in their place.
Shape reduced_shape(const Shape& shape, uint8_t axes, bool keep);
/// Elements that are reduced to one.
int64_t reduced_count(const Shape& shape, uint8_t axes);
/// throws ShapeError where there is a result, but no element to choose it from
void require_elements(const char* operation, const Shape& shape, uint8_t axes);

}  // namespace autograd
