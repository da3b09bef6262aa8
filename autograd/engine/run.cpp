#include <autograd/core/error.h>
#include <autograd/core/float_environment.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/fold.h>
#include <autograd/engine/plan.h>

#include <algorithm>
#include <cstring>

namespace autograd::engine {

namespace {

std::byte* data_of(const Plan& plan, uint32_t node) {
  if (plan.known(node)) return static_cast<std::byte*>(plan.graph.node(node).value);
  return plan.state(node).data;
}

[[noreturn]] void throw_fault(const Plan& plan, const Region& region, const Fault& fault) {
  const ir::Inst& inst = region.program.body[fault.instruction()];
  const Node& node = plan.graph.node(region.origins[fault.instruction()]);
  const std::string where =
      " at element " + std::to_string(fault.position()) + " (recorded at " + to_string(node.where) + ")";
  if (inst.code != ir::Code::gather)
    throw ValueError(std::string(node.op->name) + ": integer division by zero" + where);
  throw IndexError("gather: index " + std::to_string(fault.value()) + where + "; expected 0 to " +
                   std::to_string(region.rows[inst.immediate] - 1));
}

void run_fused(Plan& plan, Region& region, Arena& scratch) {
  KernelArguments& arguments = region.arguments;
  arguments.scalars = region.scalars;
  arguments.operands.resize(region.operands.size());
  for (size_t i = 0; i < region.operands.size(); ++i) {
    const Walk& walk = region.operands[i];
    Operand& operand = arguments.operands[i];
    operand.data = data_of(plan, walk.base) + walk.offset * size_of(plan.graph.node(walk.base).dtype);
    operand.strides = walk.strides;
    operand.row_stride = region.row_strides[i];
    operand.rows = region.rows[i];
  }
  const int64_t blocks = (arguments.size + fold_block - 1) / fold_block;
  arguments.partials.clear();
  for (const ir::Fold& fold : region.program.folds) {
    arguments.partials.push_back(
        static_cast<std::byte*>(scratch.allocate(blocks * size_of(region.program.body[fold.value].type))));
  }
  Fault fault;
  parallel_for(blocks, region.kernel->cost() * static_cast<double>(arguments.size), [&](int64_t begin, int64_t end) {
    region.kernel->run(arguments, begin * fold_block, std::min(end * fold_block, arguments.size), fault);
  });
  if (fault.happened()) throw_fault(plan, region, fault);
  for (size_t f = 0; f < region.program.folds.size(); ++f) {
    const ir::Fold& fold = region.program.folds[f];
    const DType type = region.program.body[fold.value].type;
    std::byte* out = data_of(plan, region.fold_nodes[f]);
    if (blocks == 0) fold_nothing(fold.kind, type, out, 1);
    for (int64_t block = 0; block < blocks; ++block) {
      const std::byte* partial = arguments.partials[f] + block * size_of(type);
      if (block == 0) {
        std::memcpy(out, partial, static_cast<size_t>(size_of(type)));
      } else {
        fold_elements(fold.kind, type, out, partial, 1);
      }
    }
  }
}

void run_call(Plan& plan, Region& region, Arena& scratch) {
  const uint32_t id = region.nodes[0];
  const Node& node = plan.graph.node(id);
  const NodeState& state = plan.state(id);
  if (node.op->kind == Op::Kind::reduce) {
    const Node& input = plan.graph.node(node.inputs[0]);
    const ReduceAttributes attributes = plan.graph.attributes<ReduceAttributes>(node);
    fold_axes(static_cast<ir::Fold::Kind>(attributes.reduction), node.dtype,
              data_of(plan, plan.sources[state.sources].walk.base), input.extents, input.rank, attributes.axes,
              data_of(plan, id), scratch);
    return;
  }
  const std::span<const uint32_t> inputs = plan.graph.inputs(node);
  std::vector<const Node*> nodes;
  std::vector<const void*> data;
  for (size_t i = 0; i < inputs.size(); ++i) {
    nodes.push_back(&plan.graph.node(inputs[i]));
    data.push_back(data_of(plan, plan.sources[state.sources + i].walk.base));
  }
  node.op->run({&node, plan.graph.attribute_data(node), nodes, data, data_of(plan, id), &scratch});
}

}  // namespace

void run(Plan& plan, Arena& scratch) {
  const FloatEnvironment environment;
  for (Region& region : plan.regions) {
    const Arena::Mark mark = scratch.mark();
    if (region.kind == Region::Kind::call) {
      run_call(plan, region, scratch);
    } else {
      run_fused(plan, region, scratch);
    }
    scratch.release(mark);
  }
}

}  // namespace autograd::engine
