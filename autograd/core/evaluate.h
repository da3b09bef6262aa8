#pragma once

#include <autograd/core/tensor.h>

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>

// The doors of the engine: everything else of it is private.

namespace autograd {

/// Computes the tensors in one evaluation; reading them afterwards costs nothing. What they share
/// is computed once. Throws OverwrittenParameter, IndexError, OutOfMemory; after a throw nothing
/// has changed.
BACKLIGHT_API void evaluate(std::span<const Tensor> tensors);
BACKLIGHT_API void evaluate(std::initializer_list<Tensor> tensors);

/// One new value of a Parameter.
struct Assignment {
  Parameter parameter;
  Tensor value;  ///< same shape and type
};

/// New values of several Parameters of one type, end to end: many small ones cost little more than one large.
struct PackedAssignment {
  std::span<const Parameter> parameters;
  Tensor value;  ///< [elements of all]
};

/// evaluate(), then all assignments at once: every right-hand side sees the old values. Either all
/// happen or, after a throw, none. A Parameter that is given twice gets the last value.
BACKLIGHT_API void evaluate(std::span<const Tensor> tensors, std::span<const Assignment> assignments,
                            std::span<const PackedAssignment> packed = {});

/// What the thread's last evaluation did, or one would do.
struct Report {
  int64_t nodes = 0;         ///< recorded operations that were needed
  int64_t regions = 0;       ///< passes over data: fused regions and opaque calls
  int64_t instructions = 0;  ///< of the fused regions, after common subexpressions
  int64_t peak_bytes = 0;    ///< memory for values, kept and temporary
  double plan_seconds = 0;
  double run_seconds = 0;
};
BACKLIGHT_API Report report();
/// What evaluating these would take, before anything is computed: the seconds of the run stay 0. Planning is done then,
/// not again when they are evaluated. Throws as evaluate() of what is given, but for what is found while computing.
BACKLIGHT_API Report report(std::span<const Tensor> tensors, std::span<const Assignment> assignments = {},
                            std::span<const PackedAssignment> packed = {});
BACKLIGHT_API Report report(std::initializer_list<Tensor> tensors);

/// Threads that evaluations may use, from 1 on; results do not depend on it. Without oneTBB it stays 1.
BACKLIGHT_API void set_threads(int count);
BACKLIGHT_API int threads();

/// What executes fused regions; the bits are the same for all. float64 always takes the interpreter.
enum class Backend : uint8_t { interpreter, avx2, avx512 };
BACKLIGHT_API const char* name_of(Backend backend);
BACKLIGHT_API bool available(Backend backend);
/// For all threads. At the start: the environment variable BACKLIGHT_BACKEND (interpreter, avx2 or avx512),
/// else the best that the processor has. throws ValueError: this machine cannot run it
BACKLIGHT_API void set_backend(Backend backend);
BACKLIGHT_API Backend backend();

/// While on, an evaluation whose results hold NaN throws NotANumber, before any Parameter is assigned, and names the
/// first operation that made one of numbers, its source line and its operands. Costs time and the memory of all
/// values of a step. For all threads; at the start on where the environment has BACKLIGHT_NAN_CHECKS=1.
BACKLIGHT_API void set_nan_checks(bool on);
BACKLIGHT_API bool nan_checks();

/// Where warnings go; the default writes a line to stderr.
BACKLIGHT_API void set_log_hook(std::function<void(const std::string&)> hook);

}  // namespace autograd
