#include <autograd/core/error.h>
#include <autograd/core/storage.h>
#include <autograd/engine/plan.h>

#include <algorithm>

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

/// Index on axis a of a node: start[a] + step[a] * (index on axis[a] of the domain).
using AxisMap = StridedView;

/// The map by which a node of `shape` is broadcast to `domain`.
AxisMap broadcast_map(const Node& node, const Shape& domain) {
  AxisMap map{};
  const int shift = domain.rank() - node.rank;
  for (int axis = 0; axis < node.rank; ++axis) {
    const bool repeated = node.extents[axis] == 1;
    map.axis[axis] = static_cast<int8_t>(repeated ? -1 : axis + shift);
    map.step[axis] = repeated ? 0 : 1;
  }
  return map;
}

AxisMap compose(const StridedView& view, const AxisMap& map, int input_rank) {
  AxisMap result{};
  for (int axis = 0; axis < input_rank; ++axis) {
    const int out = view.axis[axis];
    result.start[axis] = view.start[axis] + (out < 0 ? 0 : view.step[axis] * map.start[out]);
    result.step[axis] = out < 0 ? 0 : view.step[axis] * map.step[out];
    result.axis[axis] = static_cast<int8_t>(out < 0 ? -1 : map.axis[out]);
  }
  return result;
}

/// Adds the walk over axes [from, to) of a contiguous node whose row-major stride of axis `to - 1` is `inner`.
void add_walk(Walk& walk, const AxisMap& map, const Node& node, int from, int to, int map_shift, int64_t inner) {
  for (int axis = to - 1; axis >= from; --axis) {
    const int in_map = axis + map_shift;
    walk.offset += map.start[in_map] * inner;
    if (map.axis[in_map] >= 0) walk.strides[static_cast<size_t>(map.axis[in_map])] += map.step[in_map] * inner;
    inner *= node.extents[axis];
  }
}

/// Whether the walk visits all elements of the base in order; strides of axes of extent 1 do not count.
bool is_identity(const Walk& walk, int64_t base_size, const Shape& domain) {
  if (walk.offset != 0 || base_size != domain.size()) return false;
  int64_t stride = 1;
  for (int axis = domain.rank() - 1; axis >= 0; --axis) {
    if (domain[axis] != 1 && walk.strides[static_cast<size_t>(axis)] != stride) return false;
    stride *= domain[axis];
  }
  return true;
}

Walk walk_of(const Plan& plan, uint32_t node, const AxisMap& map, const Shape& domain) {
  Walk walk;
  const Node& target = plan.graph.node(node);
  add_walk(walk, map, target, 0, target.rank, 0, 1);
  walk.base = contiguous_base(plan, node);
  for (int axis = 0; axis < domain.rank(); ++axis) {
    if (domain[axis] == 1) walk.strides[static_cast<size_t>(axis)] = 0;
  }
  walk.identity = is_identity(walk, target.size(), domain);
  return walk;
}

bool is_view(const Plan& plan, uint32_t node) {
  const Kind kind = plan.graph.node(node).op->kind;
  return (kind == Kind::view || kind == Kind::reshape) && !plan.known(node) && !plan.state(node).copied;
}

/// Follows strided views from `node`, composing `map`; stops at anything else.
void follow_views(const Plan& plan, uint32_t& node, AxisMap& map) {
  while (is_view(plan, node) && plan.graph.node(node).op->kind == Kind::view) {
    const Node& view = plan.graph.node(node);
    node = view.inputs[0];
    map = compose(plan.graph.attributes<StridedView>(view), map, plan.graph.node(node).rank);
  }
}

Source gathered(const Plan& plan, uint32_t gather, const AxisMap& map, const Shape& domain) {
  const Node& node = plan.graph.node(gather);
  const Node& table = plan.graph.node(node.inputs[0]);
  const int index_rank = plan.graph.node(node.inputs[1]).rank;
  Source source;
  source.kind = Source::Kind::gathered;
  source.node = gather;
  source.rows = table.extents[0];
  source.row_stride = source.rows == 0 ? 0 : table.size() / source.rows;
  source.walk.base = contiguous_base(plan, node.inputs[0]);
  add_walk(source.walk, map, table, 1, table.rank, index_rank - 1, 1);

  AxisMap index_map{};
  for (int axis = 0; axis < index_rank; ++axis) {
    index_map.start[axis] = map.start[axis];
    index_map.step[axis] = map.step[axis];
    index_map.axis[axis] = map.axis[axis];
  }
  uint32_t index = node.inputs[1];
  follow_views(plan, index, index_map);
  source.index = walk_of(plan, index, index_map, domain);
  return source;
}

void check_version(const Plan& plan, uint32_t leaf) {
  const Node& node = plan.graph.node(leaf);
  const LeafAttributes& attributes = plan.graph.attributes<LeafAttributes>(node);
  if (attributes.storage == nullptr) return;
  const Storage& storage = *attributes.storage;
  if (storage.version.load(std::memory_order_acquire) == attributes.version) return;
  if (node.value != storage.data) return;  // the evaluation that overwrote it was asked to keep it
  const std::string name = storage.name.empty() ? "a Parameter" : "Parameter '" + storage.name + "'";
  throw OverwrittenParameter("evaluate: needs the value of " + name + " read at " + to_string(node.where) +
                             ", which was overwritten at " + to_string(storage.assigned_at) +
                             "; ask for the value in the same evaluation, or before the assignment");
}

Source number_source(uint32_t node) {
  Source source;
  source.kind = Source::Kind::number;
  source.node = node;
  return source;
}

/// The elements of `node`, which is no strided view, walked by `map`.
Source memory_source(const Plan& plan, uint32_t node, const AxisMap& map, const Shape& domain) {
  Source source;
  source.walk = walk_of(plan, node, map, domain);
  if (plan.graph.node(source.walk.base).op->kind == Kind::number) return number_source(source.walk.base);
  return source;
}

AxisMap identity_map(int rank) {
  AxisMap map{};
  for (int axis = 0; axis < rank; ++axis) {
    map.axis[axis] = static_cast<int8_t>(axis);
    map.step[axis] = 1;
  }
  return map;
}

Source resolve_input(const Plan& plan, uint32_t node, AxisMap map, const Shape& domain) {
  follow_views(plan, node, map);
  const Source source = memory_source(plan, node, map, domain);
  if (plan.graph.node(node).op->kind == Kind::gather && !plan.known(node) && !source.walk.identity) {
    return gathered(plan, node, map, domain);
  }
  return source;
}

void demand(Plan& plan, uint32_t node) {
  if (!plan.known(node) && plan.graph.node(node).op->kind != Kind::number) plan.state(node).demanded = true;
}

void demand(Plan& plan, const Source& source) {
  if (source.kind == Source::Kind::number) return;
  demand(plan, source.walk.base);
  if (source.kind == Source::Kind::gathered) demand(plan, source.index.base);
}

Shape domain_of(const Plan& plan, uint32_t node) {
  const Node& target = plan.graph.node(node);
  if (target.op->kind == Kind::reduce) return plan.graph.node(target.inputs[0]).shape();
  return target.shape();
}

/// Inputs that must lie in memory in their own order.
bool wants_contiguous(const Plan& plan, uint32_t node, size_t input) {
  switch (plan.graph.node(node).op->kind) {
    case Kind::call: return true;
    case Kind::reduce: return !is_full_reduction(plan, node);
    case Kind::gather: return input == 0;
    case Kind::reshape: return true;
    default: return false;
  }
}

}  // namespace

bool is_full_reduction(const Plan& plan, uint32_t node) {
  const Node& target = plan.graph.node(node);
  if (target.op->kind != Kind::reduce) return false;
  const Node& input = plan.graph.node(target.inputs[0]);
  const uint8_t axes = plan.graph.attributes<ReduceAttributes>(target).axes;
  for (int axis = 0; axis < input.rank; ++axis) {
    if ((axes >> axis & 1) == 0 && input.extents[axis] != 1) return false;
  }
  return true;
}

uint32_t contiguous_base(const Plan& plan, uint32_t node) {
  while (is_view(plan, node) && plan.graph.node(node).op->kind == Kind::reshape) node = plan.graph.node(node).inputs[0];
  return node;
}

// Marks what the outputs depend on, from the newest node down; known values end the search.
void reach(Plan& plan) {
  const Graph& graph = plan.graph;
  uint32_t last = 0;
  for (uint32_t output : plan.outputs) last = std::max(last, output);
  plan.first = 0;
  plan.states.assign(plan.outputs.empty() ? 0 : last + 1, {});
  plan.order.clear();
  int64_t pending = 0;
  for (uint32_t output : plan.outputs) {
    NodeState& state = plan.state(output);
    if (!state.needed) ++pending;
    state.needed = state.output = true;
  }
  for (uint32_t node = last; pending > 0; --node) {
    if (!plan.state(node).needed) continue;
    --pending;
    plan.order.push_back(node);
    if (graph.node(node).op->kind == Kind::leaf) check_version(plan, node);
    if (plan.known(node)) continue;
    for (uint32_t input : graph.inputs(graph.node(node))) {
      if (!plan.state(input).needed) ++pending;
      plan.state(input).needed = true;
    }
  }
  std::reverse(plan.order.begin(), plan.order.end());
}

void resolve(Plan& plan) {
  const Graph& graph = plan.graph;
  // Which views must be copied to memory. Contiguous: anything that is not a strided view.
  const auto copy_if_strided = [&](uint32_t node) {
    if (graph.node(node).op->kind == Kind::view && !plan.known(node)) plan.state(node).copied = true;
  };
  for (uint32_t node : plan.order) {
    if (plan.known(node)) continue;
    const std::span<const uint32_t> inputs = graph.inputs(graph.node(node));
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (wants_contiguous(plan, node, i)) copy_if_strided(inputs[i]);
    }
  }
  for (uint32_t output : plan.outputs) {
    if (plan.known(output)) continue;
    copy_if_strided(output);
    demand(plan, contiguous_base(plan, output));
    if (graph.node(output).op->kind == Kind::number) plan.state(output).demanded = true;
  }
  // From consumers to producers: what has to be computed, and how its inputs are read.
  plan.sources.clear();
  for (size_t i = plan.order.size(); i-- > 0;) {
    const uint32_t id = plan.order[i];
    NodeState& state = plan.state(id);
    if (!state.demanded) continue;
    const Node& node = graph.node(id);
    const Shape domain = domain_of(plan, id);
    state.sources = static_cast<uint32_t>(plan.sources.size());
    if (node.op->kind == Kind::gather) {
      plan.sources.push_back(gathered(plan, id, identity_map(node.rank), domain));
    } else if (node.op->kind == Kind::view) {  // copied: look through itself
      const uint32_t input = node.inputs[0];
      const AxisMap map = compose(graph.attributes<StridedView>(node), identity_map(node.rank), graph.node(input).rank);
      plan.sources.push_back(resolve_input(plan, input, map, domain));
    } else if (node.op->kind == Kind::number) {
      plan.sources.push_back(number_source(id));
    } else {
      const std::span<const uint32_t> inputs = graph.inputs(node);
      for (size_t k = 0; k < inputs.size(); ++k) {
        if (wants_contiguous(plan, id, k)) {
          Source source;
          source.walk.base = contiguous_base(plan, inputs[k]);
          if (graph.node(source.walk.base).op->kind == Kind::number) plan.state(source.walk.base).demanded = true;
          plan.sources.push_back(source);
        } else {
          const AxisMap map = broadcast_map(graph.node(inputs[k]), domain);
          plan.sources.push_back(resolve_input(plan, inputs[k], map, domain));
        }
      }
    }
    state.source_count = static_cast<uint32_t>(plan.sources.size()) - state.sources;
    for (uint32_t k = 0; k < state.source_count; ++k) demand(plan, plan.sources[state.sources + k]);
  }
}

}  // namespace autograd::engine
