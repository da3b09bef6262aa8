#pragma once

#include <autograd/engine/jit/pool.h>
#include <autograd/engine/jit/registers.h>

namespace Xbyak {
class CodeGenerator;
}

namespace autograd::engine::jit {

/// A program ready to be written as machine code.
struct Unit {
  const ir::Program* program;
  Machine machine;
  Assignment assignment;
};

/// Bytes that its code will not exceed.
size_t code_bound(const Unit& unit);

/// Appends the function of a program to the code, which may be moved together with what it reads:
/// the constants, and the literals of the program.
void emit(Xbyak::CodeGenerator& code, const Unit& unit, Target target, const Constants& constants,
          const std::byte* literals);

struct JointPart {
  const Unit* unit;
  const std::byte* literals;
  bool flat;
};

/// Appends the function of several programs.
void emit_joint(Xbyak::CodeGenerator& code, std::span<const JointPart> parts, Target target,
                const Constants& constants);

}  // namespace autograd::engine::jit
