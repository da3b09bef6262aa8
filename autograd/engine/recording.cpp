#include <autograd/core/error.h>
#include <autograd/core/storage.h>
#include <autograd/engine/recording.h>
#include <autograd/ir/builder.h>

#include <algorithm>

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

void check_version(const Graph& graph, const Node& node) {
  const LeafAttributes& attributes = graph.attributes<LeafAttributes>(node);
  if (attributes.storage == nullptr) return;
  const Storage& storage = *attributes.storage;
  if (storage.version.load(std::memory_order_acquire) == attributes.version) return;
  if (node.value != storage.data) return;  // the evaluation that overwrote it was asked to keep it
  const std::string name = storage.name.empty() ? "a Parameter" : "Parameter '" + storage.name + "'";
  throw OverwrittenParameter("evaluate: needs the value of " + name + " read at " + to_string(node.where) +
                             ", which was overwritten at " + to_string(storage.assigned_at) +
                             "; ask for the value in the same evaluation, or before the assignment");
}

uint64_t pack(uint64_t low, uint64_t high) { return low | high << 32; }

/// Numbers that programs contain have a word of their own; all others are alike.
uint64_t number_class(double number) {
  return ir::is_structural(number) ? static_cast<uint64_t>(static_cast<int64_t>(number)) : uint64_t{7};
}

}  // namespace

void Recording::trace(Graph& graph, std::span<const uint32_t> outputs) {
  graph_ = &graph;
  key_.clear();
  reach(outputs);
  first_input_.clear();
  inputs_.clear();
  first_input_.push_back(0);
  for (uint32_t position = 0; position < size(); ++position) {
    seen_[nodes_[position]] = pack(position, trace_);
    if (!known(position)) {
      for (uint32_t input : graph.inputs(node(position))) inputs_.push_back(static_cast<uint32_t>(seen_[input]));
    }
    first_input_.push_back(static_cast<uint32_t>(inputs_.size()));
    describe(position);
  }
  outputs_.clear();
  for (uint32_t output : outputs) {
    outputs_.push_back(static_cast<uint32_t>(seen_[output]));
    key_.push_back(outputs_.back());
  }
}

// From the newest node down, so that every user of a node is seen before it.
void Recording::reach(std::span<const uint32_t> outputs) {
  if (seen_.size() < graph_->size()) seen_.resize(graph_->size() + graph_->size() / 2);
  if (++trace_ == 0) {
    std::fill(seen_.begin(), seen_.end(), 0);
    trace_ = 1;
  }
  nodes_.clear();
  const uint64_t now = pack(0, trace_);
  uint32_t last = 0;
  size_t pending = 0;
  const auto need = [&](uint32_t node) {
    if (seen_[node] == now) return;
    seen_[node] = now;
    ++pending;
  };
  for (uint32_t output : outputs) {
    need(output);
    last = std::max(last, output);
  }
  for (uint32_t index = last; pending > 0; --index) {
    if (seen_[index] != now) continue;
    --pending;
    nodes_.push_back(index);
    const Node& node = graph_->node(index);
    if (node.op->kind == Kind::leaf) check_version(*graph_, node);
    if (node.value != nullptr) continue;
    for (uint32_t input : graph_->inputs(node)) need(input);
  }
  std::reverse(nodes_.begin(), nodes_.end());
}

void Recording::describe(uint32_t position) {
  const Node& node = this->node(position);
  const bool is_known = node.value != nullptr;
  const bool is_number = node.op->kind == Kind::number;
  const uint64_t op = is_known && !is_number ? 0xffff : node.op->id;
  const std::span<const uint32_t> from = inputs(position);
  key_.push_back(op | static_cast<uint64_t>(node.dtype) << 16 | static_cast<uint64_t>(node.rank) << 24 |
                 static_cast<uint64_t>(is_known) << 28 | static_cast<uint64_t>(from.size()) << 32);
  for (int axis = 0; axis < node.rank; ++axis) key_.push_back(static_cast<uint64_t>(node.extents[axis]));
  for (size_t i = 0; i < from.size(); i += 2) {
    key_.push_back(pack(position - from[i], i + 1 < from.size() ? position - from[i + 1] : 0));
  }
  if (is_number) key_.push_back(number_class(graph_->attributes<NumberAttributes>(node).value));
  if (is_known) return;
  if (node.op->kind == Kind::reduce) {
    const ReduceAttributes& reduce = graph_->attributes<ReduceAttributes>(node);
    key_.push_back(pack(reduce.axes, static_cast<uint64_t>(reduce.reduction)));
  }
  if (node.op->kind == Kind::view) {
    const StridedView& view = graph_->attributes<StridedView>(node);
    for (int axis = 0; axis < this->node(from[0]).rank; ++axis) {
      key_.push_back(static_cast<uint64_t>(view.start[axis]));
      key_.push_back(static_cast<uint64_t>(view.step[axis]) << 8 | static_cast<uint8_t>(view.axis[axis]));
    }
  }
}

uint64_t Recording::hash() const {
  // Four chains, so that the multiplications overlap.
  constexpr uint64_t factor = 0x9e3779b97f4a7c15u;
  uint64_t chain[4] = {1, 2, 3, 4};
  size_t i = 0;
  const auto mix = [](uint64_t& h, uint64_t word) {
    h = (h ^ word) * factor;
    h ^= h >> 29;
  };
  for (; i + 4 <= key_.size(); i += 4) {
    for (size_t k = 0; k < 4; ++k) mix(chain[k], key_[i + k]);
  }
  for (; i < key_.size(); ++i) mix(chain[0], key_[i]);
  for (size_t k = 1; k < 4; ++k) mix(chain[0], chain[k]);
  return chain[0];
}

}  // namespace autograd::engine
