#include <autograd/engine/plan.h>

#include <algorithm>

// A forward pass is recorded first, so its nodes open the first region of their domain. Where the backward pass, behind
// some call, is what reads them first, they had better be computed there: values that went through memory stay in
// registers. Who else reads them comes later, and reads what that region leaves in memory.
//
//     region 0 [pixels]    w = f(x)                         region 1  g = call(...)
//     region 1             g = call(...)             -->    region 2  w = f(x)
//     region 2 [pixels]    y = h(w, g)                                y = h(w, g)

namespace autograd::engine {

namespace {

/// The first region that reads another's values, or has copies of them.
struct FirstReader {
  uint32_t region = none;
  bool in_register = false;  ///< it is of the same domain, and reads element for element

  void add(uint32_t reader, bool element_for_element) {
    if (reader < region) *this = {reader, element_for_element};
    if (reader == region) in_register = in_register && element_for_element;
  }
};

bool has_folds(const Draft& draft) { return draft.demands.folds_all || draft.demands.folds_part; }

bool may_move(const Draft& draft) {
  return !draft.call && !has_folds(draft) && draft.stages == none && draft.scatters.empty();
}

/// Of those that may move.
std::vector<FirstReader> find_readers(const Planner& planner) {
  std::vector<FirstReader> readers(planner.drafts.size());
  const auto read = [&](const Walk& walk, uint32_t by, bool in_register) {
    const uint32_t region = planner.states[walk.base].region;
    if (region == none || region == by || planner.known(walk.base) || !may_move(planner.drafts[region])) return;
    const Draft &from = planner.drafts[region], &to = planner.drafts[by];
    if (std::ranges::binary_search(to.nodes, walk.base)) return;  // a copy of its own
    readers[region].add(by, in_register && walk.identity && !to.call && from.domain == to.domain);
  };
  for (uint32_t region = 0; region < planner.drafts.size(); ++region) {
    const Draft& draft = planner.drafts[region];
    const auto read_all = [&](uint32_t node) {
      const uint32_t own = planner.states[node].region;
      if (own != region) readers[own].add(region, true);
      for_each_walk(planner, node, [&](const Walk& walk, const Source& source) {
        const bool wanted_in_memory = source.kind == Source::Kind::gathered &&
                                      (is_table(walk, source) || prefers_list(planner, source, draft.domain.size()));
        read(walk, region, !wanted_in_memory);
      });
    };
    std::ranges::for_each(draft.nodes, read_all);
    for (const std::vector<uint32_t>& together : draft.scatters) {
      for (const uint32_t node : together) {
        const std::span<const Source> sources = planner.sources_of(node);
        for (size_t input = 1; input < sources.size(); input += 2)  // indices; the values are the region's own
          read(sources[input].walk, region, false);
      }
    }
  }
  return readers;
}

}  // namespace

void drop_empty(Planner& planner) {
  std::vector<uint32_t> number(planner.drafts.size());
  uint32_t next = 0;
  for (uint32_t i = 0; i < planner.drafts.size(); ++i) {
    number[i] = next;
    if (planner.drafts[i].nodes.empty()) continue;
    if (next != i) planner.drafts[next] = std::move(planner.drafts[i]);
    ++next;
  }
  planner.drafts.resize(next);
  for (NodeState& state : planner.states) {
    if (state.region != none) state.region = number[state.region];
  }
  for (StageDraft& stages : planner.stages) stages.first = number[stages.first];
}

namespace {

/// Moves regions to their first readers; one that gave or took is left alone, as its readers are others by then.
bool sink_once(Planner& planner) {
  const std::vector<FirstReader> readers = find_readers(planner);
  std::vector<bool> changed(planner.drafts.size());
  bool moved = false;
  for (uint32_t region = 0; region < planner.drafts.size(); ++region) {
    Draft& from = planner.drafts[region];
    const FirstReader& reader = readers[region];
    if (!may_move(from) || !reader.in_register) continue;
    Draft& to = planner.drafts[reader.region];
    if (changed[region] || changed[reader.region] || to.stages != none) continue;
    if (from.nodes.size() + to.nodes.size() > region_limit() || !accepts(to, from.demands)) continue;
    for (const uint32_t node : from.nodes) {
      if (planner.states[node].region == region) planner.states[node].region = reader.region;
    }
    to.demands = both(to.demands, from.demands);
    const auto middle = static_cast<std::ptrdiff_t>(to.nodes.size());
    to.nodes.insert(to.nodes.end(), from.nodes.begin(), from.nodes.end());
    std::inplace_merge(to.nodes.begin(), to.nodes.begin() + middle, to.nodes.end());
    to.nodes.erase(std::unique(to.nodes.begin(), to.nodes.end()), to.nodes.end());  // copies that it had
    from.nodes.clear();
    changed[region] = changed[reader.region] = moved = true;
  }
  if (moved) drop_empty(planner);
  return moved;
}

}  // namespace

void sink(Planner& planner) {
  while (sink_once(planner)) continue;
}

}  // namespace autograd::engine
