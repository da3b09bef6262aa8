#pragma once

#include <autograd/engine/jit/function.h>

#include <memory>

// Several programs as one function, group of rows by group of rows:
//
//   enter; for each part: what all rows have in common
//   for each turn
//     for each part, from the last to the first, with a group of rows:
//       its pointers into registers; its rows; the pointers, which have moved on, back
//   leave; out of line, the rare cases
//
// Each part is a group of rows behind the one before it. So what a turn does is independent, and the processor can
// work on all of it at once; what a part reads has been written long enough ago to be read in other pieces; and memory
// is read while it computes.

namespace autograd::engine::jit {

/// What the parts share, at the bottom of the stack; then for each the rows that are left.
struct JointFrame {
  static constexpr uint32_t caller_stack = 0, call = 8, turn = 16, rows = 24, rows_left = 32;
  static uint32_t size(size_t parts) { return (rows_left + 8 * static_cast<uint32_t>(parts) + 63) / 64 * 64; }
};

template <Target target>
class PartEmitter : FunctionEmitter<target> {
  using Base = FunctionEmitter<target>;
  using Base::short_rows, Base::stack, Base::x, Base::program_, Base::pointers_, Base::frame_;

 public:
  PartEmitter(Xbyak::CodeGenerator& code, const JointPart& part, size_t index, const Constants& constants,
              uint32_t frame_begin)
      : Base(code, *part.unit, constants, part.literals, frame_begin), index_(index), flat_(part.flat) {
    Base::fetch_ = index == 0 ? Base::Fetch::group : Base::Fetch::nothing;
  }

  uint32_t frame_end() const { return frame_.size; }
  using Base::enter_frame, Base::leave_frame, Base::rare_cases;

  void begin() {
    x.mov(x.rax, stack(JointFrame::call));
    x.mov(x.rdx, x.ptr[x.rax + offsetof(JointCall, rows)]);
    x.mov(rows_left(), x.rdx);
    x.mov(x.rax, x.ptr[x.rax + offsetof(JointCall, calls)]);
    x.add(x.rax, static_cast<uint32_t>(index_ * sizeof(Call)));
    x.mov(stack(frame_.call), x.rax);
    x.mov(x.rax, x.ptr[x.rax + offsetof(Call, lanes)]);
    x.mov(stack(frame_.lanes), x.rax);
    x.mov(x.qword[x.rsp + frame_.carried], 0);
    store_pointers(0, pointers_.operands, offsetof(Call, data));
    store_pointers(pointers_.operands, pointers_.patterns, offsetof(Call, patterns));
    store_pointers(pointers_.operands + pointers_.patterns, pointers_.folds, offsetof(Call, folds));
    Base::fill_uniforms(per_call);
    Base::body(per_call, {});
  }

  void group() {
    Xbyak::Label done;
    if (index_ > 0) {
      x.cmp(x.qword[x.rsp + JointFrame::turn], static_cast<uint32_t>(index_));
      x.jb(done, Xbyak::CodeGenerator::T_NEAR);
    }
    x.mov(x.rcx, rows_left());
    x.test(x.rcx, x.rcx);
    x.jz(done, Xbyak::CodeGenerator::T_NEAR);
    x.mov(x.rdx, stack(JointFrame::call));
    x.mov(x.rax, x.ptr[x.rdx + offsetof(JointCall, group)]);
    x.cmp(x.rax, x.rcx);
    x.cmovg(x.rax, x.rcx);
    x.sub(x.rcx, x.rax);
    x.mov(rows_left(), x.rcx);
    x.mov(stack(JointFrame::rows), x.rax);
    rows();
    x.L(done);
  }

 private:
  Xbyak::Address rows_left() const { return stack(JointFrame::rows_left + 8 * static_cast<uint32_t>(index_)); }

  /// As many rows as rax says.
  void rows() {
    each_register([&](const Xbyak::Reg64& place, const Xbyak::Address& slot) { x.mov(place, slot); });
    if (flat_) {
      x.mov(x.rdx, stack(frame_.call));
      x.imul(x.rax, x.ptr[x.rdx + offsetof(Call, lanes)]);
      x.mov(stack(frame_.lanes), x.rax);
    } else {
      x.mov(stack(frame_.rows), x.rax);
      if (!short_rows()) x.mov(x.rax, stack(frame_.lanes));
    }
    if (!short_rows()) {
      x.mov(x.r8, x.rax);
      x.and_(x.r8, 0u - Base::lanes_a_turn());
    }
    Base::load_totals();
    Base::load_pins(per_call);
    short_rows() ? Base::all_short_rows() : Base::all_rows(!flat_);
    Base::store_totals();
    if (flat_) step_flat();
    each_register([&](const Xbyak::Reg64& place, const Xbyak::Address& slot) { x.mov(slot, place); });
  }

  Xbyak::Address slot(size_t index) const { return stack(frame_.pointers + 8 * static_cast<uint32_t>(index)); }

  void store_pointers(size_t first, size_t count, size_t member) {
    bool any = false;
    for (size_t k = 0; k < count; ++k) {
      if (pointers_.places[first + k] == Pointers::unused) continue;
      if (!any) Base::array(member);
      any = true;
      x.mov(x.rax, x.ptr[x.rdx + 8 * k]);
      x.mov(slot(first + k), x.rax);
    }
  }

  template <class Do>
  void each_register(Do&& visit) {
    for (size_t k = 0; k < pointers_.places.size(); ++k) {
      if (pointers_.places[k] >= 0) visit(Xbyak::Reg64(pointers_.places[k]), slot(k));
    }
  }

  /// By the elements of as many rows as the group has.
  void step_flat() {
    Base::array(offsetof(Call, row_bytes));
    for (size_t k = 0; k < pointers_.operands; ++k) {
      const int place = pointers_.places[k];
      if (place == Pointers::unused || program_.operands[k].access == ir::Access::uniform) continue;
      x.mov(x.rax, x.ptr[x.rdx + 8 * k]);
      x.imul(x.rax, stack(JointFrame::rows));
      place == Pointers::in_frame ? x.add(slot(k), x.rax) : x.add(Xbyak::Reg64(place), x.rax);
    }
  }

  const size_t index_;
  const bool flat_;
};

template <Target target>
class JointEmitter {
 public:
  JointEmitter(Xbyak::CodeGenerator& code, std::span<const JointPart> parts, const Constants& constants) : x(code) {
    uint32_t end = JointFrame::size(parts.size());
    for (const JointPart& part : parts) {
      parts_.push_back(std::make_unique<PartEmitter<target>>(code, part, parts_.size(), constants, end));
      end = parts_.back()->frame_end();
    }
  }

  void emit() {
    Xbyak::Label next;
    PartEmitter<target>& last = *parts_.back();
    last.enter_frame(last.frame_end(), JointFrame::caller_stack);
    x.mov(at(JointFrame::call), x.rdi);
    x.mov(x.qword[x.rsp + JointFrame::turn], 0);
    for (const auto& part : parts_) part->begin();
    x.L(next);
    for (size_t k = parts_.size(); k-- > 0;) parts_[k]->group();
    x.inc(x.qword[x.rsp + JointFrame::turn]);
    x.cmp(x.qword[x.rsp + JointFrame::rows_left + 8 * (parts_.size() - 1)], 0);
    x.jne(next, Xbyak::CodeGenerator::T_NEAR);
    last.leave_frame(JointFrame::caller_stack);
    for (const auto& part : parts_) part->rare_cases();
  }

 private:
  Xbyak::Address at(uint32_t offset) const { return x.ptr[x.rsp + offset]; }

  Xbyak::CodeGenerator& x;
  std::vector<std::unique_ptr<PartEmitter<target>>> parts_;
};

}  // namespace autograd::engine::jit
