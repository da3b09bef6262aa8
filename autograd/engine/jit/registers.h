#pragma once

#include <autograd/engine/jit/machine.h>

#include <cstdint>
#include <vector>

// Register allocation. A body is straight-line code, so the use of every value is known from the
// start, and Belady's rule is near the best: when registers run out, the value whose next use is
// furthest gives way. It goes to a stack slot once in its life at most (it never changes), and not
// at all if it has a home in memory. From there it is read as the memory argument of an op where
// that is its last use or no register is worth it, else it is loaded again.
//
// Around a loop of lanes the registers that its body leaves over hold, for the whole call or row,
// the accumulators of folds and then the most used of the values that the lanes have in common.

namespace autograd::engine::jit {

inline constexpr uint8_t in_memory = 0xff;

/// What the code of a body does next.
struct Step {
  enum class Kind : uint8_t {
    op,
    load,   ///< value `index`, from its home or slot
    spill,  ///< value `index`, to its slot
    copy,   ///< arguments[0], between registers of the kind that value `index` wants
  };
  Kind kind;
  uint8_t result = in_memory;
  uint8_t arguments[3] = {in_memory, in_memory, in_memory};
  uint8_t temporaries[3] = {};
  uint32_t index;
};

/// A value in a register of its own.
struct Pin {
  Id value;
  uint8_t place;
  Level level;
};

struct Assignment {
  std::vector<Step> steps[levels];
  std::vector<Pin> pins;
  std::vector<uint8_t> accumulators;  ///< of fold f, half h of 16 lanes: [2 f + h]; the first alone on AVX-512
  uint32_t slots = 0, mask_slots = 0;
};

/// Vector registers that hold nothing between the bodies: 0, 1, 2.
inline constexpr int spare_vectors = 3;

/// Assigns values to registers and slots; folds whose accumulator has a register get Opcode::accumulate.
Assignment assign(Machine& machine, const std::vector<ir::Fold>& folds, Target target);

}  // namespace autograd::engine::jit
