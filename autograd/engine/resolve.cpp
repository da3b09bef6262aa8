#include <autograd/core/calls.h>
#include <autograd/engine/plan.h>

#include <algorithm>

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

constexpr int64_t enough_lanes = 16;  // shorter rows leave some of a vector idle

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

/// Whether the walk visits elements that follow one another, in order; strides of axes of extent 1 do not count.
bool is_in_order(const Walk& walk, const Shape& domain) {
  int64_t stride = 1;
  for (int axis = domain.rank() - 1; axis >= 0; --axis) {
    if (domain[axis] != 1 && walk.strides[static_cast<size_t>(axis)] != stride) return false;
    stride *= domain[axis];
  }
  return true;
}

bool is_view(const Planner& planner, uint32_t node) {
  const Kind kind = planner.node(node).op->kind;
  return (kind == Kind::view || kind == Kind::reshape) && !planner.known(node) && !planner.states[node].copied;
}

/// The elements of a node in their own order.
struct Memory {
  uint32_t base;
  int64_t offset;  ///< elements
};

/// Whether a strided view's elements follow one another in the memory of its input, as rows first to last do: then
/// they need no copy. `offset`: of its first.
bool is_stretch(const Planner& planner, uint32_t view, int64_t& offset) {
  const uint32_t input = contiguous_base(planner, planner.recording.inputs(view)[0]);
  // Of a concatenation, one part may be all that is wanted.
  if (is_view(planner, input) || (planner.node(input).op->run == run_concatenate && !planner.known(input)))
    return false;
  const Node& from = planner.node(planner.recording.inputs(view)[0]);
  Walk walk;
  add_walk(walk, planner.recording.attributes<StridedView>(view), from, 0, from.rank, 0, 1);
  offset = walk.offset;
  return is_in_order(walk, planner.node(view).shape());
}

Memory memory_of(const Planner& planner, uint32_t node) {
  node = contiguous_base(planner, node);
  int64_t offset = 0;
  if (!is_view(planner, node) || !is_stretch(planner, node, offset)) return {node, 0};
  return {contiguous_base(planner, planner.recording.inputs(node)[0]), offset};
}

Walk walk_of(const Planner& planner, uint32_t node, const AxisMap& map, const Shape& domain) {
  Walk walk;
  const Node& target = planner.node(node);
  add_walk(walk, map, target, 0, target.rank, 0, 1);
  const Memory memory = memory_of(planner, node);
  walk.base = memory.base;
  walk.offset += memory.offset;
  for (int axis = 0; axis < domain.rank(); ++axis) {
    if (domain[axis] == 1) walk.strides[static_cast<size_t>(axis)] = 0;
  }
  walk.identity = walk.offset == 0 && planner.node(walk.base).size() == domain.size() && is_in_order(walk, domain);
  return walk;
}

/// Where all that `map` reads of a concatenation lies in one of its inputs, goes on to that.
bool enter_part(const Planner& planner, uint32_t& node, AxisMap& map, const Shape& domain) {
  const Node& joined = planner.node(node);
  if (joined.op->run != run_concatenate || planner.known(node) || domain.size() == 0) return false;
  const auto axis = static_cast<size_t>(planner.recording.attributes<JoinAttributes>(node).axis);
  const int64_t first = map.start[axis];
  const int64_t last = map.axis[axis] < 0 ? first : first + map.step[axis] * (domain[map.axis[axis]] - 1);
  int64_t start = 0;
  for (const uint32_t input : planner.recording.inputs(node)) {
    const int64_t stop = start + planner.node(input).extents[axis];
    if (std::min(first, last) >= start && std::max(first, last) < stop) {
      map.start[axis] -= start;
      node = input;
      return true;
    }
    start = stop;
  }
  return false;
}

/// Follows strided views from `node`, composing `map`; stops at anything else.
void follow_views(const Planner& planner, uint32_t& node, AxisMap& map, const Shape& domain) {
  for (;;) {
    if (is_view(planner, node) && planner.node(node).op->kind == Kind::view) {
      const StridedView& view = planner.recording.attributes<StridedView>(node);
      node = planner.recording.inputs(node)[0];
      map = compose(view, map, planner.node(node).rank);
    } else if (!enter_part(planner, node, map, domain)) {
      return;
    }
  }
}

Source gathered(const Planner& planner, uint32_t gather, const AxisMap& map, const Shape& domain) {
  const std::span<const uint32_t> inputs = planner.recording.inputs(gather);
  const Node& table = planner.node(inputs[0]);
  const int index_rank = planner.node(inputs[1]).rank;
  Source source;
  source.kind = Source::Kind::gathered;
  source.node = gather;
  source.rows = table.extents[0];
  source.row_stride = source.rows == 0 ? 0 : table.size() / source.rows;
  const Memory memory = memory_of(planner, inputs[0]);
  source.walk.base = memory.base;
  source.walk.offset = memory.offset;
  add_walk(source.walk, map, table, 1, table.rank, index_rank - 1, 1);

  AxisMap index_map{};
  for (int axis = 0; axis < index_rank; ++axis) {
    index_map.start[axis] = map.start[axis];
    index_map.step[axis] = map.step[axis];
    index_map.axis[axis] = map.axis[axis];
  }
  uint32_t index = inputs[1];
  follow_views(planner, index, index_map, domain);
  source.index = walk_of(planner, index, index_map, domain);
  return source;
}

Source number_source(uint32_t node) {
  Source source;
  source.kind = Source::Kind::number;
  source.node = node;
  return source;
}

bool is_number(const Planner& planner, uint32_t node) {
  return planner.node(node).op->kind == Kind::number || planner.states[node].of_numbers > 0;
}

/// How deep a node is in arithmetic on nothing but numbers, such as the 1 / n of a mean's gradient; 0: it is not. Each
/// region computes such a scalar itself, once a call, rather than wait for another's. Not integers, whose division by
/// zero is reported as its own node's.
uint8_t depth_in_numbers(const Planner& planner, uint32_t node) {
  constexpr uint8_t deepest = 8;
  const Node& target = planner.node(node);
  const bool integer = target.dtype == DType::int32;
  if (target.op->kind != Kind::map || target.rank != 0 || integer || planner.known(node)) return 0;
  uint8_t depth = 0;
  for (const uint32_t input : planner.recording.inputs(node)) {
    if (!is_number(planner, input)) return 0;
    depth = std::max(depth, planner.states[input].of_numbers);
  }
  return depth < deepest ? static_cast<uint8_t>(depth + 1) : uint8_t{0};
}

/// The elements of `node`, which is no strided view, walked by `map`.
Source memory_source(const Planner& planner, uint32_t node, const AxisMap& map, const Shape& domain) {
  Source source;
  source.walk = walk_of(planner, node, map, domain);
  if (is_number(planner, source.walk.base)) return number_source(source.walk.base);
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

Source resolve_input(const Planner& planner, uint32_t node, AxisMap map, const Shape& domain) {
  follow_views(planner, node, map, domain);
  const Source source = memory_source(planner, node, map, domain);
  if (planner.node(node).op->kind == Kind::gather && !planner.known(node) && !source.walk.identity) {
    return gathered(planner, node, map, domain);
  }
  return source;
}

/// Most inputs are no views, and at most broadcast: what resolve_input() would find, sooner. `source` is a new one.
bool resolve_plain(const Planner& planner, uint32_t node, const Node& domain, Source& source) {
  const Node& input = planner.node(node);
  const Kind kind = input.op->kind;
  if (is_number(planner, node)) {
    source.kind = Source::Kind::number;
    source.node = node;
    return true;
  }
  if ((kind == Kind::view || kind == Kind::reshape) && !planner.known(node)) return false;
  const bool same = same_shape(input, domain);
  if (kind == Kind::gather && !same) return false;
  source.walk.base = node;
  int64_t stride = 1;
  for (int axis = input.rank - 1; axis >= 0; --axis) {
    const auto in_domain = static_cast<size_t>(axis + domain.rank - input.rank);
    source.walk.strides[in_domain] = input.extents[axis] == 1 ? 0 : stride;
    stride *= input.extents[axis];
  }
  source.walk.identity = same || stride == domain.size();
  return true;
}

void demand(Planner& planner, uint32_t node) {
  if (!planner.known(node) && planner.node(node).op->kind != Kind::number) planner.states[node].demanded = true;
}

void demand(Planner& planner, const Source& source) {
  if (source.kind == Source::Kind::number) return;
  demand(planner, source.walk.base);
  if (source.kind == Source::Kind::gathered) demand(planner, source.index.base);
}

Shape domain_of(const Planner& planner, uint32_t node) {
  const Node& target = planner.node(node);
  if (target.op->kind == Kind::reduce) return planner.node(planner.recording.inputs(node)[0]).shape();
  return target.shape();
}

/// Inputs that are read in memory in their own order.
bool reads_memory(const Planner& planner, uint32_t node, size_t input) {
  switch (planner.node(node).op->kind) {
    case Kind::call: return planner.node(node).op->inputs == Op::Inputs::contiguous;
    case Kind::reduce: return !reduced(planner, node).fusable;
    case Kind::gather: return input == 0;
    case Kind::pack:
    case Kind::reshape: return true;
    default: return false;
  }
}

/// Inputs that cannot be views. A fold of parts walks rows and lanes as they are; where a view breaks them,
/// copying it is another region's work.
bool copies_views(const Planner& planner, uint32_t node, size_t input) {
  if (reads_memory(planner, node, input)) return true;
  return planner.node(node).op->kind == Kind::reduce && reduced(planner, node).span != ir::Fold::Span::all;
}

/// An input that is read as a whole: memory in its own order, or what lies under its views.
Source whole_source(const Planner& planner, uint32_t node, size_t input) {
  uint32_t from = planner.recording.inputs(node)[input];
  Source source;
  if (reads_memory(planner, node, input)) {
    const Memory memory = memory_of(planner, from);
    source.walk.base = memory.base;
    source.walk.offset = memory.offset;
  } else {
    const Shape domain = planner.node(from).shape();
    AxisMap map = identity_map(domain.rank());
    follow_views(planner, from, map, domain);
    source.walk = walk_of(planner, from, map, domain);
  }
  return source;
}

}  // namespace

Shape without_ones(const Shape& shape) {
  int64_t extents[max_rank];
  size_t rank = 0;
  for (int64_t extent : shape) {
    if (extent != 1) extents[rank++] = extent;
  }
  return Shape(std::span<const int64_t>(extents, rank));
}

Reduced reduced(const Planner& planner, uint32_t position) {
  const Node& node = planner.node(position);
  const Node& input = planner.node(planner.recording.inputs(position)[0]);
  const uint8_t axes = planner.recording.attributes<ReduceAttributes>(position).axes;
  bool folded[max_rank];
  int64_t extents[max_rank];
  int rank = 0;
  for (int axis = 0; axis < input.rank; ++axis) {
    if (input.extents[axis] == 1) continue;
    folded[rank] = (axes >> axis & 1) != 0;
    extents[rank++] = input.extents[axis];
  }
  int borders = 0, border = 0;
  int64_t inner = 1;
  for (int axis = 1; axis < rank; ++axis) {
    if (folded[axis] == folded[axis - 1]) continue;
    ++borders;
    border = axis;
  }
  for (int axis = border; axis < rank; ++axis) inner *= extents[axis];
  if (borders == 0) return {ir::Fold::Span::all, 0, rank == 0 || folded[0]};
  const bool few_lanes = inner < enough_lanes;
  const bool worth_a_row = !few_lanes || size_of(node.dtype) == 4;
  return {folded[rank - 1] ? ir::Fold::Span::lanes : ir::Fold::Span::rows, border,
          borders == 1 && worth_a_row && node.size() > 0 && input.size() > 0, few_lanes};
}

uint32_t contiguous_base(const Planner& planner, uint32_t node) {
  while (is_view(planner, node) && planner.node(node).op->kind == Kind::reshape) {
    node = planner.recording.inputs(node)[0];
  }
  return node;
}

void resolve(Planner& planner) {
  // Which strided views must be copied to memory: those that are wanted there, unless they are stretches of it. An
  // output is a buffer of its own, and the parts of a pack are whole.
  const auto copy_if_strided = [&](uint32_t node, bool stretches) {
    const uint32_t base = contiguous_base(planner, node);
    int64_t offset = 0;
    if (!is_view(planner, base) || (!stretches && is_stretch(planner, base, offset))) return;
    planner.states[base].copied = true;
  };
  const uint32_t count = planner.recording.size();
  for (uint32_t node = 0; node < count; ++node) {
    if (planner.known(node)) continue;
    planner.states[node].of_numbers = depth_in_numbers(planner, node);
    const std::span<const uint32_t> inputs = planner.recording.inputs(node);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (copies_views(planner, node, i)) copy_if_strided(inputs[i], planner.node(node).op->kind == Kind::pack);
    }
  }
  for (uint32_t output : planner.recording.outputs()) {
    if (planner.known(output)) continue;
    copy_if_strided(output, true);
    demand(planner, contiguous_base(planner, output));
    if (planner.node(output).op->kind == Kind::number) planner.states[output].demanded = true;
  }
  // From consumers to producers: what has to be computed, and how its inputs are read.
  planner.sources.clear();
  static constexpr Source blank;  // copied: compilers clear memory with a slow instruction
  for (uint32_t id = count; id-- > 0;) {
    NodeState& state = planner.states[id];
    if (!state.demanded) continue;
    const Node& node = planner.node(id);
    const Shape domain = domain_of(planner, id);
    state.sources = static_cast<uint32_t>(planner.sources.size());
    if (node.op->kind == Kind::gather) {
      planner.sources.push_back(gathered(planner, id, identity_map(node.rank), domain));
    } else if (node.op->kind == Kind::view) {  // copied: look through itself
      const uint32_t input = planner.recording.inputs(id)[0];
      const AxisMap map =
          compose(planner.recording.attributes<StridedView>(id), identity_map(node.rank), planner.node(input).rank);
      planner.sources.push_back(resolve_input(planner, input, map, domain));
    } else if (node.op->kind == Kind::number) {
      planner.sources.push_back(number_source(id));
    } else {
      const std::span<const uint32_t> inputs = planner.recording.inputs(id);
      for (size_t k = 0; k < inputs.size(); ++k) {
        planner.sources.push_back(blank);
        Source& source = planner.sources.back();
        if (node.op->kind == Kind::map && resolve_plain(planner, inputs[k], node, source)) continue;
        if (node.op->kind == Kind::call || reads_memory(planner, id, k)) {
          source = whole_source(planner, id, k);
          const uint32_t base = source.walk.base;
          if (planner.node(base).op->kind == Kind::number) planner.states[base].demanded = true;
        } else {
          source = resolve_input(planner, inputs[k], broadcast_map(planner.node(inputs[k]), domain), domain);
        }
      }
    }
    state.source_count = static_cast<uint32_t>(planner.sources.size()) - state.sources;
    for (uint32_t k = 0; k < state.source_count; ++k) demand(planner, planner.sources[state.sources + k]);
  }
}

}  // namespace autograd::engine
