#pragma once

#include <autograd/core/graph.h>
#include <autograd/engine/kernel.h>
#include <autograd/engine/lookup.h>
#include <autograd/engine/packed.h>
#include <autograd/engine/recording.h>
#include <autograd/engine/region.h>
#include <autograd/ir/program.h>

#include <bit>
#include <memory>
#include <vector>

// One evaluation, from recorded nodes to values:
//
//   record   which nodes are needed, and a key of their structure           recording.cpp
//   (a plan with that key exists: go on with run)                           plan_cache.cpp
//   resolve  look through views: every input becomes a strided access       resolve.cpp
//   fuse     gather nodes of one iteration domain into regions              fuse.cpp
//   sink     what a later region reads first is computed there              sink.cpp
//   scatter  scatter_adds of a region's values join it                      scatter_plan.cpp
//   stages   regions of one domain's rows run block by block of rows        stages.cpp
//   copy     what is cheap is computed again rather than read                recompute_cones.cpp, recompute.cpp
//   products  a product and what is done to its elements become stages    product_stages.cpp
//   lower    a region's nodes become one program, its operands, its kernel  lower.cpp, layout.cpp, kernel.cpp
//   place    offsets for what regions leave in memory, by liveness          place.cpp, in_place.cpp
//   run      regions in order, each over all threads                        run.cpp, fused_run.cpp
//
// Passes are free functions over arrays indexed by position (recording.h); nothing recurses, so a
// chain of a million nodes is as good as any.

namespace autograd::engine {

inline constexpr uint32_t none = UINT32_MAX;

// While planning ---------------------------------------------------------------------------------

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
  uint32_t node = none;    ///< number, or arithmetic on such: its node; gathered: the gather's
};

/// What the passes know of a node.
struct NodeState {
  bool copied = false;    ///< a view whose elements must lie in memory in their own order
  bool demanded = false;  ///< computed by a region (a needed view may only be looked through)
  bool stored = false;    ///< left in memory
  bool kept = false;      ///< stays until the owning Step ends
  uint32_t region = none;
  uint32_t last_use = 0;  ///< region
  uint32_t sources = 0;   ///< first in Planner::sources
  uint32_t source_count = 0;
  bool in_place = false;   ///< assigned: written into its Parameter
  uint8_t of_numbers = 0;  ///< arithmetic on nothing but numbers, one on another so often: its readers compute it
  int64_t local = -1;      ///< if only stages read it: bytes into their local memory, instead of a buffer
  bool hosts = false;      ///< its memory holds a value that stages read, until it takes that value's place
  bool hosted = false;     ///< is such a value
  ir::Value value = 0;     ///< in the region being lowered
  uint32_t value_region = none;
};

/// What nodes ask of their region.
struct Demands {
  // Bit a: the border between axes a and a + 1 of the domain.
  uint8_t split = 0;  ///< some operand walks the two axes as two
  uint8_t solid = 0;  ///< a fold needs them to be walked as one
  bool folds_all = false, folds_part = false;
  bool columns = false;  ///< some operand is a fold over lanes, element for element
  bool packs = false;    ///< runs block by block of elements
  /// A fold of parts wants short rows (ir::Program::row_lanes), or has more work than it is worth.
  bool few_lanes = false;
  bool rough = false;  ///< some operand keeps rows from being short

  /// Where folds cut the axes into rows and lanes: no axis is split behind it.
  int border() const { return std::bit_width(split); }
};

/// A region while nodes join it.
struct Draft {
  Shape domain;                 ///< without axes of extent 1
  std::vector<uint32_t> nodes;  ///< members in order; calls together are scatter_adds by the same lists of indices
  bool call = false;
  /// scatter_adds of this region's values; those by the same lists of indices together.
  std::vector<std::vector<uint32_t>> scatters;
  Demands demands;
  uint32_t stages = none;   ///< in Planner::stages
  int64_t local_bytes = 0;  ///< a thread's memory for a block of what only its scatter_adds read
};

/// Borders of the domain's axes, a bit each, that the walk takes as two.
uint8_t splits(const Walk& walk, const Shape& domain);
/// What one region asks for that holds the nodes of two.
Demands both(const Demands& a, const Demands& b);
/// Whether a region may also meet these demands.
bool accepts(const Draft& draft, const Demands& demands);

/// Consecutive regions that run as stages (stages.cpp); the first may be a matrix product (product_stages.cpp).
struct StageDraft {
  uint32_t first = 0, count = 0;
  Shape domain;
  int border = 0;  ///< axes before it make rows, the others lanes
  int64_t rows = 1, lanes = 1;
  int64_t block = 1;  ///< rows
  bool folds_all = false, folds_rows = false;
};
inline constexpr size_t most_stages = 12;

struct Plan;

/// The passes' working memory, kept from plan to plan.
struct PlannerMemory {
  std::vector<NodeState> states;
  std::vector<Source> sources;
};

struct Planner {
  Planner(const Recording& recording_, Plan& plan_, PlannerMemory& memory)
      : recording(recording_), plan(plan_), states(memory.states), sources(memory.sources) {
    states.assign(recording.size(), {});
    sources.clear();
  }

  const Recording& recording;
  Plan& plan;
  std::vector<NodeState>& states;  ///< by position
  std::vector<Source>& sources;
  std::vector<Draft> drafts;
  std::vector<StageDraft> stages;

  const Node& node(uint32_t position) const { return recording.node(position); }
  bool known(uint32_t position) const { return recording.known(position); }
  /// Of a node that is computed.
  std::span<const Source> sources_of(uint32_t position) const {
    return {sources.data() + states[position].sources, states[position].source_count};
  }
};

/// Calls use(walk, source) for all that a node reads from memory: elements, tables, and lists of indices.
template <class Use>
void for_each_walk(const Planner& planner, uint32_t node, Use&& use) {
  for (const Source& source : planner.sources_of(node)) {
    if (source.kind == Source::Kind::number) continue;
    use(source.walk, source);
    if (source.kind == Source::Kind::gathered) use(source.index, source);
  }
}
inline bool is_list(const Walk& walk, const Source& source) { return &walk == &source.index; }
/// Whether a gather over so many elements had better find its indices in memory, where lookups take them (lookup.h).
/// From a large table it waits for memory either way, and may as well compute its indices meanwhile. Indices that are
/// arithmetic take longer to write and to read than lookups save.
inline bool prefers_list(const Planner& planner, const Source& source, int64_t elements) {
  constexpr int64_t least_elements = 2048, most_table = int64_t{1} << 18;  // of the table, in elements
  const uint32_t list = source.index.base;
  const bool computed = planner.node(list).op->kind == Op::Kind::map && !planner.known(list);
  return !computed && elements >= least_elements && source.rows * source.row_stride <= most_table;
}
inline bool is_table(const Walk& walk, const Source& source) {
  return source.kind == Source::Kind::gathered && !is_list(walk, source);
}

// What is kept -----------------------------------------------------------------------------------

/// A pass over data: a fused kernel, or a call.
struct Region {
  /// The node that a fold computes.
  struct Result {
    uint32_t position;
    DType type;
  };
  /// scatter_adds by the same lists of indices.
  struct Scatters {
    /// Values that one list of one scatter_add takes.
    struct Column {
      uint16_t operand;  ///< of the kernel
      int64_t local;     ///< bytes into local memory, where nobody else reads them; else -1
    };
    std::vector<Place> indices;   ///< of each list
    std::vector<uint32_t> sums;   ///< positions of the scatter_adds
    std::vector<Column> columns;  ///< list by list, each scatter_add's
  };
  bool call = false;
  // Fused:
  std::shared_ptr<const Kernel> kernel;
  KernelArguments arguments;
  std::vector<Place> operands;   ///< without a base: in local memory
  std::vector<Lookups> lookups;  ///< before the kernel, block by block
  std::vector<RowLookup> row_lookups;
  std::vector<Scatters> scatters;  ///< after the kernel, block by block
  std::vector<Packed> packs;       ///< before the kernel, block by block
  std::vector<Packed> unpacks;     ///< after it: assigned values, into their Parameters
  int64_t block = 0;               ///< elements, of a region that runs block by block
  std::vector<int64_t> borders;    ///< with packs or unpacks: where its pieces begin, and the end
  int64_t local_bytes = 0;         ///< a thread's memory for the columns of a block
  std::vector<uint32_t> scalars;   ///< number nodes
  std::vector<Result> folds;
  std::vector<uint32_t> origins;  ///< node of each instruction, for errors
  // Call, or several together:
  struct Input {
    Place place;
    Op::Call::Strides strides;  ///< where the operation takes strided inputs
  };
  std::vector<uint32_t> positions;
  std::vector<Input> inputs;  ///< of all, one after another
  const char* name = "";      ///< of the operation
  int64_t local = -1;  ///< of a product's rows as a stage: bytes into the thread's memory, if nobody else reads them
  // For the trace:
  int64_t runs = 0;
  double seconds = 0;
};

/// Regions that run together on one block of rows after another.
struct Stages {
  uint32_t first, count;
  int64_t rows, block;  ///< of rows
  bool folds_rows;
  int64_t local_bytes = 0;  ///< a thread's memory for values of one block
  /// Machine code that goes from stage to stage with `group` rows at a time, if there is any.
  std::shared_ptr<const Joint> joint = nullptr;
  int64_t group = 1;
};

/// How to evaluate any recording that has this key.
struct Plan {
  /// Memory for a node's value.
  struct Buffer {
    uint32_t position;
    int64_t bytes;
    int64_t offset;  ///< of temporary ones
    bool kept;       ///< in the Step's arena
  };
  /// A value that is computed in the memory of a Parameter that the recording reads.
  struct InPlace {
    uint32_t value, leaf;  ///< positions
  };
  std::vector<uint64_t> key;
  uint64_t hash = 0;
  std::vector<Region> regions;
  std::vector<Stages> stages;
  std::vector<Buffer> buffers;
  /// A value of stages in the memory of one that takes its place in the end.
  struct Hosted {
    uint32_t value, host;  ///< positions
  };
  std::vector<InPlace> in_place;
  std::vector<uint32_t> unpacked;  ///< values that regions write into several Parameters
  std::vector<Hosted> hosted;
  std::vector<uint32_t> leaves;        ///< known positions that are read
  std::vector<uint32_t> output_bases;  ///< per output: the position whose memory holds it
  int64_t temporary_bytes = 0, kept_bytes = 0;
  int64_t fold_bytes = 0;  ///< most that the folds of one run of regions take beside
  int64_t instructions = 0;
};

/// What an evaluation keeps beyond what it is asked for.
struct Keep {
  size_t outputs = 0;  ///< of the recording's outputs the first so many are kept
  bool calls = true;   ///< results of calls, so that a later gradient does not repeat them
  /// Of the other outputs, which are assigned: how many Parameters each is for (several take it end to end), and the
  /// positions of the old values of all of these, or none.
  std::span<const uint32_t> target_counts = {};
  std::span<const uint32_t> targets = {};
};

/// The thread's plan of the recording's key, made if need be.
std::shared_ptr<Plan> find_plan(const Recording& recording, const Keep& keep);

void resolve(Planner& planner);
void fuse(Planner& planner);
void sink(Planner& planner);
void stream_scatters(Planner& planner);
/// Leaves out the drafts that have become empty.
void drop_empty(Planner& planner);
void group_stages(Planner& planner);
/// What a node of arithmetic computes: its instructions without the loads of its inputs.
std::vector<ir::Inst> instructions_of(const Planner& planner, uint32_t node);
void recompute_cones(Planner& planner);
void recompute(Planner& planner);
void stage_products(Planner& planner);
/// What a node asks of a region of this domain.
Demands demands_of(const Planner& planner, uint32_t node, const Shape& domain);
void mark_kept(Planner& planner, const Keep& keep);
/// Room in local memory, or in that of a later result, for what stages alone read and nobody keeps.
void place_local(Planner& planner);
void lower(Planner& planner);
void assign_in_place(Planner& planner, const Keep& keep);
void cut_packs(Planner& planner);
void place(Planner& planner);

/// Where the values of an evaluation are, by position.
using Values = std::vector<std::byte*>;
/// Throws OutOfMemory; kept values lie in their Steps' arenas, the rest in `scratch`.
void allocate(const Plan& plan, const Recording& recording, Arena& scratch, Values& values);
/// The plan's regions hold the addresses of one run at a time.
void run(Plan& plan, const Recording& recording, Arena& scratch, const Values& values);

/// Most nodes of a fused region, for this thread; 1 runs node by node, with the same bits.
void limit_regions(size_t nodes);
size_t region_limit();

/// The axes that a reduction keeps apart from those it folds.
struct Reduced {
  ir::Fold::Span span = ir::Fold::Span::all;
  int border = 0;        ///< lanes and rows: the axis before which the domain is cut
  bool fusable = false;  ///< by a region, on the way; else it is a call
  bool few_lanes = false;
};
/// What kind of reduction a node is over its input's shape without axes of extent 1.
Reduced reduced(const Planner& planner, uint32_t position);
/// The node whose memory holds the elements of `position` in order: through reshapes, not other views.
uint32_t contiguous_base(const Planner& planner, uint32_t position);
Shape without_ones(const Shape& shape);

}  // namespace autograd::engine
