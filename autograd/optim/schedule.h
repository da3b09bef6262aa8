#pragma once

#include <autograd/core/export.h>

#include <cstdint>

// Learning rates as functions of the number of steps made: optimiser.set_learning_rate(schedule(optimiser.steps())).
// Past the last of its steps a schedule stays at its final rate.

namespace autograd {

/// rate * factor^floor(step / every)
struct BACKLIGHT_API StepDecay {
  double rate = 1e-2;
  int64_t every = 1;
  double factor = 0.1;
  double operator()(int64_t step) const;
};

/// rate * factor^step
struct BACKLIGHT_API ExponentialDecay {
  double rate = 1e-2;
  double factor = 0.999;
  double operator()(int64_t step) const;
};

/// Up in a line for `warmup` steps, then down half a wave of a cosine from `rate` to `final_rate` at `steps`
/// (Loshchilov & Hutter 2017, without restarts).
struct BACKLIGHT_API CosineDecay {
  double rate = 1e-2;
  int64_t steps = 1;
  double final_rate = 0;
  int64_t warmup = 0;
  double operator()(int64_t step) const;
};

/// Half a wave up to `rate` in the first `rising` of the steps, from rate / start_divisor, and half a wave down to
/// rate / final_divisor (Smith & Topin 2018, "Super-Convergence").
struct BACKLIGHT_API OneCycle {
  double rate = 1e-2;  ///< the highest
  int64_t steps = 1;
  double rising = 0.3;  ///< part of the steps, 0 to 1
  double start_divisor = 25, final_divisor = 1e5;
  double operator()(int64_t step) const;
};

}  // namespace autograd
