#include <autograd/engine/jit/machine.h>

#include <algorithm>
#include <utility>

namespace autograd::engine::jit {

namespace {

/// Copies of values for the vectors of a turn.
class Copies {
 public:
  Copies(std::vector<Value>& values, uint32_t vectors)
      : values_(values), vectors_(vectors), first_(values.size(), no_value) {
    values.reserve(values.size() * (vectors + size_t{1}));
  }

  Id operator()(Id id, uint32_t vector) {
    if (id == no_value || is_common(values_[id])) return id;
    if (first_[id] == no_value) {
      first_[id] = static_cast<Id>(values_.size());
      values_.insert(values_.end(), vectors_, Value(values_[id]));
      for (uint32_t k = 0; k < vectors_; ++k) values_[first_[id] + k].vector = static_cast<uint8_t>(k);
    }
    return first_[id] + vector;
  }

 private:
  static bool is_common(const Value& value) {
    return value.home == Home::uniform || value.home == Home::literal || value.home == Home::lane;
  }

  std::vector<Value>& values_;
  const uint32_t vectors_;
  std::vector<Id> first_;
};

std::vector<uint32_t> last_uses(const Machine& machine, const std::vector<Op>& ops) {
  std::vector<uint32_t> last_use(machine.values.size());
  for (uint32_t i = 0; i < ops.size(); ++i) {
    for (const Id id : ops[i].arguments) {
      if (id != no_value) last_use[id] = i;
    }
  }
  return last_use;
}

/// Where the ops end that must follow op `begin` closely: mask registers are few, so a mask that is
/// used up nearby is made for one vector at a time.
size_t group_end(const Machine& machine, const std::vector<Op>& ops, const std::vector<uint32_t>& last_use,
                 size_t begin) {
  constexpr size_t nearby = 6;
  size_t end = begin + 1;
  for (size_t i = begin; i < end; ++i) {
    const Id made = ops[i].result;
    if (made == no_value || !machine.values[made].mask || last_use[made] > begin + nearby) continue;
    end = std::max<size_t>(end, last_use[made] + 1);
  }
  return end;
}

/// The ops of some rows, side by side; folds over lanes end in the memory of their row.
//
// Where lane i waits for lane i + 8, then + 4, half of a vector is idle, so the halves of two rows are folded side by
// side, then the quarters of four, whose results lie next to each other in memory in the end.
class RowsTogether {
 public:
  RowsTogether(Machine& machine, const ir::Program& program, uint32_t rows, Target target)
      : machine_(machine),
        lanes_(program.row_lanes),
        rows_(rows),
        width_(target == Target::avx512 ? 16 : 8),
        copy_(machine.values, rows * machine.row_vectors) {}

  std::vector<Op> run(const std::vector<Op>& single, const ir::Program& program) {
    const std::vector<uint32_t> last_use = last_uses(machine_, single);
    const auto folds_lanes = [&](const Op& op) {
      return op.code == Opcode::accumulate_memory && program.folds[op.index].span == ir::Fold::Span::lanes;
    };
    for (size_t begin = 0, end = 0; begin < single.size(); begin = end) {
      end = begin + 1;
      if (folds_lanes(single[begin])) {
        fold_lanes(single[begin]);
        continue;
      }
      const size_t closely = width_ == 16 ? group_end(machine_, single, last_use, begin) : end;
      while (end < closely && !folds_lanes(single[end])) ++end;
      for (uint32_t vector = 0; vector < rows_ * machine_.row_vectors; ++vector) {
        for (size_t i = begin; i < end; ++i) add(single[i], vector);
      }
    }
    return std::move(ops_);
  }

 private:
  void add(const Op& op, uint32_t vector) {
    Op& added = ops_.emplace_back(op);
    added.vector = static_cast<uint8_t>(vector);
    added.result = copy_(op.result, vector);
    for (Id& argument : added.arguments) argument = copy_(argument, vector);
  }

  Id add_fold(const Op& of, Opcode code, uint32_t lanes, uint32_t row, Id a, Id b = no_value) {
    const bool stores = code == Opcode::store_fold || code == Opcode::store_folds;
    Id result = no_value;
    if (!stores) {
      result = static_cast<Id>(machine_.values.size());
      machine_.values.push_back({});
    }
    ops_.push_back({.code = code,
                    .detail = static_cast<uint8_t>(lanes),
                    .index = of.index,
                    .vector = static_cast<uint8_t>(row * machine_.row_vectors),
                    .result = result,
                    .arguments = {a, b, no_value}});
    return result;
  }

  /// A row's lanes in one vector, none missing.
  Id row_of(const Op& op, uint32_t row) {
    Id parts[2] = {no_value, no_value};
    for (uint32_t part = 0; part < machine_.row_vectors; ++part) {
      parts[part] = copy_(op.arguments[0], row * machine_.row_vectors + part);
      const uint32_t left = lanes_ - width_ * part;
      if (left < width_) parts[part] = add_fold(op, Opcode::fill, left, row, parts[part], op.arguments[1]);
    }
    return parts[1] == no_value ? parts[0] : add_fold(op, Opcode::fold_halves, 16, row, parts[0], parts[1]);
  }

  void fold_lanes(const Op& op) {
    if (rows_ == 1) {
      add_fold(op, Opcode::store_fold, width_, 0, row_of(op, 0));
      return;
    }
    for (uint32_t row = 0; row < rows_; row += 4) {
      const Id rows[4] = {row_of(op, row), row_of(op, row + 1), row_of(op, row + 2), row_of(op, row + 3)};
      if (width_ == 16) {
        const Id low = add_fold(op, Opcode::fold_halves, 16, row, rows[0], rows[1]);
        const Id high = add_fold(op, Opcode::fold_halves, 16, row, rows[2], rows[3]);
        add_fold(op, Opcode::store_folds, 4, row, add_fold(op, Opcode::fold_halves, 8, row, low, high));
      } else {
        const Id even = add_fold(op, Opcode::fold_halves, 8, row, rows[0], rows[2]);
        const Id odd = add_fold(op, Opcode::fold_halves, 8, row, rows[1], rows[3]);
        add_fold(op, Opcode::store_folds, 4, row, even, odd);
      }
    }
  }

  Machine& machine_;
  const uint32_t lanes_, rows_, width_;
  Copies copy_;
  std::vector<Op> ops_;
};

}  // namespace

void interleave(Machine& machine, uint32_t vectors, Target target) {
  machine.turn_vectors = vectors;
  const std::vector<Op>& single = machine.ops[per_lane];
  const std::vector<uint32_t> last_use = last_uses(machine, single);
  std::vector<Op>& turn = machine.ops[per_turn];
  turn.reserve(single.size() * vectors);
  Copies copy(machine.values, vectors);
  for (size_t begin = 0, end = 0; begin < single.size(); begin = end) {
    end = target == Target::avx512 ? group_end(machine, single, last_use, begin) : begin + 1;
    for (uint32_t vector = 0; vector < vectors; ++vector) {
      for (size_t i = begin; i < end; ++i) {
        Op& op = turn.emplace_back(single[i]);
        op.vector = static_cast<uint8_t>(vector);
        op.result = copy(op.result, vector);
        for (Id& argument : op.arguments) argument = copy(argument, vector);
      }
    }
  }
}

void interleave_rows(Machine& machine, const ir::Program& program, uint32_t rows, Target target) {
  const std::vector<Op> single = std::move(machine.ops[per_lane]);
  machine.row_vectors = target == Target::avx2 && program.row_lanes > 8 ? 2 : 1;
  machine.turn_vectors = rows * machine.row_vectors;
  machine.ops[per_turn] = RowsTogether(machine, program, rows, target).run(single, program);
  machine.ops[per_lane] = RowsTogether(machine, program, 1, target).run(single, program);
}

}  // namespace autograd::engine::jit
