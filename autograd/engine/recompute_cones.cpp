#include <autograd/engine/plan.h>

#include <algorithm>

// A backward pass over many elements wants most of what the forward pass knew. Where that is much, to write it all to
// memory and to read it again takes longer than to compute it again, lookups included:
//
//     region 2 [pixels]   corners looked up, 300 operations, 60 of which the backward pass reads
//     region 7 [pixels]   the same again, and the backward pass: no array of 60 is ever written
//
// For each region this weighs the whole cone of what it reads from others of its domain, element for element, down to
// what stays in memory anyway. What is cheap by itself is left to recompute.cpp.

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

// Cycles for a vector of elements, roughly: what passes through memory comes from the outer caches.
constexpr int64_t of_store = 15, of_load = 15, of_lookup = 25, of_division = 12;
constexpr int64_t least_elements = 65536;  // smaller values stay in the inner caches

int64_t cost_of(const Planner& planner, uint32_t node) {
  if (planner.node(node).op->kind == Kind::gather) return of_lookup;
  int64_t cost = 0;
  for (const ir::Inst& inst : instructions_of(planner, node)) {
    const bool slow = inst.code == ir::Code::divide || inst.code == ir::Code::square_root;
    cost += slow ? of_division : 1;
  }
  return cost;
}

class Cones {
 public:
  explicit Cones(Planner& planner) : planner_(planner), marks_(planner.recording.size()), readers_(marks_.size()) {
    for (uint32_t region = 0; region < planner.drafts.size(); ++region) {
      const auto read = [&](const Walk& walk, const Source&) {
        if (!planner.known(walk.base) && planner.states[walk.base].region != region) readers_[walk.base].add(region);
      };
      for (uint32_t node : planner.drafts[region].nodes) for_each_walk(planner, node, read);
      for (const std::vector<uint32_t>& together : planner.drafts[region].scatters) {
        for (uint32_t node : together) for_each_walk(planner, node, read);
      }
    }
    for (uint32_t output : planner.recording.outputs()) {
      if (!planner.known(output)) readers_[contiguous_base(planner, output)].add(none);
    }
  }

  void run(uint32_t region) {
    Draft& draft = planner_.drafts[region];
    if (draft.call || draft.stages != none || draft.domain.size() < least_elements) return;
    region_ = region;
    find_cone();
    if (cone_.empty() || !lasting_ || draft.nodes.size() + cone_.size() > region_limit() || gain_ <= cost()) return;
    Demands demands = draft.demands;
    for (uint32_t node : cone_) demands = both(demands, demands_of(planner_, node, draft.domain));
    if (!accepts(draft, demands)) return;
    draft.demands = demands;
    draft.nodes.insert(draft.nodes.end(), cone_.begin(), cone_.end());
    std::ranges::sort(draft.nodes);
  }

 private:
  struct Readers {
    uint32_t first = none, last = 0;
    void add(uint32_t region) {
      first = std::min(first, region);
      last = std::max(last, region);
    }
  };

  /// Whether the region may compute its own copy of what `walk` reads: arithmetic or a lookup of another region of
  /// this domain.
  bool is_copyable(const Walk& walk) const {
    if (!walk.identity || planner_.known(walk.base)) return false;
    const Kind kind = planner_.node(walk.base).op->kind;
    const uint32_t region = planner_.states[walk.base].region;
    return (kind == Kind::map || kind == Kind::gather) && region != none && region != region_ &&
           planner_.drafts[region].domain == planner_.drafts[region_].domain;
  }

  bool is_marked(uint32_t node) const { return marks_[node] == region_ + 1; }

  /// The region's own reads first, then those of the cone as it grows.
  void find_cone() {
    cone_.clear();
    gain_ = 0;
    lasting_ = true;
    const Draft& draft = planner_.drafts[region_];
    for (uint32_t node : draft.nodes) marks_[node] = region_ + 1;
    for (uint32_t node : draft.nodes)
      for_each_walk(planner_, node, [&](const Walk& walk, const Source& source) { visit(walk, source, true); });
    for (size_t i = 0; i < cone_.size(); ++i)
      for_each_walk(planner_, cone_[i], [&](const Walk& walk, const Source& source) { visit(walk, source, false); });
  }

  void visit(const Walk& walk, const Source& source, bool own) {
    if (is_marked(walk.base)) return;
    marks_[walk.base] = region_ + 1;
    const bool stays_list =
        is_list(walk, source) && prefers_list(planner_, source, planner_.drafts[region_].domain.size());
    if (is_copyable(walk) && !stays_list) {
      cone_.push_back(walk.base);
      const bool alone = readers_[walk.base].first == region_ && readers_[walk.base].last == region_;
      if (own) gain_ += of_load + (alone ? of_store : 0);
    } else if (!own && walk.identity) {
      gain_ -= of_load;  // one more array to read
      lasting_ = lasting_ && (planner_.known(walk.base) || readers_[walk.base].last >= region_);
    }
  }

  int64_t cost() const {
    int64_t cost = 0;
    for (uint32_t node : cone_) cost += cost_of(planner_, node);
    return cost;
  }

  Planner& planner_;
  std::vector<uint32_t> marks_;  ///< the last region that has or reads a node, plus 1
  std::vector<Readers> readers_;
  std::vector<uint32_t> cone_;
  uint32_t region_ = none;
  int64_t gain_ = 0;
  bool lasting_ = true;  ///< no array needs to stay in memory for longer
};

}  // namespace

void recompute_cones(Planner& planner) {
  Cones cones(planner);
  for (uint32_t region = 0; region < planner.drafts.size(); ++region) cones.run(region);
}

}  // namespace autograd::engine
