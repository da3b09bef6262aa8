#include <autograd/engine/plan.h>
#include <autograd/ir/builder.h>

#include <algorithm>

namespace autograd::engine {

namespace {

using ir::Access;
using Kind = Op::Kind;

/// Lowers the nodes of one region to its Program.
class Lowering {
 public:
  Lowering(Plan& plan, uint32_t region)
      : plan_(plan), id_(region), region_(plan.regions[region]), builder_(region_.program) {}

  void run() {
    for (uint32_t node : region_.nodes) {
      lower(node);
      region_.origins.resize(builder_.size(), node);
    }
    collapse();
    region_.kernel.emplace(region_.program);
  }

 private:
  void lower(uint32_t id) {
    const Node& node = plan_.graph.node(id);
    NodeState& state = plan_.state(id);
    ir::Value inputs[3] = {};
    for (uint32_t k = 0; k < state.source_count; ++k) inputs[k] = value(plan_.sources[state.sources + k]);
    if (node.op->kind == Kind::reduce) {
      const Reduction reduction = plan_.graph.attributes<ReduceAttributes>(node).reduction;
      region_.program.folds.push_back({inputs[0], static_cast<ir::Fold::Kind>(reduction)});
      region_.fold_nodes.push_back(id);
      return;
    }
    state.value = node.op->kind == Kind::map
                      ? node.op->lower(builder_, std::span<const ir::Value>(inputs, state.source_count), node.dtype)
                      : inputs[0];
    state.value_region = id_;
    if (state.stored) {
      const uint16_t operand = add_operand({id, 0, {}, true}, 0, 0);
      region_.program.stores.push_back({state.value, operand});
    }
  }

  ir::Value value(const Source& source) {
    switch (source.kind) {
      case Source::Kind::number: return number(source.node);
      case Source::Kind::memory: return memory(source.walk);
      case Source::Kind::gathered: {
        const ir::Value index = memory(source.index);
        const uint16_t operand = find_operand(source.walk, source.row_stride, source.rows);
        return builder_.gather(operand, index, plan_.graph.node(source.walk.base).dtype);
      }
    }
    return 0;
  }

  ir::Value memory(const Walk& walk) {
    if (!plan_.known(walk.base)) {
      if (plan_.graph.node(walk.base).op->kind == Kind::number) return number(walk.base);
      const NodeState& state = plan_.state(walk.base);
      if (walk.identity && state.value_region == id_) return state.value;
    }
    return builder_.load(find_operand(walk, 0, 0), plan_.graph.node(walk.base).dtype);
  }

  ir::Value number(uint32_t id) {
    const Node& node = plan_.graph.node(id);
    const double value = plan_.graph.attributes<NumberAttributes>(node).value;
    if (const std::optional<ir::Constant> constant = ir::exact_constant(value)) {
      return builder_.constant(*constant, node.dtype);
    }
    const auto found = std::find(region_.scalars.begin(), region_.scalars.end(), value);
    const auto slot = static_cast<uint16_t>(found - region_.scalars.begin());
    if (found == region_.scalars.end()) region_.scalars.push_back(value);
    return builder_.scalar(slot, node.dtype);
  }

  uint16_t find_operand(const Walk& walk, int64_t row_stride, int64_t rows) {
    for (size_t i = 0; i < region_.operands.size(); ++i) {
      if (region_.operands[i] == walk && region_.row_strides[i] == row_stride && region_.rows[i] == rows) {
        return static_cast<uint16_t>(i);
      }
    }
    return add_operand(walk, row_stride, rows);
  }

  uint16_t add_operand(const Walk& walk, int64_t row_stride, int64_t rows) {
    region_.operands.push_back(walk);
    region_.row_strides.push_back(row_stride);
    region_.rows.push_back(rows);
    region_.program.operands.push_back(Access::linear);
    return static_cast<uint16_t>(region_.operands.size() - 1);
  }

  /// Merges neighbouring axes that every operand walks as one, and classifies the operands.
  void collapse() {
    KernelArguments& arguments = region_.arguments;
    const Shape& domain = region_.domain;
    for (Walk& walk : region_.operands) {
      if (walk.identity) row_major(domain, walk.strides);
    }
    int64_t extents[max_rank];
    int axes[max_rank];  // the innermost original axis of each collapsed one
    int rank = 0;
    for (int axis = 0; axis < domain.rank(); ++axis) {
      if (rank > 0 && mergeable(axes[rank - 1], axis)) {
        extents[rank - 1] *= domain[axis];
        axes[rank - 1] = axis;
      } else {
        extents[rank] = domain[axis];
        axes[rank++] = axis;
      }
    }
    for (Walk& walk : region_.operands) {
      std::array<int64_t, max_rank> strides{};
      for (int axis = 0; axis < rank; ++axis) {
        strides[static_cast<size_t>(axis)] = walk.strides[static_cast<size_t>(axes[axis])];
      }
      walk.strides = strides;
    }
    if (rank == 0) extents[rank++] = 1;
    arguments.rank = rank;
    std::copy_n(extents, rank, arguments.extents.begin());
    arguments.size = domain.size();
    std::array<int64_t, max_rank> linear{};
    row_major(Shape(std::span<const int64_t>(extents, static_cast<size_t>(rank))), linear);
    for (size_t i = 0; i < region_.operands.size(); ++i) {
      const auto& strides = region_.operands[i].strides;
      const bool uniform = std::all_of(strides.begin(), strides.end(), [](int64_t stride) { return stride == 0; });
      region_.program.operands[i] = region_.operands[i].identity || strides == linear ? Access::linear
                                    : uniform                                         ? Access::uniform
                                                                                      : Access::strided;
    }
    // A gather's strides are offsets inside a row, never the place of the element itself.
    for (const ir::Inst& inst : region_.program.body) {
      if (inst.code != ir::Code::gather) continue;
      Access& access = region_.program.operands[inst.immediate];
      if (access == Access::linear) access = Access::strided;
    }
  }

  bool mergeable(int outer, int inner) const {
    return std::all_of(region_.operands.begin(), region_.operands.end(), [&](const Walk& walk) {
      return walk.strides[static_cast<size_t>(outer)] ==
             walk.strides[static_cast<size_t>(inner)] * region_.domain[inner];
    });
  }

  static void row_major(const Shape& shape, std::array<int64_t, max_rank>& strides) {
    strides.fill(0);
    int64_t stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      strides[static_cast<size_t>(axis)] = stride;
      stride *= shape[axis];
    }
  }

  Plan& plan_;
  uint32_t id_;
  Region& region_;
  ir::Builder builder_;
};

}  // namespace

void lower(Plan& plan) {
  for (uint32_t region = 0; region < plan.regions.size(); ++region) {
    if (plan.regions[region].kind == Region::Kind::fused) Lowering(plan, region).run();
  }
}

}  // namespace autograd::engine
