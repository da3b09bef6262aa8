#include <autograd/engine/fold.h>
#include <autograd/engine/plan.h>
#include <autograd/engine/scatter.h>

#include <algorithm>

// Regions run in the order in which they were opened. A node may join a region if everything it
// reads is either a value of that very region, element for element, or was left in memory by an
// earlier one. So a node's inputs give a lowest region number, and the choice is among the open
// regions of its iteration domain from there on:
//
//     region 0        region 1         region 2
//     [pixels]        [vertices]       [pixels]
//     a = f(x)  --->  s = scatter a
//     b = g(a)                         c = h(b, gather s)      c: not before 2; b is read from memory
//     d = k(b)                                                 d: joins 0, b is a register there
//
// What joined early but is read late only moves to its reader afterwards (sink.cpp).

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

thread_local size_t most_nodes = 2000;    // the code of a larger region leaves the innermost cache
constexpr size_t most_of_few_lanes = 40;  // nodes, where rows leave much of a vector idle

/// Regions still open, newest last, of each domain; few domains are live in one evaluation.
struct OpenRegions {
  struct Entry {
    Shape domain;
    std::vector<uint32_t> regions;
  };
  std::vector<Entry> entries;

  std::vector<uint32_t>& of(const Shape& domain) {
    for (Entry& entry : entries) {
      if (entry.domain == domain) return entry.regions;
    }
    return entries.emplace_back(Entry{domain, {}}).regions;
  }
};

bool is_call(const Planner& planner, uint32_t node) {
  const Kind kind = planner.node(node).op->kind;
  return kind == Kind::call || (kind == Kind::reduce && !reduced(planner, node).fusable);
}

uint32_t region_of(const Planner& planner, uint32_t base) {
  return planner.known(base) ? none : planner.states[base].region;
}

/// Raises the lowest region that may hold a node which reads `base`, element for element or not.
void require(const Planner& planner, uint32_t base, bool in_order, uint32_t& lowest) {
  const uint32_t region = region_of(planner, base);
  if (region == none) return;
  // A value of the same region can be used in place unless it exists only after the whole region.
  const bool in_place = in_order && planner.node(base).op->kind != Kind::reduce && !planner.drafts[region].call;
  lowest = std::max(lowest, in_place ? region : region + 1);
}

/// Whether an operand is a fold over lanes, or comes from a region with such an operand, element for element.
bool reads_column(const Planner& planner, uint32_t node) {
  for (const Source& source : planner.sources_of(node)) {
    if (source.kind != Source::Kind::memory || !source.walk.identity || planner.known(source.walk.base)) continue;
    const uint32_t region = planner.states[source.walk.base].region;
    if (region == none) continue;  // a number
    const Draft& producer = planner.drafts[region];
    const bool folds = planner.node(source.walk.base).op->kind == Kind::reduce;
    if (folds ? producer.demands.folds_part : producer.demands.columns) return true;
  }
  return false;
}

/// Folds of all elements and of rows stand in one region only where no block of the former ends inside
/// a row, or a task of the latter inside a block.
bool folds_agree(const Shape& domain, const Demands& demands) {
  const int rank = domain.rank();
  int64_t lanes = 1;
  for (int axis = rank - 1; axis >= 0; --axis) {
    if (axis < rank - 1 && (demands.split >> axis & 1) != 0) break;
    lanes *= domain[axis];
  }
  if (fold_block % lanes != 0 && lanes % fold_block != 0) return false;
  const int64_t rows = domain.size() / lanes;
  const int64_t blocks = row_blocks(rows);
  return blocks == 1 || (rows + blocks - 1) / blocks * lanes % fold_block == 0;
}

uint32_t open_draft(Planner& planner, bool call, const Shape& domain) {
  Draft& draft = planner.drafts.emplace_back();
  draft.call = call;
  draft.domain = domain;
  return static_cast<uint32_t>(planner.drafts.size() - 1);
}

/// A walk over `shape`, as one over the same shape without its axes of extent 1.
void drop_ones(Walk& walk, const Shape& shape) {
  size_t kept = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] != 1) walk.strides[kept++] = walk.strides[static_cast<size_t>(axis)];
  }
  for (auto axis = static_cast<int>(kept); axis < shape.rank(); ++axis) walk.strides[static_cast<size_t>(axis)] = 0;
}

/// A region of scatter_adds by the same lists of indices, which others may join.
struct OpenScatters {
  uint32_t region, first;  ///< first: its first node

  /// Whether another one can do its work in the same pass: all that it reads is there by then.
  bool accepts(const Planner& planner, uint32_t node) const {
    const Node &mine = planner.node(first), &other = planner.node(node);
    if (planner.drafts[region].nodes.size() == most_scatters_together || mine.dtype != other.dtype ||
        mine.extents[0] != other.extents[0])
      return false;
    const std::span<const Source> sources = planner.sources_of(node), firsts = planner.sources_of(first);
    if (sources.size() != firsts.size()) return false;
    for (size_t input = 0; input < sources.size(); input += 2) {
      if (!(sources[input + 1].walk == firsts[input + 1].walk)) return false;
      const uint32_t producer = region_of(planner, sources[input].walk.base);
      if (producer != none && producer >= region) return false;
    }
    return true;
  }
};

void place_call(Planner& planner, uint32_t node, std::vector<OpenScatters>& open) {
  NodeState& state = planner.states[node];
  const bool together = scatters_together(planner.node(node));
  const auto found = std::ranges::find_if(
      open, [&](const OpenScatters& scatters) { return together && scatters.accepts(planner, node); });
  if (found != open.end()) {
    state.region = found->region;
  } else {
    state.region = open_draft(planner, true, {});
    if (together) open.push_back({state.region, node});
  }
  planner.drafts[state.region].nodes.push_back(node);
}

/// Walks lose the domain's axes of extent 1. Returns the lowest region that may hold the node.
uint32_t lowest_region(Planner& planner, std::span<Source> sources, const Shape& shape) {
  uint32_t lowest = 0;
  for (Source& source : sources) {
    if (source.kind == Source::Kind::number) continue;
    const bool gathered = source.kind == Source::Kind::gathered;
    drop_ones(source.walk, shape);
    require(planner, source.walk.base, source.walk.identity && !gathered, lowest);
    if (!gathered) continue;
    drop_ones(source.index, shape);
    require(planner, source.index.base, source.index.identity, lowest);
  }
  return lowest;
}

void place_fused(Planner& planner, uint32_t node, OpenRegions& open) {
  NodeState& state = planner.states[node];
  const std::span<Source> sources(planner.sources.data() + state.sources, state.source_count);
  const bool reduces = planner.node(node).op->kind == Kind::reduce;
  const Shape shape = reduces ? planner.node(planner.recording.inputs(node)[0]).shape() : planner.node(node).shape();
  const uint32_t lowest = lowest_region(planner, sources, shape);
  const Shape domain = without_ones(shape);
  const Demands demands = demands_of(planner, node, domain);
  std::vector<uint32_t>& candidates = open.of(domain);
  const auto from = std::lower_bound(candidates.begin(), candidates.end(), lowest);
  const auto found =
      std::find_if(from, candidates.end(), [&](uint32_t region) { return accepts(planner.drafts[region], demands); });
  if (found != candidates.end()) {
    state.region = *found;
  } else {
    state.region = open_draft(planner, false, domain);
    candidates.push_back(state.region);
  }
  Draft& draft = planner.drafts[state.region];
  draft.nodes.push_back(node);
  draft.demands = both(draft.demands, demands);
}

/// Which values regions leave in memory, and which region reads them last.
class Storing {
 public:
  explicit Storing(Planner& planner) : planner_(planner), region_of_(planner.recording.size(), none) {}

  void run(uint32_t region) {
    const Draft& draft = planner_.drafts[region];
    for (uint32_t node : draft.nodes) region_of_[node] = region;
    for (uint32_t node : draft.nodes) run_node(node, region, draft.call);
    for (const std::vector<uint32_t>& together : draft.scatters) {
      for (uint32_t node : together) run_node(node, region, true);
    }
  }

 private:
  void run_node(uint32_t node, uint32_t region, bool call) {
    NodeState& state = planner_.states[node];
    if (call || planner_.node(node).op->kind == Kind::reduce) state.stored = true;
    if (state.region == region) state.last_use = std::max(state.last_use, region);
    for_each_walk(planner_, node, [&](const Walk& walk, const Source& source) {
      read(walk, region, is_list(walk, source) || (!call && !is_table(walk, source)));
    });
  }

  void read(const Walk& walk, uint32_t region, bool in_register) {
    if (planner_.known(walk.base)) return;
    NodeState& state = planner_.states[walk.base];
    if (!state.demanded) return;  // a number as an index is part of the program
    if (in_register && walk.identity && region_of_[walk.base] == region) return;
    state.stored = true;
    state.last_use = std::max(state.last_use, region);
  }

  Planner& planner_;
  std::vector<uint32_t> region_of_;  ///< the last that has the node, its own or a copy
};

}  // namespace

uint8_t splits(const Walk& walk, const Shape& domain) {
  uint8_t bits = 0;
  if (walk.identity) return bits;
  for (int axis = 0; axis + 1 < domain.rank(); ++axis) {
    const auto a = static_cast<size_t>(axis);
    if (walk.strides[a] != walk.strides[a + 1] * domain[axis + 1]) bits = static_cast<uint8_t>(bits | 1 << axis);
  }
  return bits;
}

namespace {

/// Whether the walk steps from element to element along neighbouring axes, and rests along those before and behind.
bool is_plain(const Walk& walk, const Shape& domain) {
  if (walk.identity) return true;
  int axis = domain.rank() - 1;
  const auto stride = [&](int a) { return walk.strides[static_cast<size_t>(a)]; };
  while (axis >= 0 && stride(axis) == 0) --axis;
  for (int64_t expected = 1; axis >= 0 && stride(axis) == expected; --axis) expected *= domain[axis];
  while (axis >= 0 && stride(axis) == 0) --axis;
  return axis < 0;
}

}  // namespace

Demands demands_of(const Planner& planner, uint32_t node, const Shape& domain) {
  Demands demands;
  if (planner.node(node).op->kind == Kind::pack) {
    demands.packs = true;
    return demands;
  }
  for (const Source& source : planner.sources_of(node)) {
    if (source.kind == Source::Kind::number) continue;
    demands.split |= splits(source.walk, domain);
    demands.rough = demands.rough || source.kind == Source::Kind::gathered || !is_plain(source.walk, domain) ||
                    size_of(planner.node(source.walk.base).dtype) != 4;
    if (source.kind == Source::Kind::gathered) demands.split |= splits(source.index, domain);
  }
  if (planner.node(node).op->kind != Kind::reduce) {
    demands.columns = reads_column(planner, node);
    return demands;
  }
  const Reduced fold = reduced(planner, node);
  demands.folds_all = fold.span == ir::Fold::Span::all;
  if (demands.folds_all) return demands;
  demands.folds_part = true;
  demands.few_lanes = fold.few_lanes;
  demands.split = static_cast<uint8_t>(demands.split | 1 << (fold.border - 1));
  for (int axis = fold.border; axis + 1 < domain.rank(); ++axis) {
    demands.solid = static_cast<uint8_t>(demands.solid | 1 << axis);
  }
  return demands;
}

Demands both(const Demands& a, const Demands& b) {
  return {static_cast<uint8_t>(a.split | b.split),
          static_cast<uint8_t>(a.solid | b.solid),
          a.folds_all || b.folds_all,
          a.folds_part || b.folds_part,
          a.columns || b.columns,
          a.packs || b.packs,
          a.few_lanes || b.few_lanes,
          a.rough || b.rough};
}

bool accepts(const Draft& draft, const Demands& demands) {
  if (draft.nodes.size() >= region_limit()) return false;
  const Demands all = both(draft.demands, demands);
  if ((all.split & all.solid) != 0) return false;
  if (all.few_lanes) {
    if (all.rough || all.folds_all || !std::has_single_bit(all.split)) return false;
    if (draft.nodes.size() >= most_of_few_lanes) return false;
  }
  if (all.columns && all.folds_all) return false;  // between stages only if nothing waits for the whole column
  return !all.folds_all || !all.folds_part || folds_agree(draft.domain, all);
}

void limit_regions(size_t nodes) { most_nodes = nodes; }
size_t region_limit() { return most_nodes; }

void fuse(Planner& planner) {
  OpenRegions open;
  std::vector<OpenScatters> scatters;
  for (uint32_t node = 0; node < planner.recording.size(); ++node) {
    if (!planner.states[node].demanded || planner.known(node)) continue;
    if (is_call(planner, node)) {
      place_call(planner, node, scatters);
    } else {
      place_fused(planner, node, open);
    }
  }
  sink(planner);
  stream_scatters(planner);
  group_stages(planner);
  recompute_cones(planner);
  sink(planner);  // what copies have taken other readers from
  recompute(planner);
  Storing storing(planner);
  for (uint32_t region = 0; region < planner.drafts.size(); ++region) storing.run(region);
  for (uint32_t output : planner.recording.outputs()) {
    if (!planner.known(output)) planner.states[contiguous_base(planner, output)].stored = true;
  }
}

}  // namespace autograd::engine
