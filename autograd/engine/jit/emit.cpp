#include <autograd/engine/jit/emit.h>
#include <autograd/engine/jit/joint.h>

namespace autograd::engine::jit {

size_t code_bound(const Unit& unit) {
  constexpr size_t bytes_a_step = 240;  // the longest: of bool elements, and of rare cases
  size_t bound = 4096 + 512 * (unit.program->operands.size() + unit.program->folds.size()) +
                 64 * (unit.machine.uniforms.size() + unit.assignment.pins.size());
  for (const std::vector<Step>& steps : unit.assignment.steps) bound += bytes_a_step * steps.size();
  return bound + bytes_a_step * unit.assignment.steps[per_lane].size();  // AVX2 has two copies for its halves
}

void emit(Xbyak::CodeGenerator& code, const Unit& unit, Target target, const Constants& constants,
          const std::byte* literals) {
  if (target == Target::avx512) {
    FunctionEmitter<Target::avx512>(code, unit, constants, literals).emit();
  } else {
    FunctionEmitter<Target::avx2>(code, unit, constants, literals).emit();
  }
}

void emit_joint(Xbyak::CodeGenerator& code, std::span<const JointPart> parts, Target target,
                const Constants& constants) {
  if (target == Target::avx512) {
    JointEmitter<Target::avx512>(code, parts, constants).emit();
  } else {
    JointEmitter<Target::avx2>(code, parts, constants).emit();
  }
}

}  // namespace autograd::engine::jit
