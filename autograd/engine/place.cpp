#include <autograd/core/error.h>
#include <autograd/engine/plan.h>

#include <algorithm>

namespace autograd::engine {

namespace {

constexpr int64_t alignment = 64;

int64_t aligned(int64_t bytes) { return std::max((bytes + alignment - 1) / alignment * alignment, alignment); }

int64_t buffer_bytes(const Node& node) { return aligned(node.size() * size_of(node.dtype)); }

/// Offsets for buffers that come and go in the order of regions: first fit among the gaps.
class Offsets {
 public:
  int64_t take(int64_t bytes) {
    for (size_t i = 0; i < gaps_.size(); ++i) {
      if (gaps_[i].bytes < bytes) continue;
      const int64_t offset = gaps_[i].offset;
      gaps_[i].offset += bytes;
      gaps_[i].bytes -= bytes;
      if (gaps_[i].bytes == 0) gaps_.erase(gaps_.begin() + static_cast<std::ptrdiff_t>(i));
      return offset;
    }
    const int64_t offset = end_;
    end_ += bytes;
    return offset;
  }

  void give_back(int64_t offset, int64_t bytes) {
    const auto next = std::find_if(gaps_.begin(), gaps_.end(), [&](const Gap& gap) { return gap.offset > offset; });
    auto gap = gaps_.insert(next, {offset, bytes});
    if (gap + 1 != gaps_.end() && gap->offset + gap->bytes == (gap + 1)->offset) {
      gap->bytes += (gap + 1)->bytes;
      gaps_.erase(gap + 1);
    }
    if (gap != gaps_.begin() && (gap - 1)->offset + (gap - 1)->bytes == gap->offset) {
      (gap - 1)->bytes += gap->bytes;
      gaps_.erase(gap);
    }
  }

  int64_t end() const { return end_; }

 private:
  struct Gap {
    int64_t offset, bytes;
  };
  std::vector<Gap> gaps_;
  int64_t end_ = 0;
};

[[noreturn]] void throw_limit(const Plan& plan, const Recording& recording, int64_t total, int64_t limit) {
  std::vector<Plan::Buffer> largest = plan.buffers;
  std::stable_sort(largest.begin(), largest.end(),
                   [](const Plan::Buffer& a, const Plan::Buffer& b) { return a.bytes > b.bytes; });
  std::string text = "evaluate: needs " + std::to_string(total) + " bytes, the Step's limit is " +
                     std::to_string(limit) + "; the largest buffers are";
  for (size_t i = 0; i < std::min<size_t>(3, largest.size()); ++i) {
    const Node& node = recording.node(largest[i].position);
    text += std::string(i > 0 ? "," : "") + " " + node.op->name + " " + node.shape().to_string() + " at " +
            to_string(node.where) + " (" + std::to_string(largest[i].bytes) + ")";
  }
  throw OutOfMemory(text);
}

/// Whether a value is read by stages only, each of which needs the rows of its block alone.
bool is_local_to_stages(const Planner& planner, uint32_t position) {
  const NodeState& state = planner.states[position];
  const Draft& draft = planner.drafts[state.region];
  if (draft.stages == none || state.kept || planner.node(position).op->kind == Op::Kind::reduce) return false;
  const StageDraft& stages = planner.stages[draft.stages];
  return draft.domain == stages.domain && state.last_use < stages.first + stages.count;
}

/// Whether a value of stages can stand in the memory of another until that takes its place, element for element. Then
/// nothing else may be stored by the one's region, nor be folded from the other.
bool can_host(const Planner& planner, uint32_t host, uint32_t value) {
  const NodeState &state = planner.states[host], &guest = planner.states[value];
  if (!state.stored || state.hosts || is_local_to_stages(planner, host) || state.region != guest.last_use ||
      state.region <= guest.region)
    return false;
  if (!state.kept && state.last_use == none) return false;  // assigned
  const Node &node = planner.node(host), &other = planner.node(value);
  if (node.op->kind != Op::Kind::map || node.dtype != other.dtype || node.size() != other.size()) return false;
  return std::ranges::all_of(planner.drafts[state.region].nodes, [&](uint32_t member) {
    const NodeState& of = planner.states[member];
    if (member != host && of.stored && of.region == state.region && planner.node(member).op->kind == Op::Kind::map)
      return false;
    return planner.node(member).op->kind != Op::Kind::reduce || planner.sources[of.sources].walk.base != value;
  });
}

uint32_t find_host(const Planner& planner, uint32_t value) {
  const std::vector<uint32_t>& nodes = planner.drafts[planner.states[value].last_use].nodes;
  const auto found = std::ranges::find_if(nodes, [&](uint32_t node) { return can_host(planner, node, value); });
  return found == nodes.end() ? none : *found;
}

/// Stages take turns: their buffers are taken and given back together.
uint32_t first_of_turn(const Planner& planner, uint32_t region) {
  const uint32_t stages = planner.drafts[region].stages;
  return stages == none ? region : planner.stages[stages].first;
}
uint32_t last_of_turn(const Planner& planner, uint32_t region) {
  if (region == none) return none;
  const uint32_t stages = planner.drafts[region].stages;
  return stages == none ? region : planner.stages[stages].first + planner.stages[stages].count - 1;
}

}  // namespace

/// Opaque results are kept so that a later gradient does not repeat them, unless the evaluation is a
/// training step's, whose graph is done with.
void mark_kept(Planner& planner, const Keep& keep) {
  const std::vector<uint32_t>& outputs = planner.recording.outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (planner.known(outputs[i])) continue;
    NodeState& state = planner.states[contiguous_base(planner, outputs[i])];
    // Assigned values are read after the last region.
    (i < keep.outputs ? state.kept : state.stored) = true;
    if (i >= keep.outputs) state.last_use = none;
  }
  if (!keep.calls) return;
  for (const Draft& draft : planner.drafts) {
    for (const std::vector<uint32_t>& together : draft.scatters) {
      for (uint32_t node : together) planner.states[node].kept = true;
    }
    if (!draft.call) continue;
    for (uint32_t node : draft.nodes) planner.states[node].kept = true;
  }
}

/// What only the region's own scatter_adds read.
void place_columns(Planner& planner, uint32_t id) {
  Draft& draft = planner.drafts[id];
  for (const std::vector<uint32_t>& together : draft.scatters) {
    for (const uint32_t node : together) {
      const std::span<const Source> sources = planner.sources_of(node);
      for (size_t input = 0; input < sources.size(); input += 2) {
        const uint32_t position = sources[input].walk.base;
        NodeState& state = planner.states[position];
        if (state.kept || state.local >= 0 || state.last_use != id) continue;
        state.local = draft.local_bytes;
        draft.local_bytes += Lookups::column_stride(usual_block) * size_of(planner.node(position).dtype);
      }
    }
  }
}

void place_local(Planner& planner) {
  for (uint32_t id = 0; id < planner.drafts.size(); ++id) place_columns(planner, id);
  for (const StageDraft& stages : planner.stages) {
    planner.plan.stages.push_back({stages.first, stages.count, stages.rows, stages.block, stages.folds_rows});
  }
  for (uint32_t position = 0; position < planner.recording.size(); ++position) {
    NodeState& state = planner.states[position];
    if (!state.stored || planner.known(position) || !is_local_to_stages(planner, position)) continue;
    const Node& node = planner.node(position);
    if (const uint32_t host = find_host(planner, position); host != none) {
      state.hosted = true;
      planner.states[host].hosts = true;
      planner.plan.hosted.push_back({position, host});
      continue;
    }
    Stages& stages = planner.plan.stages[planner.drafts[state.region].stages];
    state.local = stages.local_bytes;
    stages.local_bytes += aligned(stages.block * (node.size() / stages.rows) * size_of(node.dtype));
  }
}

void place(Planner& planner) {
  Plan& plan = planner.plan;
  std::vector<uint32_t> temporary;  // positions
  for (uint32_t position = 0; position < planner.recording.size(); ++position) {
    const NodeState& state = planner.states[position];
    if (!state.stored || state.in_place || state.hosted || state.local >= 0 || planner.known(position)) continue;
    if (state.kept) {
      plan.buffers.push_back({position, buffer_bytes(planner.node(position)), 0, true});
      plan.kept_bytes += plan.buffers.back().bytes;
    } else {
      temporary.push_back(position);
    }
  }
  // By region: buffers are taken when their region runs and given back after their last reader.
  const auto begin_of = [&](uint32_t position) { return first_of_turn(planner, planner.states[position].region); };
  std::stable_sort(temporary.begin(), temporary.end(),
                   [&](uint32_t a, uint32_t b) { return begin_of(a) < begin_of(b); });
  const size_t first = plan.buffers.size();
  std::vector<size_t> by_end;  // buffers
  for (uint32_t position : temporary) {
    by_end.push_back(plan.buffers.size());
    plan.buffers.push_back({position, buffer_bytes(planner.node(position)), 0, false});
  }
  const auto end_of = [&](size_t buffer) {
    return last_of_turn(planner, planner.states[plan.buffers[buffer].position].last_use);
  };
  std::stable_sort(by_end.begin(), by_end.end(), [&](size_t a, size_t b) { return end_of(a) < end_of(b); });
  Offsets offsets;
  size_t ended = 0;
  for (size_t i = first; i < plan.buffers.size(); ++i) {
    Plan::Buffer& buffer = plan.buffers[i];
    const uint32_t region = begin_of(buffer.position);
    for (; ended < by_end.size() && end_of(by_end[ended]) < region; ++ended) {
      offsets.give_back(plan.buffers[by_end[ended]].offset, plan.buffers[by_end[ended]].bytes);
    }
    buffer.offset = offsets.take(buffer.bytes);
  }
  plan.temporary_bytes = offsets.end();
}

void allocate(const Plan& plan, const Recording& recording, Arena& scratch, Values& values) {
  Graph& graph = recording.graph();
  const int64_t limit = graph.memory_limit();
  const int64_t total = graph.used_bytes() + plan.kept_bytes + plan.temporary_bytes;
  if (limit > 0 && total > limit) throw_limit(plan, recording, total, limit);
  if (values.size() < recording.size()) values.resize(recording.size());
  for (uint32_t leaf : plan.leaves) values[leaf] = static_cast<std::byte*>(recording.node(leaf).value);
  for (const Plan::InPlace& pair : plan.in_place) {
    values[pair.value] = static_cast<std::byte*>(recording.node(pair.leaf).value);
  }
  for (const uint32_t value : plan.unpacked) values[value] = nullptr;
  auto* base = static_cast<std::byte*>(scratch.allocate(plan.temporary_bytes));
  for (const Plan::Buffer& buffer : plan.buffers) {
    values[buffer.position] =
        buffer.kept ? static_cast<std::byte*>(graph.arena(recording.node(buffer.position).depth).allocate(buffer.bytes))
                    : base + buffer.offset;
  }
  for (const Plan::Hosted& pair : plan.hosted) values[pair.value] = values[pair.host];
}

}  // namespace autograd::engine
