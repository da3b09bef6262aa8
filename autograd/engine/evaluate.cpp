#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/graph.h>
#include <autograd/core/storage.h>
#include <autograd/engine/plan.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace autograd {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A plan and temporary memory for each evaluation in progress: a custom operation may evaluate.
struct Workspace {
  std::deque<Arena> arenas;
  size_t depth = 0;
  Report report;

  static Workspace& current() {
    thread_local Workspace workspace;
    return workspace;
  }
};

class Scratch {
 public:
  Scratch() : workspace_(Workspace::current()) {
    if (workspace_.arenas.size() == workspace_.depth) workspace_.arenas.emplace_back();
    arena_ = &workspace_.arenas[workspace_.depth++];
  }
  ~Scratch() {
    arena_->release({});
    --workspace_.depth;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Arena& arena() { return *arena_; }

 private:
  Workspace& workspace_;
  Arena* arena_;
};

void check_assignment(const Graph& graph, const Assignment& assignment) {
  const Node& node = graph.node(graph.check(assignment.value));
  const Parameter& parameter = assignment.parameter;
  if (node.shape() != parameter.shape()) {
    throw ShapeError("assign: value of shape " + node.shape().to_string() + " to a Parameter of shape " +
                     parameter.shape().to_string());
  }
  if (node.dtype != parameter.dtype()) {
    throw DTypeError(std::string("assign: ") + name_of(node.dtype) + " value to a " + name_of(parameter.dtype()) +
                     " Parameter");
  }
}

void check_unread(const Graph& graph, const Storage& storage) {
  if (storage.readers.load(std::memory_order_acquire) <= graph.readers(&storage)) return;
  throw ParameterInUse("assign: " + (storage.name.empty() ? std::string("the Parameter") : "'" + storage.name + "'") +
                       " is read by an open Step of another thread; end that Step first");
}

void overwrite(Storage& storage, const void* value, std::source_location where) {
  std::memcpy(storage.data, value, static_cast<size_t>(storage.shape.size() * size_of(storage.dtype)));
  storage.assigned_at = where;
  storage.version.fetch_add(1, std::memory_order_acq_rel);
}

void assign_all(const engine::Plan& plan, std::span<const Assignment> assignments, std::span<const uint32_t> nodes,
                Arena& scratch) {
  std::vector<const void*> values;
  for (size_t i = 0; i < assignments.size(); ++i) {
    const uint32_t base = engine::contiguous_base(plan, nodes[i]);
    if (!plan.known(base)) {
      values.push_back(plan.state(base).data);
      continue;
    }
    // It may be the memory of a Parameter that is assigned here too.
    const int64_t bytes = assignments[i].parameter.size() * size_of(assignments[i].parameter.dtype());
    values.push_back(std::memcpy(scratch.allocate(bytes), plan.graph.node(base).value, static_cast<size_t>(bytes)));
  }
  for (size_t i = 0; i < assignments.size(); ++i) {
    overwrite(*assignments[i].parameter.storage(), values[i], plan.graph.node(nodes[i]).where);
  }
}

/// Opaque results are kept so that a later gradient does not repeat them, unless the evaluation is a
/// training step's, whose graph is done with.
void mark_kept(engine::Plan& plan, std::span<const uint32_t> kept, bool keep_calls) {
  for (uint32_t node : kept) {
    if (!plan.known(node)) plan.state(engine::contiguous_base(plan, node)).kept = true;
  }
  if (!keep_calls) return;
  for (const engine::Region& region : plan.regions) {
    if (region.kind == engine::Region::Kind::call) plan.state(region.nodes[0]).kept = true;
  }
}

void* copy_of(Graph& graph, const Node& node, const void* value) {
  const int64_t bytes = node.size() * size_of(node.dtype);
  return std::memcpy(graph.arena(node.depth).allocate(bytes), value, static_cast<size_t>(bytes));
}

bool is_shared_memory(const Graph& graph, const Node& node) {
  return node.op->kind == Op::Kind::leaf && graph.attributes<LeafAttributes>(node).storage != nullptr;
}

/// The outputs' values, and the plan's kept ones, become known.
void commit(engine::Plan& plan, std::span<const uint32_t> outputs) {
  for (uint32_t node : plan.order) {
    const engine::NodeState& state = plan.state(node);
    if (state.kept && !plan.known(node)) plan.graph.node(node).value = state.data;
  }
  for (uint32_t output : outputs) {
    if (plan.known(output)) continue;
    const Node& base = plan.graph.node(engine::contiguous_base(plan, output));
    Node& node = plan.graph.node(output);
    // A reshaped Parameter: an assignment must not change what was read.
    node.value = is_shared_memory(plan.graph, base) ? copy_of(plan.graph, node, base.value) : base.value;
  }
}

/// An output that is itself a Parameter about to be overwritten keeps its value in its Step.
void keep_old_values(Graph& graph, std::span<const uint32_t> outputs, std::span<const Assignment> assignments) {
  for (uint32_t output : outputs) {
    Node& node = graph.node(output);
    const bool overwritten = std::any_of(assignments.begin(), assignments.end(), [&](const Assignment& assignment) {
      return assignment.parameter.storage()->data == node.value;
    });
    if (overwritten) node.value = copy_of(graph, node, node.value);
  }
}

}  // namespace

void evaluate(std::span<const Tensor> tensors, std::span<const Assignment> assignments) {
  Graph& graph = Graph::current();
  Scratch scratch;
  engine::Plan plan(graph);
  for (const Tensor& tensor : tensors) plan.outputs.push_back(graph.check(tensor));
  const size_t kept_count = plan.outputs.size();
  for (const Assignment& assignment : assignments) {
    check_assignment(graph, assignment);
    check_unread(graph, *assignment.parameter.storage());
    plan.outputs.push_back(graph.check(assignment.value));
  }
  const auto start = Clock::now();
  const std::span<const uint32_t> kept(plan.outputs.data(), kept_count);
  engine::reach(plan);
  engine::resolve(plan);
  engine::fuse(plan);
  mark_kept(plan, kept, assignments.empty());
  engine::lower(plan);
  for (size_t i = kept_count; i < plan.outputs.size(); ++i) {
    if (!plan.known(plan.outputs[i]))
      plan.state(engine::contiguous_base(plan, plan.outputs[i])).last_use = engine::none;
  }
  engine::place(plan, scratch.arena());
  const double plan_seconds = seconds_since(start);
  const auto run_start = Clock::now();
  engine::run(plan, scratch.arena());
  commit(plan, kept);

  Report& report = Workspace::current().report;
  report = {};
  report.plan_seconds = plan_seconds;
  report.run_seconds = seconds_since(run_start);
  report.nodes = static_cast<int64_t>(plan.order.size());
  report.regions = static_cast<int64_t>(plan.regions.size());
  for (const engine::Region& region : plan.regions) {
    report.instructions += static_cast<int64_t>(region.program.body.size());
  }
  report.peak_bytes = plan.kept_bytes + plan.temporary_bytes;

  keep_old_values(graph, kept, assignments);
  assign_all(plan, assignments, std::span<const uint32_t>(plan.outputs).subspan(kept_count), scratch.arena());
}

void evaluate(std::span<const Tensor> tensors) { evaluate(tensors, {}); }
void evaluate(std::initializer_list<Tensor> tensors) {
  evaluate(std::span<const Tensor>(tensors.begin(), tensors.size()), {});
}

Report report() { return Workspace::current().report; }

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
  check_unread(Graph::current(), *storage());
  overwrite(*storage(), value.data(), where);
}

void Parameter::assign(const Tensor& value, std::source_location where) {
  const Assignment assignment{*this, value};
  evaluate({}, std::span<const Assignment>(&assignment, 1));
  storage()->assigned_at = where;
}

}  // namespace autograd
