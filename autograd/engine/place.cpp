#include <autograd/core/error.h>
#include <autograd/engine/plan.h>

#include <algorithm>

namespace autograd::engine {

namespace {

constexpr int64_t alignment = 64;

int64_t buffer_bytes(const Node& node) {
  return std::max<int64_t>((node.size() * size_of(node.dtype) + alignment - 1) / alignment * alignment, alignment);
}

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

void check_limit(const Plan& plan, const std::vector<uint32_t>& stored) {
  const int64_t limit = plan.graph.memory_limit();
  const int64_t total = plan.graph.used_bytes() + plan.kept_bytes + plan.temporary_bytes;
  if (limit == 0 || total <= limit) return;
  std::vector<uint32_t> largest = stored;
  std::stable_sort(largest.begin(), largest.end(), [&](uint32_t a, uint32_t b) {
    return buffer_bytes(plan.graph.node(a)) > buffer_bytes(plan.graph.node(b));
  });
  std::string text = "evaluate: needs " + std::to_string(total) + " bytes, the Step's limit is " +
                     std::to_string(limit) + "; the largest buffers are";
  for (size_t i = 0; i < std::min<size_t>(3, largest.size()); ++i) {
    const Node& node = plan.graph.node(largest[i]);
    text += std::string(i > 0 ? "," : "") + " " + node.op->name + " " + node.shape().to_string() + " at " +
            to_string(node.where) + " (" + std::to_string(buffer_bytes(node)) + ")";
  }
  throw OutOfMemory(text);
}

}  // namespace

void place(Plan& plan, Arena& scratch) {
  std::vector<uint32_t> stored, temporary;
  plan.kept_bytes = 0;
  for (uint32_t node : plan.order) {
    const NodeState& state = plan.state(node);
    if (!state.stored || plan.known(node)) continue;
    stored.push_back(node);
    if (state.kept) {
      plan.kept_bytes += buffer_bytes(plan.graph.node(node));
    } else {
      temporary.push_back(node);
    }
  }
  // By region: buffers are taken when their region runs and given back after their last reader.
  std::stable_sort(temporary.begin(), temporary.end(),
                   [&](uint32_t a, uint32_t b) { return plan.state(a).region < plan.state(b).region; });
  std::vector<uint32_t> by_end = temporary;
  std::stable_sort(by_end.begin(), by_end.end(),
                   [&](uint32_t a, uint32_t b) { return plan.state(a).last_use < plan.state(b).last_use; });
  Offsets offsets;
  std::vector<int64_t> offset_of(temporary.size());
  size_t ended = 0;
  for (size_t i = 0; i < temporary.size(); ++i) {
    const uint32_t region = plan.state(temporary[i]).region;
    for (; ended < by_end.size() && plan.state(by_end[ended]).last_use < region; ++ended) {
      NodeState& state = plan.state(by_end[ended]);
      offsets.give_back(offset_of[state.buffer], buffer_bytes(plan.graph.node(by_end[ended])));
    }
    NodeState& state = plan.state(temporary[i]);
    state.buffer = static_cast<uint32_t>(i);
    offset_of[i] = offsets.take(buffer_bytes(plan.graph.node(temporary[i])));
  }
  plan.temporary_bytes = offsets.end();
  check_limit(plan, stored);

  auto* base = static_cast<std::byte*>(scratch.allocate(plan.temporary_bytes));
  for (uint32_t node : stored) {
    NodeState& state = plan.state(node);
    const Node& target = plan.graph.node(node);
    state.data = state.kept ? static_cast<std::byte*>(plan.graph.arena(target.depth).allocate(buffer_bytes(target)))
                            : base + offset_of[state.buffer];
  }
}

}  // namespace autograd::engine
