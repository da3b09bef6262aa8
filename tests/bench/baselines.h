#pragma once

#include <tests/bench/bench.h>

// The loops of baselines*.cpp, once for this machine and once for x86-64-v3: with BACKLIGHT_BACKEND=avx2 the engine
// has no wider registers, and neither have they. Inputs and outputs are contiguous and do not overlap.

namespace bench::baseline {

#define BACKLIGHT_BASELINE(name) \
  extern "C" Loop native_##name; \
  extern "C" Loop v3_##name;     \
  inline Loop* name() { return avx2_only() ? v3_##name : native_##name; }

// In: o, d, c (x, y, z each), r, t. Out: the last t; or its sum's gradients to d, c, r.
BACKLIGHT_BASELINE(chain_forward)
BACKLIGHT_BASELINE(chain_gradient_of_arrays)
BACKLIGHT_BASELINE(chain_gradient_of_scalars)

// In: x, y, z. Out: the sum, its gradients to x, y, z.
BACKLIGHT_BASELINE(exp_chain_gradient)

BACKLIGHT_BASELINE(exp)
BACKLIGHT_BASELINE(log)
BACKLIGHT_BASELINE(pow)
BACKLIGHT_BASELINE(tanh)
BACKLIGHT_BASELINE(sin)
BACKLIGHT_BASELINE(cos)
BACKLIGHT_BASELINE(sigmoid)
BACKLIGHT_BASELINE(erf)
BACKLIGHT_BASELINE(atan2)

// In: w, x of rows of 64, b one row or one column. Out: the sum, its gradients to x and b.
BACKLIGHT_BASELINE(row_sum_gradient)
BACKLIGHT_BASELINE(row_product_gradient)
BACKLIGHT_BASELINE(column_sum_gradient)
BACKLIGHT_BASELINE(column_product_gradient)

// In: x in rows of 3, 10, 16, 256 or 4096; of gradients also the cotangent. Out: as x, or one element a row; or the
// gradient to x.
BACKLIGHT_BASELINE(softmax)
BACKLIGHT_BASELINE(layer_norm)
BACKLIGHT_BASELINE(variance)
BACKLIGHT_BASELINE(logsumexp)
BACKLIGHT_BASELINE(softmax_gradient)
BACKLIGHT_BASELINE(layer_norm_gradient)
BACKLIGHT_BASELINE(variance_gradient)
BACKLIGHT_BASELINE(logsumexp_gradient)

// In: 8192 points (x, y, z each), 8192 others, the others' weights. Out: the sum, its gradients to all of these.
BACKLIGHT_BASELINE(pairwise)  // the sum only
BACKLIGHT_BASELINE(pairwise_gradient)
BACKLIGHT_BASELINE(pairwise_log_gradient)

// In: int32 indices, a table [10000, 3], the cotangent [indices, 3]. Out: the rows, the gradient to the table.
BACKLIGHT_BASELINE(gather_gradient)

// In: the gradient; of this step, rate / (1 - beta1^t) and 1 / (1 - beta2^t). In place: both moments, the parameter.
BACKLIGHT_BASELINE(adam)

// In: a factor, a term, 12 starts. `count` multiplications with an addition, all in registers.
BACKLIGHT_BASELINE(multiply_adds)

#undef BACKLIGHT_BASELINE

}  // namespace bench::baseline
