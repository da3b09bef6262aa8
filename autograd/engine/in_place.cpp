#include <autograd/engine/plan.h>

#include <algorithm>

// An assigned value is written straight into its Parameter where nobody can tell: its region is past
// all that may throw (after a throw no Parameter has changed) and the last that reads the old value,
// element for element. So an optimiser's step reads and writes its state once. What is assigned to several Parameters
// end to end is put there part by part (packed.h).

namespace autograd::engine {

namespace {

bool may_throw(const Region& region) {
  return region.call || !region.lookups.empty() || !region.row_lookups.empty() || !region.scatters.empty() ||
         std::ranges::any_of(region.kernel->program().body, [](const ir::Inst& inst) {
           const bool divides = inst.code == ir::Code::divide || inst.code == ir::Code::remainder;
           return inst.code == ir::Code::row || (divides && inst.type == DType::int32);
         });
}

/// Before it computes anything. What its folds take is there before the first region runs.
bool asks_for_memory(const Region& region) { return !region.call && region.local_bytes > most_stack_bytes; }

/// How regions read a Parameter's old value.
struct Reading {
  int64_t begin;         ///< of the Parameter's elements among those of all that the value is for
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
    const uint32_t* first = keep_.targets.data();
    for (size_t i = 0; i < keep_.target_counts.size(); ++i) {
      const std::span<const uint32_t> leaves(first, keep_.target_counts[i]);
      first += leaves.size();
      const uint32_t value = contiguous_base(planner_, outputs[keep_.outputs + i]);
      if (!is_free(value) || std::ranges::find(leaves, none) != leaves.end()) continue;
      if (!std::ranges::all_of(leaves, [&](uint32_t leaf) { return fits(value, leaf); })) continue;
      if (leaves.size() == 1) {
        take(value, leaves[0]);
      } else if (has_room(value) && is_read_once(value)) {
        take(value, leaves);
      }
    }
  }

 private:
  void find_readings() {
    reading_of_.assign(planner_.recording.size(), none);
    const uint32_t* next = keep_.targets.data();
    for (const uint32_t count : keep_.target_counts) {
      int64_t begin = 0;
      for (const uint32_t leaf : std::span<const uint32_t>(next, count)) {
        if (leaf == none) continue;
        reading_of_[leaf] = static_cast<uint32_t>(readings_.size());
        readings_.push_back({begin});
        begin += planner_.node(leaf).size();
      }
      next += count;
    }
    for (uint32_t region = 0; region < planner_.drafts.size(); ++region) {
      const Draft& draft = planner_.drafts[region];
      for (uint32_t node : draft.nodes) {
        if (planner_.node(node).op->kind == Op::Kind::pack) {
          read_pack(node, region);
          continue;
        }
        for_each_walk(planner_, node, [&](const Walk& walk, const Source& source) {
          const bool as_elements = is_list(walk, source) || (!draft.call && !is_table(walk, source));
          read(walk.base, region, as_elements && walk.identity);
        });
      }
    }
    for (uint32_t output : planner_.recording.outputs()) read(contiguous_base(planner_, output), none - 1, false);
  }

  /// In order are Parameters whose elements have the same place among those of all as in the assigned value.
  void read_pack(uint32_t pack, uint32_t region) {
    int64_t begin = 0;
    for (const Source& source : planner_.sources_of(pack)) {
      const uint32_t base = source.walk.base;
      read(base, region, reading_of_[base] != none && readings_[reading_of_[base]].begin == begin);
      begin += planner_.node(base).size();
    }
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
    return !draft.call && draft.stages == none && kind != Op::Kind::reduce && kind != Op::Kind::call && !state.in_place;
  }

  bool fits(uint32_t value, uint32_t leaf) const {
    const uint32_t region = planner_.states[value].region;
    const Reading& reading = readings_[reading_of_[leaf]];
    if (reading.last == none || reading.last < region) return true;
    return reading.last == region && reading.in_order && is_consumed(planner_.plan.regions[region], leaf);
  }

  /// For blocks of it, on the stack; folds of rows are cut in ways of their own.
  bool has_room(uint32_t value) const {
    if (draft_of(value).demands.folds_part) return false;
    return planner_.plan.regions[planner_.states[value].region].local_bytes + packed_bytes(value) <= most_stack_bytes;
  }
  int64_t block_of(uint32_t value) const {
    const int64_t block = planner_.plan.regions[planner_.states[value].region].block;
    return block > 0 ? block : Packed::block_of(draft_of(value).demands.folds_all);
  }
  int64_t packed_bytes(uint32_t value) const {
    return Packed::local_bytes(block_of(value), size_of(planner_.node(value).dtype));
  }
  const Draft& draft_of(uint32_t value) const { return planner_.drafts[planner_.states[value].region]; }

  /// Nothing but the assignment takes the value from memory.
  bool is_read_once(uint32_t value) const {
    const std::vector<uint32_t>& outputs = planner_.recording.outputs();
    const auto is_value = [&](uint32_t output) { return contiguous_base(planner_, output) == value; };
    return std::ranges::count_if(outputs, is_value) == 1 && !is_read_elsewhere(value);
  }

  bool is_read_elsewhere(uint32_t value) const {
    const auto reads = [&](uint32_t node) {
      bool found = false;
      for_each_walk(planner_, node, [&](const Walk& walk, const Source&) { found = found || walk.base == value; });
      return found;
    };
    for (uint32_t region = 0; region < planner_.drafts.size(); ++region) {
      const Draft& draft = planner_.drafts[region];
      if (region != planner_.states[value].region && std::ranges::any_of(draft.nodes, reads)) return true;
      for (const std::vector<uint32_t>& together : draft.scatters) {
        if (std::ranges::any_of(together, reads)) return true;
      }
    }
    return false;
  }

  /// Folds and stores come after all instructions: none may take the old value itself.
  static bool is_consumed(const Region& region, uint32_t leaf) {
    const ir::Program& program = region.kernel->program();
    const auto is_old_value = [&](ir::Value value) {
      const ir::Inst& inst = program.body[value];
      return inst.code == ir::Code::load && reads(region, inst.immediate, leaf);
    };
    return std::ranges::none_of(program.folds, [&](const ir::Fold& fold) { return is_old_value(fold.value); }) &&
           std::ranges::none_of(program.stores, [&](const ir::Store& store) { return is_old_value(store.value); });
  }

  static bool reads(const Region& region, uint16_t operand, uint32_t leaf) {
    if (region.operands[operand].base != none) return region.operands[operand].base == leaf;
    const auto pack = std::ranges::find(region.packs, region.arguments.operands[operand].local, &Packed::local);
    return pack != region.packs.end() &&
           std::ranges::any_of(pack->parts, [&](const Packed::Part& part) { return part.place.base == leaf; });
  }

  void take(uint32_t value, uint32_t leaf) {
    Region& region = planner_.plan.regions[planner_.states[value].region];
    for (const ir::Store& store : region.kernel->program().stores) {
      if (region.operands[store.operand].base == value) region.arguments.operands[store.operand].in_place = true;
    }
    planner_.states[value].in_place = true;
    planner_.plan.in_place.push_back({value, leaf});
  }

  /// Into one Parameter after the other, by way of local memory where they are small.
  void take(uint32_t value, std::span<const uint32_t> leaves) {
    Region& region = planner_.plan.regions[planner_.states[value].region];
    Packed& unpacked = region.unpacks.emplace_back();
    unpacked.element_bytes = size_of(planner_.node(value).dtype);
    unpacked.local = region.local_bytes;
    region.block = block_of(value);
    region.local_bytes += packed_bytes(value);
    int64_t begin = 0;
    for (const uint32_t leaf : leaves) {
      unpacked.parts.push_back({{leaf, 0}, begin});
      begin += planner_.node(leaf).size();
    }
    unpacked.parts.push_back({{none, 0}, begin});
    for (const ir::Store& store : region.kernel->program().stores) {
      if (region.operands[store.operand].base != value) continue;
      Operand& operand = region.arguments.operands[store.operand];
      operand.local = unpacked.local;
      operand.packed = operand.in_place = true;
    }
    planner_.states[value].in_place = true;
    planner_.plan.unpacked.push_back(value);
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

void cut_packs(Planner& planner) {
  for (Region& region : planner.plan.regions) {
    if (region.packs.empty() && region.unpacks.empty()) continue;
    const Packed& first = region.packs.empty() ? region.unpacks[0] : region.packs[0];
    // With each block folds over all begin anew.
    region.borders = borders_of_pieces(first, region.block, region.kernel->program().folds.empty());
    for (Packed& packed : region.packs) find_pieces(packed, region.borders);
    for (Packed& packed : region.unpacks) find_pieces(packed, region.borders);
  }
}

}  // namespace autograd::engine
