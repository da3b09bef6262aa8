#include <autograd/core/error.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/fold.h>
#include <autograd/engine/fused_run.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace autograd::engine {

namespace {

using Span = ir::Fold::Span;

/// Where the bad index stands among the gather's own: the fault counts in the region's domain, along which the indices
/// may be broadcast. `reader` is the gather or what reads it, perhaps through views. Indices that were computed inside
/// the region cannot be looked at again: then as the fault has it.
int64_t place_of(const Graph& graph, const Node& reader, const Fault& fault) {
  std::vector<const Node*> left{&reader};
  while (!left.empty()) {
    const Node& node = *left.back();
    left.pop_back();
    const std::span<const uint32_t> inputs = graph.inputs(node);
    if (node.op->kind == Op::Kind::gather) {
      const Node& indices = graph.node(inputs[1]);
      const auto* const first = static_cast<const int32_t*>(indices.value);
      const auto* const end = first == nullptr ? first : first + indices.size();
      if (const auto* const bad = std::find(first, end, fault.value()); bad != end) return bad - first;
    }
    for (const uint32_t input : inputs) {
      const Op::Kind kind = graph.node(input).op->kind;
      const bool looked_through = kind == Op::Kind::view || kind == Op::Kind::reshape || kind == Op::Kind::gather;
      if (looked_through) left.push_back(&graph.node(input));
    }
  }
  return fault.position();
}

[[noreturn]] void throw_index(const Graph& graph, const Node& gather, const Fault& fault, int64_t rows) {
  throw IndexError("gather: index " + std::to_string(fault.value()) + " at element " +
                   std::to_string(place_of(graph, gather, fault)) + " (recorded at " + to_string(gather.where) + "); " +
                   expected_rows(rows));
}

[[noreturn]] void throw_fault(const Recording& recording, const Region& region, const Fault& fault) {
  const Graph& graph = recording.graph();
  size_t lookup = region.kernel->program().body.size();  // lookups are numbered from here on
  for (const Lookups& lookups : region.lookups) {
    for (const Lookups::List& list : lookups.lists) {
      if (lookup++ == fault.instruction()) throw_index(graph, recording.node(list.gather), fault, lookups.rows);
    }
  }
  for (const RowLookup& rows : region.row_lookups) {
    if (lookup++ == fault.instruction()) throw_index(graph, recording.node(rows.list.gather), fault, rows.rows);
  }
  const ir::Inst& inst = region.kernel->program().body[fault.instruction()];
  const Node& node = recording.node(region.origins[fault.instruction()]);
  if (inst.code == ir::Code::row) throw_index(graph, node, fault, region.arguments.tables[2 * inst.immediate]);
  throw ValueError(std::string(node.op->name) + ": integer division by zero at element " +
                   std::to_string(fault.position()) + " (recorded at " + to_string(node.where) + ")");
}

uint32_t bits_of(double number, DType type) {
  switch (type) {
    case DType::int32: return static_cast<uint32_t>(convert<int32_t>(number));
    case DType::boolean: return number != 0;
    default: return std::bit_cast<uint32_t>(static_cast<float>(number));
  }
}

/// Of an element, for what is looked up before the kernel and scattered after it.
double moving_cost(const Region& region) {
  constexpr double of_column = 0.3, of_row_element = 0.5;
  double columns = 0;
  for (const Lookups& lookups : region.lookups)
    columns += static_cast<double>(static_cast<int64_t>(lookups.lists.size()) * lookups.width());
  for (const Region::Scatters& scatters : region.scatters) columns += static_cast<double>(scatters.columns.size());
  columns += static_cast<double>(region.packs.size() + region.unpacks.size());
  return columns * of_column + static_cast<double>(region.row_lookups.size()) * of_row_element;
}

void combine(ir::Fold::Kind kind, DType type, std::byte* out, const std::byte* partials, int64_t blocks,
             int64_t width) {
  const int64_t bytes = width * size_of(type);
  std::memcpy(out, partials, static_cast<size_t>(bytes));
  for (int64_t block = 1; block < blocks; ++block) fold_elements(kind, type, out, partials + block * bytes, width);
}

/// Elements for the results of a fold's blocks, before they are combined; 0 where the one block's is the fold's.
int64_t block_results(const KernelArguments& arguments, Span span) {
  if (arguments.size == 0) return 0;
  if (span == Span::all) return (arguments.size + fold_block - 1) / fold_block;
  const bool lanes = span == Span::lanes;
  const int64_t blocks = lanes ? arguments.lane_blocks : row_blocks(arguments.rows());
  return blocks == 1 ? 0 : blocks * (lanes ? arguments.rows() : arguments.lanes());
}

}  // namespace

int64_t fold_bytes(const Region& region) {
  int64_t bytes = 0;
  for (size_t f = 0; f < region.folds.size(); ++f) {
    const int64_t count = block_results(region.arguments, region.kernel->program().folds[f].span);
    bytes += Arena::bytes_of(count * size_of(region.folds[f].type));
  }
  return bytes;
}

std::byte* local_memory(int64_t bytes) {
  thread_local Arena arena;
  arena.release({});
  return static_cast<std::byte*>(arena.allocate(bytes));
}

FusedRun::FusedRun(const Recording& recording, Region& region, Arena& scratch, const Values& values)
    : recording_(recording),
      region_(region),
      program_(region.kernel->program()),
      arguments_(region.arguments),
      values_(values),
      element_cost_(region.kernel->cost() + moving_cost(region)) {
  for (size_t i = 0; i < region.operands.size(); ++i) {
    if (arguments_.operands[i].local >= 0) continue;
    arguments_.operands[i].data = values[region.operands[i].base] + region.operands[i].bytes;
  }
  arguments_.scalars.resize(region.scalars.size());
  arguments_.scalar_bits.resize(region.scalars.size());
  for (size_t i = 0; i < region.scalars.size(); ++i) {
    const double number = recording.attributes<NumberAttributes>(region.scalars[i]).value;
    arguments_.scalars[i] = number;
    arguments_.scalar_bits[i] = bits_of(number, recording.node(region.scalars[i]).dtype);
  }
  rows_ = count(Span::rows) > 0;
  lanes_ = count(Span::lanes) > 0;
  blocks_ = (arguments_.size + fold_block - 1) / fold_block;
  if (rows_ || lanes_) row_blocks_ = row_blocks(arguments_.rows());
  for (size_t f = 0; f < program_.folds.size(); ++f) arguments_.folds[f] = fold_memory(f, scratch);
  if (!region.scatters.empty()) scatters_.emplace(recording, region, scratch, values);
  if (region.lookups.empty()) return;
  tables_ = scratch.array<RowTable>(static_cast<int64_t>(region.lookups.size()));
  for (size_t i = 0; i < region.lookups.size(); ++i) tables_[i] = row_table(region.lookups[i], values, scratch);
}

void FusedRun::run() {
  if (arguments_.size > 0) run_parts();
  if (arguments_.size > 0 && lanes_) finish_lanes(0, arguments_.rows());
  finish();
}

void FusedRun::run_rows(int64_t first, int64_t last, int64_t rows, std::byte* local) {
  const int64_t row = arguments_.size / rows;
  Piece piece{first * row, last * row};
  piece.local = local;
  run_piece(piece);
  if (lanes_) finish_lanes(first, last);
}

void FusedRun::finish() {
  if (fault_.happened()) throw_fault(recording_, region_, fault_);
  finish_folds();
  if (scatters_) scatters_->finish();
}

void FusedRun::run_parts() {
  if (scatters_ && scatters_->streams()) {
    run_streams();
  } else if (rows_) {
    // Few rows of many lanes are cut into windows of lanes.
    const bool cut = !lanes_ && program_.folds.size() == count(Span::rows);
    window_ = cut ? fold_block : arguments_.lanes();
    windows_ = (arguments_.lanes() + window_ - 1) / window_;
    parallel_for(row_blocks_ * windows_, cost(), [this](int64_t begin, int64_t end) { run_row_blocks(begin, end); });
  } else if (lanes_) {
    // With folds over all, a task begins with one of their blocks.
    const int64_t rows = count(Span::all) > 0 ? std::max<int64_t>(fold_block / arguments_.lanes(), 1) : 1;
    const int64_t step = rows * arguments_.lanes();
    parallel_for((arguments_.rows() + rows - 1) / rows, cost(), [this, step](int64_t begin, int64_t end) {
      run_piece({begin * step, std::min(end * step, arguments_.size)});
    });
  } else {
    parallel_for(blocks_, cost(), [this](int64_t begin, int64_t end) {
      run_blocks(begin * fold_block, std::min(end * fold_block, arguments_.size), [](const Piece&) {});
    });
  }
}

void FusedRun::run_streams() {
  ScatterStream& stream = scatters_->stream();
  stream.for_each_part(cost(), [&](int64_t part) {
    stream.start(part);
    run_blocks(stream.begin_of(part), stream.begin_of(part + 1),
               [&](const Piece& piece) { scatters_->add(part, piece); });
  });
}

/// Elements in order, with the columns of each block filled before the kernel, and after(piece) behind it.
template <class After>
void FusedRun::run_blocks(int64_t begin, int64_t end, After&& after) {
  if (region_.block == 0) return run_piece({begin, end});
  Piece piece;
  alignas(64) std::byte small[most_stack_bytes];
  piece.local = region_.local_bytes <= most_stack_bytes ? small : local_memory(region_.local_bytes);
  KernelRun kernel(*region_.kernel, arguments_, fault_);
  const std::vector<int64_t>& borders = region_.borders;
  auto k = static_cast<size_t>(std::ranges::upper_bound(borders, begin) - borders.begin());  // the next border
  for (piece.begin = begin; piece.begin < end; piece.begin = piece.end, ++k) {
    piece.end = std::min(borders.empty() ? piece.begin + region_.block : borders[k], end);
    size_t number = program_.body.size();
    for (size_t i = 0; i < region_.lookups.size(); ++i) {
      const Lookups& lookups = region_.lookups[i];
      for (size_t l = 0; l < lookups.lists.size(); ++l) {
        const auto* indices = at<int32_t>(lookups.lists[l].indices);
        look_up(lookups, l, tables_[i], indices, piece, region_.block, fault_, number++);
      }
    }
    for (const RowLookup& rows : region_.row_lookups)
      look_up_rows(rows, at<float>(rows.table.place), at<int32_t>(rows.list.indices), piece, fault_, number++);
    gather_parts(region_.packs, values_, piece, k - 1);
    fetch_parts(region_.packs, values_, piece.end, k);
    expect_parts(region_.unpacks, values_, piece, k - 1);
    kernel.run(piece);
    spread_parts(region_.unpacks, values_, piece, k - 1);
    after(piece);
  }
}

size_t FusedRun::count(Span span) const {
  return static_cast<size_t>(std::count_if(program_.folds.begin(), program_.folds.end(),
                                           [&](const ir::Fold& fold) { return fold.span == span; }));
}

std::byte* FusedRun::fold_memory(size_t f, Arena& scratch) {
  const int64_t count = block_results(arguments_, program_.folds[f].span);
  if (count == 0) return values_[region_.folds[f].position];
  return static_cast<std::byte*>(scratch.allocate(count * size_of(region_.folds[f].type)));
}

void FusedRun::identify_rows(int64_t block, int64_t first_lane, int64_t width) {
  for (size_t f = 0; f < program_.folds.size(); ++f) {
    const ir::Fold& fold = program_.folds[f];
    if (fold.span != Span::rows) continue;
    const DType type = region_.folds[f].type;
    const int64_t offset = (block * arguments_.lanes() + first_lane) * size_of(type);
    fold_identity(fold.kind, type, arguments_.folds[f] + offset, width);
  }
}

/// Tasks are (block of rows, window of lanes).
void FusedRun::run_row_blocks(int64_t begin, int64_t end) {
  const int64_t lanes = arguments_.lanes();
  for (int64_t task = begin; task < end; ++task) {
    const int64_t block = task / windows_, window = task % windows_;
    const int64_t first = window * window_, width = std::min(window_, lanes - first);
    identify_rows(block, first, width);
    Piece piece{block * arguments_.row_block * lanes,
                std::min((block + 1) * arguments_.row_block * lanes, arguments_.size)};
    if (width < lanes) {
      piece.lane_begin = first;
      piece.lane_end = first + width;
    }
    if (piece.begin < piece.end) run_piece(piece);
  }
}

/// Folds of rows from those of their blocks of lanes.
void FusedRun::finish_lanes(int64_t first_row, int64_t last_row) {
  if (arguments_.lane_blocks == 1) return;
  for (size_t f = 0; f < program_.folds.size(); ++f) {
    const ir::Fold& fold = program_.folds[f];
    if (fold.span != Span::lanes) continue;
    const DType type = region_.folds[f].type;
    const int64_t size = size_of(type);
    for (int64_t row = first_row; row < last_row; ++row) {
      combine(fold.kind, type, values_[region_.folds[f].position] + row * size,
              arguments_.folds[f] + row * arguments_.lane_blocks * size, arguments_.lane_blocks, 1);
    }
  }
}

/// Folds over all and over rows from those of their blocks, in order.
void FusedRun::finish_folds() {
  for (size_t f = 0; f < program_.folds.size(); ++f) {
    const ir::Fold& fold = program_.folds[f];
    const DType type = region_.folds[f].type;
    std::byte* out = values_[region_.folds[f].position];
    const std::byte* partial = arguments_.folds[f];
    if (arguments_.size == 0) {
      fold_nothing(fold.kind, type, out, 1);
    } else if (fold.span == Span::all) {
      combine(fold.kind, type, out, partial, blocks_, 1);
    } else if (fold.span == Span::rows && partial != out) {
      combine(fold.kind, type, out, partial, row_blocks_, arguments_.lanes());
    }
  }
}

}  // namespace autograd::engine
