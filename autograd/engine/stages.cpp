#include <autograd/engine/fold.h>
#include <autograd/engine/plan.h>

#include <algorithm>
#include <numeric>

// A fold's result exists only after its region, so softmax over rows is three regions:
//
//     m = max x        e = exp(x - m), s = sum e        y = e / s
//
// But row by row, each needs nothing of other rows. Such regions become stages: they run one after
// another on a block of rows, which stays in the inner caches, then on the next block. What only
// they read (e) is never left in memory; each thread has room for one block of it.
//
//     full stages    [rows, lanes], with folds or without    x, e, y
//     column stages  [rows], without folds                   1 / s, log s
//
// Regions in between that a stage needs run before all stages, the others after.

namespace autograd::engine {

namespace {

using Kind = Op::Kind;
using Span = ir::Fold::Span;

constexpr size_t furthest = 64;           // regions looked at from a first stage on
constexpr int64_t most_lanes = 16384;     // a longer row does not stay in the inner caches
constexpr int64_t block_elements = 8192;  // of a block of rows; more only where a fold's blocks ask for it
constexpr int64_t most_block_elements = 65536;
constexpr int64_t shared_rows = 4;  // long ones in a block, which together read what they share (rectangles.cpp)

int64_t product(const Shape& shape, int first, int last) {
  int64_t count = 1;
  for (int axis = first; axis < last; ++axis) count *= shape[axis];
  return count;
}

bool is_part(const Shape& part, const Shape& whole) {
  return part.rank() <= whole.rank() && std::equal(part.begin(), part.end(), whole.begin());
}

class Grouping {
 public:
  explicit Grouping(Planner& planner) : planner_(planner), places_(planner.drafts.size(), Place::before) {
    queue_.resize(planner.drafts.size());
    std::iota(queue_.begin(), queue_.end(), 0u);
  }

  void run() {
    for (size_t at = 0; at < queue_.size();) at = begins(queue_[at]) ? collect(at) : at + 1;
    if (!planner_.stages.empty()) reorder();
  }

 private:
  /// What becomes of a region while stages are collected.
  enum class Place : uint8_t {
    before,  ///< all stages
    free,    ///< needs no stage
    inside,
    after,  ///< needs more of a stage than its own rows
  };
  enum class Form : uint8_t { full, column, other };

  const Draft& draft(uint32_t id) const { return planner_.drafts[id]; }

  /// Calls use(walk, is_table) for all that a region reads from others.
  template <class Use>
  void for_each_walk(uint32_t id, Use&& use) const {
    for (uint32_t node : draft(id).nodes) {
      engine::for_each_walk(planner_, node, [&](const Walk& walk, const Source& source) {
        if (is_elsewhere(walk.base, id)) use(walk, is_table(walk, source));
      });
    }
  }
  bool is_elsewhere(uint32_t base, uint32_t id) const {
    return !planner_.known(base) && planner_.states[base].region != none && planner_.states[base].region != id;
  }

  bool begins(uint32_t id) {
    const Draft& first = draft(id);
    if (first.call || !first.demands.folds_part || first.domain.size() == 0) return false;
    const bool folds_lanes = std::ranges::any_of(first.nodes, [&](uint32_t node) {
      return planner_.node(node).op->kind == Kind::reduce && reduced(planner_, node).span == Span::lanes;
    });
    if (!folds_lanes) return false;
    stages_ = {};
    stages_.domain = first.domain;
    stages_.border = first.demands.border();
    stages_.rows = product(first.domain, 0, stages_.border);
    stages_.lanes = product(first.domain, stages_.border, first.domain.rank());
    return stages_.lanes <= most_lanes && form_of(id) == Form::full && admit(id);
  }

  Form form_of(uint32_t id) const {
    const Draft& region = draft(id);
    if (region.call || !region.scatters.empty() || region.demands.packs) return Form::other;
    if (region.domain == stages_.domain) {
      return !region.demands.folds_part || region.demands.border() == stages_.border ? Form::full : Form::other;
    }
    const bool column = region.domain.rank() == stages_.border && is_part(region.domain, stages_.domain);
    return column && !region.demands.folds_part && !region.demands.folds_all ? Form::column : Form::other;
  }

  /// Finds a size of blocks that suits the folds of a full region too; false where there is none.
  bool admit(uint32_t id) {
    StageDraft wanted = stages_;
    for (uint32_t node : draft(id).nodes) {
      if (planner_.node(node).op->kind != Kind::reduce) continue;
      const Span span = reduced(planner_, node).span;
      wanted.folds_all = wanted.folds_all || span == Span::all;
      wanted.folds_rows = wanted.folds_rows || span == Span::rows;
    }
    const bool shares = wanted.folds_rows && wanted.lanes > fold_block;
    wanted.block = std::max<int64_t>(shares ? shared_rows : 1, block_elements / wanted.lanes);
    if (wanted.folds_all) {  // whose blocks a block of rows must not cut
      const int64_t unit = fold_block / std::gcd(wanted.lanes, fold_block);
      if (unit * wanted.lanes > most_block_elements) return false;
      wanted.block = (wanted.block + unit - 1) / unit * unit;
      const int64_t blocks = row_blocks(wanted.rows);
      if (wanted.folds_rows && blocks > 1 && (wanted.rows + blocks - 1) / blocks % unit != 0) return false;
    }
    stages_ = wanted;
    return true;
  }

  /// Whether a stage of the form finds what it reads in its own rows.
  bool is_row_local(const Walk& walk, Form reader) const {
    const uint32_t producer = planner_.states[walk.base].region;
    bool column = form_of(producer) == Form::column;
    if (planner_.node(walk.base).op->kind == Kind::reduce) {
      if (reduced(planner_, walk.base).span != Span::lanes) return false;
      column = true;
    }
    if (!column || reader == Form::column) return walk.identity && column == (reader == Form::column);
    int64_t stride = 1;
    for (int axis = stages_.domain.rank() - 1; axis >= 0; --axis) {
      const int64_t expected = axis >= stages_.border ? 0 : stride;
      if (walk.strides[static_cast<size_t>(axis)] != expected) return false;
      if (axis < stages_.border) stride *= stages_.domain[axis];
    }
    return walk.offset == 0;
  }

  Place place_of(uint32_t id) {
    const Form form = form_of(id);
    bool needs_stage = false, local = form != Form::other, late = false;
    for_each_walk(id, [&](const Walk& walk, bool table) {
      const Place place = places_[planner_.states[walk.base].region];
      late = late || place == Place::after;
      if (place != Place::inside) return;
      needs_stage = true;
      local = local && !table && is_row_local(walk, form);
    });
    if (late) return Place::after;
    if (!needs_stage) return Place::free;
    if (!local || stages_.count == most_stages) return Place::after;
    return form == Form::column || admit(id) ? Place::inside : Place::after;
  }

  /// Stages from the region at `at` of the queue on; returns where to go on.
  size_t collect(size_t at) {
    const size_t end = std::min(queue_.size(), at + furthest);
    const std::vector<uint32_t> window(queue_.begin() + static_cast<std::ptrdiff_t>(at),
                                       queue_.begin() + static_cast<std::ptrdiff_t>(end));
    int64_t full = 0;
    for (size_t i = 0; i < window.size(); ++i) {
      const uint32_t id = window[i];
      places_[id] = i == 0 ? Place::inside : place_of(id);
      if (places_[id] != Place::inside) continue;
      ++stages_.count;
      full += form_of(id) == Form::full;
    }
    if (full < 2) {
      for (uint32_t id : window) places_[id] = Place::before;
      return at + 1;
    }
    move_needed_before(window);
    // before, inside, after, each in the order it had
    auto out = queue_.begin() + static_cast<std::ptrdiff_t>(at);
    for (const Place place : {Place::before, Place::inside, Place::after}) {
      if (place == Place::inside) stages_.first = static_cast<uint32_t>(out - queue_.begin());
      for (uint32_t id : window) {
        if (places_[id] == place) *out++ = id;
      }
    }
    planner_.stages.push_back(stages_);
    for (uint32_t id : window) places_[id] = Place::before;
    return stages_.first + stages_.count;
  }

  /// Free regions that stages need, and those that these need, go before; the others after.
  void move_needed_before(std::span<const uint32_t> window) {
    std::vector<bool> needed(planner_.drafts.size());
    for (size_t i = window.size(); i-- > 0;) {
      const uint32_t id = window[i];
      if (places_[id] == Place::free) places_[id] = needed[id] ? Place::before : Place::after;
      if (places_[id] == Place::after) continue;
      for_each_walk(id, [&](const Walk& walk, bool) { needed[planner_.states[walk.base].region] = true; });
    }
  }

  void reorder() {
    std::vector<uint32_t> number(queue_.size());
    std::vector<Draft> drafts;
    for (uint32_t i = 0; i < queue_.size(); ++i) {
      number[queue_[i]] = i;
      drafts.push_back(std::move(planner_.drafts[queue_[i]]));
    }
    planner_.drafts = std::move(drafts);
    for (NodeState& state : planner_.states) {
      if (state.region != none) state.region = number[state.region];
    }
    for (size_t k = 0; k < planner_.stages.size(); ++k) {
      const StageDraft& stages = planner_.stages[k];
      for (uint32_t i = 0; i < stages.count; ++i) planner_.drafts[stages.first + i].stages = static_cast<uint32_t>(k);
    }
  }

  Planner& planner_;
  std::vector<Place> places_;    ///< by draft
  std::vector<uint32_t> queue_;  ///< drafts in their new order
  StageDraft stages_;            ///< being collected
};

}  // namespace

void group_stages(Planner& planner) { Grouping(planner).run(); }

}  // namespace autograd::engine
