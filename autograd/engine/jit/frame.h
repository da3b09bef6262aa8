#pragma once

#include <autograd/engine/jit/pool.h>
#include <autograd/engine/jit/registers.h>
#include <xbyak/xbyak.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

// Where everything is while a function runs: the stack frame, the general registers, and the
// pointers that walk along the rows.
//
//   rsi  lane of the vector at hand          r8   lane where the loop of whole vectors ends
//   rax, rcx, rdx  free for any op           the rest: pointers, the most used ones
//
// Short rows: r8 counts those that are left, and rsi is one of the pointers.

namespace autograd::engine::jit {

/// Offsets from rsp.
struct Frame {
  uint32_t uniforms, slots, mask_slots, pointers;
  uint32_t call, rows, carried, fault, active_count, active_bits, lanes, caller_stack;
  uint32_t active_mask;   ///< AVX2: of the tail
  uint32_t buffer;        ///< a vector of indices or arguments, and one of results
  uint32_t accumulators;  ///< of fold f: 64 bytes at 64 f
  uint32_t saved;         ///< registers during a call of a rare routine
  uint32_t size;          ///< what lies before it included

  Frame(const Machine& machine, const Assignment& assignment, size_t pointer_count, size_t fold_count, Target target,
        uint32_t begin) {
    const bool wide = target == Target::avx512;
    const uint32_t vector_bytes = wide ? 64 : 32;
    size = begin;
    const auto take = [&](size_t count, uint32_t bytes, uint32_t alignment) {
      const uint32_t offset = (size + alignment - 1) / alignment * alignment;
      size = offset + static_cast<uint32_t>(count) * bytes;
      return offset;
    };
    uniforms = take(machine.uniforms.size(), literal_bytes(target), 64);
    slots = take(assignment.slots, vector_bytes, 64);
    mask_slots = take(assignment.mask_slots, 8, 8);
    pointers = take(pointer_count, 8, 8);
    call = take(1, 8, 8);
    rows = take(1, 8, 8);
    lanes = take(1, 8, 8);
    carried = take(1, 8, 8);
    caller_stack = take(1, 8, 8);
    fault = take(1, 4, 4);
    active_count = take(1, 4, 4);
    active_bits = take(1, 4, 4);
    active_mask = take(1, vector_bytes, 64);
    buffer = take(2, 64, 64);
    accumulators = take(fold_count, 64, 64);
    saved = take(has_rare(machine) ? 33 : 0, 64, 64);
    size = (size + 63) / 64 * 64;
  }

  static bool has_rare(const Machine& machine) {
    return std::ranges::any_of(machine.ops, [](const std::vector<Op>& ops) {
      return std::ranges::any_of(ops, [](const Op& op) { return op.code == Opcode::rare; });
    });
  }
};

/// Addresses that a row's code uses: of operands, then of patterns, then of folds.
struct Pointers {
  static constexpr int in_frame = -1, unused = -2;

  size_t operands, patterns, folds;
  std::vector<int> places;  ///< general register, in_frame or unused

  Pointers(const ir::Program& program, const Machine& machine)
      : operands(program.operands.size()), patterns(count_patterns(program)), folds(program.folds.size()) {
    std::vector<uint32_t> uses(operands + patterns + folds);
    for (const Uniform& uniform : machine.uniforms) {
      if (uniform.source == Uniform::Source::operand && uniform.level == per_row) ++uses[uniform.index];
    }
    for (const std::vector<Op>& ops : machine.ops) {
      for (const Op& op : ops) count_uses(op, program, machine, uses);
    }
    for (size_t f = 0; f < folds; ++f) uses[of_fold(f)] += program.folds[f].span == ir::Fold::Span::lanes;
    choose(uses, machine.row_vectors > 0);
  }

  size_t of_pattern(size_t pattern) const { return operands + pattern; }
  size_t of_fold(size_t fold) const { return operands + patterns + fold; }

 private:
  static size_t count_patterns(const ir::Program& program) {
    size_t count = 0;
    for (const ir::Operand& operand : program.operands) {
      if (operand.access == ir::Access::pattern) count = std::max<size_t>(count, operand.pattern + size_t{1});
    }
    return count;
  }

  void count_uses(const Op& op, const ir::Program& program, const Machine& machine, std::vector<uint32_t>& uses) const {
    for (const Id id : op.arguments) {
      if (id == no_value) continue;
      const Value& value = machine.values[id];
      if (value.home == Home::linear) ++uses[value.index];
      if (value.home == Home::pattern) ++uses[of_pattern(value.index)];
    }
    if ((op.code >= Opcode::load && op.code <= Opcode::gather_mask) || op.code == Opcode::store ||
        op.code == Opcode::store_mask) {
      ++uses[op.index];
    }
    if (op.code == Opcode::accumulate_memory && program.folds[op.index].span == ir::Fold::Span::rows &&
        machine.row_vectors == 0) {
      ++uses[of_fold(op.index)];
    }
  }

  void choose(const std::vector<uint32_t>& uses, bool short_rows) {
    using R = Xbyak::Operand;
    constexpr int registers[] = {R::RDI, R::R9, R::R10, R::R11, R::RBX, R::RBP, R::R12, R::R13, R::R14, R::R15, R::RSI};
    const size_t count = std::size(registers) - (short_rows ? 0 : 1);
    std::vector<uint32_t> order(uses.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t x, uint32_t y) { return uses[x] > uses[y]; });
    places.assign(uses.size(), unused);
    for (size_t k = 0; k < order.size() && uses[order[k]] > 0; ++k) {
      places[order[k]] = k < count ? registers[k] : in_frame;
    }
  }
};

}  // namespace autograd::engine::jit
