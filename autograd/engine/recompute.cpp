#include <autograd/engine/plan.h>

#include <algorithm>
#include <functional>

// Values that a region would read from another of the same domain, element for element, though it could compute them
// from what it reads anyway: a backward pass needs much of what the forward pass knew, and arithmetic is cheaper than
// memory. Each copy saves a load, and the store if nobody else reads the value:
//
//     region 0   h = tanh x, d = 1 - h^2                 region 0   h = tanh x
//     region 1   y = matmul(h, w)                        region 1   y = matmul(h, w)
//     ...                                                ...
//     region 9   dx = dh d          reads d       -->    region 9   dx = dh (1 - h^2)   reads h, which y needed anyway

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

/// Whether a region may compute its own copy of a node's value rather than read one from memory.
bool is_cheap(const Planner& planner, uint32_t node) {
  constexpr size_t most_instructions = 4;
  const std::vector<ir::Inst> instructions = instructions_of(planner, node);
  const auto slow = [](const ir::Inst& inst) {
    return inst.type == DType::int32 && (inst.code == ir::Code::divide || inst.code == ir::Code::remainder);
  };
  return instructions.size() <= most_instructions && std::ranges::none_of(instructions, slow);
}

class Recomputation {
 public:
  explicit Recomputation(Planner& planner)
      : planner_(planner), marks_(planner.recording.size()), readers_(planner.recording.size()) {
    for (uint32_t region = 0; region < planner.drafts.size(); ++region) {
      for (uint32_t node : planner.drafts[region].nodes) {
        for_each_walk(planner, node, [&](const Walk& walk, const Source&) {
          if (planner.states[walk.base].region != region) readers_[walk.base].add(region);
        });
      }
    }
  }

  void run(uint32_t region) {
    Draft& draft = planner_.drafts[region];
    if (draft.call || draft.domain.size() < least_elements) return;
    region_ = region;
    find_crossing();
    std::ranges::sort(crossing_, std::greater());
    const size_t native = draft.nodes.size();
    for (uint32_t node : crossing_) {
      if (mark(node) == Mark::inside || !find_copies(node)) continue;
      Demands demands = draft.demands;
      for (uint32_t copy : copies_) demands = both(demands, demands_of(planner_, copy, draft.domain));
      if (draft.nodes.size() + copies_.size() > region_limit() || !accepts(draft, demands)) continue;
      draft.demands = demands;
      for (uint32_t copy : copies_) {
        draft.nodes.push_back(copy);
        marks_[copy] = {region, Mark::inside};
      }
      if (more_ != none) readers_[more_].add(region);
    }
    if (draft.nodes.size() > native) std::ranges::sort(draft.nodes);
  }

 private:
  static constexpr int64_t least_elements = 16384;  // smaller values stay in the inner caches
  struct Mark {
    enum Kind : uint8_t { none, inside, read };
    uint32_t region = engine::none;
    Kind kind = none;
  };

  /// Regions that read a node's value from memory.
  struct Readers {
    uint32_t last = 0, count = 0;
    void add(uint32_t region) {
      if (count > 0 && last == region) return;
      last = std::max(last, region);
      ++count;
    }
  };

  Mark::Kind mark(uint32_t node) const { return marks_[node].region == region_ ? marks_[node].kind : Mark::none; }

  void find_crossing() {
    crossing_.clear();
    const Draft& draft = planner_.drafts[region_];
    for (uint32_t node : draft.nodes) marks_[node] = {region_, Mark::inside};
    for (uint32_t node : draft.nodes) {
      for_each_walk(planner_, node, [&](const Walk& walk, const Source& source) {
        if (!is_table(walk, source)) consider(walk);
      });
    }
  }

  void consider(const Walk& walk) {
    if (!walk.identity || mark(walk.base) != Mark::none) return;
    marks_[walk.base] = {region_, Mark::read};
    if (!planner_.known(walk.base) && is_elsewhere(walk.base)) crossing_.push_back(walk.base);
  }

  /// The node, and others that it is computed from, so that all that these read is in the region or read by it. One
  /// array more may take the node's place in memory.
  bool find_copies(uint32_t node) {
    constexpr size_t most_copies = 3;
    copies_.assign(1, node);
    more_ = none;
    for (size_t i = 0; i < copies_.size(); ++i) {
      if (planner_.node(copies_[i]).op->kind != Kind::map) return false;
      for (const Source& source : planner_.sources_of(copies_[i])) {
        if (source.kind == Source::Kind::number) continue;
        if (source.kind == Source::Kind::gathered) return false;
        const uint32_t base = source.walk.base;
        const bool copied = std::ranges::find(copies_, base) != copies_.end();
        if (!source.walk.identity || mark(base) != Mark::none || copied || base == more_) continue;
        if (may_replace(base, node)) {
          if (more_ != none) return false;
          more_ = base;
        } else {
          if (copies_.size() == most_copies || !is_elsewhere(base)) return false;
          copies_.push_back(base);
        }
      }
    }
    return std::ranges::all_of(copies_, [&](uint32_t copy) { return is_cheap(planner_, copy); });
  }

  /// Whether memory is not used for longer if the region reads `base` instead of the node: it is there anyway, or is
  /// when the node is computed, which then needs no memory at all.
  bool may_replace(uint32_t base, uint32_t node) const {
    if (planner_.known(base)) return true;
    const Readers &of_base = readers_[base], &of_node = readers_[node];
    return of_base.last >= region_ || (of_node.count == 1 && of_base.last > planner_.states[node].region);
  }

  /// In another region of this domain, element for element.
  bool is_elsewhere(uint32_t node) const {
    const uint32_t region = planner_.states[node].region;
    return region != none && !planner_.drafts[region].call &&
           planner_.drafts[region].domain == planner_.drafts[region_].domain;
  }

  Planner& planner_;
  std::vector<Mark> marks_;
  std::vector<Readers> readers_;
  std::vector<uint32_t> crossing_, copies_;
  uint32_t more_ = engine::none;  ///< what the copies read that the region did not
  uint32_t region_ = engine::none;
};

}  // namespace

void recompute(Planner& planner) {
  Recomputation recomputation(planner);
  for (uint32_t region = 0; region < planner.drafts.size(); ++region) recomputation.run(region);
}

}  // namespace autograd::engine
