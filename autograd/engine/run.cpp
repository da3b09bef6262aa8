#include <autograd/core/error.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/fold.h>
#include <autograd/engine/plan.h>
#include <autograd/engine/trace.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>

namespace autograd::engine {

namespace {

using Span = ir::Fold::Span;

[[noreturn]] void throw_fault(const Recording& recording, const Region& region, const Fault& fault) {
  const ir::Inst& inst = region.kernel->program().body[fault.instruction()];
  const Node& node = recording.node(region.origins[fault.instruction()]);
  const std::string where =
      " at element " + std::to_string(fault.position()) + " (recorded at " + to_string(node.where) + ")";
  if (inst.code != ir::Code::row) throw ValueError(std::string(node.op->name) + ": integer division by zero" + where);
  const int32_t rows = region.arguments.tables[2 * inst.immediate];
  throw IndexError("gather: index " + std::to_string(fault.value()) + where + "; expected 0 to " +
                   std::to_string(rows - 1));
}

uint32_t bits_of(double number, DType type) {
  switch (type) {
    case DType::int32: return static_cast<uint32_t>(convert<int32_t>(number));
    case DType::boolean: return number != 0;
    default: return std::bit_cast<uint32_t>(static_cast<float>(number));
  }
}

/// One run of a fused region: where its memory is, and how its domain is cut for threads.
class FusedRun {
 public:
  FusedRun(const Recording& recording, Region& region, Arena& scratch, const Values& values)
      : region_(region), program_(region.kernel->program()), arguments_(region.arguments), values_(values) {
    for (size_t i = 0; i < region.operands.size(); ++i) {
      arguments_.operands[i].data = values[region.operands[i].base] + region.operands[i].bytes;
    }
    arguments_.scalars.resize(region.scalars.size());
    arguments_.scalar_bits.resize(region.scalars.size());
    for (size_t i = 0; i < region.scalars.size(); ++i) {
      const double number = recording.attributes<NumberAttributes>(region.scalars[i]).value;
      arguments_.scalars[i] = number;
      arguments_.scalar_bits[i] = bits_of(number, recording.node(region.scalars[i]).dtype);
    }
    for (const ir::Fold& fold : program_.folds) {
      rows_ = rows_ || fold.span == Span::rows;
      lanes_ = lanes_ || fold.span == Span::lanes;
    }
    blocks_ = (arguments_.size + fold_block - 1) / fold_block;
    if (rows_ || lanes_) row_blocks_ = row_blocks(arguments_.rows());
    for (size_t f = 0; f < program_.folds.size(); ++f) arguments_.folds[f] = fold_memory(f, scratch);
  }

  void run(Fault& fault) {
    fault_ = &fault;
    if (arguments_.size == 0) return;
    const double cost = region_.kernel->cost() * static_cast<double>(arguments_.size);
    if (rows_) {
      // Few rows of many lanes are cut into windows of lanes.
      const bool cut = !lanes_ && program_.folds.size() == count(Span::rows);
      window_ = cut ? fold_block : arguments_.lanes();
      windows_ = (arguments_.lanes() + window_ - 1) / window_;
      parallel_for(row_blocks_ * windows_, cost, [this](int64_t begin, int64_t end) { run_row_blocks(begin, end); });
    } else if (lanes_) {
      // With folds over all, a task begins with one of their blocks.
      rows_per_task_ = count(Span::all) > 0 ? std::max<int64_t>(fold_block / arguments_.lanes(), 1) : 1;
      const int64_t tasks = (arguments_.rows() + rows_per_task_ - 1) / rows_per_task_;
      parallel_for(tasks, cost, [this](int64_t begin, int64_t end) {
        const int64_t step = rows_per_task_ * arguments_.lanes();
        run_piece({begin * step, std::min(end * step, arguments_.size)});
      });
    } else {
      parallel_for(blocks_, cost, [this](int64_t begin, int64_t end) {
        run_piece({begin * fold_block, std::min(end * fold_block, arguments_.size)});
      });
    }
  }

  /// The results of the folds from those of their blocks, in order.
  void finish_folds() {
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      const ir::Fold& fold = program_.folds[f];
      const DType type = region_.folds[f].type;
      std::byte* out = values_[region_.folds[f].position];
      const std::byte* partial = arguments_.folds[f];
      const int64_t size = size_of(type);
      if (arguments_.size == 0) {
        fold_nothing(fold.kind, type, out, 1);
      } else if (fold.span == Span::all) {
        combine(fold.kind, type, out, partial, blocks_, 1);
      } else if (fold.span == Span::rows) {
        if (partial != out) combine(fold.kind, type, out, partial, row_blocks_, arguments_.lanes());
      } else if (partial != out) {
        for (int64_t row = 0; row < arguments_.rows(); ++row) {
          combine(fold.kind, type, out + row * size, partial + row * arguments_.lane_blocks * size,
                  arguments_.lane_blocks, 1);
        }
      }
    }
  }

 private:
  size_t count(Span span) const {
    return static_cast<size_t>(std::count_if(program_.folds.begin(), program_.folds.end(),
                                             [&](const ir::Fold& fold) { return fold.span == span; }));
  }

  /// The result itself where there is only one block.
  std::byte* fold_memory(size_t f, Arena& scratch) {
    const Span span = program_.folds[f].span;
    const int64_t size = size_of(region_.folds[f].type);
    if (span == Span::all) return static_cast<std::byte*>(scratch.allocate(blocks_ * size));
    std::byte* out = values_[region_.folds[f].position];
    if (span == Span::rows) {
      if (row_blocks_ == 1) return out;
      return static_cast<std::byte*>(scratch.allocate(row_blocks_ * arguments_.lanes() * size));
    }
    if (arguments_.lane_blocks == 1) return out;
    return static_cast<std::byte*>(scratch.allocate(arguments_.rows() * arguments_.lane_blocks * size));
  }

  static void combine(ir::Fold::Kind kind, DType type, std::byte* out, const std::byte* partials, int64_t blocks,
                      int64_t width) {
    const int64_t bytes = width * size_of(type);
    std::memcpy(out, partials, static_cast<size_t>(bytes));
    for (int64_t block = 1; block < blocks; ++block) fold_elements(kind, type, out, partials + block * bytes, width);
  }

  void run_piece(const Piece& piece) { region_.kernel->run(arguments_, piece, *fault_); }

  /// Tasks are (block of rows, window of lanes).
  void run_row_blocks(int64_t begin, int64_t end) {
    const int64_t lanes = arguments_.lanes();
    for (int64_t task = begin; task < end; ++task) {
      const int64_t block = task / windows_, window = task % windows_;
      const int64_t first = window * window_, width = std::min(window_, lanes - first);
      for (size_t f = 0; f < program_.folds.size(); ++f) {
        const ir::Fold& fold = program_.folds[f];
        if (fold.span != Span::rows) continue;
        const DType type = region_.folds[f].type;
        fold_identity(fold.kind, type, arguments_.folds[f] + (block * lanes + first) * size_of(type), width);
      }
      Piece piece{block * arguments_.row_block * lanes,
                  std::min((block + 1) * arguments_.row_block * lanes, arguments_.size)};
      if (width < lanes) {
        piece.lane_begin = first;
        piece.lane_end = first + width;
      }
      if (piece.begin < piece.end) run_piece(piece);
    }
  }

  Region& region_;
  const ir::Program& program_;
  KernelArguments& arguments_;
  const Values& values_;
  Fault* fault_ = nullptr;
  bool rows_ = false, lanes_ = false;
  int64_t blocks_ = 0, row_blocks_ = 1;
  int64_t window_ = 0, windows_ = 1, rows_per_task_ = 1;
};

void run_fused(const Recording& recording, Region& region, Arena& scratch, const Values& values) {
  Fault fault;
  FusedRun run(recording, region, scratch, values);
  run.run(fault);
  if (fault.happened()) throw_fault(recording, region, fault);
  run.finish_folds();
}

void run_call(const Recording& recording, const Region& region, Arena& scratch, const Values& values) {
  const Node& node = recording.node(region.position);
  if (node.op->kind == Op::Kind::reduce) {
    const Node& input = recording.node(recording.inputs(region.position)[0]);
    const ReduceAttributes attributes = recording.attributes<ReduceAttributes>(region.position);
    fold_axes(static_cast<ir::Fold::Kind>(attributes.reduction), node.dtype, values[region.inputs[0]], input.extents,
              input.rank, attributes.axes, values[region.position], scratch);
    return;
  }
  const std::span<const uint32_t> inputs = recording.inputs(region.position);
  auto* nodes = scratch.array<const Node*>(static_cast<int64_t>(inputs.size()));
  auto* data = scratch.array<const void*>(static_cast<int64_t>(inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    nodes[i] = &recording.node(inputs[i]);
    data[i] = values[region.inputs[i]];
  }
  node.op->run({&node,
                recording.graph().attribute_data(node),
                {nodes, inputs.size()},
                {data, inputs.size()},
                values[region.position],
                &scratch});
}

}  // namespace

void run(Plan& plan, const Recording& recording, Arena& scratch, const Values& values) {
  using Clock = std::chrono::steady_clock;
  for (Region& region : plan.regions) {
    const Clock::time_point start = trace().time ? Clock::now() : Clock::time_point();
    const Arena::Mark mark = scratch.mark();
    if (region.call) {
      run_call(recording, region, scratch, values);
    } else {
      run_fused(recording, region, scratch, values);
    }
    scratch.release(mark);
    if (!trace().time) continue;
    region.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    ++region.runs;
  }
}

}  // namespace autograd::engine
