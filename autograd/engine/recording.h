#pragma once

#include <autograd/core/graph.h>

#include <span>
#include <vector>

namespace autograd::engine {

/// What an evaluation needs of a graph: its nodes, numbered from 0 on in creation order (positions),
/// and a key. Recordings with equal keys are evaluated by the same plan: the key holds operations,
/// shapes, types and how nodes are connected, but neither numbers nor addresses.
class Recording {
 public:
  /// Finds what the outputs (graph indices) depend on; known values end the search.
  /// throws OverwrittenParameter
  void trace(Graph& graph, std::span<const uint32_t> outputs);
  /// Whether trace() would find what it found last: the same nodes, at the same places. A loop's steps mostly are
  /// alike, and comparing costs a tenth of tracing. True: this recording is now that of these outputs.
  /// throws OverwrittenParameter
  bool repeats(const Graph& graph, std::span<const uint32_t> outputs) const;
  /// Adds what else a plan depends on to the key.
  void add_to_key(uint64_t word) {
    make_room(1);
    *end_++ = word;
  }
  uint64_t hash() const;
  std::span<const uint64_t> key() const { return {key_.data(), static_cast<size_t>(end_ - key_.data())}; }

  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
  Graph& graph() const { return *graph_; }
  Node& node(uint32_t position) const { return graph_->node(nodes_[position]); }
  /// Positions of the inputs; none where the value is known.
  std::span<const uint32_t> inputs(uint32_t position) const {
    return {inputs_.data() + first_input_[position], first_input_[position + 1] - first_input_[position]};
  }
  /// Its value exists: a leaf, or computed by an earlier evaluation.
  bool known(uint32_t position) const { return node(position).value != nullptr; }
  /// Of a graph index after trace(); UINT32_MAX where the outputs do not depend on it.
  uint32_t position_of(uint32_t node) const {
    if (node >= seen_.size() || seen_[node] >> 32 != trace_) return UINT32_MAX;
    return static_cast<uint32_t>(seen_[node]);
  }
  /// Positions of the outputs.
  const std::vector<uint32_t>& outputs() const { return outputs_; }
  template <class Attributes>
  const Attributes& attributes(uint32_t position) const {
    return graph_->attributes<Attributes>(node(position));
  }

 private:
  void reach(std::span<const uint32_t> outputs);
  void describe(uint32_t position, const Node& node, std::span<const uint32_t> inputs);
  void remember(std::span<const uint32_t> outputs);
  bool same_leaves(const Graph& graph) const;
  bool same_form(const Graph& graph, uint32_t position) const;
  bool same_attributes(const Graph& graph) const;
  bool same_inputs(const Graph& graph, uint32_t position) const;
  void make_room(size_t words);

  Graph* graph_ = nullptr;
  std::vector<uint32_t> nodes_;        ///< graph index of each position
  std::vector<uint32_t> first_input_;  ///< in inputs_, of each position, and the end
  std::vector<uint32_t> inputs_;
  std::vector<uint32_t> outputs_;
  std::vector<uint64_t> key_;  ///< up to end_
  uint64_t* end_ = nullptr;
  // For repeats(), of recordings that are not large:
  /// An Array or a Parameter's version.
  struct SharedLeaf {
    uint64_t serial;  ///< of the storage
    uint32_t place;   ///< in Graph::leaves()
    uint32_t position;
  };
  std::vector<SharedLeaf> shared_leaves_;
  std::vector<uint32_t> others_;      ///< positions
  std::vector<NodeForm> forms_;       ///< by position
  std::vector<uint8_t> known_;        ///< by position
  std::vector<uint32_t> particular_;  ///< positions with more to compare than their form
  std::vector<uint64_t> attributes_;  ///< words of those positions, in order
  std::vector<uint32_t> output_nodes_;
  /// By graph index: the trace that saw the node (high half) and its position.
  std::vector<uint64_t> seen_;
  uint32_t trace_ = 0;
};

}  // namespace autograd::engine
