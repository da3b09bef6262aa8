#include <autograd/engine/jit/machine.h>

// What AVX-512 does with masks in one instruction, where the kernel language says two.

namespace autograd::engine::jit {

namespace {

constexpr uint32_t none = UINT32_MAX;

/// Ops of one level, of which some become part of a later one.
class Joining {
 public:
  Joining(const Machine& machine, const std::vector<uint32_t>& uses, std::vector<Op>& ops)
      : machine_(machine), uses_(uses), ops_(ops), made_(machine.values.size(), none), joined_(ops.size()) {}

  void run() {
    for (uint32_t i = 0; i < ops_.size(); ++i) {
      const Op& op = ops_[i];
      if (op.code == Opcode::mask_and) join_comparison(i);
      if (op.code == Opcode::select) join_fma(i);
      if (op.code == Opcode::store || op.code == Opcode::store_mask) last_store_ = i;
      if (op.result != no_value && uses_[op.result] == 1) made_[op.result] = i;
    }
    size_t kept = 0;
    for (size_t i = 0; i < ops_.size(); ++i) {
      if (!joined_[i]) ops_[kept++] = ops_[i];
    }
    ops_.resize(kept);
  }

 private:
  /// The op that makes a value for one use, if what it reads is still there.
  uint32_t maker(Id id) const {
    const uint32_t made = made_[id];
    return made != none && made >= last_store_ ? made : none;
  }

  /// a < b and mask: compares the lanes of the mask.
  void join_comparison(uint32_t i) {
    Op& op = ops_[i];
    for (const int k : {1, 0}) {
      const uint32_t comparison = maker(op.arguments[k]);
      if (comparison == none || !compares(ops_[comparison])) continue;
      const Id mask = op.arguments[1 - k], result = op.result;
      op = ops_[comparison];
      op.result = result;
      op.arguments[2] = mask;
      joined_[comparison] = true;
      return;
    }
  }

  static bool compares(const Op& op) {
    const bool comparison = op.code == Opcode::compare_float || op.code == Opcode::compare_int;
    return comparison && op.arguments[2] == no_value;
  }

  /// x < y ? 0 : a b + a, the end of exp: the fma leaves 0 in the other lanes.
  void join_fma(uint32_t i) {
    Op& op = ops_[i];
    const uint32_t comparison = made_[op.arguments[0]], fma = maker(op.arguments[2]);
    if (comparison == none || fma == none || !is_zero(op.arguments[1])) return;
    const Op& sum = ops_[fma];
    if (ops_[comparison].code != Opcode::compare_float || !compares(ops_[comparison])) return;
    if (sum.code != Opcode::fma || sum.detail != 0) return;
    const int same = sum.arguments[0] == sum.arguments[2] ? 0 : 1;
    if (sum.arguments[same] != sum.arguments[2]) return;
    ops_[comparison].detail ^= inverse;
    op.code = Opcode::fma_or_zero;
    op.arguments[2] = op.arguments[0];
    op.arguments[0] = sum.arguments[same];
    op.arguments[1] = sum.arguments[1 - same];
    joined_[fma] = true;
  }

  bool is_zero(Id id) const {
    const Value& value = machine_.values[id];
    return value.home == Home::literal && machine_.literals[value.index] == 0;
  }

  const Machine& machine_;
  const std::vector<uint32_t>& uses_;
  std::vector<Op>& ops_;
  std::vector<uint32_t> made_;  ///< of values with one use: their op
  std::vector<bool> joined_;
  uint32_t last_store_ = 0;  ///< an op may not move behind it: it may have overwritten what the op reads
};

}  // namespace

void join_masks(Machine& machine) {
  std::vector<uint32_t> uses(machine.values.size());
  for (const std::vector<Op>& ops : machine.ops) {
    for (const Op& op : ops) {
      for (const Id id : op.arguments) {
        if (id != no_value) ++uses[id];
      }
    }
  }
  for (std::vector<Op>& ops : machine.ops) Joining(machine, uses, ops).run();
}

}  // namespace autograd::engine::jit
