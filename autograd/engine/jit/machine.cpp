#include <autograd/engine/jit/machine.h>
#include <autograd/engine/jit/pool.h>

#include <algorithm>
#include <bit>

namespace autograd::engine::jit {

namespace {

using ir::Access;

constexpr uint32_t sign_bit = 0x8000'0000;
constexpr uint32_t not_found = UINT32_MAX;

Level level_of(Access access, bool short_rows) {
  switch (access) {
    case Access::uniform: return per_call;
    case Access::row_uniform: return short_rows ? per_lane : per_row;
    default: return per_lane;
  }
}

bool is_contiguous(Access access) { return access == Access::linear || access == Access::row_linear; }

uint32_t literal_bits(DType type, double value) {
  switch (type) {
    case DType::float32: return std::bit_cast<uint32_t>(static_cast<float>(value));
    case DType::int32: return static_cast<uint32_t>(static_cast<int32_t>(value));
    default: return value != 0 ? UINT32_MAX : 0;
  }
}

/// What is known of an instruction of the program before any is lowered.
struct Known {
  Level level = per_call;
  bool live = false;
  bool inner = false;  ///< used at a deeper level than its own
  bool stored = false;
  bool folded = false;
  Id id = no_value;
};

class Lowering {
 public:
  explicit Lowering(const ir::Program& program) : program_(program) {}

  Machine run() {
    study();
    machine_.values.reserve(program_.body.size() + 16);
    machine_.ops[per_lane].reserve(program_.body.size() + program_.stores.size() + program_.folds.size());
    if (last_read_ == not_found) begin_stores();
    for (uint32_t i = 0; i < program_.body.size(); ++i) {
      const ir::Inst& inst = program_.body[i];
      if (known_[i].live && inst.code >= ir::Code::row) {
        Known& known = known_[i];
        known.id = lower(inst, known.level);
        if (known.inner) save(known.id, known.level);
        if (known.stored) known.id = hold(known.id);
        if (known.stored || known.folded) consume(static_cast<ir::Value>(i));
      }
      if (i == last_read_) begin_stores();
    }
    return std::move(machine_);
  }

 private:
  // What is used, how often it is computed, and when the last input is read
  void study() {
    const size_t count = program_.body.size();
    known_.resize(count);
    patterns_.assign(pattern_count(), no_value);
    for (size_t i = 0; i < count; ++i) known_[i].level = level(program_.body[i]);
    for (const ir::Store& store : program_.stores) mark_root(known_[store.value]).stored = true;
    for (const ir::Fold& fold : program_.folds) mark_root(known_[folded(fold)]).folded = true;
    for (size_t i = count; i-- > 0;) {
      const ir::Inst& inst = program_.body[i];
      known_[i].live |= inst.code == ir::Code::row;  // for its fault
      if (!known_[i].live) continue;
      const ir::Value arguments[] = {inst.a, inst.b, subtracts(inst) ? program_.body[inst.c].a : inst.c};
      for (int k = 0; k < ir::argument_count(inst.code); ++k) {
        Known& argument = known_[arguments[k]];
        argument.live = true;
        argument.inner |= argument.level < known_[i].level;
        if (last_read_ == not_found && reads_in_order(program_.body[arguments[k]]))
          last_read_ = static_cast<uint32_t>(i);
      }
    }
  }

  /// Whether the fold is a sum of negated values that may be subtracted instead: a + -b is a - b.
  bool subtracts(const ir::Fold& fold) const {
    const ir::Inst& inst = program_.body[fold.value];
    const bool accumulates = program_.row_lanes == 0 || fold.span != ir::Fold::Span::lanes;
    return fold.kind == ir::Fold::Kind::sum && inst.code == ir::Code::negate && inst.type == DType::float32 &&
           accumulates;
  }
  ir::Value folded(const ir::Fold& fold) const { return subtracts(fold) ? program_.body[fold.value].a : fold.value; }

  /// Whether the fma adds what is negated: a b + -c is a b - c.
  bool subtracts(const ir::Inst& inst) const {
    return inst.code == ir::Code::fma && program_.body[inst.c].code == ir::Code::negate;
  }

  static Known& mark_root(Known& known) {
    known.live = true;
    known.inner |= known.level < per_lane;
    return known;
  }

  size_t pattern_count() const {
    size_t count = 0;
    for (const ir::Operand& operand : program_.operands) {
      if (operand.access == Access::pattern) count = std::max<size_t>(count, operand.pattern + 1u);
    }
    return count;
  }

  Level level(const ir::Inst& inst) const {
    const ir::Value arguments[] = {inst.a, inst.b, inst.c};
    Level result = per_call;
    for (int k = 0; k < ir::argument_count(inst.code); ++k) result = std::max(result, known_[arguments[k]].level);
    if (inst.code != ir::Code::load && inst.code != ir::Code::gather) return result;
    return std::max(result, level_of(program_.operands[inst.immediate].access, program_.row_lanes > 0));
  }

  bool reads_in_order(const ir::Inst& inst) const {
    return inst.code == ir::Code::load && is_contiguous(program_.operands[inst.immediate].access);
  }

  // Ops and values
  Id value(Value value) {
    machine_.values.push_back(value);
    return static_cast<Id>(machine_.values.size() - 1);
  }

  Id emit(Level level, Opcode code, Id a, Id b = no_value, Id c = no_value, uint8_t detail = 0, uint16_t index = 0) {
    const Id result = value({.mask = makes_mask(code)});
    machine_.ops[level].push_back({code, detail, index, 0, result, {a, b, c}});
    return result;
  }

  static bool makes_mask(Opcode code) {
    return (code >= Opcode::compare_float && code <= Opcode::mask_not) || code == Opcode::check_row ||
           code == Opcode::load_mask || code == Opcode::gather_mask;
  }

  Id literal(uint32_t bits, bool mask = false) {
    machine_.literals.push_back(bits);
    return value({.home = Home::literal, .mask = mask, .index = static_cast<uint32_t>(machine_.literals.size() - 1)});
  }

  /// Of the lowering's own; there are few.
  Id constant(uint32_t bits) {
    for (const Id id : constants_) {
      if (machine_.literals[machine_.values[id].index] == bits) return id;
    }
    constants_.push_back(literal(bits));
    return constants_.back();
  }

  Id uniform(Uniform uniform) {
    machine_.uniforms.push_back(uniform);
    return value(
        {.home = Home::uniform, .mask = uniform.mask, .index = static_cast<uint32_t>(machine_.uniforms.size() - 1)});
  }

  void save(Id id, Level level) {
    Value& saved = machine_.values[id];
    if (saved.home != Home::none) return;
    saved.home = Home::uniform;
    saved.index = static_cast<uint32_t>(machine_.uniforms.size());
    machine_.uniforms.push_back({Uniform::Source::saved, level, saved.mask, 0});
    machine_.ops[level].push_back({.code = Opcode::save, .arguments = {id, no_value, no_value}});
  }

  Id pattern(uint16_t index) {
    if (patterns_[index] == no_value) patterns_[index] = value({.home = Home::pattern, .index = index});
    return patterns_[index];
  }

  Id argument(ir::Value index) {
    Known& known = known_[index];
    if (known.id == no_value) known.id = source(program_.body[index], known);
    return known.id;
  }

  // Loads, literals and scalars: on their first use
  Id source(const ir::Inst& inst, const Known& known) {
    const bool mask = inst.type == DType::boolean;
    if (inst.code == ir::Code::literal)
      return literal(literal_bits(inst.type, program_.literals[inst.immediate]), mask);
    if (inst.code == ir::Code::scalar) return uniform({Uniform::Source::scalar, per_call, mask, inst.immediate});
    const ir::Operand& operand = program_.operands[inst.immediate];
    if (known.level < per_lane) return uniform({Uniform::Source::operand, known.level, mask, inst.immediate});
    if (operand.access == Access::row_uniform)
      return emit(per_lane, Opcode::load_row, no_value, no_value, no_value, 0, inst.immediate);
    if (operand.access == Access::pattern) {
      const Opcode code = mask ? Opcode::gather_mask : Opcode::gather;
      return emit(per_lane, code, pattern(operand.pattern), no_value, no_value, 0, inst.immediate);
    }
    if (mask) return emit(per_lane, Opcode::load_mask, no_value, no_value, no_value, 0, inst.immediate);
    const Id id = value({.home = Home::linear, .index = inst.immediate});
    return known.stored ? hold(id) : id;
  }

  /// A store may overwrite the input that another one copies, so what is copied is read before both.
  Id hold(Id id) {
    const Value held = machine_.values[id];
    if (held.home != Home::linear) return id;
    return emit(per_lane, Opcode::load, no_value, no_value, no_value, 0, static_cast<uint16_t>(held.index));
  }

  // Stores and folds
  void begin_stores() {
    storing_ = true;
    for (const ir::Fold& fold : program_.folds) {
      if (program_.body[folded(fold)].code < ir::Code::row) accumulate(fold);
    }
    for (const ir::Store& store : program_.stores) {
      if (program_.body[store.value].code < ir::Code::row) argument(store.value);
    }
    for (const ir::Store& store : program_.stores) {
      if (known_[store.value].id != no_value) emit_store(store);
    }
  }

  void consume(ir::Value value) {
    for (const ir::Fold& fold : program_.folds) {
      if (folded(fold) == value) accumulate(fold);
    }
    if (!storing_) return;
    for (const ir::Store& store : program_.stores) {
      if (store.value == value) emit_store(store);
    }
  }

  void accumulate(const ir::Fold& fold) {
    const auto index = static_cast<uint16_t>(&fold - program_.folds.data());
    const Id id = argument(folded(fold));
    const bool real = program_.body[fold.value].type == DType::float32;
    const bool care = fold.kind == ir::Fold::Kind::sum ? subtracts(fold) : real;
    Op op{.code = Opcode::accumulate_memory, .detail = care, .index = index, .arguments = {id, no_value, no_value}};
    if (program_.row_lanes > 0 && fold.span == ir::Fold::Span::lanes)
      op.arguments[1] = constant(Constants().identities[real][static_cast<size_t>(fold.kind)]);
    machine_.ops[per_lane].push_back(op);
  }

  void emit_store(const ir::Store& store) {
    const Id id = argument(store.value);
    const Opcode code = machine_.values[id].mask ? Opcode::store_mask : Opcode::store;
    machine_.ops[per_lane].push_back({.code = code, .index = store.operand, .arguments = {id, no_value, no_value}});
  }

  // Instructions
  Id lower(const ir::Inst& inst, Level level) {
    const int count = ir::argument_count(inst.code);
    const Id a = argument(inst.a);
    const Id b = count > 1 ? argument(inst.b) : no_value;
    const Id c = count > 2 ? argument(subtracts(inst) ? program_.body[inst.c].a : inst.c) : no_value;
    const bool real = program_.body[inst.a].type == DType::float32;
    const auto number = [&](Opcode of_float, Opcode of_int) { return emit(level, real ? of_float : of_int, a, b); };
    const auto detailed = [&](Opcode code, int detail) {
      return emit(level, code, a, b, c, static_cast<uint8_t>(detail));
    };
    using C = ir::Code;
    switch (inst.code) {
      case C::row: return row(inst, level, a);
      case C::gather: return gather(inst, level, a);
      case C::negate:
        if (real) return emit(level, Opcode::xor_float, a, constant(sign_bit));
        return emit(level, Opcode::subtract_int, constant(0), a);
      case C::absolute:
        if (real) return emit(level, Opcode::and_float, a, constant(~sign_bit));
        return emit(level, Opcode::absolute_int, a);
      case C::square_root: return emit(level, Opcode::square_root, a);
      case C::floor: return detailed(Opcode::round, 1);
      case C::ceil: return detailed(Opcode::round, 2);
      case C::round: return detailed(Opcode::round, 0);
      case C::logical_not: return emit(level, Opcode::mask_not, a);
      case C::convert: return convert(program_.body[inst.a].type, inst.type, level, a);
      case C::bitcast: return a;
      case C::shift_left: return detailed(Opcode::shift_left, inst.immediate);
      case C::shift_right: return detailed(Opcode::shift_right, inst.immediate);
      case C::shift_right_logical: return detailed(Opcode::shift_right_logical, inst.immediate);
      case C::add: return number(Opcode::add_float, Opcode::add_int);
      case C::subtract: return number(Opcode::subtract_float, Opcode::subtract_int);
      case C::multiply: return number(Opcode::multiply_float, Opcode::multiply_int);
      case C::divide: return emit(level, Opcode::divide_float, a, b);
      case C::minimum: return number(Opcode::minimum_float, Opcode::minimum_int);
      case C::maximum: return number(Opcode::maximum_float, Opcode::maximum_int);
      case C::equal: return compare(inst, level, equal, a, b);
      case C::not_equal: return compare(inst, level, not_equal, a, b);
      case C::less: return compare(inst, level, less, a, b);
      case C::less_equal: return compare(inst, level, less_equal, a, b);
      case C::logical_and: return emit(level, Opcode::mask_and, a, b);
      case C::logical_or: return emit(level, Opcode::mask_or, a, b);
      case C::bit_and: return emit(level, Opcode::and_int, a, b);
      case C::bit_or: return emit(level, Opcode::or_int, a, b);
      case C::bit_xor: return emit(level, Opcode::xor_int, a, b);
      case C::fma: return detailed(Opcode::fma, subtracts(inst));
      case C::select: return select(inst, level, a, b, c);
      case C::rare: return detailed(Opcode::rare, inst.immediate);
      default: return no_value;  // supports() keeps the rest out
    }
  }

  Id row(const ir::Inst& inst, Level level, Id index) {
    const Id rows = uniform({Uniform::Source::rows, per_call, false, inst.immediate});
    const Id stride = uniform({Uniform::Source::stride, per_call, false, inst.immediate});
    const Id exists = emit(level, Opcode::check_row, index, rows);
    return emit(level, Opcode::scale_row, exists, index, stride);
  }

  Id gather(const ir::Inst& inst, Level level, Id index) {
    const ir::Operand& operand = program_.operands[inst.immediate];
    const Opcode code = inst.type == DType::boolean ? Opcode::gather_mask : Opcode::gather;
    if (operand.access == Access::pattern) index = emit(level, Opcode::add_int, index, pattern(operand.pattern));
    if (!is_contiguous(operand.access)) return emit(level, code, index, no_value, no_value, 0, inst.immediate);
    index = emit(level, Opcode::add_int, index, value({.home = Home::lane}));
    return emit(level, code, index, no_value, no_value, 1, inst.immediate);
  }

  Id convert(DType from, DType to, Level level, Id a) {
    if (from == to) return a;
    if (to == DType::boolean) {
      const Opcode code = from == DType::float32 ? Opcode::compare_float : Opcode::compare_int;
      return emit(level, code, a, constant(0), no_value, not_equal);
    }
    if (from == DType::boolean) return emit(level, Opcode::select_or_zero, a, constant(literal_bits(to, 1)));
    return emit(level, to == DType::int32 ? Opcode::float_to_int : Opcode::int_to_float, a);
  }

  Id compare(const ir::Inst& inst, Level level, Predicate predicate, Id a, Id b) {
    const DType type = program_.body[inst.a].type;
    if (type == DType::float32) return emit(level, Opcode::compare_float, a, b, no_value, predicate);
    if (type == DType::int32) return emit(level, Opcode::compare_int, a, b, no_value, predicate);
    switch (predicate) {
      case equal: return emit(level, Opcode::mask_not, emit(level, Opcode::mask_xor, a, b));
      case not_equal: return emit(level, Opcode::mask_xor, a, b);
      case less: return emit(level, Opcode::mask_and_not, a, b);
      default: return emit(level, Opcode::mask_or, emit(level, Opcode::mask_not, a), b);
    }
  }

  Id select(const ir::Inst& inst, Level level, Id a, Id b, Id c) {
    if (inst.type == DType::boolean) {
      const Id otherwise = emit(level, Opcode::mask_and_not, a, c);
      return emit(level, Opcode::mask_or, emit(level, Opcode::mask_and, a, b), otherwise);
    }
    const Value& no = machine_.values[c];
    if (no.home == Home::literal && machine_.literals[no.index] == 0) return emit(level, Opcode::select_or_zero, a, b);
    return emit(level, Opcode::select, a, b, c);
  }

  const ir::Program& program_;
  Machine machine_;
  std::vector<Known> known_;
  std::vector<Id> patterns_;  ///< their offsets
  std::vector<Id> constants_;
  uint32_t last_read_ = not_found;  ///< the last instruction that takes an input in order
  bool storing_ = false;            ///< past it
};

}  // namespace

Machine lower(const ir::Program& program) { return Lowering(program).run(); }

}  // namespace autograd::engine::jit
