#include <autograd/engine/jit/forms.h>
#include <autograd/engine/jit/registers.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace autograd::engine::jit {

namespace {

constexpr uint32_t never = UINT32_MAX;
constexpr uint32_t ended = never - 1;  ///< past its last use, its register given back
/// The registers of one kind during a body.
struct File {
  uint32_t free = 0;    ///< as bits
  uint32_t usable = 0;  ///< the others are pinned, or the emitter's
  uint32_t locked = 0;  ///< wanted by the op at hand
  uint32_t stored = 0;  ///< those whose value is in memory too
  Id holders[32];
  uint32_t next_uses[32];  ///< of what they hold
  uint32_t slots = 0;
  std::vector<uint32_t> free_slots;
};

class Body {
 public:
  Body(const std::vector<Op>& ops, std::vector<Value>& values, bool wide, uint32_t vectors, uint32_t masks)
      : ops_(ops), values_(values), wide_(wide), places_(values.size(), in_memory), next_use_(values.size(), never) {
    files_[0].free = files_[0].usable = vectors;
    files_[1].free = files_[1].usable = masks;
  }

  void pin(const Pin& pin) { places_[pin.value] = pin.place; }

  std::vector<Step> allocate() {
    find_uses();
    steps_.reserve(ops_.size() + ops_.size() / 4);
    for (uint32_t i = 0; i < ops_.size(); ++i) place(i);
    return std::move(steps_);
  }

  uint32_t slots() const { return files_[0].slots; }
  uint32_t mask_slots() const { return files_[1].slots; }

 private:
  File& file(Id id) { return files_[values_[id].mask && wide_]; }

  /// later_[3 i + k]: the op after i that next uses argument k of op i.
  void find_uses() {
    later_.resize(3 * ops_.size());
    for (uint32_t i = static_cast<uint32_t>(ops_.size()); i-- > 0;) {
      const Id* arguments = ops_[i].arguments;
      for (uint32_t k = 0; k < 3; ++k) {
        if (arguments[k] != no_value) later_[3 * i + k] = next_use_[arguments[k]];
      }
      for (uint32_t k = 0; k < 3; ++k) {
        if (arguments[k] != no_value) next_use_[arguments[k]] = i;
      }
    }
  }

  void place(uint32_t i) {
    const Op& op = ops_[i];
    const Form wants = form(op, wide_);
    Step step{.kind = Step::Kind::op, .index = i};
    place_arguments(op, wants, i, step);
    for (int k = 0; k < wants.temporaries; ++k) step.temporaries[k] = take(files_[0]);
    if (wants.tied != 0) {
      overwrite(op, wants, step);
    } else if (wants.early && op.result != no_value) {
      step.result = take_result(op.result);
    }
    for (const Id id : op.arguments) {
      if (id != no_value && next_use_[id] == never) release(id);
    }
    if (op.result != no_value && step.result == in_memory) step.result = take_result(op.result);
    steps_.push_back(step);
    finish(op, wants, step);
  }

  void place_arguments(const Op& op, Form wants, uint32_t i, Step& step) {
    files_[0].locked = files_[1].locked = 0;
    for (int k = 0; k < 3; ++k) {
      if (op.arguments[k] != no_value) lock_if_placed(op.arguments[k], step.arguments[k]);
    }
    const int direct = read_in_place(op, wants, i, step);
    for (int k = 0; k < 3; ++k) {
      const Id id = op.arguments[k];
      if (id == no_value) continue;
      if (places_[id] == in_memory && k != direct) load(id);
      if (k != direct) step.arguments[k] = places_[id];
      next_use_[id] = later_[3 * i + static_cast<uint32_t>(k)];
      if (k != direct) file(id).next_uses[places_[id]] = next_use_[id];
    }
  }

  void lock_if_placed(Id id, uint8_t& place) {
    place = places_[id];
    if (place != in_memory) file(id).locked |= 1u << place;
  }

  /// The argument that the op reads from memory, or -1: that with the furthest next use, if it is worth no register.
  int read_in_place(const Op& op, Form wants, uint32_t i, const Step& step) {
    int best = -1;
    uint32_t furthest = 0;
    for (int k = 0; k < 3; ++k) {
      const Id id = op.arguments[k];
      if (id == no_value || step.arguments[k] != in_memory || (wants.memory >> k & 1) == 0) continue;
      if (std::count(op.arguments, op.arguments + 3, id) > 1) continue;
      const uint32_t later = later_[3 * i + static_cast<uint32_t>(k)];
      if (best >= 0 && later <= furthest) continue;
      best = k;
      furthest = later;
    }
    if (best < 0 || furthest == never) return best;
    File& registers = file(op.arguments[best]);
    if (registers.free != 0) return -1;
    const int victim = find_victim(registers);
    return (registers.stored >> victim & 1) != 0 && registers.next_uses[victim] > furthest ? -1 : best;
  }

  /// The result of a tied op takes the register of an argument that ends here, or of a fresh copy.
  void overwrite(const Op& op, Form wants, Step& step) {
    for (int k = 0; k < 3; ++k) {
      if ((wants.tied >> k & 1) == 0 || step.arguments[k] == in_memory || next_use_[op.arguments[k]] != never) continue;
      if ((file(op.arguments[k]).usable >> step.arguments[k] & 1) == 0) continue;  // pinned
      release(op.arguments[k]);
      step.result = step.arguments[k];
      hold(op.result, step.result);
      return;
    }
    int copied = std::countr_zero(wants.tied);
    for (int k = 0; k < 3; ++k) {
      if ((wants.tied >> k & 1) != 0 && step.arguments[k] == in_memory) copied = k;
    }
    step.result = take_result(op.result);
    if (step.arguments[copied] == in_memory) {
      steps_.push_back({.kind = Step::Kind::load, .result = step.result, .index = op.arguments[copied]});
    } else {
      steps_.push_back({.kind = Step::Kind::copy,
                        .result = step.result,
                        .arguments = {step.arguments[copied], in_memory, in_memory},
                        .index = op.arguments[copied]});
    }
    step.arguments[copied] = step.result;
  }

  void finish(const Op& op, Form wants, const Step& step) {
    for (int k = 0; k < wants.temporaries; ++k) files_[0].free |= 1u << step.temporaries[k];
    if (op.result != no_value && next_use_[op.result] == never) release(op.result);
    for (const auto& [registers, slot] : released_) registers->free_slots.push_back(slot);
    released_.clear();
  }

  bool in_store(Id id) const { return values_[id].home != Home::none || values_[id].slot != no_slot; }

  void load(Id id) {
    const uint8_t place = take(file(id));
    hold(id, place);
    steps_.push_back({.kind = Step::Kind::load, .result = place, .index = id});
  }

  uint8_t take_result(Id id) {
    const uint8_t place = take(file(id));
    hold(id, place);
    return place;
  }

  void hold(Id id, uint8_t place) {
    File& registers = file(id);
    registers.free &= ~(1u << place);
    registers.stored &= ~(1u << place);
    registers.stored |= uint32_t{in_store(id)} << place;
    registers.holders[place] = id;
    registers.next_uses[place] = next_use_[id];
    places_[id] = place;
  }

  /// A register that is locked until the op is placed; its holder moves out if it has one.
  uint8_t take(File& registers) {
    if (registers.free == 0) evict(registers.holders[find_victim(registers)]);
    const auto place = static_cast<uint8_t>(std::countr_zero(registers.free));
    registers.free &= ~(1u << place);
    registers.locked |= 1u << place;
    return place;
  }

  /// Of the held registers, that with the furthest next use; of equals, one whose value need not be stored.
  static int find_victim(const File& registers) {
    int best = -1;
    uint64_t furthest = 0;
    for (uint32_t left = registers.usable & ~registers.free & ~registers.locked; left != 0; left &= left - 1) {
      const int place = std::countr_zero(left);
      const uint64_t score = 2 * uint64_t{registers.next_uses[place]} + (registers.stored >> place & 1);
      if (score < furthest) continue;
      best = place;
      furthest = score;
    }
    return best;
  }

  void evict(Id id) {
    if (!in_store(id)) {
      File& registers = file(id);
      if (registers.free_slots.empty()) registers.free_slots.push_back(registers.slots++);
      values_[id].slot = registers.free_slots.back();
      registers.free_slots.pop_back();
      Step step{.kind = Step::Kind::spill, .index = id};
      step.result = places_[id];
      steps_.push_back(step);
    }
    file(id).free |= 1u << places_[id];
    places_[id] = in_memory;
  }

  /// Its slot is free only after the op, which may still read it.
  void release(Id id) {
    File& registers = file(id);
    if (places_[id] != in_memory && (registers.usable >> places_[id] & 1) != 0) {
      registers.free |= 1u << places_[id];
      places_[id] = in_memory;
    }
    if (values_[id].slot != no_slot) released_.push_back({&registers, values_[id].slot});
    next_use_[id] = ended;
  }

  const std::vector<Op>& ops_;
  std::vector<Value>& values_;
  const bool wide_;
  std::vector<uint8_t> places_;     ///< register of a value
  std::vector<uint32_t> next_use_;  ///< op that uses a value next
  std::vector<uint32_t> later_;
  File files_[2];                                     ///< vectors; masks
  std::vector<std::pair<File*, uint32_t>> released_;  ///< slots that the op at hand reads last
  std::vector<Step> steps_;
};

/// Vector registers with which the body does not spill, as good as.
int pressure(const std::vector<Op>& ops, const std::vector<Value>& values, bool wide) {
  std::vector<uint32_t> last_use(values.size(), never);
  for (uint32_t i = 0; i < ops.size(); ++i) {
    for (const Id id : ops[i].arguments) {
      if (id != no_value) last_use[id] = i;
    }
  }
  const auto counts = [&](Id id) {
    const Home home = values[id].home;
    return !(values[id].mask && wide) && home != Home::uniform && home != Home::literal;
  };
  std::vector<bool> live(values.size());
  int now = 0, highest = 0;
  const auto begin = [&](Id id) {
    if (id == no_value || live[id] || !counts(id)) return;
    live[id] = true;
    ++now;
  };
  for (uint32_t i = 0; i < ops.size(); ++i) {
    for (const Id id : ops[i].arguments) begin(id);
    begin(ops[i].result);
    highest = std::max(highest, now + form(ops[i], wide).temporaries);
    for (const Id id : ops[i].arguments) {
      if (id == no_value || !live[id] || last_use[id] != i) continue;
      live[id] = false;
      --now;
    }
  }
  return highest;
}

/// Takes registers from the top for what stays in them during the loop of lanes.
class Residents {
 public:
  Residents(const Machine& machine, bool wide) : machine_(machine), wide_(wide), next_(wide ? 31 : 15) {
    constexpr int least_for_a_body = 6;
    left_ = next_ + 1 - std::max(pressure(machine.ops[per_turn], machine.values, wide) + 1, least_for_a_body);
  }

  void accumulators(const std::vector<ir::Fold>& folds, std::vector<uint8_t>& places) {
    const int halves = wide_ ? 1 : 2;
    // A body that spills a little takes less time than sums in memory, each of which waits until the last is stored.
    int room = std::max(left_, wide_ ? 6 : 0);
    places.assign(2 * folds.size(), in_memory);
    for (size_t f = 0; f < folds.size(); ++f) {
      // One for all turns: that of long rows is another for every lane, that of a short row's lanes ends with it.
      const bool short_rows = machine_.row_vectors > 0;
      if (folds[f].span == (short_rows ? ir::Fold::Span::lanes : ir::Fold::Span::rows) || room < halves) continue;
      room -= halves;
      for (int half = 0; half < halves; ++half) places[2 * f + static_cast<size_t>(half)] = take();
    }
  }

  void pins(std::vector<Pin>& pins) {
    if (left_ <= 0) return;
    std::vector<uint32_t> uses(machine_.values.size());
    std::vector<Id> candidates;
    for (const Op& op : machine_.ops[per_lane]) {
      for (const Id id : op.arguments) {
        if (id != no_value && can_be_pinned(machine_.values[id]) && uses[id]++ == 0) candidates.push_back(id);
      }
    }
    std::stable_sort(candidates.begin(), candidates.end(), [&](Id x, Id y) { return uses[x] > uses[y]; });
    for (const Id id : candidates) {
      if (left_ <= 0) return;
      const Value& value = machine_.values[id];
      const bool of_row = value.home == Home::uniform && machine_.uniforms[value.index].level == per_row;
      pins.push_back({id, take(), of_row ? per_row : per_call});
    }
  }

  uint32_t taken() const { return taken_; }

 private:
  bool can_be_pinned(const Value& value) const {
    if (value.mask && wide_) return false;
    return value.home == Home::uniform || value.home == Home::literal;
  }

  uint8_t take() {
    --left_;
    taken_ |= 1u << next_;
    return static_cast<uint8_t>(next_--);
  }

  const Machine& machine_;
  const bool wide_;
  int next_;
  int left_;
  uint32_t taken_ = 0;
};

void use_registers(std::vector<Op>& ops, const std::vector<uint8_t>& accumulators) {
  for (Op& op : ops) {
    if (op.code == Opcode::accumulate_memory && accumulators[2u * op.index] != in_memory) op.code = Opcode::accumulate;
  }
}

}  // namespace

Assignment assign(Machine& machine, const std::vector<ir::Fold>& folds, Target target) {
  const bool wide = target == Target::avx512;
  const uint32_t vectors = wide ? 0xffff'ffff : 0xffff;
  constexpr uint32_t masks = 0b1111'1000;  // the emitter uses 0, 1 and 2
  Assignment result;
  Residents residents(machine, wide);
  residents.accumulators(folds, result.accumulators);
  residents.pins(result.pins);
  use_registers(machine.ops[per_lane], result.accumulators);
  use_registers(machine.ops[per_turn], result.accumulators);
  for (int level = 0; level < levels; ++level) {
    if (machine.ops[level].empty()) continue;
    const uint32_t usable = level == per_call ? vectors : vectors & ~residents.taken();
    Body body(machine.ops[level], machine.values, wide, usable, masks);
    for (const Pin& pin : result.pins) {
      if (pin.level < std::min<int>(level, per_lane)) body.pin(pin);
    }
    result.steps[level] = body.allocate();
    result.slots = std::max(result.slots, body.slots());
    result.mask_slots = std::max(result.mask_slots, body.mask_slots());
  }
  return result;
}

}  // namespace autograd::engine::jit
