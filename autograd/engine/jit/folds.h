#pragma once

#include <autograd/engine/jit/operands.h>

// Machine code of folds: accumulators, and the folds of rows by halves (engine/fold.h).

namespace autograd::engine::jit {

template <Target target>
class Folds : protected Operands<target> {
  using Base = Operands<target>;

 public:
  using Base::Base, Base::wide, Base::width;
  using typename Base::Opmask, typename Base::Variant, typename Base::Vector, typename Base::Xmm, typename Base::Ymm;

 protected:
  using Base::at, Base::stack, Base::constant, Base::pointer, Base::lanes_at, Base::operand, Base::short_rows,
      Base::row_of, Base::lanes_of;
  using Base::x, Base::program_, Base::machine_, Base::assignment_, Base::pointers_, Base::frame_, Base::constants_,
      Base::variant_, Base::active_;

  // Accumulators
  bool is_real(const ir::Fold& fold) const { return program_.body[fold.value].type == DType::float32; }

  /// a = combine(a, b), for the lanes of the mask (AVX-512): see engine/fold.cpp.
  template <class Register>
  void combine(const ir::Fold& fold, const Register& a, const Xbyak::Operand& b, const Opmask& lanes,
               const Register& temporary) {
    using Kind = ir::Fold::Kind;
    const bool real = is_real(fold);
    if (fold.kind == Kind::sum) return real ? x.vaddps(a | lanes, a, b) : x.vpaddd(a | lanes, a, b);
    if (!real) return fold.kind == Kind::max ? x.vpmaxsd(a | lanes, a, b) : x.vpminsd(a | lanes, a, b);
    // max and min give b where either is NaN, so a NaN of a must be kept apart; meanwhile max can begin.
    constexpr uint8_t ordered = 7, unordered = 3;
    fold.kind == Kind::max ? x.vmaxps(temporary, a, b) : x.vminps(temporary, a, b);
    if constexpr (wide) {
      x.vcmpps(x.k2 | lanes, a, a, ordered);
      x.vmovaps(a | x.k2, temporary);
    } else {
      x.vcmpps(a, a, a, unordered);
      x.vorps(a, a, temporary);  // all ones are a NaN
    }
  }

  /// Of the 16 lanes of an accumulator.
  uint32_t half(const Op& op) const {
    if (short_rows()) return op.vector % machine_.row_vectors;
    return wide ? 0 : (variant_.half + op.vector) % 2;
  }

  /// a = combine(a, b), or a - b.
  void add_to(const Op& op, const Vector& a, const Xbyak::Operand& b, const Opmask& lanes, const Vector& temporary) {
    const ir::Fold& fold = program_.folds[op.index];
    if (fold.kind == ir::Fold::Kind::sum && op.detail != 0) return x.vsubps(a | lanes, a, b);
    combine(fold, a, b, lanes, temporary);
  }

  void accumulate(const Op& op, const Step& step) {
    const Vector sum(assignment_.accumulators[2u * op.index + half(op)]);
    const Xbyak::Operand& value = operand(op, step, 0);
    const Vector first(step.temporaries[0]), second(step.temporaries[1]);
    if (wide || !variant_.masked) return add_to(op, sum, value, active_, first);
    x.vmovaps(first, sum);
    add_to(op, first, value, active_, second);
    x.vmovaps(second, stack(frame_.active_mask));
    x.vblendvps(sum, sum, first, second);
  }

  void accumulate_memory(const Op& op, const Step& step) {
    const ir::Fold& fold = program_.folds[op.index];
    const Vector sum(step.temporaries[0]), value(step.arguments[0]), second(step.temporaries[1]);
    const Xbyak::Address place = fold.span == ir::Fold::Span::rows && !short_rows()
                                     ? at(lanes_at(pointers_.of_fold(op.index), 4, op.vector))
                                     : stack(accumulator_slot(op.index, half(op)));
    if (fold.kind == ir::Fold::Kind::sum && is_real(fold) && op.detail == 0 && !variant_.masked) {
      x.vaddps(sum, value, place);
      x.vmovups(place, sum);
    } else if constexpr (wide) {
      x.vmovups(variant_.masked ? sum | x.k1 | x.T_z : sum, place);
      add_to(op, sum, value, x.k0, second);
      x.vmovups(place | active_, sum);
    } else {
      x.vmovups(sum, place);
      add_to(op, sum, value, x.k0, second);
      if (!variant_.masked) return x.vmovups(place, sum);
      x.vmovaps(second, stack(frame_.active_mask));
      x.vmaskmovps(place, second, sum);
    }
  }

  uint32_t accumulator_slot(size_t fold, uint32_t half) const {
    return frame_.accumulators + 64 * static_cast<uint32_t>(fold) + 32 * half;
  }

  // Rows
  /// `first` = lane i with lane i + 8, then + 4, 2, 1, in lane 0. It begins with a row's lanes, in two vectors on AVX2.
  void fold_row(const ir::Fold& fold, const Vector& first, const Vector& second, const Vector& third) {
    const Ymm low(first.getIdx()), high(second.getIdx()), spare(third.getIdx());
    if constexpr (wide) x.vextractf64x4(high, first, 1);
    combine(fold, low, high, x.k0, spare);
    fold_eight(fold, first, second, third);
  }

  void fold_eight(const ir::Fold& fold, const Vector& first, const Vector& second, const Vector& third) {
    const Xmm a(first.getIdx()), b(second.getIdx()), c(third.getIdx());
    if constexpr (wide) {
      x.vextractf32x4(b, Ymm(first.getIdx()), 1);  // registers from 16 on
    } else {
      x.vextractf128(b, Ymm(first.getIdx()), 1);
    }
    combine(fold, a, b, x.k0, c);
    x.vmovhlps(b, a, a);
    combine(fold, a, b, x.k0, c);
    x.vmovshdup(b, a);
    combine(fold, a, b, x.k0, c);
  }

  // Short rows
  void fill(const Op& op, const Step& step) {
    const Vector d(step.result), identity(step.arguments[1]);
    const Xbyak::Operand& lanes = operand(op, step, 0);
    if constexpr (wide) {
      x.vblendmps(d | x.k1, identity, lanes);
    } else {
      x.vblendps(d, identity, lanes, static_cast<uint8_t>((1u << op.detail) - 1));
    }
  }

  /// Blocks of four lanes in the result, with 16 lanes of a and b: a0 + a2, a1 + a3, b0 + b2, b1 + b3; with 8:
  /// a0 + a1, a2 + a3, b0 + b1, b2 + b3, or for AVX2 a0 + a1, b0 + b1.
  void fold_halves(const Op& op, const Step& step) {
    const Vector d(step.result), a(step.arguments[0]), b(step.arguments[1]), upper(step.temporaries[0]);
    if constexpr (wide) {
      const bool eight = op.detail == 8;
      x.vshuff32x4(d, a, b, eight ? 0b10'00'10'00 : 0b01'00'01'00);
      x.vshuff32x4(upper, a, b, eight ? 0b11'01'11'01 : 0b11'10'11'10);
    } else if (op.detail == 8) {
      x.vperm2f128(d, a, b, 0x20);
      x.vperm2f128(upper, a, b, 0x31);
    } else {
      x.vmovaps(d, a);
      x.vmovaps(upper, b);
    }
    combine(program_.folds[op.index], d, upper, x.k0, Vector(step.temporaries[1]));
  }

  void store_fold(const Op& op, const Step& step) {
    const ir::Fold& fold = program_.folds[op.index];
    const Vector row(step.temporaries[0]), second(step.temporaries[1]), third(step.temporaries[2]);
    x.vmovaps(row, Vector(step.arguments[0]));
    if constexpr (wide) {
      fold_row(fold, row, second, third);
    } else {
      fold_eight(fold, row, second, third);
    }
    x.vmovss(x.ptr[pointer(pointers_.of_fold(op.index))], Xmm(row.getIdx()));
  }

  /// AVX-512: four lanes of each row, one row after the other; AVX2: a has those of rows 0 and 2, b those of 1 and 3.
  void store_folds(const Op& op, const Step& step) {
    const ir::Fold& fold = program_.folds[op.index];
    const Vector sums(step.temporaries[0]), other(step.temporaries[1]), third(step.temporaries[2]);
    const Vector a(step.arguments[0]);
    if constexpr (wide) {
      x.vshufps(other, a, a, 0b11'10'11'10);
      x.vmovaps(sums, a);
    } else {
      const Vector b(step.arguments[1]);
      x.vshufps(sums, a, b, 0b01'00'01'00);
      x.vshufps(other, a, b, 0b11'10'11'10);
    }
    combine(fold, sums, other, x.k0, third);
    x.vmovshdup(other, sums);
    combine(fold, sums, other, x.k0, third);
    const Xmm low(sums.getIdx());
    if constexpr (wide) {
      x.vmovaps(other, constant(constants_.every_fourth.data()));
      x.vpermps(sums, other, sums);
    } else {
      x.vextractf128(Xmm(other.getIdx()), sums, 1);
      x.vshufps(low, low, Xmm(other.getIdx()), 0b10'00'10'00);
    }
    x.vmovups(x.ptr[pointer(pointers_.of_fold(op.index)) + 4 * row_of(op.vector)], low);
  }
};

}  // namespace autograd::engine::jit
