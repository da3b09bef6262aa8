#include <autograd/engine/plan.h>
#include <autograd/engine/scatter_stream.h>

#include <algorithm>

// A gradient with respect to what was gathered is a region, element by element, then scatter_adds of its values. These
// join the region: a block of its elements goes from the kernel into the sums while it is in the innermost cache
// (ScatterStream), and the values are never left in memory.
//
//     region 4 [pixels]  g = f(x)                     region 4 [pixels]  g = f(x), then s = scatter_add(g, corners)
//     region 5           s = scatter_add(g, corners)

namespace autograd::engine {

namespace {

constexpr int64_t least_elements = 2048;    // of a region: fewer stay in the inner caches anyway
constexpr int64_t least_entries_a_row = 4;  // else the sums are what takes time

size_t lists_of(const Planner& planner, uint32_t scatter_add) { return planner.states[scatter_add].source_count / 2; }

/// The region that computes the values of all lists, one for each of its elements; else `none`.
uint32_t region_of_values(const Planner& planner, uint32_t scatter_add) {
  const std::span<const Source> sources = planner.sources_of(scatter_add);
  const int64_t entries = planner.node(planner.recording.inputs(scatter_add)[0]).size();
  uint32_t region = none;
  for (size_t input = 0; input < sources.size(); input += 2) {
    const uint32_t values = sources[input].walk.base;
    if (planner.known(values)) return none;
    const Node& node = planner.node(values);
    if (node.op->kind == Op::Kind::reduce || node.op->kind == Op::Kind::number || node.size() != entries) return none;
    if (input > 0 && planner.states[values].region != region) return none;
    region = planner.states[values].region;
  }
  return region != none && planner.drafts[region].domain.size() == entries ? region : none;
}

/// The region that computes what the scatter_add adds, if it may take it in; else `none`.
uint32_t producer_of(const Planner& planner, uint32_t scatter_add) {
  const uint32_t region = region_of_values(planner, scatter_add);
  if (region == none) return none;
  const std::span<const Source> sources = planner.sources_of(scatter_add);
  for (size_t input = 1; input < sources.size(); input += 2) {
    const uint32_t indices = sources[input].walk.base;
    if (!planner.known(indices) && planner.states[indices].region >= region) return none;  // none is above all
  }
  const Draft& draft = planner.drafts[region];
  const bool folds = draft.demands.folds_all || draft.demands.folds_part;
  if (draft.call || folds || draft.domain.size() < least_elements) return none;
  size_t lists = lists_of(planner, scatter_add);
  for (const std::vector<uint32_t>& together : draft.scatters) lists += lists_of(planner, together[0]);
  if (lists > ScatterStream::most_lists) return none;
  const bool first = draft.scatters.empty();
  if (!first && planner.node(draft.scatters[0][0]).dtype != planner.node(scatter_add).dtype) return none;
  const auto entries = static_cast<int64_t>(lists_of(planner, scatter_add)) * draft.domain.size();
  return planner.node(scatter_add).extents[0] * least_entries_a_row <= entries ? region : none;
}

}  // namespace

void stream_scatters(Planner& planner) {
  bool moved = false;
  for (uint32_t id = 0; id < planner.drafts.size(); ++id) {
    if (!planner.drafts[id].call || !scatters_together(planner.node(planner.drafts[id].nodes[0]))) continue;
    std::vector<uint32_t> staying;
    std::vector<uint32_t> nodes = std::move(planner.drafts[id].nodes);
    while (!nodes.empty()) {
      const uint32_t producer = producer_of(planner, nodes[0]);
      const auto rest =
          std::ranges::stable_partition(nodes, [&](uint32_t node) { return producer_of(planner, node) == producer; });
      const std::vector<uint32_t> together(nodes.begin(), rest.begin());
      nodes.erase(nodes.begin(), rest.begin());
      if (producer == none) {
        staying = together;
        continue;
      }
      for (const uint32_t node : together) planner.states[node].region = producer;
      planner.drafts[producer].scatters.push_back(together);
      moved = true;
    }
    planner.drafts[id].nodes = std::move(staying);
  }
  if (moved) drop_empty(planner);
}

}  // namespace autograd::engine
