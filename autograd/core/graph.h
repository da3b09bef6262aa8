#pragma once

#include <autograd/core/arena.h>
#include <autograd/core/stack.h>
#include <autograd/core/tensor.h>

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <source_location>
#include <span>
#include <type_traits>
#include <vector>

// What a thread has recorded. An operation appends a Node; nodes are in creation order, which is a
// topological order, so every pass over them is a loop and never a recursion. Steps are marks on
// one node array. Private: users see Tensor and Step.

namespace autograd {

namespace ir {
class Builder;
using Value = uint16_t;
}  // namespace ir

struct Node;
struct Vjp;
class Gradients;

/// One static row per operation. The shape rule is part of the recording function, the lowering
/// gives the kernel IR of an elementwise operation, the vjp is written in tensor operations.
struct Op {
  enum class Kind : uint8_t {
    leaf,     ///< memory: an Array or a Parameter's version, or an eager result
    number,   ///< a scalar that is part of the expression
    map,      ///< elementwise over its output's shape, inputs broadcast
    view,     ///< StridedView of its input
    reshape,  ///< the same elements in the same order under another shape
    reduce,   ///< over some axes
    gather,   ///< rows of its first input, chosen by its second
    pack,     ///< the elements of all its inputs, end to end
    call,     ///< computed by a function from memory: scatter_add, matmul, custom ops, ...
  };
  using Lower = ir::Value (*)(ir::Builder&, std::span<const ir::Value> inputs, DType type);
  using VjpRule = Gradients (*)(const Vjp&);
  /// Inputs and output as memory; parallel loops inside are cut by size only.
  struct Call;
  using Run = void (*)(const Call&);
  /// How a call, or the gradient of a view, takes its inputs.
  enum class Inputs : uint8_t {
    contiguous,
    strided,      ///< views stay views: see Call::strides
    value_first,  ///< the first is the value, and nothing else: gradients go to the others alone
  };

  Op(const char* name, Kind kind, Lower lower, VjpRule vjp, Run run = nullptr, Inputs inputs = Inputs::contiguous);
  const char* name;
  Kind kind;
  Inputs inputs;
  Lower lower;
  VjpRule vjp;
  Run run;
  uint16_t id;  ///< in op_by_id(): a stale handle still knows its operation

  static const Op& by_id(uint16_t id);
};

/// What a node computes, apart from its attributes.
struct NodeForm {
  const Op* op;
  uint32_t inputs[3] = {};  ///< with more: {offset in the attribute pool, count}
  uint8_t input_count = 0;  ///< many_inputs: more than three
  uint8_t rank = 0;
  DType dtype;
  uint8_t unused = 0;
  int64_t extents[max_rank] = {};

  static constexpr uint8_t many_inputs = 255;
};

inline bool same_shape(const NodeForm& a, const NodeForm& b) {
  int64_t differences = a.rank ^ b.rank;
  for (int axis = 0; axis < max_rank; ++axis) differences |= a.extents[axis] ^ b.extents[axis];  // 0 beyond the rank
  return differences == 0;
}

struct Node : NodeForm {
  Node(const Op& op_, DType dtype_, uint32_t depth_, std::source_location where_)
      : NodeForm{.op = &op_, .dtype = dtype_}, depth(depth_), where(where_) {}

  uint32_t attributes = 0;  ///< offset in the attribute pool; of a leaf its place in Graph::leaves()
  uint32_t depth;           ///< of the Step that owns it
  std::source_location where;
  void* value = nullptr;  ///< computed and kept, or a leaf's memory; null: not computed

  Shape shape() const { return Shape(extents, rank); }
  int64_t size() const {
    int64_t count = 1;
    for (int axis = 0; axis < rank; ++axis) count *= extents[axis];
    return count;
  }
};
static_assert(sizeof(Node) == 96 && std::is_trivially_destructible_v<Node>);

struct Op::Call {
  using Strides = std::array<int64_t, max_rank>;
  const Node* node;
  const void* attributes;
  std::span<const Node* const> inputs;
  std::span<const void* const> input_data;  ///< of each, the element at index 0
  std::span<const Strides> strides;         ///< of strided inputs: elements from index to index, per axis
  void* output;
  Arena* scratch;  ///< released after the call

  template <class T>
  const T* input(size_t i) const {
    return static_cast<const T*>(input_data[i]);
  }
};

// Attributes of the kinds that the engine itself knows.

/// Index of the input on its axis a: start[a] + step[a] * (index on output axis[a]), or start[a]
/// where axis[a] is -1. Slices, permutations, broadcasts and flips.
struct StridedView {
  int64_t start[max_rank];
  int64_t step[max_rank];
  int8_t axis[max_rank];
};
struct NumberAttributes {
  double value;
};
enum class Reduction : uint8_t { sum, max, min };
struct ReduceAttributes {
  Reduction reduction;
  uint8_t axes;  ///< bit per axis of the input
};

/// Steps that a process can have open at once: a handle names its place in 16 bits.
inline constexpr size_t step_slots = 1 << 16;

class BACKLIGHT_API Graph {
  struct Mark {
    uint64_t serial;
    uint16_t slot;
    uint32_t nodes;
    size_t pool, leaves, held;
    Arena::Mark arena;
    int64_t memory_limit;
  };

 public:
  static Graph& current() {
    if (current_ == nullptr) [[unlikely]]
      create();
    return *current_;
  }
  ~Graph();

  // Recording ------------------------------------------------------------------------------------
  struct Recipe {
    const Op& op;
    std::span<const Tensor> inputs;
    Shape shape;
    DType dtype;
    std::source_location where;
  };
  Tensor record(const Recipe& recipe, const void* attributes, size_t attribute_bytes);
  Tensor record(const Recipe& recipe) { return record(recipe, nullptr, 0); }
  template <class Attributes>
  Tensor record(const Recipe& recipe, const Attributes& attributes) {
    static_assert(std::is_trivially_copyable_v<Attributes>);
    return record(recipe, &attributes, sizeof attributes);
  }
  /// An elementwise operation on at most three nodes: the shape is that to which they broadcast.
  /// throws ShapeError, SizeError
  Tensor record_map(const Op& op, std::span<const uint32_t> inputs, DType dtype, std::source_location where);
  /// A number as a node.
  uint32_t number(double value, DType type, std::source_location where);
  Tensor leaf(Storage* storage, std::source_location where);
  /// A leaf on memory of the innermost Step's arena.
  Tensor leaf(void* memory, const Shape& shape, DType dtype, std::source_location where);
  /// Memory of the innermost Step, for results of eager operations.
  void* allocate(int64_t bytes) { return arena(depth()).allocate(bytes); }
  /// Keeps an object alive until the innermost Step ends.
  void hold(std::shared_ptr<const void> object);

  // Reading --------------------------------------------------------------------------------------
  /// The node of a live handle of this thread; throws StaleTensor, WrongThread, ValueError (undefined).
  uint32_t check(const Tensor& tensor) const {
    if (tensor.step_ == innermost_) [[likely]]
      return tensor.node();
    const Slot& slot = slots_[tensor.slot()];
    if (slot.serial.load(std::memory_order_relaxed) == tensor.step_ && tensor.step_ != 0 &&
        slot.graph.load(std::memory_order_relaxed) == this) [[likely]] {
      return tensor.node();
    }
    throw_unusable(tensor);
  }
  /// Unchecked inverse of check().
  Tensor handle(uint32_t index) const {
    const Node& node = nodes_[index];
    const Mark& mark = marks_[node.depth];
    return Tensor(mark.serial, index, mark.slot, node.op->id);
  }
  const Node& node(uint32_t index) const { return nodes_[index]; }
  Node& node(uint32_t index) { return nodes_[index]; }
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
  std::span<const uint32_t> inputs(const Node& node) const {
    if (node.input_count != Node::many_inputs) [[likely]]
      return {node.inputs, node.input_count};
    return {reinterpret_cast<const uint32_t*>(pool_.data() + node.inputs[0]), node.inputs[1]};
  }
  template <class Attributes>
  const Attributes& attributes(const Node& node) const {
    return *reinterpret_cast<const Attributes*>(pool_.data() + node.attributes);
  }
  const void* attribute_data(const Node& node) const { return pool_.data() + node.attributes; }
  /// What leaf nodes read of Arrays and Parameters, in the order of recording.
  struct Leaf {
    Storage* storage;
    uint64_t version;
    uint64_t serial;  ///< of the storage
    uint32_t node;
    uint32_t bucket;  ///< of the table by (storage, version); none: the storage itself knows this place
  };
  std::span<const Leaf> leaves() const { return {leaves_.begin(), leaves_.end()}; }
  /// Of a leaf node; null: it reads memory of the Step's arena.
  Storage* storage_of(const Node& leaf) const {
    return leaf.attributes == no_leaf ? nullptr : leaves_[leaf.attributes].storage;
  }
  /// The leaves from this place on read versions that are the present ones: this thread has assigned nothing since, and
  /// others may not assign what an open Step reads.
  size_t current_leaves() const { return current_leaves_; }

  // Steps ----------------------------------------------------------------------------------------
  uint64_t open();
  void close(uint64_t serial);
  uint32_t depth() const { return depth_; }
  Arena& arena(uint32_t depth) { return arenas_[depth]; }
  int64_t memory_limit() const;
  void set_memory_limit(uint64_t serial, int64_t bytes);
  int64_t used_bytes() const;
  /// The leaf on the storage's present version; UINT32_MAX: none was recorded.
  uint32_t find_leaf(const Storage* storage) const;
  /// Leaves of this thread's open Steps on `storage`.
  uint32_t readers(const Storage* storage) const;
  /// To be told whenever this thread has assigned.
  void has_assigned() { current_leaves_ = leaves_.size(); }

  /// While set, recorded nodes take this source line: gradients point at the line of the operation.
  const std::source_location* where_override = nullptr;

 private:
  /// A place in the table of live Steps. The table is immortal, so a stale handle can always be checked
  /// against it: an entry holds the number of the Step that is open at it now; numbers are never used twice.
  struct Slot {
    std::atomic<uint64_t> serial{0};
    std::atomic<const Graph*> graph{nullptr};
  };
  static constinit Slot slots_[step_slots];

  Graph();
  static void create();
  [[noreturn]] void throw_unusable(const Tensor& tensor) const;
  static constexpr uint32_t no_leaf = UINT32_MAX, no_bucket = UINT32_MAX;
  Tensor append_leaf(Storage* storage, uint32_t bucket, std::source_location where);
  Tensor leaf_of_other(Storage* storage, std::source_location where);
  uint32_t find_bucket(const Storage* storage, uint64_t version) const;
  void grow_leaf_table();
  void warn_if_root_grows();
  Node& append(const Op& op, DType dtype, std::source_location where) {
    Node& node = nodes_.push(op, dtype, depth_, where_override ? *where_override : where);
    if (depth_ == 0) [[unlikely]]
      warn_if_root_grows();
    return node;
  }
  Node& append(const Op& op, const Shape& shape, DType dtype, std::source_location where) {
    Node& node = append(op, dtype, where);
    node.rank = static_cast<uint8_t>(shape.rank());
    if (shape.rank() > 0) node.extents[0] = shape[0];
    if (shape.rank() > 1) std::memcpy(node.extents, shape.begin(), sizeof node.extents);  // 0 beyond the rank
    return node;
  }
  void broadcast(const Op& op, std::span<const uint32_t> inputs);
  [[noreturn]] void throw_broadcast(const Op& op, std::span<const uint32_t> inputs);
  uint32_t append_attributes(const void* data, size_t bytes);

#if defined(__GNUC__) && !defined(__APPLE__)
  __attribute__((tls_model("initial-exec")))  // a load, where the library's default model is a call
#endif
  static constinit thread_local Graph* current_;

  const uint16_t thread_;  ///< its number
  Stack<Node> nodes_;
  std::vector<uint64_t> pool_;
  std::vector<Mark> marks_;
  uint32_t depth_ = 0;      ///< of the innermost Step: the last mark
  uint64_t innermost_ = 0;  ///< its number
  std::deque<Arena> arenas_;
  std::vector<uint16_t> own_slots_;  ///< by depth
  Stack<Leaf> leaves_;               ///< popped ones are of earlier Steps, whose storage is perhaps gone
  size_t current_leaves_ = 0;
  /// Leaves on what other threads made, as index into leaves_ + 1: by (storage, version), with open addressing; entries
  /// leave in the reverse of their order.
  std::vector<uint32_t> leaf_table_;
  std::vector<std::shared_ptr<const void>> held_;
  bool warned_ = false;
};

/// Sends a line to the log hook.
void log_line(const std::string& line);

/// "file.cpp:12" for error texts.
std::string to_string(const std::source_location& where);
/// The end of an error: which indices of rows exist.
std::string expected_rows(int64_t rows);

}  // namespace autograd
