#include <autograd/core/error.h>
#include <autograd/core/storage.h>
#include <autograd/engine/recording.h>
#include <autograd/ir/builder.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace autograd::engine {

namespace {

using Kind = Op::Kind;

void check_version(const Graph& graph, const Graph::Leaf& leaf) {
  const Storage& storage = *leaf.storage;
  if (storage.version.load(std::memory_order_acquire) == leaf.version) return;
  const Node& node = graph.node(leaf.node);
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

constexpr size_t most_attribute_words = 2 * max_rank;

/// What of its attributes decides how an unknown node, or a number, is computed.
uint64_t* describe_attributes(const Graph& graph, const Node& node, uint64_t* out) {
  switch (node.op->kind) {
    case Kind::number: *out++ = number_class(graph.attributes<NumberAttributes>(node).value); break;
    case Kind::reduce: {
      const ReduceAttributes& reduce = graph.attributes<ReduceAttributes>(node);
      *out++ = pack(reduce.axes, static_cast<uint64_t>(reduce.reduction));
      break;
    }
    case Kind::view: {
      const StridedView& view = graph.attributes<StridedView>(node);
      const int rank = graph.node(graph.inputs(node)[0]).rank;
      for (int axis = 0; axis < rank; ++axis) {
        *out++ = static_cast<uint64_t>(view.start[axis]);
        *out++ = static_cast<uint64_t>(view.step[axis]) << 8 | static_cast<uint8_t>(view.axis[axis]);
      }
      break;
    }
    default: break;
  }
  return out;
}

bool is_described(const Node& node) { return node.value == nullptr || node.op->kind == Kind::number; }

/// Larger recordings take long to run, and much to remember.
constexpr size_t most_remembered = 1 << 16;

bool equal(const NodeForm& a, const NodeForm& b) {
  uint64_t x[sizeof(NodeForm) / 8], y[sizeof(NodeForm) / 8];
  std::memcpy(x, &a, sizeof x);
  std::memcpy(y, &b, sizeof y);
  uint64_t differences = 0;
  for (size_t i = 0; i < std::size(x); ++i) differences |= x[i] ^ y[i];
  return differences == 0;
}
static_assert(std::has_unique_object_representations_v<NodeForm>);

}  // namespace

void Recording::trace(Graph& graph, std::span<const uint32_t> outputs) {
  graph_ = &graph;
  end_ = key_.data();
  reach(outputs);
  first_input_.resize(nodes_.size() + 1);
  first_input_[0] = 0;
  for (uint32_t position = 0; position < size(); ++position) {
    const Node& node = graph.node(nodes_[position]);
    seen_[nodes_[position]] = pack(position, trace_);
    const std::span<const uint32_t> from = node.value == nullptr ? graph.inputs(node) : std::span<const uint32_t>();
    const size_t first = first_input_[position];
    if (inputs_.size() < first + from.size()) inputs_.resize(2 * (first + from.size()));
    for (size_t i = 0; i < from.size(); ++i) inputs_[first + i] = static_cast<uint32_t>(seen_[from[i]]);
    first_input_[position + 1] = static_cast<uint32_t>(first + from.size());
    describe(position, node, {inputs_.data() + first, from.size()});
  }
  outputs_.clear();
  for (uint32_t output : outputs) {
    outputs_.push_back(static_cast<uint32_t>(seen_[output]));
    add_to_key(outputs_.back());
  }
  remember(outputs);
}

void Recording::make_room(size_t words) {
  const size_t used = key().size();
  if (used + words <= key_.size()) [[likely]]
    return;
  key_.resize(2 * (used + words));
  end_ = key_.data() + used;
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
    if (node.op->kind == Kind::leaf && graph_->storage_of(node) != nullptr)
      check_version(*graph_, graph_->leaves()[node.attributes]);
    if (node.value != nullptr) continue;
    for (uint32_t input : graph_->inputs(node)) need(input);
  }
  std::reverse(nodes_.begin(), nodes_.end());
}

void Recording::describe(uint32_t position, const Node& node, std::span<const uint32_t> inputs) {
  make_room(2 + max_rank + most_attribute_words + inputs.size());
  uint64_t* out = end_;
  const bool is_known = node.value != nullptr;
  const uint64_t op = is_described(node) ? node.op->id : 0xffff;
  *out++ = op | static_cast<uint64_t>(node.dtype) << 16 | static_cast<uint64_t>(node.rank) << 24 |
           static_cast<uint64_t>(is_known) << 28 | static_cast<uint64_t>(inputs.size()) << 32;
  for (int axis = 0; axis < node.rank; ++axis) *out++ = static_cast<uint64_t>(node.extents[axis]);
  for (size_t i = 0; i < inputs.size(); i += 2) {
    *out++ = pack(position - inputs[i], i + 1 < inputs.size() ? position - inputs[i + 1] : 0);
  }
  end_ = is_described(node) ? describe_attributes(*graph_, node, out) : out;
}

void Recording::remember(std::span<const uint32_t> outputs) {
  output_nodes_.clear();
  if (nodes_.size() > most_remembered) return;
  output_nodes_.assign(outputs.begin(), outputs.end());
  shared_leaves_.clear();
  others_.clear();
  forms_.clear();
  known_.clear();
  particular_.clear();
  attributes_.clear();
  for (uint32_t position = 0; position < size(); ++position) {
    const Node& node = this->node(position);
    forms_.push_back(node);
    known_.push_back(node.value != nullptr);
    const Storage* const storage = node.op->kind == Kind::leaf ? graph_->storage_of(node) : nullptr;
    if (storage != nullptr) {
      shared_leaves_.push_back({storage->serial, node.attributes, position});
      continue;
    }
    others_.push_back(position);
    uint64_t words[most_attribute_words];
    const uint64_t* end = is_described(node) ? describe_attributes(*graph_, node, words) : words;
    attributes_.insert(attributes_.end(), static_cast<const uint64_t*>(words), end);
    if (end != words || node.input_count == Node::many_inputs) particular_.push_back(position);
  }
}

bool Recording::repeats(const Graph& graph, std::span<const uint32_t> outputs) const {
  if (outputs.empty() || !std::ranges::equal(outputs, output_nodes_)) return false;
  // Outputs of the same numbers; so were their inputs, if all of these forms are the same.
  if (nodes_.back() >= graph.size()) return false;
  for (const uint32_t position : others_) {
    if (!same_form(graph, position)) return false;
  }
  return same_leaves(graph) && same_attributes(graph);
}

bool Recording::same_form(const Graph& graph, uint32_t position) const {
  const Node& node = graph.node(nodes_[position]);
  return equal(node, forms_[position]) && (node.value != nullptr) == (known_[position] != 0);
}

bool Recording::same_leaves(const Graph& graph) const {
  const std::span<const Graph::Leaf> leaves = graph.leaves();
  for (const SharedLeaf& shared : shared_leaves_) {
    if (shared.place >= leaves.size() || leaves[shared.place].node != nodes_[shared.position]) return false;
    const Graph::Leaf& leaf = leaves[shared.place];
    if (leaf.serial != shared.serial && !same_form(graph, shared.position)) return false;  // of one storage it is
    if (shared.place < graph.current_leaves()) check_version(graph, leaf);
  }
  return true;
}

bool Recording::same_attributes(const Graph& graph) const {
  const uint64_t* expected = attributes_.data();
  for (uint32_t position : particular_) {
    const Node& node = graph.node(nodes_[position]);
    if (node.input_count == Node::many_inputs && node.value == nullptr && !same_inputs(graph, position)) return false;
    if (!is_described(node)) continue;
    uint64_t words[most_attribute_words];
    const uint64_t* end = describe_attributes(graph, node, words);
    if (!std::equal(static_cast<const uint64_t*>(words), end, expected)) return false;
    expected += end - words;
  }
  return true;
}

bool Recording::same_inputs(const Graph& graph, uint32_t position) const {
  return std::ranges::equal(graph.inputs(graph.node(nodes_[position])), inputs(position), {}, {},
                            [&](uint32_t input) { return nodes_[input]; });
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
  const std::span<const uint64_t> words = key();
  for (; i + 4 <= words.size(); i += 4) {
    for (size_t k = 0; k < 4; ++k) mix(chain[k], words[i + k]);
  }
  for (; i < words.size(); ++i) mix(chain[0], words[i]);
  for (size_t k = 1; k < 4; ++k) mix(chain[0], chain[k]);
  return chain[0];
}

}  // namespace autograd::engine
