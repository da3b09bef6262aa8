#pragma once

#include <autograd/engine/jit/machine.h>

// What the ops ask for: registers, memory, time.

namespace autograd::engine::jit {

/// Arguments as bits.
inline constexpr uint8_t a_bit = 1, b_bit = 2, c_bit = 4;

/// What an op asks of its registers; `wide` is AVX-512.
struct Form {
  uint8_t memory = 0;       ///< arguments one of which may be in memory
  uint8_t tied = 0;         ///< arguments one of which the result overwrites
  bool early = false;       ///< the result is written before all arguments are read
  uint8_t temporaries = 0;  ///< vectors
};

Form form(const Op& op, bool wide);

/// How many vectors a turn of the loop over lanes computes side by side. Enough that the time is that of the work, not
/// that of the longest chain of dependent ops; the processor overlaps turns by itself, but sees only so many ops ahead.
uint32_t vectors_a_turn(const Machine& machine, const std::vector<ir::Fold>& folds, Target target);
/// How many short rows a turn computes: 4, whose folds share vectors, or 1 where the code is long.
uint32_t rows_a_turn(const Machine& machine);

}  // namespace autograd::engine::jit
