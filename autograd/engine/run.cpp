#include <autograd/core/calls.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/fold.h>
#include <autograd/engine/fused_run.h>
#include <autograd/engine/joint_run.h>
#include <autograd/engine/plan.h>
#include <autograd/engine/scatter.h>
#include <autograd/engine/trace.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace autograd::engine {

namespace {

/// A node's inputs and output in memory; `inputs` are those of the node.
Op::Call call_of(const Recording& recording, uint32_t position, std::span<const Region::Input> inputs, Arena& scratch,
                 const Values& values) {
  const Node& node = recording.node(position);
  const std::span<const uint32_t> from = recording.inputs(position);
  auto* nodes = scratch.array<const Node*>(static_cast<int64_t>(from.size()));
  auto* data = scratch.array<const void*>(static_cast<int64_t>(from.size()));
  const bool strided = node.op->inputs == Op::Inputs::strided;
  auto* strides = scratch.array<Op::Call::Strides>(strided ? static_cast<int64_t>(from.size()) : 0);
  for (size_t i = 0; i < from.size(); ++i) {
    nodes[i] = &recording.node(from[i]);
    data[i] = values[inputs[i].place.base] + inputs[i].place.bytes;
    if (strided) strides[i] = inputs[i].strides;
  }
  return {&node,
          recording.graph().attribute_data(node),
          {nodes, from.size()},
          {data, from.size()},
          {strides, strided ? from.size() : 0},
          values[position],
          &scratch};
}

void run_scatters(const Recording& recording, const Region& region, Arena& scratch, const Values& values) {
  const auto address = [&](const Place& place) { return values[place.base] + place.bytes; };
  const std::span<const uint32_t> inputs = recording.inputs(region.positions[0]);
  ScatterEntries entries{
      &recording.node(region.positions[0]), {}, inputs.size() / 2, recording.node(inputs[1]).size(), &scratch};
  ScatterArrays<const void> added[most_scatter_lists];
  ScatterArrays<void> sums;
  const Region::Input* input = region.inputs.data();
  for (const uint32_t position : region.positions) {
    sums.push_back(values[position]);
    for (size_t list = 0; list < entries.lists; ++list) {
      added[list].push_back(address(input++->place));
      entries.indices[list] = reinterpret_cast<const int32_t*>(address(input++->place));
    }
  }
  run_scatters_together(entries, added, sums);
}

void run_call(const Recording& recording, const Region& region, Arena& scratch, const Values& values) {
  if (region.positions.size() > 1) return run_scatters(recording, region, scratch, values);
  const uint32_t position = region.positions[0];
  const Node& node = recording.node(position);
  if (node.op->kind == Op::Kind::reduce) {
    const Node& input = recording.node(recording.inputs(position)[0]);
    const ReduceAttributes attributes = recording.attributes<ReduceAttributes>(position);
    const Place& from = region.inputs[0].place;
    fold_axes(static_cast<ir::Fold::Kind>(attributes.reduction), node.dtype, values[from.base] + from.bytes,
              input.extents, input.rank, attributes.axes, values[position], scratch);
    return;
  }
  node.op->run(call_of(recording, position, region.inputs, scratch, values));
}

/// A matrix product as the first of stages.
class ProductRun {
 public:
  ProductRun(const Recording& recording, const Region& region, Arena& scratch, const Values& values)
      : call_(call_of(recording, region.positions[0], region.inputs, scratch, values)), local_(region.local) {}

  double cost() const { return matmul_cost(call_); }
  void run_rows(int64_t first, int64_t last, std::byte* local) const {
    const int64_t row_bytes = call_.node->extents[1] * size_of(call_.node->dtype);
    auto* const all = static_cast<std::byte*>(call_.output);
    run_matmul_rows(call_, first, last, local_ >= 0 ? local + local_ : all + first * row_bytes);
  }

 private:
  Op::Call call_;
  int64_t local_;
};

void run_stages(const Recording& recording, Plan& plan, const Stages& stages, Arena& scratch, const Values& values) {
  std::optional<ProductRun> product;
  std::optional<FusedRun> runs[most_stages];
  double cost = 0;
  uint32_t count = 0;
  for (uint32_t k = 0; k < stages.count; ++k) {
    Region& region = plan.regions[stages.first + k];
    if (region.call)
      cost += product.emplace(recording, region, scratch, values).cost();
    else
      cost += runs[count++].emplace(recording, region, scratch, values).cost();
  }
  // The first stage folds lanes, or follows a product, so it knows the blocks of rows.
  const int64_t task_rows = stages.folds_rows ? runs[0]->row_block() : stages.block;
  parallel_for((stages.rows + task_rows - 1) / task_rows, cost, [&](int64_t begin, int64_t end) {
    std::byte* local = local_memory(stages.local_bytes);
    std::optional<JointRun> joint;
    if (stages.joint && stages.joint->function != nullptr) joint.emplace(plan, stages);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t last = std::min((task + 1) * task_rows, stages.rows);
      for (uint32_t k = 0; k < count; ++k) runs[k]->start_row_block(task);
      for (int64_t row = task * task_rows; row < last; row += stages.block) {
        const int64_t stop = std::min(row + stages.block, last);
        if (product) product->run_rows(row, stop, local);
        if (joint) {
          joint->run(row, stop, local);
        } else {
          for (uint32_t k = 0; k < count; ++k) runs[k]->run_rows(row, stop, stages.rows, local);
        }
      }
    }
  });
  for (uint32_t k = 0; k < count; ++k) runs[k]->finish();
}

void run_region(const Recording& recording, Region& region, Arena& scratch, const Values& values) {
  if (region.call) {
    run_call(recording, region, scratch, values);
  } else {
    FusedRun(recording, region, scratch, values).run();
  }
}

}  // namespace

void run(Plan& plan, const Recording& recording, Arena& scratch, const Values& values) {
  using Clock = std::chrono::steady_clock;
  // So that no fold has to ask for memory when a Parameter may have been written (in_place.cpp).
  const Arena::Mark before = scratch.mark();
  scratch.allocate(plan.fold_bytes);
  scratch.release(before);
  auto stages = plan.stages.begin();
  for (uint32_t i = 0; i < plan.regions.size();) {
    Region& region = plan.regions[i];
    const Clock::time_point start = trace().time ? Clock::now() : Clock::time_point();
    const Arena::Mark mark = scratch.mark();
    if (stages != plan.stages.end() && stages->first == i) {
      run_stages(recording, plan, *stages, scratch, values);
      i += stages->count;
      ++stages;
    } else {
      run_region(recording, region, scratch, values);
      ++i;
    }
    scratch.release(mark);
    if (!trace().time) continue;
    region.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    ++region.runs;
  }
}

}  // namespace autograd::engine
