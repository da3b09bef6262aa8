#pragma once

#include <autograd/engine/jit/body.h>

#include <cstddef>

// Accumulators of folds before the first row and after the last, and before and after each row.

namespace autograd::engine::jit {

using Span = ir::Fold::Span;

template <Target target>
class Accumulators : protected BodyEmitter<target> {
  using Base = BodyEmitter<target>;

 public:
  using Base::Base, Base::wide, Base::width;
  using typename Base::Opmask, typename Base::Vector, typename Base::Xmm, typename Base::Ymm;

 protected:
  using Base::short_rows, Base::stack, Base::constant, Base::pointer;
  using Base::x, Base::program_, Base::machine_, Base::assignment_, Base::pointers_, Base::frame_, Base::constants_;

  /// The array of the call, in rdx: rdi may hold a pointer by now.
  const Xbyak::Reg64& array(size_t member) {
    x.mov(x.rdx, stack(frame_.call));
    x.mov(x.rdx, x.ptr[x.rdx + member]);
    return x.rdx;
  }

  template <class Do>
  void each_fold(Span span, Do&& visit) {
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      if (program_.folds[f].span == span) visit(f);
    }
  }
  static constexpr size_t halves = wide ? 1 : 2;

  /// Calls visit(register of the accumulator, half), with the accumulator loaded or stored if it lives in memory.
  template <class Do>
  void each_accumulator(size_t fold, bool write, Do&& visit) {
    for (uint32_t half = 0; half < halves; ++half) {
      const uint8_t place = assignment_.accumulators[2 * fold + half];
      const Vector lanes(place == in_memory ? static_cast<int>(half) : place);
      const Xbyak::Address slot = stack(this->accumulator_slot(fold, half));
      if (place == in_memory && !write) x.vmovaps(lanes, slot);
      visit(lanes, half);
      if (place == in_memory && write) x.vmovaps(slot, lanes);
    }
  }

  /// Where a fold over all lies, in rdx.
  void find_total(size_t fold) { x.mov(x.rdx, x.ptr[array(offsetof(Call, folds)) + 8 * fold]); }

  /// Those that one accumulator has from the first row to the last: the folds over all, of short rows those over rows.
  template <class Do>
  void each_total(Do&& visit) {
    each_fold(Span::all, visit);
    if (short_rows()) each_fold(Span::rows, visit);
  }

  void load_totals() {
    each_total([&](size_t f) {
      find_total(f);
      each_accumulator(f, true,
                       [&](const Vector& lanes, uint32_t half) { x.vmovups(lanes, x.ptr[x.rdx + 32 * half]); });
    });
  }

  void store_totals() {
    each_total([&](size_t f) {
      find_total(f);
      each_accumulator(f, false, [&](const Vector& lanes, uint32_t half) {
        const Xbyak::Address place = x.ptr[x.rdx + 32 * half];
        if (program_.folds[f].span == Span::all) return x.vmovups(place, lanes);
        if (half < machine_.row_vectors) store_lanes(place, lanes, this->lanes_of(half) < width);
      });
    });
  }

  void store_lanes(const Xbyak::Address& place, const Vector& lanes, bool masked) {
    if (!masked) return x.vmovups(place, lanes);
    if constexpr (wide) {
      x.vmovups(place | x.k1, lanes);
    } else {
      const Ymm mask(static_cast<int>(halves));  // behind those of each_accumulator
      x.vmovaps(mask, stack(frame_.active_mask));
      x.vmaskmovps(place, mask, lanes);
    }
  }

  void begin_row_folds() {
    if (!folds_lanes()) return;
    Xbyak::Label begin, done;
    x.mov(x.rax, stack(frame_.carried));
    x.test(x.rax, x.rax);
    x.jz(begin, Xbyak::CodeGenerator::T_NEAR);
    each_carried(true, [&](const Vector& lanes, const Xbyak::Address& place) { x.vmovups(lanes, place); });
    x.jmp(done, Xbyak::CodeGenerator::T_NEAR);
    x.L(begin);
    each_fold(Span::lanes, [&](size_t f) {
      const ir::Fold& fold = program_.folds[f];
      const uint32_t& identity = constants_.identities[this->is_real(fold)][static_cast<size_t>(fold.kind)];
      each_accumulator(f, true, [&](const Vector& lanes, uint32_t) { x.vbroadcastss(lanes, constant(&identity)); });
    });
    x.L(done);
  }

  void finish_row_folds() {
    if (!folds_lanes()) return;
    Xbyak::Label fold, done;
    x.mov(x.rax, stack(frame_.carried));
    x.test(x.rax, x.rax);
    x.jz(fold, Xbyak::CodeGenerator::T_NEAR);
    const uint32_t bytes =
        each_carried(false, [&](const Vector& lanes, const Xbyak::Address& place) { x.vmovups(place, lanes); });
    x.add(x.rax, bytes);
    x.mov(stack(frame_.carried), x.rax);
    x.jmp(done, Xbyak::CodeGenerator::T_NEAR);
    x.L(fold);
    each_fold(Span::lanes, [&](size_t f) {
      each_accumulator(f, false,
                       [&](const Vector& lanes, uint32_t half) { x.vmovaps(Vector(static_cast<int>(half)), lanes); });
      this->fold_row(program_.folds[f], Vector(0), Vector(1), Vector(2));
      x.vmovss(x.ptr[pointer(pointers_.of_fold(f))], x.xmm0);
    });
    x.L(done);
  }

  bool folds_lanes() const {
    return std::ranges::any_of(program_.folds, [](const ir::Fold& fold) { return fold.span == Span::lanes; });
  }

  /// Accumulators of folds over lanes and where they are carried, from rax on; returns their bytes.
  template <class Do>
  uint32_t each_carried(bool write, Do&& visit) {
    uint32_t bytes = 0;
    each_fold(Span::lanes, [&](size_t f) {
      each_accumulator(f, write,
                       [&](const Vector& lanes, uint32_t half) { visit(lanes, x.ptr[x.rax + bytes + 32 * half]); });
      bytes += 64;
    });
    return bytes;
  }
};

}  // namespace autograd::engine::jit
