#pragma once

#include <autograd/engine/jit/accumulators.h>
#include <autograd/engine/jit/emit.h>

#include <cstddef>

// The shape of a function:
//
//   enter; what all rows have in common
//   for each row: what its lanes have in common
//     loop of turns: several whole vectors each
//     loop under a mask for what is left: a vector each; AVX2 with folds: two, 16 lanes
//   leave; out of line, the rare cases
//
// That of short rows:
//
//   enter; what all rows have in common
//   loop of turns: several rows each
//   loop for what is left: a row each
//   leave; out of line, the rare cases

namespace autograd::engine::jit {

// Bytes of float32: the usual block of stages (engine/stages.cpp); a few groups of rows (engine/joint_run.cpp).
inline constexpr uint32_t block_ahead = 32768, groups_ahead = 4096;

template <Target target>
class FunctionEmitter : protected Accumulators<target> {
  using Base = Accumulators<target>;

 public:
  /// Its frame begins `frame_begin` bytes above rsp.
  FunctionEmitter(Xbyak::CodeGenerator& code, const Unit& unit, const Constants& constants, const std::byte* literals,
                  uint32_t frame_begin = 0)
      : Base(code, *unit.program, unit.machine, unit.assignment, constants, literals, frame_begin) {}

  void emit() {
    enter();
    fill_uniforms(per_call);
    this->body(per_call, {});
    load_totals();
    load_pins(per_call);
    if (short_rows()) {
      all_short_rows();
    } else {
      all_rows(true);
    }
    store_totals();
    leave();
    rare_cases();
  }

 protected:
  using Base::load_totals, Base::store_totals, Base::begin_row_folds, Base::finish_row_folds, Base::each_fold;
  using Base::short_rows;
  using Base::stack, Base::constant, Base::pointer, Base::at, Base::array;
  using Base::wide, Base::width, Base::x, Base::program_, Base::machine_, Base::assignment_, Base::pointers_,
      Base::frame_, Base::constants_, Base::rare_sites_;
  using typename Base::Opmask, typename Base::Vector, typename Base::Xmm, typename Base::Ymm;

  // Entry and exit
  static constexpr int callee_saved[] = {Xbyak::Operand::RBX, Xbyak::Operand::RBP, Xbyak::Operand::R12,
                                         Xbyak::Operand::R13, Xbyak::Operand::R14, Xbyak::Operand::R15};

  void enter() {
    enter_frame(frame_.size, frame_.caller_stack);
    x.mov(stack(frame_.call), x.rdi);
    x.mov(x.rax, x.ptr[x.rdi + offsetof(Call, rows)]);
    x.mov(stack(frame_.rows), x.rax);
    x.mov(x.rax, x.ptr[x.rdi + offsetof(Call, carried)]);
    x.mov(stack(frame_.carried), x.rax);
    x.mov(x.r8, x.ptr[x.rdi + offsetof(Call, lanes)]);
    x.mov(stack(frame_.lanes), x.r8);
    if (!short_rows()) x.and_(x.r8, 0u - lanes_a_turn());
    if constexpr (wide) {
      x.kxnorw(x.k0, x.k0, x.k0);
    } else {
      x.mov(x.dword[x.rsp + frame_.fault], 0);
    }
    load_pointers();
  }

  void enter_frame(uint32_t bytes, uint32_t caller_stack) {
    for (const int place : callee_saved) x.push(Xbyak::Reg64(place));
    x.mov(x.rax, x.rsp);
    x.sub(x.rsp, bytes);
    x.and_(x.rsp, ~63u);
    x.mov(stack(caller_stack), x.rax);
  }

  void leave_frame(uint32_t caller_stack) {
    x.vzeroupper();
    x.mov(x.rsp, stack(caller_stack));
    for (size_t k = std::size(callee_saved); k-- > 0;) x.pop(Xbyak::Reg64(callee_saved[k]));
    x.ret();
  }

  void load_pointers() {
    load_pointers(0, pointers_.operands, offsetof(Call, data));
    load_pointers(pointers_.operands, pointers_.patterns, offsetof(Call, patterns));
    load_pointers(pointers_.operands + pointers_.patterns, pointers_.folds, offsetof(Call, folds));
  }

  void load_pointers(size_t first, size_t count, size_t member) {
    bool any = false;
    for (size_t k = 0; k < count; ++k) {
      const int place = pointers_.places[first + k];
      if (place == Pointers::unused) continue;
      if (!any) array(member);
      any = true;
      const Xbyak::Address entry = x.ptr[x.rdx + 8 * k];
      if (place != Pointers::in_frame) {
        x.mov(Xbyak::Reg64(place), entry);
      } else {
        x.mov(x.rax, entry);
        x.mov(stack(frame_.pointers + 8 * static_cast<uint32_t>(first + k)), x.rax);
      }
    }
  }

  void leave() {
    if constexpr (wide) {
      x.kmovw(x.eax, x.k0);
      x.xor_(x.eax, 0xffff);
    } else {
      x.mov(x.eax, stack(frame_.fault));
    }
    leave_frame(frame_.caller_stack);
  }

  // What lanes have in common
  void fill_uniforms(Level level) {
    for (uint32_t i = 0; i < machine_.uniforms.size(); ++i) {
      const Uniform& uniform = machine_.uniforms[i];
      if (uniform.level != level || uniform.source == Uniform::Source::saved) continue;
      read_uniform(uniform);
      const uint32_t slot = this->uniform_slot(i);
      if constexpr (wide) {
        x.mov(stack(slot), x.eax);
      } else {
        x.vmovd(x.xmm0, x.eax);
        x.vpbroadcastd(x.ymm0, x.xmm0);
        x.vmovaps(stack(slot), x.ymm0);
      }
    }
  }

  /// Its bits, in eax: of a mask, all the same.
  void read_uniform(const Uniform& uniform) {
    const size_t index = uniform.index;
    switch (uniform.source) {
      case Uniform::Source::scalar: x.mov(x.eax, x.ptr[array(offsetof(Call, scalars)) + 4 * index]); break;
      case Uniform::Source::stride: x.mov(x.eax, x.ptr[array(offsetof(Call, tables)) + 8 * index + 4]); break;
      case Uniform::Source::rows:
        x.mov(x.eax, x.ptr[array(offsetof(Call, tables)) + 8 * index]);
        if (!wide) x.xor_(x.eax, 0x8000'0000u);  // AVX2 compares signed numbers only
        break;
      default: read_element(uniform);
    }
    if (!uniform.mask) return;
    x.neg(x.eax);  // carries if not 0
    x.sbb(x.eax, x.eax);
  }

  void read_element(const Uniform& uniform) {
    if (uniform.level == per_call) {
      x.mov(x.rax, x.ptr[array(offsetof(Call, data)) + 8 * size_t{uniform.index}]);
    } else {
      x.mov(x.rax, pointer(uniform.index));
    }
    if (uniform.mask) {
      x.movzx(x.eax, x.byte[x.rax]);
    } else {
      x.mov(x.eax, x.ptr[x.rax]);
    }
  }

  void load_pins(Level level) {
    for (const Pin& pin : assignment_.pins) {
      if (pin.level == level) this->load(pin.value, pin.place);
    }
  }

  // Lanes
  bool in_halves() const {
    return !wide && std::ranges::any_of(program_.folds, [](const ir::Fold& fold) { return fold.span != Span::rows; });
  }
  uint32_t group() const { return in_halves() ? 16 : width; }
  uint32_t lanes_a_turn() const { return width * machine_.turn_vectors; }

  void lanes() {
    Xbyak::Label whole, left, masked, done;
    x.xor_(x.esi, x.esi);
    x.test(x.r8, x.r8);
    x.jz(left, Xbyak::CodeGenerator::T_NEAR);
    x.align(32);
    x.L(whole);
    this->body(per_turn, {});
    fetch_ahead(lanes_a_turn());
    x.add(x.rsi, lanes_a_turn());
    x.cmp(x.rsi, x.r8);
    x.jb(whole, Xbyak::CodeGenerator::T_NEAR);
    x.L(left);
    x.cmp(x.rsi, stack(frame_.lanes));
    x.jae(done, Xbyak::CodeGenerator::T_NEAR);
    x.L(masked);
    masked_bodies(done);
    if (lanes_a_turn() > group()) {
      x.add(x.rsi, group());
      x.cmp(x.rsi, stack(frame_.lanes));
      x.jb(masked, Xbyak::CodeGenerator::T_NEAR);
    }
    x.L(done);
  }

  /// What is fetched while something else is computed.
  enum class Fetch : uint8_t {
    block,  ///< operands for which that is asked, where the next block of rows lies, into the near cache
    group,  ///< all that lie in order, a few groups of rows further on, into the nearest cache
    nothing
  };

  /// As many elements as a turn has.
  void fetch_ahead(uint32_t elements) {
    if (fetch_ == Fetch::nothing) return;
    constexpr uint32_t line = 64;
    const bool block = fetch_ == Fetch::block;
    for (size_t k = 0; k < pointers_.operands; ++k) {
      const ir::Operand& operand = program_.operands[k];
      if (!(block ? operand.ahead : operand.access == ir::Access::linear)) continue;
      if (pointers_.places[k] == Pointers::unused) continue;
      for (uint32_t bytes = 0; bytes < 4 * elements; bytes += line) {
        const Xbyak::RegExp here = this->lanes_at(k, 4, 0) + bytes;
        block ? x.prefetcht1(at(here + block_ahead)) : x.prefetcht0(at(here + groups_ahead));
      }
    }
  }

  void masked_bodies(const Xbyak::Label& done) {
    for (uint32_t offset = 0; offset < group(); offset += width) {
      x.mov(x.rcx, stack(frame_.lanes));
      x.sub(x.rcx, x.rsi);
      if (offset > 0) {
        x.sub(x.rcx, offset);
        x.jle(done, Xbyak::CodeGenerator::T_NEAR);
      }
      set_mask();
      this->body(per_lane, {.masked = true, .offset = offset, .half = offset / width});
    }
  }

  /// Activates the next rcx lanes, or all if there are more.
  void set_mask() {
    x.mov(x.eax, width);
    x.cmp(x.rcx, x.rax);
    x.cmovg(x.ecx, x.eax);
    x.mov(stack(frame_.active_count), x.ecx);
    x.mov(x.eax, ~0u);
    x.bzhi(x.eax, x.eax, x.ecx);
    if constexpr (wide) {
      x.kmovw(x.k1, x.eax);
    } else {
      x.mov(stack(frame_.active_bits), x.eax);
      x.neg(x.rcx);
      x.lea(x.rdx, constant(&constants_.tail[width]));
      x.vmovups(x.ymm0, x.ptr[x.rdx + x.rcx * 4]);
      x.vmovaps(stack(frame_.active_mask), x.ymm0);
    }
  }

  // Rows
  /// `several`: or else one.
  void all_rows(bool several) {
    Xbyak::Label next;
    x.L(next);
    fill_uniforms(per_row);
    this->body(per_row, {});
    load_pins(per_row);
    begin_row_folds();
    lanes();
    finish_row_folds();
    if (!several) return;
    step_to_next_row();
    x.dec(x.qword[x.rsp + frame_.rows]);
    x.jnz(next, Xbyak::CodeGenerator::T_NEAR);
  }

  void step_to_next_row() {
    bool loaded = false;
    for (size_t k = 0; k < pointers_.operands; ++k) {
      if (program_.operands[k].access != ir::Access::uniform) advance(k, k, offsetof(Call, row_bytes), loaded);
    }
    loaded = false;
    each_fold(Span::lanes, [&](size_t f) { advance(pointers_.of_fold(f), f, offsetof(Call, fold_bytes), loaded); });
  }

  void advance(size_t index, size_t entry, size_t member, bool& loaded) {
    const int place = pointers_.places[index];
    if (place == Pointers::unused) return;
    if (!loaded) array(member);
    loaded = true;
    const Xbyak::Address bytes = x.ptr[x.rdx + 8 * entry];
    if (place != Pointers::in_frame) return x.add(Xbyak::Reg64(place), bytes);
    x.mov(x.rax, bytes);
    x.add(stack(frame_.pointers + 8 * static_cast<uint32_t>(index)), x.rax);
  }

  // Short rows
  void all_short_rows() {
    const uint32_t rows = machine_.turn_vectors / machine_.row_vectors;
    Xbyak::Label whole, left, single, done;
    x.mov(x.ecx, this->lanes_of(machine_.row_vectors - 1));  // the only vector that can lack lanes
    set_mask();
    x.mov(x.r8, stack(frame_.rows));
    x.sub(x.r8, rows);
    x.jl(left, Xbyak::CodeGenerator::T_NEAR);
    x.align(32);
    x.L(whole);
    this->body(per_turn, {});
    fetch_ahead(rows * program_.row_lanes);
    advance_short(rows);
    x.sub(x.r8, rows);
    x.jge(whole, Xbyak::CodeGenerator::T_NEAR);
    x.L(left);
    x.add(x.r8, rows);
    x.jz(done, Xbyak::CodeGenerator::T_NEAR);
    x.L(single);
    this->body(per_lane, {});
    advance_short(1);
    x.dec(x.r8);
    x.jnz(single, Xbyak::CodeGenerator::T_NEAR);
    x.L(done);
  }

  void advance_short(uint32_t rows) {
    for (size_t k = 0; k < pointers_.operands; ++k) {
      const ir::Operand& operand = program_.operands[k];
      if (operand.access == ir::Access::uniform || operand.still) continue;
      add_to_pointer(k, 4 * rows * (operand.access == ir::Access::row_uniform ? 1 : program_.row_lanes));
    }
    each_fold(Span::lanes, [&](size_t f) { add_to_pointer(pointers_.of_fold(f), 4 * rows); });
  }

  void add_to_pointer(size_t index, uint32_t bytes) {
    const int place = pointers_.places[index];
    if (place == Pointers::unused) return;
    if (place != Pointers::in_frame) return x.add(Xbyak::Reg64(place), bytes);
    x.add(x.qword[x.rsp + frame_.pointers + 8 * index], bytes);
  }

  // Rare cases
  void rare_cases() {
    if (rare_sites_.empty()) return;
    Xbyak::Label compute;
    for (auto& site : rare_sites_) {
      x.L(site.enter);
      if constexpr (wide) x.kmovw(x.eax, Opmask(site.mask_in_scratch ? 2 : site.mask));
      x.vmovaps(stack(frame_.buffer), Vector(site.argument));
      x.vmovaps(stack(frame_.buffer + 64), Vector(site.result));
      x.mov(x.ecx, site.routine);
      x.call(compute);
      x.vmovaps(Vector(site.result), stack(frame_.buffer + 64));
      x.jmp(site.leave, Xbyak::CodeGenerator::T_NEAR);
    }
    x.L(compute);
    compute_rare();
  }

  /// Where eax has a bit, element of the buffer's second vector = ir::compute(ecx, element of the first). All
  /// registers but rax, rcx, rdx are kept.
  void compute_rare() {
    using R = Xbyak::Operand;
    // With the return address an even number, so that the call finds its stack aligned.
    constexpr int kept[] = {R::RSI, R::RDI, R::R8, R::R9, R::R10, R::R11, R::RBX, R::RBP, R::R12, R::R13, R::R14};
    constexpr size_t pushed = 8 * (std::size(kept) + 1);
    for (const int place : kept) x.push(Xbyak::Reg64(place));
    x.lea(x.rbp, x.ptr[x.rsp + pushed]);
    x.mov(x.ebx, x.eax);
    x.mov(x.r12d, x.ecx);
    move_all_registers(true);
    x.vzeroupper();
    Xbyak::Label next;
    x.L(next);
    x.tzcnt(x.r13d, x.ebx);
    x.vmovss(x.xmm0, x.ptr[x.rbp + x.r13 * 4 + frame_.buffer]);
    x.mov(x.edi, x.r12d);
    x.mov(x.rax, reinterpret_cast<size_t>(&ir::compute));
    x.call(x.rax);
    x.vmovss(x.ptr[x.rbp + x.r13 * 4 + frame_.buffer + 64], x.xmm0);
    x.blsr(x.ebx, x.ebx);
    x.jnz(next);
    move_all_registers(false);
    for (size_t k = std::size(kept); k-- > 0;) x.pop(Xbyak::Reg64(kept[k]));
    x.ret();
  }

  void move_all_registers(bool save) {
    for (uint32_t i = 0; i < (wide ? 32 : 16); ++i) {
      const Xbyak::Address place = x.ptr[x.rbp + frame_.saved + Base::vector_bytes * i];
      const Vector vector(static_cast<int>(i));
      save ? x.vmovaps(place, vector) : x.vmovaps(vector, place);
    }
    for (uint32_t i = 0; wide && i < 8; ++i) {
      const Xbyak::Address place = x.ptr[x.rbp + frame_.saved + 64 * 32 + 8 * i];
      const Opmask mask(static_cast<int>(i));
      save ? x.kmovw(place, mask) : x.kmovw(mask, place);
    }
  }

  Fetch fetch_ = Fetch::block;
};

}  // namespace autograd::engine::jit
