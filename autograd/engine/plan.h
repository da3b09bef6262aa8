#pragma once

#include <autograd/core/graph.h>
#include <autograd/engine/interpreter.h>
#include <autograd/engine/region.h>
#include <autograd/ir/program.h>

#include <memory>
#include <optional>

// One evaluation, from recorded nodes to values:
//
//   reach    which nodes are needed                                        resolve.cpp
//   resolve  look through views: every input becomes a strided access       resolve.cpp
//   fuse     gather nodes of one iteration domain into regions               fuse.cpp
//   lower    a region's nodes become one Program and its operands            lower.cpp
//   place    buffers for what regions leave in memory, by liveness           place.cpp
//   run      regions in order, each over all threads                         run.cpp
//
// Passes are free functions over arrays indexed by node; nothing recurses, so a chain of a million
// nodes is as good as any.

namespace autograd::engine {

inline constexpr uint32_t none = UINT32_MAX;

/// A strided walk over a base node's contiguous memory, per axis of a domain.
struct Walk {
  uint32_t base = none;
  int64_t offset = 0;
  std::array<int64_t, max_rank> strides{};
  bool identity = false;  ///< the base's elements in their own order
  bool operator==(const Walk&) const = default;
};

/// An input of a fused node, with every view looked through.
struct Source {
  enum class Kind : uint8_t { number, memory, gathered };
  Kind kind = Kind::memory;
  Walk walk;               ///< the memory, or a gather's table (strides then are within a row)
  int64_t row_stride = 0;  ///< gathered: elements between the table's rows
  int64_t rows = 0;        ///< gathered
  Walk index;              ///< gathered: int32
  uint32_t node = none;    ///< number: its node; gathered: the gather's
};

struct Region {
  enum class Kind : uint8_t { fused, call };
  Kind kind = Kind::fused;
  Shape domain;
  std::vector<uint32_t> nodes;  ///< members in order; a call has one
  // Lowered:
  ir::Program program;
  std::vector<Walk> operands;        ///< parallel to program.operands
  std::vector<int64_t> row_strides;  ///< parallel, gathers only
  std::vector<int64_t> rows;         ///< parallel, gathers only
  std::vector<double> scalars;
  std::vector<uint32_t> fold_nodes;  ///< parallel to program.folds
  std::vector<uint32_t> origins;     ///< node of each instruction, for errors
  std::optional<Interpreter> kernel;
  KernelArguments arguments;
};

/// What the passes know of a node.
struct NodeState {
  bool needed = false;    ///< reachable from an output without crossing a known value
  bool copied = false;    ///< a view whose elements must lie in memory in their own order
  bool demanded = false;  ///< computed by a region (a needed view may only be looked through)
  bool stored = false;    ///< left in memory
  bool output = false;    ///< asked for
  bool kept = false;      ///< stays until the owning Step ends
  uint32_t region = none;
  uint32_t last_use = 0;  ///< region
  uint32_t sources = 0;   ///< first in Plan::sources
  uint32_t source_count = 0;
  uint32_t buffer = 0;  ///< number among the temporary buffers
  ir::Value value = 0;  ///< in the region being lowered
  uint32_t value_region = none;
  std::byte* data = nullptr;
};

struct Plan {
  explicit Plan(Graph& graph_) : graph(graph_) {}

  Graph& graph;
  uint32_t first = 0;             ///< lowest node that the arrays cover
  std::vector<NodeState> states;  ///< by node - first
  std::vector<uint32_t> order;    ///< needed nodes, ascending
  std::vector<uint32_t> outputs;
  std::vector<Source> sources;
  std::vector<Region> regions;
  int64_t temporary_bytes = 0;
  int64_t kept_bytes = 0;

  NodeState& state(uint32_t node) { return states[node - first]; }
  const NodeState& state(uint32_t node) const { return states[node - first]; }
  /// Its value exists: a leaf, or computed by an earlier evaluation.
  bool known(uint32_t node) const { return graph.node(node).value != nullptr; }
};

void reach(Plan& plan);
void resolve(Plan& plan);
void fuse(Plan& plan);
void lower(Plan& plan);
/// Throws OutOfMemory; allocates kept values in their Steps' arenas, the rest in `scratch`.
void place(Plan& plan, Arena& scratch);
void run(Plan& plan, Arena& scratch);

/// Most nodes of a fused region, for this thread; 1 runs node by node, with the same bits.
void limit_regions(size_t nodes);

/// True for a reduction to one element, which a fused region computes on the way.
bool is_full_reduction(const Plan& plan, uint32_t node);
/// The node whose memory holds the elements of `node` in order: through reshapes, not other views.
uint32_t contiguous_base(const Plan& plan, uint32_t node);

}  // namespace autograd::engine
