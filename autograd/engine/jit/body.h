#pragma once

#include <autograd/engine/jit/folds.h>

// Machine code of a body's ops, for one vector of lanes, in AVX-512 (masks in k registers) or AVX2
// (a mask is a vector of lanes of all ones or zeros).

namespace autograd::engine::jit {

template <Target target>
class BodyEmitter : protected Folds<target> {
  using Base = Folds<target>;

 public:
  using Base::Base, Base::wide, Base::width;
  using typename Base::Opmask, typename Base::Variant, typename Base::Vector, typename Base::Xmm, typename Base::Ymm;

  /// A place where the code leaves to compute lanes of a rare case.
  struct RareSite {
    Xbyak::Label enter, leave;
    uint8_t mask, argument, result;
    uint8_t routine;
    bool mask_in_scratch;
  };

  void body(Level level, Variant variant) {
    level_ = level;
    choose(variant);
    const std::vector<Op>& ops = machine_.ops[level];
    for (const Step& step : assignment_.steps[level]) {
      switch (step.kind) {
        case Step::Kind::op:
          if (level >= per_lane && short_rows()) choose_lanes(ops[step.index].vector);
          emit(ops[step.index], step);
          break;
        case Step::Kind::load: load(step.index, step.result); break;
        case Step::Kind::spill: spill(step.index, step.result); break;
        case Step::Kind::copy: x.vmovaps(Vector(step.result), Vector(step.arguments[0])); break;
      }
    }
  }

 protected:
  using Base::at, Base::stack, Base::constant, Base::pointer, Base::offset, Base::lanes_at, Base::is_single,
      Base::memory, Base::load, Base::spill, Base::operand, Base::commutative, Base::in_order, Base::unary,
      Base::short_rows, Base::row_of, Base::lanes_of, Base::choose;
  using Base::x, Base::program_, Base::machine_, Base::assignment_, Base::pointers_, Base::frame_, Base::constants_,
      Base::variant_, Base::active_;

  /// Of a vector of short rows, which has always the same lanes.
  void choose_lanes(uint32_t vector) { choose({.masked = lanes_of(vector) < width}); }

  void emit(const Op& op, const Step& step) {
    using O = const Xbyak::Operand&;
    using V = const Vector&;
    switch (op.code) {
      case Opcode::add_float: return commutative(op, step, [&](V d, V a, O b) { x.vaddps(d, a, b); });
      case Opcode::subtract_float: return in_order(op, step, [&](V d, V a, O b) { x.vsubps(d, a, b); });
      case Opcode::multiply_float: return commutative(op, step, [&](V d, V a, O b) { x.vmulps(d, a, b); });
      case Opcode::divide_float: return in_order(op, step, [&](V d, V a, O b) { x.vdivps(d, a, b); });
      case Opcode::minimum_float: return in_order(op, step, [&](V d, V a, O b) { x.vminps(d, a, b); });
      case Opcode::maximum_float: return in_order(op, step, [&](V d, V a, O b) { x.vmaxps(d, a, b); });
      case Opcode::square_root: return unary(op, step, [&](V d, O a) { x.vsqrtps(d, a); });
      case Opcode::round: return unary(op, step, [&](V d, O a) { round(d, a, op.detail); });
      case Opcode::fma: return fma(op, step);
      case Opcode::fma_or_zero: return fma_or_zero(op, step);
      case Opcode::and_float: return commutative(op, step, [&](V d, V a, O b) { x.vandps(d, a, b); });
      case Opcode::xor_float: return commutative(op, step, [&](V d, V a, O b) { x.vxorps(d, a, b); });
      case Opcode::add_int: return commutative(op, step, [&](V d, V a, O b) { x.vpaddd(d, a, b); });
      case Opcode::subtract_int: return in_order(op, step, [&](V d, V a, O b) { x.vpsubd(d, a, b); });
      case Opcode::multiply_int: return commutative(op, step, [&](V d, V a, O b) { x.vpmulld(d, a, b); });
      case Opcode::minimum_int: return commutative(op, step, [&](V d, V a, O b) { x.vpminsd(d, a, b); });
      case Opcode::maximum_int: return commutative(op, step, [&](V d, V a, O b) { x.vpmaxsd(d, a, b); });
      case Opcode::absolute_int: return unary(op, step, [&](V d, O a) { x.vpabsd(d, a); });
      case Opcode::shift_left: return unary(op, step, [&](V d, O a) { x.vpslld(d, a, op.detail); });
      case Opcode::shift_right: return unary(op, step, [&](V d, O a) { x.vpsrad(d, a, op.detail); });
      case Opcode::shift_right_logical: return unary(op, step, [&](V d, O a) { x.vpsrld(d, a, op.detail); });
      case Opcode::and_int: return commutative(op, step, [&](V d, V a, O b) { and_bits(d, a, b); });
      case Opcode::or_int: return commutative(op, step, [&](V d, V a, O b) { or_bits(d, a, b); });
      case Opcode::xor_int: return commutative(op, step, [&](V d, V a, O b) { xor_bits(d, a, b); });
      case Opcode::int_to_float: return unary(op, step, [&](V d, O a) { x.vcvtdq2ps(d, a); });
      case Opcode::float_to_int: return unary(op, step, [&](V d, O a) { x.vcvttps2dq(d, a); });
      case Opcode::compare_float: return compare_float(op, step);
      case Opcode::compare_int: return compare_int(op, step);
      case Opcode::mask_and:
      case Opcode::mask_or:
      case Opcode::mask_xor:
      case Opcode::mask_and_not:
      case Opcode::mask_not: return mask_logic(op, step);
      case Opcode::select: return select(op, step);
      case Opcode::select_or_zero: return select_or_zero(op, step);
      case Opcode::check_row: return check_row(op, step);
      case Opcode::scale_row: return scale_row(op, step);
      case Opcode::load: return x.vmovups(Vector(step.result), at(lanes_at(op.index, 4, op.vector)));
      case Opcode::load_row: return load_row(op, step);
      case Opcode::load_mask: return load_mask(op, step);
      case Opcode::gather: return gather(op, step);
      case Opcode::gather_mask: return gather_mask(op, step);
      case Opcode::rare: return rare(op, step);
      case Opcode::save: return save(op, step);
      case Opcode::store: return store(op, step);
      case Opcode::store_mask: return store_mask(op, step);
      case Opcode::accumulate: return this->accumulate(op, step);
      case Opcode::accumulate_memory: return this->accumulate_memory(op, step);
      case Opcode::fill: return this->fill(op, step);
      case Opcode::fold_halves: return this->fold_halves(op, step);
      case Opcode::store_fold: return this->store_fold(op, step);
      case Opcode::store_folds: return this->store_folds(op, step);
    }
  }

  // Arithmetic
  void round(const Vector& d, const Xbyak::Operand& a, uint8_t mode) {
    constexpr uint8_t quiet = 8;
    if constexpr (wide) {
      x.vrndscaleps(d, a, mode | quiet);
    } else {
      x.vroundps(d, a, mode | quiet);
    }
  }

  // d = a b + c where d is the register of one of them: the digits of a form say which of its
  // operands 1 (d), 2, 3 (the one that can be memory) are multiplied, and which is added.
  void fma(const Op& op, const Step& step) {
    const Vector d(step.result);
    const uint8_t *places = step.arguments, added = places[2];
    const bool minus = op.detail != 0;
    if (added == step.result) {
      const int second = places[0] == in_memory ? 0 : 1;
      const Vector first(places[1 - second]);
      const Xbyak::Operand& other = operand(op, step, second);
      return minus ? x.vfmsub231ps(d, first, other) : x.vfmadd231ps(d, first, other);
    }
    const int factor = places[0] == step.result ? 1 : 0;  // the other one
    if (places[factor] != in_memory) {
      const Vector second(places[factor]);
      const Xbyak::Operand& third = operand(op, step, 2);
      return minus ? x.vfmsub213ps(d, second, third) : x.vfmadd213ps(d, second, third);
    }
    const Xbyak::Operand& second = operand(op, step, factor);
    minus ? x.vfmsub132ps(d, Vector(added), second) : x.vfmadd132ps(d, Vector(added), second);
  }

  void fma_or_zero(const Op& op, const Step& step) {
    const Vector a(step.result);
    x.vfmadd231ps(a | Opmask(step.arguments[2]) | x.T_z, a, operand(op, step, 1));
  }

  void and_bits(const Vector& d, const Vector& a, const Xbyak::Operand& b) {
    if constexpr (wide) {
      x.vpandd(d, a, b);
    } else {
      x.vpand(d, a, b);
    }
  }
  void or_bits(const Vector& d, const Vector& a, const Xbyak::Operand& b) {
    if constexpr (wide) {
      x.vpord(d, a, b);
    } else {
      x.vpor(d, a, b);
    }
  }
  void xor_bits(const Vector& d, const Vector& a, const Xbyak::Operand& b) {
    if constexpr (wide) {
      x.vpxord(d, a, b);
    } else {
      x.vpxor(d, a, b);
    }
  }

  // Masks
  /// AVX-512: the result, for the lanes that are looked at.
  Opmask compared(const Op& op, const Step& step) const {
    const Opmask result(step.result);
    return op.arguments[2] == no_value ? result : result | Opmask(step.arguments[2]);
  }

  void compare_float(const Op& op, const Step& step) {
    // Equal and less ordered, not equal unordered; all quiet. Then their inverses.
    constexpr uint8_t plain[] = {0x00, 0x04, 0x11, 0x12, 0x04, 0x00, 0x15, 0x16};
    constexpr uint8_t swapped[] = {0x00, 0x04, 0x1e, 0x1d, 0x04, 0x00, 0x1a, 0x19};
    const bool swap = step.arguments[0] == in_memory;
    const Vector first(step.arguments[swap]);
    const Xbyak::Operand& second = operand(op, step, !swap);
    const uint8_t predicate = (swap ? swapped : plain)[op.detail];
    if constexpr (wide) {
      x.vcmpps(compared(op, step), first, second, predicate);
    } else {
      x.vcmpps(Ymm(step.result), first, second, predicate);
    }
  }

  void compare_int(const Op& op, const Step& step) {
    const bool swap = step.arguments[0] == in_memory;
    if constexpr (wide) {
      constexpr uint8_t plain[] = {0, 4, 1, 2};
      constexpr uint8_t swapped[] = {0, 4, 6, 5};
      x.vpcmpd(compared(op, step), Vector(step.arguments[swap]), operand(op, step, !swap),
               (swap ? swapped : plain)[op.detail]);
    } else {
      const Ymm d(step.result);
      switch (op.detail) {
        case equal:
        case not_equal: x.vpcmpeqd(d, Ymm(step.arguments[swap]), operand(op, step, !swap)); break;
        case less: x.vpcmpgtd(d, Ymm(step.arguments[1]), operand(op, step, 0)); break;
        default: x.vpcmpgtd(d, Ymm(step.arguments[0]), operand(op, step, 1)); break;
      }
      if (op.detail == not_equal || op.detail == less_equal) x.vpxor(d, d, constant(constants_.ones.data()));
    }
  }

  void mask_logic(const Op& op, const Step& step) {
    if constexpr (wide) {
      const Opmask d(step.result), a(step.arguments[0]), b(step.arguments[1]);
      switch (op.code) {
        case Opcode::mask_and: return x.kandw(d, a, b);
        case Opcode::mask_or: return x.korw(d, a, b);
        case Opcode::mask_xor: return x.kxorw(d, a, b);
        case Opcode::mask_and_not: return x.kandnw(d, a, b);
        default: return x.knotw(d, a);
      }
    } else {
      using O = const Xbyak::Operand&;
      switch (op.code) {
        case Opcode::mask_and: return commutative(op, step, [&](Ymm d, Ymm a, O b) { x.vandps(d, a, b); });
        case Opcode::mask_or: return commutative(op, step, [&](Ymm d, Ymm a, O b) { x.vorps(d, a, b); });
        case Opcode::mask_xor: return commutative(op, step, [&](Ymm d, Ymm a, O b) { x.vxorps(d, a, b); });
        case Opcode::mask_and_not: return in_order(op, step, [&](Ymm d, Ymm a, O b) { x.vandnps(d, a, b); });
        default: return invert(op, step);
      }
    }
  }

  void invert(const Op& op, const Step& step) {
    const Ymm d(step.result);
    if (step.arguments[0] != in_memory) return x.vxorps(d, Ymm(step.arguments[0]), constant(constants_.ones.data()));
    x.vmovups(d, memory(op.arguments[0], false));
    x.vxorps(d, d, constant(constants_.ones.data()));
  }

  void select(const Op& op, const Step& step) {
    const Vector d(step.result), no(step.arguments[2]);
    if constexpr (wide) {
      x.vblendmps(d | Opmask(step.arguments[0]), no, operand(op, step, 1));
    } else {
      x.vblendvps(d, no, operand(op, step, 1), Ymm(step.arguments[0]));
    }
  }

  void select_or_zero(const Op& op, const Step& step) {
    if constexpr (wide) {
      const Vector d = Vector(step.result) | Opmask(step.arguments[0]) | x.T_z;
      if (step.arguments[1] != in_memory) return x.vmovaps(d, Vector(step.arguments[1]));
      if (is_single(machine_.values[op.arguments[1]])) return x.vbroadcastss(d, memory(op.arguments[1], false));
      x.vmovups(d, memory(op.arguments[1], false));
    } else {
      commutative(op, step, [&](Ymm d, Ymm a, const Xbyak::Operand& b) { x.vandps(d, a, b); });
    }
  }

  // Memory
  /// Lanes with a bad index are noted: those that AVX-512's k0 has not, those that the frame's `fault` has.
  void check_row(const Op& op, const Step& step) {
    if constexpr (wide) {
      constexpr uint8_t below = 1;
      const Opmask good(step.result);
      x.vpcmpud(good, Vector(step.arguments[0]), operand(op, step, 1), below);
      if (!variant_.masked) return x.kandw(x.k0, x.k0, good);
      x.kandnw(x.k2, good, x.k1);
      x.kandnw(x.k0, x.k2, x.k0);
    } else {
      const Ymm good(step.result);
      if (step.arguments[0] == in_memory) {
        x.vmovups(good, memory(op.arguments[0], false));
        x.vpxor(good, good, constant(constants_.signs.data()));
      } else {
        x.vpxor(good, Ymm(step.arguments[0]), constant(constants_.signs.data()));
      }
      x.vpcmpgtd(good, Ymm(step.arguments[1]), good);
      x.vmovmskps(x.eax, good);
      x.xor_(x.eax, 0xff);
      if (variant_.masked) x.and_(x.eax, stack(frame_.active_bits));
      x.or_(stack(frame_.fault), x.eax);
    }
  }

  void scale_row(const Op& op, const Step& step) {
    const int second = step.arguments[1] == in_memory ? 1 : 2;
    const Vector d(step.result), first(step.arguments[3 - second]);
    const Xbyak::Operand& other = operand(op, step, second);
    if constexpr (wide) {
      x.vpmulld(d | Opmask(step.arguments[0]) | x.T_z, first, other);
    } else {
      x.vpmulld(d, first, other);
      x.vpand(d, d, Ymm(step.arguments[0]));
    }
  }

  void load_row(const Op& op, const Step& step) {
    const uint32_t row = program_.operands[op.index].still ? 0 : row_of(op.vector);
    x.vbroadcastss(Vector(step.result), at(pointer(op.index) + 4 * row));
  }

  void load_mask(const Op& op, const Step& step) {
    const Xbyak::Address bytes = at(lanes_at(op.index, 1, op.vector));
    if constexpr (wide) {
      const Xmm loaded(step.temporaries[0]);
      x.vmovdqu8(loaded, bytes);
      x.vptestmb(Opmask(step.result), loaded, loaded);
    } else {
      const Ymm d(step.result);
      x.vpmovzxbd(d, bytes);
      x.vpcmpgtd(d, d, constant(constants_.zeros.data()));
    }
  }

  void gather(const Op& op, const Step& step) {
    const Vector d(step.result), index(step.arguments[0]);
    Xbyak::Reg64 base = pointer(op.index);
    if (op.detail != 0) {
      x.lea(x.rax, at(base + x.rsi * 4 + 4 * offset(op.vector)));
      base = x.rax;
    }
    if (level_ < per_lane) return gather_one(d, index, base);
    if constexpr (wide) {
      xor_bits(d, d, d);  // else it waits for what the register held
      if (variant_.masked) {
        x.kmovw(x.k2, x.k1);
      } else {
        x.kxnorw(x.k2, x.k2, x.k2);
      }
      x.vgatherdps(d | x.k2, at(base + index * 4));
    } else if (variant_.masked) {
      const Ymm left(step.temporaries[0]);
      x.vxorps(d, d, d);
      x.vmovaps(left, stack(frame_.active_mask));
      x.vgatherdps(d, at(base + index * 4), left);
    } else {
      gather_all(d, index, base, Xmm(step.temporaries[0]));
    }
  }

  /// All lanes have the same index.
  void gather_one(const Vector& d, const Vector& index, const Xbyak::Reg64& base) {
    x.vmovd(x.ecx, Xmm(index.getIdx()));
    x.movsxd(x.rcx, x.ecx);
    x.vbroadcastss(d, at(base + x.rcx * 4));
  }

  /// By single loads: where microcode keeps gathers from leaking data (Intel, Skylake to Ice Lake), that of AVX2 takes
  /// 30 cycles and this 14. AVX-512's takes no longer than these for 16 lanes.
  void gather_all(const Ymm& d, const Ymm& index, const Xbyak::Reg64& base, const Xmm& high) {
    x.vmovups(stack(frame_.buffer), index);
    for (uint32_t half = 0; half < 2; ++half) {
      const Xmm part = half == 0 ? Xmm(d.getIdx()) : high;
      for (uint32_t pair = 0; pair < 2; ++pair) {
        x.mov(x.rdx, stack(frame_.buffer + 16 * half + 8 * pair));
        x.movsxd(x.rcx, x.edx);
        x.sar(x.rdx, 32);
        const Xbyak::Address first = at(base + x.rcx * 4), second = at(base + x.rdx * 4);
        if (pair == 0) {
          x.vmovss(part, first);
          x.vinsertps(part, part, second, 0x10);  // to lane 1
        } else {
          x.vinsertps(part, part, first, 0x20);
          x.vinsertps(part, part, second, 0x30);
        }
      }
    }
    x.vinsertf128(d, d, high, 1);
  }

  /// One by one, through a buffer on the stack: a gather would read beyond the last byte.
  void gather_mask(const Op& op, const Step& step) {
    Xbyak::Label next;
    x.vmovups(stack(frame_.buffer), Vector(step.arguments[0]));
    Xbyak::Reg64 base = pointer(op.index);
    if (op.detail != 0) {
      x.lea(x.rax, at(base + x.rsi + offset(op.vector)));
      base = x.rax;
    }
    const Xbyak::Address lane = x.dword[x.rsp + x.rcx * 4 + frame_.buffer];
    x.xor_(x.ecx, x.ecx);
    x.L(next);
    x.movsxd(x.rdx, lane);
    x.movzx(x.edx, x.byte[base + x.rdx]);
    x.mov(lane, x.edx);
    x.inc(x.ecx);
    if (variant_.masked) {
      x.cmp(x.ecx, stack(frame_.active_count));
    } else {
      x.cmp(x.ecx, width);
    }
    x.jb(next);
    if constexpr (wide) {
      const Vector loaded(step.temporaries[0]);
      x.vmovups(loaded, stack(frame_.buffer));
      x.vptestmd(Opmask(step.result), loaded, loaded);
    } else {
      const Ymm d(step.result);
      x.vmovups(d, stack(frame_.buffer));
      x.vpcmpgtd(d, d, constant(constants_.zeros.data()));
    }
  }

  void save(const Op& op, const Step& step) {
    const uint8_t place = step.arguments[0];
    const Xbyak::Address slot = memory(op.arguments[0], false);
    if constexpr (wide) {
      if (machine_.values[op.arguments[0]].mask) return x.kmovw(slot, Opmask(place));
      x.vmovss(slot, Xmm(place));
    } else {
      x.vmovaps(slot, Ymm(place));
    }
  }

  void store(const Op& op, const Step& step) {
    const Xbyak::Address place = at(lanes_at(op.index, 4, op.vector));
    const Vector value(step.arguments[0]);
    if constexpr (wide) {
      x.vmovups(place | active_, value);
    } else if (variant_.masked) {
      const Ymm mask(step.temporaries[0]);
      x.vmovaps(mask, stack(frame_.active_mask));
      x.vmaskmovps(place, mask, value);
    } else {
      x.vmovups(place, value);
    }
  }

  void store_mask(const Op& op, const Step& step) {
    const Xmm bytes(step.temporaries[0]);
    if constexpr (wide) {
      x.vmovdqu8(bytes | Opmask(step.arguments[0]) | x.T_z, constant(constants_.true_bytes.data()));
      x.vmovdqu8(at(lanes_at(op.index, 1, op.vector)) | active_, bytes);
    } else {
      const Ymm mask(step.arguments[0]);
      x.vextracti128(bytes, mask, 1);
      x.vpackssdw(bytes, Xmm(mask.getIdx()), bytes);
      x.vpacksswb(bytes, bytes, bytes);
      x.vpabsb(bytes, bytes);
      if (variant_.masked) return store_some_bytes(op, bytes);
      x.vmovq(at(lanes_at(op.index, 1, op.vector)), bytes);
    }
  }

  /// The low bytes of `bytes`, as many as there are active lanes: by the bits of their number, from 8 down.
  void store_some_bytes(const Op& op, const Xmm& bytes) {
    Xbyak::Label below8, below4, below2, done;
    x.lea(x.rax, at(lanes_at(op.index, 1, op.vector)));
    x.vmovq(x.rdx, bytes);
    x.mov(x.ecx, stack(frame_.active_count));
    x.test(x.ecx, 8);
    x.jz(below8);
    x.mov(x.ptr[x.rax], x.rdx);
    x.L(below8);
    x.test(x.ecx, 4);
    x.jz(below4);
    x.mov(x.ptr[x.rax], x.edx);
    x.shr(x.rdx, 32);
    x.add(x.rax, 4);
    x.L(below4);
    x.test(x.ecx, 2);
    x.jz(below2);
    x.mov(x.ptr[x.rax], x.dx);
    x.shr(x.rdx, 16);
    x.add(x.rax, 2);
    x.L(below2);
    x.test(x.ecx, 1);
    x.jz(done);
    x.mov(x.ptr[x.rax], x.dl);
    x.L(done);
  }

  // The result holds c already; where a lane is rare, the code goes out of line.
  void rare(const Op& op, const Step& step) {
    rare_sites_.push_back({{}, {}, step.arguments[0], step.arguments[1], step.result, op.detail, false});
    RareSite& site = rare_sites_.back();
    if constexpr (wide) {
      site.mask_in_scratch = variant_.masked;
      if (variant_.masked) x.kandw(x.k2, x.k1, Opmask(site.mask));
      const Opmask mask(variant_.masked ? 2 : site.mask);
      x.kortestw(mask, mask);
    } else {
      x.vmovmskps(x.eax, Ymm(site.mask));
      variant_.masked ? x.and_(x.eax, stack(frame_.active_bits)) : x.test(x.eax, x.eax);
    }
    x.jnz(site.enter, Xbyak::CodeGenerator::T_NEAR);
    x.L(site.leave);
  }

  std::vector<RareSite> rare_sites_;
  Level level_ = per_call;
};

}  // namespace autograd::engine::jit
