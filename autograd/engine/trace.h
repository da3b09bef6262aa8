#pragma once

#include <autograd/engine/plan.h>

// BACKLIGHT_TRACE=plan,ir,asm,time (one or several) says what the engine does, through the log hook:
//
//   plan  each new plan: its regions with their operations and source lines, bytes moved
//   ir    and their programs
//   asm   and their machine code: one file a region or stages, the command that shows it, a map for perf
//   time  when a thread ends, the time that each region took

namespace autograd::engine {

struct Trace {
  bool plan = false, ir = false, code = false, time = false;
  bool any_new_plan() const { return plan || ir || code; }
};

/// throws ValueError: BACKLIGHT_TRACE names something else
const Trace& trace();

void trace_new_plan(const Plan& plan, const Recording& recording);
void trace_times(const Plan& plan);

}  // namespace autograd::engine
