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

/// The region that computes what the scatter_add adds, if it may take it in; else `none`.
uint32_t producer_of(const Planner& planner, uint32_t scatter_add) {
  const NodeState& state = planner.states[scatter_add];
  const Walk &values = planner.sources[state.sources].walk, &indices = planner.sources[state.sources + 1].walk;
  if (planner.known(values.base)) return none;
  const Node& value = planner.node(values.base);
  const int64_t entries = planner.node(planner.recording.inputs(scatter_add)[0]).size();
  const uint32_t region = planner.states[values.base].region;
  if (!planner.known(indices.base) && planner.states[indices.base].region >= region) return none;  // none is above all
  if (region == none || value.op->kind == Op::Kind::reduce || value.op->kind == Op::Kind::number) return none;
  const Draft& draft = planner.drafts[region];
  const bool folds = draft.demands.folds_all || draft.demands.folds_part;
  if (draft.scatters.size() == ScatterStream::most_lists) return none;
  const bool first = draft.scatters.empty();
  if (!first && planner.node(draft.scatters[0][0]).dtype != planner.node(scatter_add).dtype) return none;
  if (planner.node(scatter_add).extents[0] * least_entries_a_row > entries) return none;
  const bool suits = !draft.call && !folds && draft.domain.size() >= least_elements;
  return suits && entries == draft.domain.size() && value.size() == entries ? region : none;
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
