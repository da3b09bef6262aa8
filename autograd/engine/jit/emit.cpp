#include <autograd/engine/jit/body.h>
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

namespace {

using Span = ir::Fold::Span;

constexpr uint32_t ahead_bytes = 32768;  // of float32, the usual block of stages (engine/stages.cpp)

template <Target target>
class FunctionEmitter : BodyEmitter<target> {
  using Base = BodyEmitter<target>;
  using Base::short_rows;
  using Base::stack, Base::constant, Base::pointer, Base::at;
  using Base::wide, Base::width, Base::x, Base::program_, Base::machine_, Base::assignment_, Base::pointers_,
      Base::frame_, Base::constants_, Base::rare_sites_;
  using typename Base::Opmask, typename Base::Vector, typename Base::Xmm, typename Base::Ymm;

 public:
  FunctionEmitter(Xbyak::CodeGenerator& code, const Unit& unit, const Constants& constants, const std::byte* literals)
      : Base(code, *unit.program, unit.machine, unit.assignment, constants, literals) {}

  void emit() {
    enter();
    fill_uniforms(per_call);
    this->body(per_call, {});
    load_totals();
    load_pins(per_call);
    if (short_rows()) {
      all_short_rows();
    } else {
      all_rows();
    }
    store_totals();
    leave();
    rare_cases();
  }

 private:
  // Entry and exit
  static constexpr int callee_saved[] = {Xbyak::Operand::RBX, Xbyak::Operand::RBP, Xbyak::Operand::R12,
                                         Xbyak::Operand::R13, Xbyak::Operand::R14, Xbyak::Operand::R15};

  void enter() {
    for (const int place : callee_saved) x.push(Xbyak::Reg64(place));
    x.mov(x.rax, x.rsp);
    x.sub(x.rsp, frame_.size);
    x.and_(x.rsp, ~63u);
    x.mov(stack(frame_.caller_stack), x.rax);
    x.mov(stack(frame_.call), x.rdi);
    x.mov(x.rax, x.ptr[x.rdi + offsetof(Call, rows)]);
    x.mov(stack(frame_.rows), x.rax);
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

  /// The array of the call, in rdx: rdi may hold a pointer by now.
  const Xbyak::Reg64& array(size_t member) {
    x.mov(x.rdx, stack(frame_.call));
    x.mov(x.rdx, x.ptr[x.rdx + member]);
    return x.rdx;
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
    x.vzeroupper();
    x.mov(x.rsp, stack(frame_.caller_stack));
    for (size_t k = std::size(callee_saved); k-- > 0;) x.pop(Xbyak::Reg64(callee_saved[k]));
    x.ret();
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

  /// Of operands for which that is asked, as many elements as a turn has, where the next block of rows lies.
  void fetch_ahead(uint32_t elements) {
    constexpr uint32_t line = 64;
    for (size_t k = 0; k < pointers_.operands; ++k) {
      if (!program_.operands[k].ahead || pointers_.places[k] == Pointers::unused) continue;
      for (uint32_t bytes = 0; bytes < 4 * elements; bytes += line)
        x.prefetcht1(at(this->lanes_at(k, 4, 0) + (ahead_bytes + bytes)));
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

  // Folds
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
    each_fold(Span::lanes, [&](size_t f) {
      const ir::Fold& fold = program_.folds[f];
      const uint32_t& identity = constants_.identities[this->is_real(fold)][static_cast<size_t>(fold.kind)];
      each_accumulator(f, true, [&](const Vector& lanes, uint32_t) { x.vbroadcastss(lanes, constant(&identity)); });
    });
  }

  void finish_row_folds() {
    each_fold(Span::lanes, [&](size_t f) {
      each_accumulator(f, false,
                       [&](const Vector& lanes, uint32_t half) { x.vmovaps(Vector(static_cast<int>(half)), lanes); });
      this->fold_row(program_.folds[f], Vector(0), Vector(1), Vector(2));
      x.vmovss(x.ptr[pointer(pointers_.of_fold(f))], x.xmm0);
    });
  }

  // Rows
  void all_rows() {
    x.L(next_row_);
    fill_uniforms(per_row);
    this->body(per_row, {});
    load_pins(per_row);
    begin_row_folds();
    lanes();
    finish_row_folds();
    step_to_next_row();
  }

  void step_to_next_row() {
    Xbyak::Label last;
    x.dec(x.qword[x.rsp + frame_.rows]);
    x.jz(last, Xbyak::CodeGenerator::T_NEAR);
    bool loaded = false;
    for (size_t k = 0; k < pointers_.operands; ++k) {
      if (program_.operands[k].access != ir::Access::uniform) advance(k, k, offsetof(Call, row_bytes), loaded);
    }
    loaded = false;
    each_fold(Span::lanes, [&](size_t f) { advance(pointers_.of_fold(f), f, offsetof(Call, fold_bytes), loaded); });
    x.jmp(next_row_, Xbyak::CodeGenerator::T_NEAR);
    x.L(last);
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

  Xbyak::Label next_row_;
};

}  // namespace

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

}  // namespace autograd::engine::jit
