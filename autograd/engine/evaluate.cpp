#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/float_environment.h>
#include <autograd/core/graph.h>
#include <autograd/core/storage.h>
#include <autograd/engine/nan_check.h>
#include <autograd/engine/plan.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <deque>

namespace autograd {

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

/// What a plan depends on beside the recording, in words of the key.
using Conditions = std::array<uint64_t, 2>;

Conditions conditions(const engine::Keep& keep) {
  return {keep.outputs << 1 | (keep.calls ? 1 : 0), engine::region_limit() << 8 | static_cast<uint64_t>(backend())};
}

/// A recording and how to evaluate it.
struct Planned {
  engine::Recording recording;
  Conditions conditions;
  std::vector<uint32_t> counts, targets;  ///< of assignments: Keep::target_counts, Keep::targets
  std::shared_ptr<engine::Plan> plan;

  /// Whether the Parameters are those that the plan writes.
  bool writes(std::span<Storage* const> parameters) const {
    for (size_t i = 0; i < targets.size(); ++i) {
      if (targets[i] == engine::none) continue;
      if (recording.graph().storage_of(recording.node(targets[i])) != parameters[i]) return false;
    }
    return true;
  }
  void find_targets(const Graph& graph, std::span<Storage* const> parameters) {
    targets.clear();
    for (const Storage* parameter : parameters) {
      const uint32_t leaf = graph.find_leaf(parameter);
      targets.push_back(leaf == engine::none ? engine::none : recording.position_of(leaf));
    }
  }
};

/// What an evaluation assigns: how many Parameters each value is for, and all these Parameters in order.
struct Targets {
  std::vector<uint32_t> counts;
  std::vector<Storage*> parameters;

  void clear() {
    counts.clear();
    parameters.clear();
  }
};

/// The working memory of an evaluation. A custom operation may evaluate inside one: each depth has its own.
struct Workspace {
  /// The last ones, so that a loop's step, which may evaluate a few times, finds its own of the step before.
  std::array<Planned, 4> planned;
  size_t next = 0;  ///< place for another
  engine::Values values;
  std::vector<uint32_t> outputs;
  Targets targets;
  std::vector<const std::byte*> assigned;
  std::vector<Arena::Mark> marks;
  Arena scratch;
};

struct Workspaces {
  std::deque<Workspace> list;
  size_t depth = 0;
  Report report;

  static Workspaces& current() {
    thread_local Workspaces workspaces;
    return workspaces;
  }
};

class Lease {
 public:
  Lease() : all_(Workspaces::current()) {
    if (all_.list.size() == all_.depth) all_.list.emplace_back();
    workspace_ = &all_.list[all_.depth++];
  }
  ~Lease() {
    workspace_->scratch.release({});
    --all_.depth;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Workspace& operator*() { return *workspace_; }

 private:
  Workspaces& all_;
  Workspace* workspace_;
};

/// Gives the kept values' memory back to the Steps where an evaluation throws, unless something was put behind it.
class KeptMemory {
 public:
  KeptMemory(Graph& graph, std::vector<Arena::Mark>& marks) : graph_(graph), marks_(marks) {
    marks_.clear();
    push_marks();
  }
  void taken() { push_marks(); }
  void give_back() {
    const size_t depths = marks_.size() / 2;
    for (size_t depth = 0; depth < depths; ++depth) {
      Arena& arena = graph_.arena(static_cast<uint32_t>(depth));
      if (arena.mark() == marks_[depths + depth]) arena.release(marks_[depth]);
    }
  }

 private:
  void push_marks() {
    for (uint32_t depth = 0; depth <= graph_.depth(); ++depth) marks_.push_back(graph_.arena(depth).mark());
  }
  Graph& graph_;
  std::vector<Arena::Mark>& marks_;  ///< before and after, by depth
};

void check_type(const Node& value, const Storage& parameter) {
  if (value.dtype == parameter.dtype) return;
  throw DTypeError(std::string("assign: ") + name_of(value.dtype) + " value to a " + name_of(parameter.dtype) +
                   " Parameter");
}

void check_assignment(const Graph& graph, const Assignment& assignment) {
  const Node& node = graph.node(graph.check(assignment.value));
  const Parameter& parameter = assignment.parameter;
  if (node.shape() != parameter.shape()) {
    throw ShapeError("assign: value of shape " + node.shape().to_string() + " to a Parameter of shape " +
                     parameter.shape().to_string());
  }
  check_type(node, *parameter.storage());
}

void check_assignment(const Graph& graph, const PackedAssignment& assignment) {
  const Node& node = graph.node(graph.check(assignment.value));
  int64_t size = 0;
  for (const Parameter& parameter : assignment.parameters) {
    const Storage& storage = *parameter.storage();
    check_type(node, storage);
    size += storage.shape.size();
  }
  if (node.rank != 1 || node.extents[0] != size) {
    throw ShapeError("assign: value of shape " + node.shape().to_string() + " to Parameters of " +
                     std::to_string(size) + " elements together; expected [" + std::to_string(size) + "]");
  }
}

void check_unread(const Graph& graph, const Storage& storage) {
  if (storage.readers() <= graph.readers(&storage)) return;
  throw ParameterInUse("assign: " + (storage.name.empty() ? std::string("the Parameter") : "'" + storage.name + "'") +
                       " is read by an open Step of another thread; end that Step first");
}

int64_t bytes_of(const Storage& storage) { return storage.shape.size() * size_of(storage.dtype); }

void overwrite(Storage& storage, const void* value, std::source_location where) {
  if (value != storage.data)  // else it was computed there
    std::memcpy(storage.data, value, static_cast<size_t>(bytes_of(storage)));
  storage.assigned_at = where;
  // Nobody else assigns meanwhile, so no locked addition.
  storage.version.store(storage.version.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

/// The first `count` parameters, by values that lie end to end; null: their region has put them where they belong.
void overwrite(std::span<Storage* const> parameters, size_t count, const std::byte* values,
               std::source_location where) {
  constexpr size_t ahead = 8;  // by now many Parameters are in no near cache
  for (size_t k = 0; k < count; ++k) {
    if (k + ahead < parameters.size()) {
      __builtin_prefetch(&parameters[k + ahead]->version, 1);
      __builtin_prefetch(&parameters[k + ahead]->assigned_at, 1);
    }
    Storage& storage = *parameters[k];
    overwrite(storage, values == nullptr ? storage.data : values, where);
    if (values != nullptr) values += bytes_of(storage);
  }
}

/// `first`: of the assigned values among the recording's outputs.
void assign_all(const Planned& planned, Workspace& workspace, size_t first) {
  const engine::Recording& recording = planned.recording;
  const Targets& targets = workspace.targets;
  workspace.assigned.clear();
  for (size_t i = 0; i < targets.counts.size(); ++i) {
    const uint32_t base = planned.plan->output_bases[first + i];
    const std::byte* value = workspace.values[base];
    if (recording.known(base)) {  // it may be the memory of a Parameter that is assigned here too
      const Node& node = recording.node(base);
      const int64_t bytes = node.size() * size_of(node.dtype);
      value = static_cast<const std::byte*>(
          std::memcpy(workspace.scratch.allocate(bytes), value, static_cast<size_t>(bytes)));
    }
    workspace.assigned.push_back(value);
  }
  std::span<Storage* const> rest(targets.parameters);
  for (size_t i = 0; i < targets.counts.size(); ++i) {
    const std::source_location where = recording.node(recording.outputs()[first + i]).where;
    overwrite(rest, targets.counts[i], workspace.assigned[i], where);
    rest = rest.subspan(targets.counts[i]);
  }
  if (!targets.parameters.empty()) recording.graph().has_assigned();
}

void* copy_of(Graph& graph, const Node& node, const void* value) {
  const int64_t bytes = node.size() * size_of(node.dtype);
  return std::memcpy(graph.arena(node.depth).allocate(bytes), value, static_cast<size_t>(bytes));
}

bool is_shared_memory(const Graph& graph, const Node& node) {
  return node.op->kind == Op::Kind::leaf && graph.storage_of(node) != nullptr;
}

/// The outputs' values, and the plan's kept ones, become known.
void commit(const Planned& planned, const engine::Values& values, size_t outputs) {
  const engine::Recording& recording = planned.recording;
  Graph& graph = recording.graph();
  for (const engine::Plan::Buffer& buffer : planned.plan->buffers) {
    if (buffer.kept) recording.node(buffer.position).value = values[buffer.position];
  }
  for (size_t i = 0; i < outputs; ++i) {
    Node& node = recording.node(recording.outputs()[i]);
    if (node.value != nullptr) continue;
    const Node& base = recording.node(planned.plan->output_bases[i]);
    // A reshaped Parameter: an assignment must not change what was read.
    node.value = is_shared_memory(graph, base) ? copy_of(graph, node, base.value) : base.value;
  }
}

/// An output that is itself a Parameter about to be overwritten keeps its value in its Step.
void keep_old_values(Graph& graph, std::span<const uint32_t> outputs, const Targets& targets) {
  for (uint32_t output : outputs) {
    Node& node = graph.node(output);
    if (!is_shared_memory(graph, node)) continue;
    const auto is_value = [&](const Storage* parameter) { return parameter->data == node.value; };
    if (std::ranges::any_of(targets.parameters, is_value)) node.value = copy_of(graph, node, node.value);
  }
}

/// Of the assigned Parameters; those that the plan reads have a leaf of this thread.
void check_unread(const Graph& graph, const Planned& planned, const Targets& targets) {
  for (size_t i = 0; i < targets.parameters.size(); ++i) {
    const uint32_t own = planned.targets[i] == engine::none ? 0 : 1;
    if (targets.parameters[i]->readers() > own) check_unread(graph, *targets.parameters[i]);
  }
}

/// The plan of what the workspace's outputs depend on; the last of them are assigned.
const Planned& plan(Graph& graph, Workspace& workspace) {
  const Targets& targets = workspace.targets;
  engine::Keep keep{workspace.outputs.size() - targets.counts.size(), targets.counts.empty()};
  const Conditions wanted = conditions(keep);
  for (Planned& planned : workspace.planned) {
    if (planned.plan == nullptr || planned.conditions != wanted || planned.counts != targets.counts) continue;
    if (planned.recording.repeats(graph, workspace.outputs) && planned.writes(targets.parameters)) return planned;
  }
  Planned& planned = workspace.planned[workspace.next];
  workspace.next = (workspace.next + 1) % workspace.planned.size();
  planned.plan = nullptr;  // until the recording has one
  planned.conditions = wanted;
  planned.counts = targets.counts;
  planned.recording.trace(graph, workspace.outputs);
  planned.find_targets(graph, targets.parameters);
  for (uint64_t word : wanted) planned.recording.add_to_key(word);
  for (uint32_t count : planned.counts) planned.recording.add_to_key(count);
  for (uint32_t target : planned.targets) planned.recording.add_to_key(target);
  keep.target_counts = planned.counts;
  keep.targets = planned.targets;
  planned.plan = engine::find_plan(planned.recording, keep);
  return planned;
}

void set_outputs(Graph& graph, Workspace& workspace, std::span<const Tensor> tensors,
                 std::span<const Assignment> assignments, std::span<const PackedAssignment> packed) {
  workspace.outputs.clear();
  workspace.targets.clear();
  for (const Tensor& tensor : tensors) workspace.outputs.push_back(graph.check(tensor));
  const auto add_target = [&](const Parameter& parameter) {
    workspace.targets.parameters.push_back(parameter.storage());
  };
  for (const Assignment& assignment : assignments) {
    check_assignment(graph, assignment);
    add_target(assignment.parameter);
    workspace.targets.counts.push_back(1);
    workspace.outputs.push_back(graph.check(assignment.value));
  }
  for (const PackedAssignment& assignment : packed) {
    check_assignment(graph, assignment);
    for (const Parameter& parameter : assignment.parameters) add_target(parameter);
    workspace.targets.counts.push_back(static_cast<uint32_t>(assignment.parameters.size()));
    workspace.outputs.push_back(graph.check(assignment.value));
  }
}

Report report_of(const Planned& planned) {
  Report report;
  report.nodes = planned.recording.size();
  report.regions = static_cast<int64_t>(planned.plan->regions.size());
  report.instructions = planned.plan->instructions;
  report.peak_bytes = planned.plan->kept_bytes + planned.plan->temporary_bytes;
  return report;
}

}  // namespace

void evaluate(std::span<const Tensor> tensors, std::span<const Assignment> assignments,
              std::span<const PackedAssignment> packed) {
  if (nan_checks()) [[unlikely]]
    engine::refuse_nan(tensors, assignments, packed);
  Graph& graph = Graph::current();
  Lease lease;
  Workspace& workspace = *lease;
  const FloatEnvironment environment;
  set_outputs(graph, workspace, tensors, assignments, packed);
  const auto start = Clock::now();
  const Planned& planned = plan(graph, workspace);
  check_unread(graph, planned, workspace.targets);
  KeptMemory kept(graph, workspace.marks);
  engine::allocate(*planned.plan, planned.recording, workspace.scratch, workspace.values);
  kept.taken();
  const auto ready = Clock::now();
  try {
    engine::run(*planned.plan, planned.recording, workspace.scratch, workspace.values);
  } catch (...) {
    kept.give_back();
    throw;
  }
  commit(planned, workspace.values, tensors.size());

  Report& report = Workspaces::current().report = report_of(planned);
  report.plan_seconds = seconds(ready - start);
  report.run_seconds = seconds(Clock::now() - ready);

  const std::span<const uint32_t> outputs(workspace.outputs);
  keep_old_values(graph, outputs.first(tensors.size()), workspace.targets);
  assign_all(planned, workspace, tensors.size());
}

void evaluate(std::span<const Tensor> tensors) { evaluate(tensors, {}); }
void evaluate(std::initializer_list<Tensor> tensors) {
  evaluate(std::span<const Tensor>(tensors.begin(), tensors.size()), {});
}

Report report() { return Workspaces::current().report; }

Report report(std::span<const Tensor> tensors, std::span<const Assignment> assignments,
              std::span<const PackedAssignment> packed) {
  Graph& graph = Graph::current();
  Lease lease;
  const FloatEnvironment environment;
  set_outputs(graph, *lease, tensors, assignments, packed);
  const auto start = Clock::now();
  const Planned& planned = plan(graph, *lease);
  check_unread(graph, planned, (*lease).targets);
  Report report = report_of(planned);
  report.plan_seconds = seconds(Clock::now() - start);
  return report;
}

Report report(std::initializer_list<Tensor> tensors) {
  return report(std::span<const Tensor>(tensors.begin(), tensors.size()));
}

// Tensor: reading -------------------------------------------------------------------------------

const void* Tensor::evaluated(DType type) const {
  Graph& graph = Graph::current();
  const uint32_t node = graph.check(*this);
  if (graph.node(node).dtype != type) {
    throw DTypeError(std::string("values: asked for ") + name_of(type) + " of a " + name_of(graph.node(node).dtype) +
                     " tensor (" + graph.node(node).op->name + ")");
  }
  evaluate({*this});
  return graph.node(node).value;
}

double Tensor::item() const {
  if (size() != 1) throw ShapeError("item: shape " + shape().to_string() + " has not exactly one element");
  switch (dtype()) {
    case DType::float32: return static_cast<double>(values<float>()[0]);
    case DType::float64: return values<double>()[0];
    case DType::int32: return values<int32_t>()[0];
    case DType::boolean: return values<bool>()[0] ? 1 : 0;
  }
  return 0;
}

Array Tensor::keep() const {
  switch (dtype()) {
    case DType::float32: return Array::from(values<float>(), shape());
    case DType::float64: return Array::from(values<double>(), shape());
    case DType::int32: return Array::from(values<int32_t>(), shape());
    case DType::boolean: return Array::from(values<bool>(), shape());
  }
  return {};
}

// Parameter: assignment -------------------------------------------------------------------------

void Parameter::assign(const Array& value, std::source_location where) {
  if (value.shape() != shape()) {
    throw ShapeError("assign: value of shape " + value.shape().to_string() + " to a Parameter of shape " +
                     shape().to_string());
  }
  if (value.dtype() != dtype()) {
    throw DTypeError(std::string("assign: ") + name_of(value.dtype()) + " value to a " + name_of(dtype()) +
                     " Parameter");
  }
  Graph& graph = Graph::current();
  check_unread(graph, *storage());
  overwrite(*storage(), value.data(), where);
  graph.has_assigned();
}

void Parameter::assign(const Tensor& value, std::source_location where) {
  const Assignment assignment{*this, value};
  evaluate({}, std::span<const Assignment>(&assignment, 1));
  storage()->assigned_at = where;
}

}  // namespace autograd
