#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/graph.h>
#include <autograd/core/storage.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>

namespace autograd {

namespace {

class SlotPool {
 public:
  uint16_t take() {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      const uint16_t index = free_.back();
      free_.pop_back();
      return index;
    }
    if (next_ == step_slots) throw SizeError("Step: more than 65536 Steps are open in this process");
    return static_cast<uint16_t>(next_++);
  }
  void give_back(uint16_t index) {
    const std::lock_guard lock(mutex_);
    free_.push_back(index);
  }
  static SlotPool& instance() {
    static SlotPool* const pool = new SlotPool;
    return *pool;
  }

 private:
  std::mutex mutex_;
  std::vector<uint16_t> free_;
  size_t next_ = 0;
};

std::atomic<uint64_t> next_serial{1};

std::array<const Op*, 1024>& op_table() {
  static std::array<const Op*, 1024> table{};
  return table;
}
uint16_t op_count = 0;

size_t hash(const Storage* storage) { return (reinterpret_cast<uintptr_t>(storage) >> 6) * 0x9e3779b97f4a7c15u >> 20; }

std::function<void(const std::string&)>& log_hook() {
  static std::function<void(const std::string&)> hook;
  return hook;
}
std::mutex log_mutex;

/// Whether broadcasting both gives the second's shape.
bool fits_into(const Node& input, const Node& shape) {
  const int shift = shape.rank - input.rank;
  if (shift < 0) return false;
  for (int axis = 0; axis < input.rank; ++axis) {
    const int64_t extent = input.extents[axis];
    if (extent != shape.extents[axis + shift] && extent != 1) return false;
  }
  return true;
}

constexpr size_t leaves_ahead = 8;
constexpr uint32_t root_node_warning = 1u << 20;
constexpr int64_t root_byte_warning = int64_t{1} << 30;

}  // namespace

// Operations ------------------------------------------------------------------------------------

Op::Op(const char* name_, Kind kind_, Lower lower_, VjpRule vjp_, Run run_, Inputs inputs_)
    : name(name_), kind(kind_), inputs(inputs_), lower(lower_), vjp(vjp_), run(run_), id(op_count++) {
  op_table()[id] = this;
}

const Op& Op::by_id(uint16_t id) { return *op_table()[id]; }

static const Op leaf_op{"leaf", Op::Kind::leaf, nullptr, nullptr};
static const Op number_op{"number", Op::Kind::number, nullptr, nullptr};

// Recording -------------------------------------------------------------------------------------

constinit thread_local Graph* Graph::current_ = nullptr;
constinit Graph::Slot Graph::slots_[step_slots];

void Graph::create() {
  thread_local Graph graph;
  current_ = &graph;
}

Graph::Graph() : thread_(Storage::this_thread()) { open(); }

Graph::~Graph() {
  while (!marks_.empty()) close(marks_.back().serial);
  for (uint16_t index : own_slots_) SlotPool::instance().give_back(index);
}

uint32_t Graph::append_attributes(const void* data, size_t bytes) {
  const size_t offset = pool_.size();
  if (bytes > 0) {
    pool_.resize(offset + (bytes + 7) / 8);
    std::memcpy(pool_.data() + offset, data, bytes);
  }
  return static_cast<uint32_t>(offset);
}

Tensor Graph::record_map(const Op& op, std::span<const uint32_t> inputs, DType dtype, std::source_location where) {
  Node& node = append(op, dtype, where);
  node.input_count = static_cast<uint8_t>(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) node.inputs[i] = inputs[i];
  // The shape is that of an input, unless each lacks something of it.
  const Node* shape = &nodes_[inputs[0]];
  bool found = true;
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Node& input = nodes_[inputs[i]];
    if (fits_into(input, *shape)) continue;
    found = found && fits_into(*shape, input);
    shape = &input;
  }
  if (found) [[likely]] {
    node.rank = shape->rank;
    const auto extents = std::to_array(shape->extents);  // a copy: else the compiler calls memmove()
    std::memcpy(node.extents, extents.data(), sizeof node.extents);
  } else {
    broadcast(op, inputs);
  }
  return Tensor(innermost_, size() - 1, marks_[depth_].slot, op.id);
}

/// The shape of the newest node, which goes again where there is none.
void Graph::broadcast(const Op& op, std::span<const uint32_t> inputs) {
  Node& node = nodes_.back();
  uint8_t rank = 0;
  for (uint32_t input : inputs) rank = std::max(rank, nodes_[input].rank);
  int64_t extents[max_rank];
  std::fill_n(extents, rank, 1);
  bool fits = true;
  for (uint32_t index : inputs) {
    const Node& input = nodes_[index];
    int64_t* out = extents + (rank - input.rank);
    for (int axis = 0; axis < input.rank; ++axis) {
      const int64_t extent = input.extents[axis];
      fits = fits && (out[axis] == extent || out[axis] == 1 || extent == 1);
      if (out[axis] == 1) out[axis] = extent;
    }
  }
  int64_t count = 1;
  bool large = false, empty = false;
  for (int axis = 0; axis < rank; ++axis) {
    large |= __builtin_mul_overflow(count, extents[axis], &count) || count > INT32_MAX;
    empty |= extents[axis] == 0;
  }
  if (!fits || (large && !empty)) throw_broadcast(op, inputs);
  node.rank = rank;
  std::copy_n(extents, rank, node.extents);
  std::fill(node.extents + rank, node.extents + max_rank, 0);
}

/// The newest node goes again; broadcast_shapes() knows what is wrong.
void Graph::throw_broadcast(const Op& op, std::span<const uint32_t> inputs) {
  nodes_.shrink(nodes_.size() - 1);
  Shape shape = nodes_[inputs[0]].shape();
  for (size_t i = 1; i < inputs.size(); ++i) shape = broadcast_shapes(op.name, shape, nodes_[inputs[i]].shape());
  throw SizeError(std::string(op.name) + ": result too large");
}

uint32_t Graph::number(double value, DType type, std::source_location where) {
  Node& node = append(number_op, type, where);
  node.attributes = static_cast<uint32_t>(pool_.size());
  pool_.push_back(std::bit_cast<uint64_t>(value));
  return size() - 1;
}

Tensor Graph::record(const Recipe& recipe, const void* attributes, size_t attribute_bytes) {
  const size_t count = recipe.inputs.size();
  for (const Tensor& input : recipe.inputs) check(input);  // before anything is appended: it may throw
  Node& node = append(recipe.op, recipe.shape, recipe.dtype, recipe.where);
  node.attributes = append_attributes(attributes, attribute_bytes);
  uint32_t* list = node.inputs;
  node.input_count = static_cast<uint8_t>(count);
  if (count > 3) {
    node.input_count = Node::many_inputs;
    node.inputs[0] = append_attributes(nullptr, 0);
    node.inputs[1] = static_cast<uint32_t>(count);
    pool_.resize(pool_.size() + (count + 1) / 2);
    list = reinterpret_cast<uint32_t*>(pool_.data() + node.inputs[0]);
  }
  for (const Tensor& input : recipe.inputs) *list++ = input.node();
  return handle(size() - 1);
}

inline Tensor Graph::append_leaf(Storage* storage, uint32_t bucket, std::source_location where) {
  // What many Arrays and Parameters lie behind is in no near cache. Steps of a loop mostly read the same ones in the
  // same order, so those that follow are fetched while this one is recorded.
  if (const Leaf* const next = leaves_.popped(leaves_ahead)) __builtin_prefetch(next->storage, 1);
  Node& node = append(leaf_op, storage->shape, storage->dtype, where);
  node.attributes = static_cast<uint32_t>(leaves_.size());
  node.value = storage->data;
  const uint64_t version = storage->version.load(std::memory_order_relaxed);
  leaves_.push(Leaf{storage, version, storage->serial, size() - 1, bucket});
  return Tensor(innermost_, size() - 1, marks_[depth_].slot, leaf_op.id);
}

Tensor Graph::leaf(Storage* storage, std::source_location where) {
  if (!storage->is_maker(thread_)) return leaf_of_other(storage, where);
  if (storage->has_own_leaves()) {
    const uint32_t known = find_leaf(storage);
    if (known != no_leaf) return handle(known);
  }
  const auto place = static_cast<uint32_t>(leaves_.size());
  const Tensor leaf = append_leaf(storage, no_bucket, where);
  storage->add_own_leaf(place);
  return leaf;
}

/// On what another thread has made.
Tensor Graph::leaf_of_other(Storage* storage, std::source_location where) {
  const uint32_t known = find_leaf(storage);
  if (known != no_leaf) return handle(known);
  if (2 * (leaves_.size() + 1) > leaf_table_.size()) grow_leaf_table();
  const uint32_t bucket = find_bucket(storage, storage->version.load(std::memory_order_relaxed));
  const Tensor leaf = append_leaf(storage, bucket, where);
  storage->add_reader();
  leaf_table_[bucket] = static_cast<uint32_t>(leaves_.size());
  return leaf;
}

Tensor Graph::leaf(void* memory, const Shape& shape, DType dtype, std::source_location where) {
  Node& node = append(leaf_op, shape, dtype, where);
  node.attributes = no_leaf;
  node.value = memory;
  return handle(size() - 1);
}

uint32_t Graph::find_leaf(const Storage* storage) const {
  const uint64_t version = storage->version.load(std::memory_order_relaxed);
  uint32_t place = no_leaf;
  if (storage->is_maker(thread_)) {
    // An earlier one would be of an earlier version.
    if (storage->has_own_leaves()) place = storage->own_place;
  } else if (!leaf_table_.empty()) {
    place = leaf_table_[find_bucket(storage, version)] - 1;
  }
  if (place >= leaves_.size()) return no_leaf;
  const Leaf& leaf = leaves_[place];
  return leaf.storage == storage && leaf.version == version ? leaf.node : no_leaf;
}

uint32_t Graph::readers(const Storage* storage) const {
  if (storage->is_maker(thread_)) return storage->own_leaves.load(std::memory_order_relaxed);
  if (leaf_table_.empty()) return 0;
  const size_t mask = leaf_table_.size() - 1;
  uint32_t count = 0;
  for (size_t bucket = hash(storage) & mask; leaf_table_[bucket] != 0; bucket = (bucket + 1) & mask) {
    count += leaves_[leaf_table_[bucket] - 1].storage == storage;
  }
  return count;
}

uint32_t Graph::find_bucket(const Storage* storage, uint64_t version) const {
  const size_t mask = leaf_table_.size() - 1;
  size_t bucket = hash(storage) & mask;
  for (; leaf_table_[bucket] != 0; bucket = (bucket + 1) & mask) {
    const Leaf& leaf = leaves_[leaf_table_[bucket] - 1];
    if (leaf.storage == storage && leaf.version == version) break;
  }
  return static_cast<uint32_t>(bucket);
}

void Graph::grow_leaf_table() {
  leaf_table_.assign(std::bit_ceil(std::max<size_t>(64, 4 * leaves_.size())), 0);
  for (size_t i = 0; i < leaves_.size(); ++i) {
    Leaf& leaf = leaves_[i];
    if (leaf.bucket == no_bucket) continue;
    leaf.bucket = find_bucket(leaf.storage, leaf.version);
    leaf_table_[leaf.bucket] = static_cast<uint32_t>(i + 1);
  }
}

void Graph::hold(std::shared_ptr<const void> object) { held_.push_back(std::move(object)); }

// Reading ---------------------------------------------------------------------------------------

void Graph::throw_unusable(const Tensor& tensor) const {
  const std::string name = Op::by_id(tensor.op()).name;
  if (tensor.step_ == 0) throw ValueError("Tensor: an undefined Tensor was used as an operand");
  if (slots_[tensor.slot()].serial.load(std::memory_order_relaxed) == tensor.step_) {
    throw WrongThread(name +
                      ": a Tensor belongs to the thread that recorded it; share values as Arrays, made by keep()");
  }
  throw StaleTensor(name + ": a Tensor was used after its Step (number " + std::to_string(tensor.step_) +
                    ") had ended; copy a value out of a Step with keep()");
}

// Steps -----------------------------------------------------------------------------------------

uint64_t Graph::open() {
  const size_t depth = marks_.size();
  if (own_slots_.size() == depth) own_slots_.push_back(SlotPool::instance().take());
  if (arenas_.size() == depth) arenas_.emplace_back();
  const uint64_t serial = next_serial.fetch_add(1, std::memory_order_relaxed);
  marks_.push_back(
      {serial, own_slots_[depth], size(), pool_.size(), leaves_.size(), held_.size(), arenas_[depth].mark(), 0});
  depth_ = static_cast<uint32_t>(depth);
  innermost_ = serial;
  Slot& entry = slots_[own_slots_[depth]];
  entry.graph.store(this, std::memory_order_relaxed);
  entry.serial.store(serial, std::memory_order_relaxed);
  return serial;
}

void Graph::close(uint64_t serial) {
  const Mark mark = marks_.back();
  if (mark.serial != serial) {  // Steps are scoped objects: they cannot end out of order
    std::fputs("autograd: a Step ended while one that was opened after it, on this thread, was still open\n", stderr);
    std::terminate();
  }
  slots_[mark.slot].serial.store(0, std::memory_order_relaxed);
  for (size_t count = leaves_.size(); count > mark.leaves; --count) {
    if (count > leaves_ahead) __builtin_prefetch(leaves_[count - 1 - leaves_ahead].storage, 1);
    const Leaf& leaf = leaves_[count - 1];
    if (leaf.bucket == no_bucket) {
      leaf.storage->remove_own_leaf();
    } else {
      leaf_table_[leaf.bucket] = 0;
      leaf.storage->remove_reader();
    }
  }
  leaves_.shrink(mark.leaves);
  Storage::destroy_handed_over();
  current_leaves_ = std::min(current_leaves_, leaves_.size());
  nodes_.shrink(mark.nodes);
  pool_.resize(mark.pool);
  held_.resize(mark.held);
  arenas_[marks_.size() - 1].release(mark.arena);
  marks_.pop_back();
  depth_ = marks_.empty() ? 0 : depth_ - 1;
  innermost_ = marks_.empty() ? 0 : marks_.back().serial;
}

int64_t Graph::memory_limit() const {
  int64_t limit = 0;
  for (const Mark& mark : marks_) {
    if (mark.memory_limit > 0 && (limit == 0 || mark.memory_limit < limit)) limit = mark.memory_limit;
  }
  return limit;
}

void Graph::set_memory_limit(uint64_t serial, int64_t bytes) {
  for (Mark& mark : marks_) {
    if (mark.serial == serial) mark.memory_limit = bytes;
  }
}

int64_t Graph::used_bytes() const {
  int64_t bytes = 0;
  for (const Arena& arena : arenas_) bytes += arena.used();
  return bytes;
}

void Graph::warn_if_root_grows() {
  if (warned_ || (size() < root_node_warning && arenas_[0].used() < root_byte_warning)) return;
  warned_ = true;
  std::map<std::string, int64_t> counts;
  for (const Node& node : nodes_) ++counts[node.op->name];
  std::vector<std::pair<int64_t, std::string>> largest;
  for (const auto& [name, count] : counts) largest.emplace_back(count, name);
  std::sort(largest.rbegin(), largest.rend());
  std::string text = "autograd: " + std::to_string(size()) + " nodes recorded outside any Step and never freed (";
  for (size_t i = 0; i < std::min<size_t>(3, largest.size()); ++i) {
    text += (i > 0 ? ", " : "") + largest[i].second + " " + std::to_string(largest[i].first);
  }
  log_line(text + "); open a Step around each iteration");
}

Step::Step() : serial_(Graph::current().open()) {}
Step::~Step() { Graph::current().close(serial_); }
void Step::set_memory_limit(int64_t bytes) {
  if (bytes < 0) throw ValueError("set_memory_limit: " + std::to_string(bytes) + " bytes; expected 0 (none) or more");
  Graph::current().set_memory_limit(serial_, bytes);
}

// Tensor and Located ----------------------------------------------------------------------------

Shape Tensor::shape() const {
  const Graph& graph = Graph::current();
  return graph.node(graph.check(*this)).shape();
}

DType Tensor::dtype() const {
  const Graph& graph = Graph::current();
  return graph.node(graph.check(*this)).dtype;
}

Tensor tensor(Located x) { return x.as(DType::float32); }

Tensor Located::read(const Array& array, std::source_location where) {
  return Graph::current().leaf(array.storage(), where);
}

Tensor Located::read(const Parameter& parameter, std::source_location where) {
  return Graph::current().leaf(parameter.storage(), where);
}

Tensor Located::as(DType type) const {
  if (!is_number()) return tensor_;
  if (type == DType::int32) {
    if (kind_ == Kind::real && !(number_ == std::trunc(number_))) {
      throw DTypeError("number: " + std::to_string(number_) + " meets an int32 tensor (at " + to_string(where_) +
                       "); cast the tensor first");
    }
    if (!(number_ >= INT32_MIN && number_ <= INT32_MAX)) {
      throw ValueError("number: " + std::to_string(number_) + " meets an int32 tensor (at " + to_string(where_) +
                       "), which cannot hold it");
    }
  }
  Graph& graph = Graph::current();
  return graph.handle(graph.number(number_, type, where_));
}

// Logging ---------------------------------------------------------------------------------------

void set_log_hook(std::function<void(const std::string&)> hook) {
  const std::lock_guard lock(log_mutex);
  log_hook() = std::move(hook);
}

void log_line(const std::string& line) {
  const std::lock_guard lock(log_mutex);
  if (log_hook()) {
    log_hook()(line);
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

std::string expected_rows(int64_t rows) {
  return rows == 0 ? "there are no rows" : "expected 0 to " + std::to_string(rows - 1);
}

std::string to_string(const std::source_location& where) {
  const std::string path = where.file_name();
  return path.substr(path.find_last_of('/') + 1) + ":" + std::to_string(where.line());
}

}  // namespace autograd
