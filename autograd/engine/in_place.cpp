#include <autograd/engine/plan.h>

#include <algorithm>

// An assigned value is written straight into its Parameter where nobody can tell: its region is past
// all that may throw (after a throw no Parameter has changed) and the last that reads the old value,
// element for element. So an optimiser's step reads and writes its state once.

namespace autograd::engine {

namespace {

bool may_throw(const Region& region) {
  return region.call || region.block > 0 ||
         std::ranges::any_of(region.kernel->program().body, [](const ir::Inst& inst) {
           const bool divides = inst.code == ir::Code::divide || inst.code == ir::Code::remainder;
           return inst.code == ir::Code::row || (divides && inst.type == DType::int32);
         });
}

/// Before it computes anything.
bool asks_for_memory(const Region& region) {
  return !region.call && (!region.kernel->program().folds.empty() || region.block > 0);
}

/// How regions read a Parameter's old value.
struct Reading {
  uint32_t last = none;  ///< region
  bool in_order = true;  ///< by the last: element for element
};

class Choice {
 public:
  Choice(Planner& planner, const Keep& keep) : planner_(planner), keep_(keep) {}

  void run() {
    const size_t regions = planner_.plan.regions.size();
    for (uint32_t region = 0; region < regions; ++region) {
      if (may_throw(planner_.plan.regions[region]) || planner_.drafts[region].stages != none) safe_from_ = region + 1;
      if (asks_for_memory(planner_.plan.regions[region])) safe_from_ = std::max(safe_from_, region);
    }
    if (safe_from_ == regions) return;
    find_readings();
    const std::vector<uint32_t>& outputs = planner_.recording.outputs();
    for (size_t i = 0; i < keep_.targets.size(); ++i) {
      const uint32_t leaf = keep_.targets[i];
      const uint32_t value = contiguous_base(planner_, outputs[keep_.outputs + i]);
      if (leaf != none && is_free(value) && fits(value, leaf)) take(value, leaf);
    }
  }

 private:
  void find_readings() {
    reading_of_.assign(planner_.recording.size(), none);
    for (uint32_t leaf : keep_.targets) {
      if (leaf == none) continue;
      reading_of_[leaf] = static_cast<uint32_t>(readings_.size());
      readings_.push_back({});
    }
    for (uint32_t region = 0; region < planner_.drafts.size(); ++region) {
      const Draft& draft = planner_.drafts[region];
      for (uint32_t node : draft.nodes) {
        const NodeState& state = planner_.states[node];
        for (uint32_t k = 0; k < state.source_count; ++k) {
          const Source& source = planner_.sources[state.sources + k];
          if (source.kind == Source::Kind::number) continue;
          const bool in_order = !draft.call && source.kind == Source::Kind::memory && source.walk.identity;
          read(source.walk.base, region, in_order);
          if (source.kind == Source::Kind::gathered) read(source.index.base, region, source.index.identity);
        }
      }
    }
    for (uint32_t output : planner_.recording.outputs()) read(contiguous_base(planner_, output), none - 1, false);
  }

  void read(uint32_t base, uint32_t region, bool in_order) {
    if (reading_of_[base] == none) return;
    Reading& reading = readings_[reading_of_[base]];
    reading.in_order = in_order && (reading.in_order || reading.last != region);
    reading.last = region;
  }

  /// Whether the value has no other place, and its region may write where it likes.
  bool is_free(uint32_t value) const {
    if (planner_.known(value)) return false;
    const NodeState& state = planner_.states[value];
    if (state.region == none || state.region < safe_from_ || state.kept) return false;
    const Draft& draft = planner_.drafts[state.region];
    const Op::Kind kind = planner_.node(value).op->kind;
    return !draft.call && draft.stages == none && kind != Op::Kind::reduce && kind != Op::Kind::call &&
           std::ranges::none_of(planner_.plan.in_place,
                                [&](const Plan::InPlace& other) { return other.value == value; });
  }

  bool fits(uint32_t value, uint32_t leaf) const {
    const Node &node = planner_.node(value), &target = planner_.node(leaf);
    if (node.dtype != target.dtype || node.size() != target.size()) return false;
    const uint32_t region = planner_.states[value].region;
    const Reading& reading = readings_[reading_of_[leaf]];
    if (reading.last == none || reading.last < region) return true;
    return reading.last == region && reading.in_order && is_consumed(planner_.plan.regions[region], leaf);
  }

  /// Folds and stores come after all instructions: none may take the old value itself.
  static bool is_consumed(const Region& region, uint32_t leaf) {
    const ir::Program& program = region.kernel->program();
    const auto is_old_value = [&](ir::Value value) {
      const ir::Inst& inst = program.body[value];
      return inst.code == ir::Code::load && region.operands[inst.immediate].base == leaf;
    };
    return std::ranges::none_of(program.folds, [&](const ir::Fold& fold) { return is_old_value(fold.value); }) &&
           std::ranges::none_of(program.stores, [&](const ir::Store& store) { return is_old_value(store.value); });
  }

  void take(uint32_t value, uint32_t leaf) {
    Region& region = planner_.plan.regions[planner_.states[value].region];
    for (const ir::Store& store : region.kernel->program().stores) {
      if (region.operands[store.operand].base == value) region.arguments.operands[store.operand].in_place = true;
    }
    planner_.states[value].in_place = true;
    planner_.plan.in_place.push_back({value, leaf});
  }

  Planner& planner_;
  const Keep& keep_;
  uint32_t safe_from_ = 0;            ///< region
  std::vector<uint32_t> reading_of_;  ///< by position
  std::vector<Reading> readings_;
};

}  // namespace

void assign_in_place(Planner& planner, const Keep& keep) {
  if (!keep.targets.empty()) Choice(planner, keep).run();
}

}  // namespace autograd::engine
