#pragma once

#include <autograd/engine/jit/frame.h>

#include <array>
#include <type_traits>

// How the code of a body reaches its values: vector and mask registers, the stack, memory.

namespace autograd::engine::jit {

template <Target target>
class Operands {
 public:
  static constexpr bool wide = target == Target::avx512;
  static constexpr uint32_t width = wide ? 16 : 8;
  static constexpr uint32_t vector_bytes = 4 * width;
  using Vector = std::conditional_t<wide, Xbyak::Zmm, Xbyak::Ymm>;
  using Ymm = Xbyak::Ymm;
  using Xmm = Xbyak::Xmm;
  using Opmask = Xbyak::Opmask;

  /// Which lanes a copy of the lane body computes.
  struct Variant {
    bool masked = false;  ///< only those of the tail
    uint32_t offset = 0;  ///< from the vector at hand
    uint32_t half = 0;    ///< of 16 lanes, for accumulators; AVX2
  };

  Operands(Xbyak::CodeGenerator& code, const ir::Program& program, const Machine& machine, const Assignment& assignment,
           const Constants& constants, const std::byte* literals, uint32_t frame_begin)
      : x(code),
        program_(program),
        machine_(machine),
        assignment_(assignment),
        pointers_(program, machine),
        frame_(machine, assignment, pointers_.places.size(), program.folds.size(), target, frame_begin),
        constants_(constants),
        literals_(literals) {}

 protected:
  // Addresses
  static Xbyak::Address at(const Xbyak::RegExp& expression, bool broadcast = false) {
    return Xbyak::Address(0, broadcast, expression);
  }
  Xbyak::Address stack(uint32_t offset) const { return at(x.rsp + offset); }
  Xbyak::Address constant(const void* place) const { return x.ptr[x.rip + place]; }

  /// The register that holds it, or rax with it.
  Xbyak::Reg64 pointer(size_t index) {
    if (pointers_.places[index] != Pointers::in_frame) return Xbyak::Reg64(pointers_.places[index]);
    x.mov(x.rax, stack(frame_.pointers + 8 * static_cast<uint32_t>(index)));
    return x.rax;
  }

  void choose(const Variant& variant) {
    variant_ = variant;
    active_ = Opmask(wide && variant.masked ? 1 : 0);  // AVX2 has no mask registers
  }

  uint32_t offset(uint32_t vector) const { return variant_.offset + width * vector; }

  bool short_rows() const { return machine_.row_vectors > 0; }
  /// Of a vector of a turn of short rows: its row in the turn, and how many of its lanes there are.
  uint32_t row_of(uint32_t vector) const { return vector / machine_.row_vectors; }
  uint32_t lanes_of(uint32_t vector) const {
    return std::min(program_.row_lanes - vector % machine_.row_vectors * width, width);
  }

  Xbyak::RegExp lanes_at(size_t pointer_index, uint32_t element_bytes, uint32_t vector) {
    if (short_rows()) {
      const uint32_t row = program_.operands[pointer_index].still ? 0 : row_of(vector) * program_.row_lanes;
      return pointer(pointer_index) + element_bytes * (row + vector % machine_.row_vectors * width);
    }
    return pointer(pointer_index) + x.rsi * static_cast<int>(element_bytes) + element_bytes * offset(vector);
  }

  uint32_t uniform_slot(uint32_t index) const { return frame_.uniforms + literal_bytes(target) * index; }

  static bool is_single(const Value& value) {
    return wide && (value.home == Home::literal || value.home == Home::uniform);
  }

  /// Memory that holds the value; with `broadcast`, as an argument of a vector op.
  Xbyak::Address memory(Id id, bool broadcast) {
    const Value& value = machine_.values[id];
    const bool single = broadcast && is_single(value);
    switch (value.home) {
      case Home::literal: {
        const std::byte* place = literals_ + literal_bytes(target) * value.index;
        return single ? x.ptr_b[x.rip + place] : x.ptr[x.rip + place];
      }
      case Home::uniform: return at(x.rsp + uniform_slot(value.index), single);
      case Home::linear: return at(lanes_at(value.index, 4, value.vector));
      case Home::pattern: return at(lanes_at(pointers_.of_pattern(value.index), 4, value.vector));
      case Home::lane: return constant(constants_.lane.data());
      case Home::none: break;
    }
    return stack(value.mask && wide ? frame_.mask_slots + 8 * value.slot : frame_.slots + vector_bytes * value.slot);
  }

  void load(Id id, uint8_t place) {
    const Value& value = machine_.values[id];
    if (value.mask && wide) return x.kmovw(Opmask(place), memory(id, false));
    if (is_single(value)) return x.vbroadcastss(Vector(place), memory(id, false));
    x.vmovups(Vector(place), memory(id, false));
  }

  void spill(Id id, uint8_t place) {
    if (machine_.values[id].mask && wide) return x.kmovw(memory(id, false), Opmask(place));
    x.vmovaps(memory(id, false), Vector(place));
  }

  // Arguments of the op at hand: vectors, the k registers of masks, or memory
  const Xbyak::Operand& operand(const Op& op, const Step& step, int k) {
    if (step.arguments[k] != in_memory) return vectors_[step.arguments[k]];
    address_ = memory(op.arguments[k], true);
    return address_;
  }

  /// For f(result, first, second) that may swap them: memory comes second.
  template <class Emit>
  void commutative(const Op& op, const Step& step, Emit&& emit) {
    const int second = step.arguments[0] == in_memory ? 0 : 1;
    emit(Vector(step.result), Vector(step.arguments[1 - second]), operand(op, step, second));
  }

  template <class Emit>
  void in_order(const Op& op, const Step& step, Emit&& emit) {
    emit(Vector(step.result), Vector(step.arguments[0]), operand(op, step, 1));
  }

  template <class Emit>
  void unary(const Op& op, const Step& step, Emit&& emit) {
    emit(Vector(step.result), operand(op, step, 0));
  }

  Xbyak::CodeGenerator& x;
  const ir::Program& program_;
  const Machine& machine_;
  const Assignment& assignment_;
  const Pointers pointers_;
  const Frame frame_;
  const Constants& constants_;
  const std::byte* const literals_;
  Variant variant_;
  Opmask active_{0};
  Xbyak::Address address_{0, false, Xbyak::RegExp()};  ///< what operand() refers to
  std::array<Vector, 32> vectors_ = make_vectors();

 private:
  static std::array<Vector, 32> make_vectors() {
    std::array<Vector, 32> result;
    for (int i = 0; i < 32; ++i) result[static_cast<size_t>(i)] = Vector(i);
    return result;
  }
};

}  // namespace autograd::engine::jit
