#include <autograd/engine/plan.h>

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

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

thread_local size_t region_limit = 400;  // nodes: the values of a larger region leave the inner caches

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

bool is_call(const Plan& plan, uint32_t node) {
  const Kind kind = plan.graph.node(node).op->kind;
  return kind == Kind::call || (kind == Kind::reduce && !is_full_reduction(plan, node));
}

uint32_t region_of(const Plan& plan, uint32_t base) { return plan.known(base) ? none : plan.state(base).region; }

/// Raises the lowest region that may hold a node which reads `walk`.
void require(const Plan& plan, const Walk& walk, uint32_t& lowest) {
  const uint32_t region = region_of(plan, walk.base);
  if (region == none) return;
  // A value of the same region can be used in place unless it exists only after the whole region.
  const bool in_place = walk.identity && plan.graph.node(walk.base).op->kind != Kind::reduce &&
                        plan.regions[region].kind == Region::Kind::fused;
  lowest = std::max(lowest, in_place ? region : region + 1);
}

uint32_t open_region(Plan& plan, Region::Kind kind, const Shape& domain) {
  Region& region = plan.regions.emplace_back();
  region.kind = kind;
  region.domain = domain;
  return static_cast<uint32_t>(plan.regions.size() - 1);
}

/// The shape without axes of extent 1: shapes that differ only in those iterate alike.
Shape without_ones(const Shape& shape) {
  int64_t extents[max_rank];
  size_t rank = 0;
  for (int64_t extent : shape) {
    if (extent != 1) extents[rank++] = extent;
  }
  return Shape(std::span<const int64_t>(extents, rank));
}

/// A walk over `shape`, as one over the same shape without its axes of extent 1.
void drop_ones(Walk& walk, const Shape& shape) {
  size_t kept = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] != 1) walk.strides[kept++] = walk.strides[static_cast<size_t>(axis)];
  }
  std::fill(walk.strides.begin() + static_cast<std::ptrdiff_t>(kept), walk.strides.end(), 0);
}

void mark_stored(Plan& plan, const Walk& walk, uint32_t reader) {
  if (plan.known(walk.base)) return;
  NodeState& state = plan.state(walk.base);
  if (!state.demanded) return;  // a number as an index is part of the program
  if (state.region == reader && walk.identity) return;
  state.stored = true;
  state.last_use = std::max(state.last_use, reader);
}

}  // namespace

void limit_regions(size_t nodes) { region_limit = nodes; }

void fuse(Plan& plan) {
  plan.regions.clear();
  OpenRegions open;
  for (uint32_t node : plan.order) {
    NodeState& state = plan.state(node);
    if (!state.demanded || plan.known(node)) continue;
    const std::span<Source> sources(plan.sources.data() + state.sources, state.source_count);
    if (is_call(plan, node)) {
      state.region = open_region(plan, Region::Kind::call, {});
      state.stored = true;
      plan.regions[state.region].nodes.push_back(node);
      for (const Source& source : sources) mark_stored(plan, {source.walk.base, 0, {}, false}, state.region);
      state.last_use = state.region;
      continue;
    }
    const Node& target = plan.graph.node(node);
    const Shape shape = target.op->kind == Kind::reduce ? plan.graph.node(target.inputs[0]).shape() : target.shape();
    uint32_t lowest = 0;
    for (Source& source : sources) {
      if (source.kind == Source::Kind::number) continue;
      drop_ones(source.walk, shape);
      drop_ones(source.index, shape);
      if (source.kind == Source::Kind::memory) {
        require(plan, source.walk, lowest);
      } else {
        Walk table = source.walk;
        table.identity = false;
        require(plan, table, lowest);
        require(plan, source.index, lowest);
      }
    }
    const Shape domain = without_ones(shape);
    std::vector<uint32_t>& candidates = open.of(domain);
    const auto fits = [&](uint32_t region) { return plan.regions[region].nodes.size() < region_limit; };
    const auto from = std::lower_bound(candidates.begin(), candidates.end(), lowest);
    const auto found = std::find_if(from, candidates.end(), fits);
    if (found != candidates.end()) {
      state.region = *found;
    } else {
      state.region = open_region(plan, Region::Kind::fused, domain);
      candidates.push_back(state.region);
    }
    plan.regions[state.region].nodes.push_back(node);
    state.last_use = state.region;
    if (target.op->kind == Kind::reduce) state.stored = true;
    for (const Source& source : sources) {
      if (source.kind == Source::Kind::number) continue;
      Walk walk = source.walk;
      if (source.kind == Source::Kind::gathered) {
        walk.identity = false;
        mark_stored(plan, source.index, state.region);
      }
      mark_stored(plan, walk, state.region);
    }
  }
  for (uint32_t output : plan.outputs) {
    if (!plan.known(output)) plan.state(contiguous_base(plan, output)).stored = true;
  }
}

}  // namespace autograd::engine
