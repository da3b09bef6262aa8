#include <autograd/engine/fold.h>
#include <autograd/engine/fused_run.h>
#include <autograd/engine/joint_run.h>
#include <autograd/engine/lookup_plan.h>
#include <autograd/engine/plan.h>
#include <autograd/ir/builder.h>

#include <algorithm>

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

/// Lowers the nodes of one draft to a region: a program, its operands, its numbers.
class Lowering {
 public:
  Lowering(Planner& planner, uint32_t draft)
      : planner_(planner),
        id_(draft),
        draft_(planner.drafts[draft]),
        region_(planner.plan.regions[draft]),
        lookups_(planner, draft_, region_),
        row_lookups_(planner, draft_, region_),
        builder_(program_, 4 * draft_.nodes.size()) {}

  void run(KernelSet& kernels) {
    for (uint32_t node : draft_.nodes) {
      lower(node);
      region_.origins.resize(builder_.size(), node);
    }
    collapse();
    for (const std::vector<uint32_t>& together : draft_.scatters) add_scatters(together);
    program_.scalars = static_cast<uint16_t>(region_.scalars.size());
    program_.tables = static_cast<uint16_t>(region_.arguments.tables.size() / 2);
    lay_out(program_, region_.arguments, draft_.stages != none);
    if (draft_.stages != none) fetch_ahead();
    region_.arguments.folds.resize(program_.folds.size());
    region_.kernel = kernels.add(std::move(program_));
  }

 private:
  void lower(uint32_t position) {
    const Node& node = planner_.node(position);
    NodeState& state = planner_.states[position];
    ir::Value inputs[3] = {};
    if (node.op->kind == Kind::pack) {
      inputs[0] = builder_.load(find_operand(local_walk(add_pack(position))), node.dtype);
    } else {
      for (uint32_t k = 0; k < state.source_count; ++k) inputs[k] = value(planner_.sources[state.sources + k]);
    }
    if (node.op->kind == Kind::reduce) {
      const Reduction reduction = planner_.recording.attributes<ReduceAttributes>(position).reduction;
      program_.folds.push_back({inputs[0], static_cast<ir::Fold::Kind>(reduction), reduced(planner_, position).span});
      region_.folds.push_back({position, node.dtype});
      return;
    }
    state.value = node.op->kind == Kind::map
                      ? node.op->lower(builder_, std::span<const ir::Value>(inputs, state.source_count), node.dtype)
                      : inputs[0];
    state.value_region = id_;
    // A copy of another region's value is not stored again.
    if (state.stored && state.region == id_)
      program_.stores.push_back({state.value, add_operand({position, 0, {}, true})});
  }

  ir::Value value(const Source& source) {
    switch (source.kind) {
      case Source::Kind::number: return number(source.node);
      case Source::Kind::memory: return memory(source.walk);
      case Source::Kind::gathered: {
        const int64_t column = std::max(lookups_.column_of(source), row_lookups_.column_of(source));
        if (column >= 0) return builder_.load(find_operand(local_walk(column)), planner_.node(source.walk.base).dtype);
        const ir::Value row = builder_.row(find_table(source.rows, source.row_stride), memory(source.index));
        return builder_.gather(find_operand(source.walk), row, planner_.node(source.walk.base).dtype);
      }
    }
    return 0;
  }

  ir::Value memory(const Walk& walk) {
    const Node& base = planner_.node(walk.base);
    if (!planner_.known(walk.base)) {
      if (base.op->kind == Kind::number) return number(walk.base);
      const NodeState& state = planner_.states[walk.base];
      if (walk.identity && state.value_region == id_) return state.value;
    }
    return builder_.load(find_operand(walk), base.dtype);
  }

  ir::Value number(uint32_t position) {
    if (planner_.node(position).op->kind != Kind::number) return of_numbers(position);
    const double value = planner_.recording.attributes<NumberAttributes>(position).value;
    const DType type = planner_.node(position).dtype;
    if (ir::is_structural(value)) return builder_.literal(value, type);
    const auto found = std::find(region_.scalars.begin(), region_.scalars.end(), position);
    const auto slot = static_cast<uint16_t>(found - region_.scalars.begin());
    if (found == region_.scalars.end()) region_.scalars.push_back(position);
    return builder_.scalar(slot, type);
  }

  /// Arithmetic on numbers, of bounded depth.
  ir::Value of_numbers(uint32_t position) {
    const Node& node = planner_.node(position);
    const std::span<const uint32_t> from = planner_.recording.inputs(position);
    ir::Value inputs[3] = {};
    for (size_t i = 0; i < from.size(); ++i) inputs[i] = number(from[i]);
    return node.op->lower(builder_, std::span<const ir::Value>(inputs, from.size()), node.dtype);
  }

  uint16_t find_table(int64_t rows, int64_t stride) {
    std::vector<int32_t>& tables = region_.arguments.tables;
    for (size_t i = 0; i < tables.size(); i += 2) {
      if (tables[i] == rows && tables[i + 1] == stride) return static_cast<uint16_t>(i / 2);
    }
    tables.push_back(static_cast<int32_t>(rows));
    tables.push_back(static_cast<int32_t>(stride));
    return static_cast<uint16_t>(tables.size() / 2 - 1);
  }

  /// Returns the column that holds a block of the pack, in bytes into local memory.
  int64_t add_pack(uint32_t position) {
    const std::span<const Source> sources = planner_.sources_of(position);
    const std::span<const uint32_t> inputs = planner_.recording.inputs(position);
    if (region_.block == 0) region_.block = Packed::block_of(draft_.demands.folds_all);
    Packed& packed = region_.packs.emplace_back();
    packed.element_bytes = size_of(planner_.node(position).dtype);
    packed.local = region_.local_bytes;
    region_.local_bytes += Packed::local_bytes(region_.block, packed.element_bytes);
    int64_t begin = 0;
    for (size_t k = 0; k < sources.size(); ++k) {
      packed.parts.push_back({{sources[k].walk.base, 0}, begin});
      begin += planner_.node(inputs[k]).size();
    }
    packed.parts.push_back({{none, 0}, begin});
    return packed.local;
  }

  /// Over a column that is filled before the kernel: no base, its place in local memory as offset.
  static Walk local_walk(int64_t column) {
    Walk walk;
    walk.offset = column;
    walk.identity = true;
    return walk;
  }

  uint16_t find_operand(const Walk& walk) {
    const auto found = std::find(walks_.begin(), walks_.end(), walk);
    return found == walks_.end() ? add_operand(walk) : static_cast<uint16_t>(found - walks_.begin());
  }

  uint16_t add_operand(const Walk& walk) {
    walks_.push_back(walk);
    program_.operands.push_back({});
    return static_cast<uint16_t>(walks_.size() - 1);
  }

  void add_scatters(const std::vector<uint32_t>& together) {
    const auto walk_of = [&](uint32_t node, uint32_t input) -> const Walk& {
      return planner_.sources[planner_.states[node].sources + input].walk;
    };
    Region::Scatters& scatters = region_.scatters.emplace_back();
    scatters.sums = together;
    for (uint32_t input = 0; input < planner_.states[together[0]].source_count; input += 2) {
      const Walk& indices = walk_of(together[0], input + 1);
      scatters.indices.push_back({indices.base, indices.offset * size_of(DType::int32)});
      for (const uint32_t node : together) {
        const uint32_t base = walk_of(node, input).base;
        const auto values = std::ranges::find(walks_, base, &Walk::base);
        scatters.columns.push_back({static_cast<uint16_t>(values - walks_.begin()), planner_.states[base].local});
      }
    }
  }

  /// Merges neighbouring axes that every operand and fold takes as one.
  void collapse() {
    KernelArguments& arguments = region_.arguments;
    const Shape& domain = draft_.domain;
    for (Walk& walk : walks_) {
      if (walk.identity) row_major(domain, walk.strides);
    }
    uint8_t split = draft_.demands.split;
    if (!draft_.demands.folds_part) {  // what is looked up beforehand splits nothing
      split = 0;
      for (const Walk& walk : walks_) split = static_cast<uint8_t>(split | splits(walk, domain));
    }
    int axes[max_rank];  // the innermost original axis of each merged one
    int rank = 0;
    for (int axis = 0; axis < domain.rank(); ++axis) {
      const bool merges = rank > 0 && (split >> (axis - 1) & 1) == 0;
      if (merges) {
        arguments.extents[static_cast<size_t>(rank - 1)] *= domain[axis];
        axes[rank - 1] = axis;
      } else {
        arguments.extents[static_cast<size_t>(rank)] = domain[axis];
        axes[rank++] = axis;
      }
    }
    if (rank == 0) {
      arguments.extents[0] = 1;
      axes[rank++] = 0;
    }
    arguments.rank = rank;
    arguments.size = domain.size();
    for (const Walk& walk : walks_) {
      Operand operand;
      for (int axis = 0; axis < rank; ++axis) {
        operand.strides[static_cast<size_t>(axis)] = walk.strides[static_cast<size_t>(axes[axis])];
      }
      if (walk.base == none) {
        operand.local = walk.offset;
        const auto pack = std::ranges::find(region_.packs, walk.offset, &Packed::local);
        operand.packed = pack != region_.packs.end();
        operand.bytes = operand.packed ? pack->element_bytes : 4;
        region_.operands.push_back({none, 0});
      } else {
        operand.bytes = size_of(planner_.node(walk.base).dtype);
        operand.local = planner_.states[walk.base].local;
        operand.in_place = planner_.states[walk.base].hosts;
        region_.operands.push_back({walk.base, walk.offset * operand.bytes});
      }
      arguments.operands.push_back(operand);
    }
    const bool parts = draft_.demands.folds_part;
    if (parts && arguments.size > 0) {
      arguments.lane_blocks = (arguments.lanes() + fold_block - 1) / fold_block;
      const int64_t rows = arguments.rows(), blocks = row_blocks(rows);
      arguments.row_block = (rows + blocks - 1) / blocks;
    }
  }

  /// The first stage does little but read arrays from afar, and waits for them; the one that reads them next has them
  /// near, and time to fetch what the first will read in the next block of rows.
  void fetch_ahead() {
    const auto first = planner_.plan.regions.begin() + planner_.stages[draft_.stages].first;
    const auto last = planner_.plan.regions.begin() + id_;
    if (first == last) return;
    const auto reads = [](const Region& region, uint32_t base) {
      return std::ranges::any_of(region.operands, [&](const Place& place) { return place.base == base; });
    };
    const auto fetches = [](const Region& region, uint32_t base) {
      for (size_t i = 0; i < region.operands.size(); ++i) {
        if (region.operands[i].base == base && region.kernel->program().operands[i].ahead) return true;
      }
      return false;
    };
    for (size_t i = 0; i < program_.operands.size(); ++i) {
      const uint32_t base = region_.operands[i].base;
      if (base == none || program_.operands[i].access != ir::Access::linear) continue;
      const uint32_t producer = planner_.states[base].region;
      const bool is_of_stages = producer != none && planner_.drafts[producer].stages == draft_.stages;
      if (is_of_stages || !reads(*first, base)) continue;
      if (std::any_of(first + 1, last, [&](const Region& earlier) { return fetches(earlier, base); })) continue;
      program_.operands[i].ahead = true;
      return;
    }
  }

  static void row_major(const Shape& shape, std::array<int64_t, max_rank>& strides) {
    strides.fill(0);
    int64_t stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      strides[static_cast<size_t>(axis)] = stride;
      stride *= shape[axis];
    }
  }

  Planner& planner_;
  uint32_t id_;
  const Draft& draft_;
  Region& region_;
  LookupPlan lookups_;
  RowLookupPlan row_lookups_;
  ir::Program program_;
  ir::Builder builder_;
  std::vector<Walk> walks_;  ///< of the operands
};

void lower_call(Planner& planner, uint32_t draft) {
  Region& region = planner.plan.regions[draft];
  region.call = true;
  region.positions = planner.drafts[draft].nodes;
  region.name = planner.node(region.positions[0]).op->name;
  region.local = planner.states[region.positions[0]].local;
  for (const uint32_t position : region.positions) {
    for (const Source& source : planner.sources_of(position)) {
      const Walk& walk = source.walk;
      region.inputs.push_back({{walk.base, walk.offset * size_of(planner.node(walk.base).dtype)}, walk.strides});
    }
  }
}

}  // namespace

std::vector<ir::Inst> instructions_of(const Planner& planner, uint32_t node) {
  ir::Program program;
  ir::Builder builder(program);
  ir::Value inputs[3] = {};
  const std::span<const uint32_t> from = planner.recording.inputs(node);
  for (size_t i = 0; i < from.size(); ++i)
    inputs[i] = builder.load(static_cast<uint16_t>(i), planner.node(from[i]).dtype);
  const size_t loads = builder.size();
  const Node& computed = planner.node(node);
  computed.op->lower(builder, std::span<const ir::Value>(inputs, from.size()), computed.dtype);
  return {program.body.begin() + static_cast<std::ptrdiff_t>(loads), program.body.end()};
}

void lower(Planner& planner) {
  KernelSet kernels;
  planner.plan.regions.resize(planner.drafts.size());
  for (uint32_t draft = 0; draft < planner.drafts.size(); ++draft) {
    if (planner.drafts[draft].call) {
      lower_call(planner, draft);
    } else {
      Lowering(planner, draft).run(kernels);
      planner.plan.fold_bytes = std::max(planner.plan.fold_bytes, fold_bytes(planner.plan.regions[draft]));
      planner.plan.instructions += static_cast<int64_t>(planner.plan.regions[draft].origins.size());
    }
  }
  for (Stages& stages : planner.plan.stages) join_stages(planner.plan, stages, kernels);
  kernels.compile();
}

}  // namespace autograd::engine
