#include <autograd/engine/plan.h>

#include <algorithm>

// A forward pass is recorded first, so its nodes open the first region of their domain. Where the backward
// pass, behind some call, is all that reads them, they had better be computed there: values that went
// through memory stay in registers.
//
//     region 0 [pixels]    w = f(x)                         region 1  g = call(...)
//     region 1             g = call(...)             -->    region 2  w = f(x)
//     region 2 [pixels]    y = h(w, g)                                y = h(w, g)

namespace autograd::engine {

namespace {

/// The region that alone reads a region's values, element for element.
struct Reader {
  enum class Kind : uint8_t { nobody, one, others };
  Kind kind = Kind::nobody;
  uint32_t region = none;

  void add(uint32_t reader, bool in_register) {
    const bool first = kind == Kind::nobody || (kind == Kind::one && region == reader);
    kind = first && in_register ? Kind::one : Kind::others;
    region = reader;
  }
};

std::vector<Reader> find_readers(const Planner& planner) {
  std::vector<Reader> readers(planner.drafts.size());
  const auto read = [&](const Walk& walk, uint32_t by, bool in_register) {
    if (planner.known(walk.base)) return;
    const uint32_t region = planner.states[walk.base].region;
    if (region == none || region == by) return;
    const Draft &from = planner.drafts[region], &to = planner.drafts[by];
    readers[region].add(by, in_register && walk.identity && !to.call && from.domain == to.domain);
  };
  for (uint32_t region = 0; region < planner.drafts.size(); ++region) {
    for (const uint32_t node : planner.drafts[region].nodes) {
      const NodeState& state = planner.states[node];
      for (uint32_t k = 0; k < state.source_count; ++k) {
        const Source& source = planner.sources[state.sources + k];
        if (source.kind == Source::Kind::number) continue;
        read(source.walk, region, source.kind == Source::Kind::memory);
        if (source.kind == Source::Kind::gathered) read(source.index, region, true);
      }
    }
  }
  for (const uint32_t output : planner.recording.outputs()) {
    if (planner.known(output)) continue;
    const uint32_t region = planner.states[contiguous_base(planner, output)].region;
    if (region != none) readers[region].kind = Reader::Kind::others;
  }
  return readers;
}

bool has_folds(const Draft& draft) { return draft.demands.folds_all || draft.demands.folds_part; }

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
}

void sink(Planner& planner) {
  const std::vector<Reader> readers = find_readers(planner);
  bool moved = false;
  for (uint32_t region = 0; region < planner.drafts.size(); ++region) {
    Draft& from = planner.drafts[region];
    if (from.call || has_folds(from) || readers[region].kind != Reader::Kind::one) continue;
    Draft& to = planner.drafts[readers[region].region];
    if (from.nodes.size() + to.nodes.size() > region_limit() || !accepts(to, from.demands)) continue;
    for (const uint32_t node : from.nodes) planner.states[node].region = readers[region].region;
    to.demands = both(to.demands, from.demands);
    const auto middle = static_cast<std::ptrdiff_t>(to.nodes.size());
    to.nodes.insert(to.nodes.end(), from.nodes.begin(), from.nodes.end());
    std::inplace_merge(to.nodes.begin(), to.nodes.begin() + middle, to.nodes.end());
    from.nodes.clear();
    moved = true;
  }
  if (moved) drop_empty(planner);
}

}  // namespace autograd::engine
