#include <autograd/engine/rectangles.h>

#include <algorithm>
#include <cstring>

namespace autograd::engine {

namespace {

using ir::Access;
using Span = ir::Fold::Span;

constexpr int64_t window = 1024;  // lanes of a window of rows

struct Quotient {
  int64_t quotient, remainder;
};

/// Many domains are one slice, or one row, and processors take long to divide.
Quotient divide(int64_t a, int64_t b) {
  if (a < b) return {0, a};
  return {a / b, a % b};
}

}  // namespace

Machine::Machine(jit::Function function, const ir::Program& program, const KernelArguments& arguments)
    : function_(function),
      program_(program),
      arguments_(arguments),
      layout_(arguments.layout),
      origins_(program.operands.size()),
      local_operands_(program.operands.size()),
      data_(program.operands.size()),
      patterns_(layout_.patterns.size()),
      folds_(program.folds.size()),
      fold_bytes_(program.folds.size()),
      lanes_(program.folds.size()) {
  call_.data = data_.data();
  call_.row_bytes = layout_.row_bytes.data();
  call_.patterns = patterns_.data();
  call_.scalars = arguments.scalar_bits.data();
  call_.tables = arguments.tables.data();
  call_.folds = folds_.data();
  call_.fold_bytes = fold_bytes_.data();
  bool shares = false;
  for (const ir::Fold& fold : program.folds) {
    folds_all_ = folds_all_ || fold.span == Span::all;
    lane_folds_ += fold.span == Span::lanes;
    shares = shares || fold.span == Span::rows;
  }
  for (size_t i = 0; i < program.operands.size(); ++i) {
    const Operand& operand = arguments.operands[i];
    const Access access = program.operands[i].access;
    origins_[i] = {operand.data, access == Access::linear || access == Access::row_linear ? operand.bytes : 0};
    if (operand.local >= 0) local_operands_[local_count_++] = static_cast<uint16_t>(i);
    shares = shares || (access == Access::row_linear && layout_.row_bytes[i] == 0);
  }
  if (shares && lane_folds_ > 0 && !folds_all_) rows_in_window_ = static_cast<int64_t>(carried_folds / lane_folds_);
  one_row_ = layout_.lanes == arguments.size && arguments.lane_blocks == 1 && !folds_all_;
}

bool Machine::run(const Piece& piece) {
  fault_ = false;
  for (size_t k = 0; k < local_count_; ++k) {
    const uint16_t i = local_operands_[k];
    origins_[i].data = address(arguments_.operands[i], piece, 0);
  }
  if (!piece.whole_rows()) {
    lane_window(piece);
  } else if (one_row_) {
    rectangle(0, 0, piece.begin, 1, piece.end - piece.begin);
  } else if (!folds_all_) {
    elements(piece.begin, piece.end);
  } else {
    for (int64_t begin = piece.begin; begin < piece.end; begin += fold_block) {
      start_block();
      elements(begin, std::min(begin + fold_block, piece.end));
      end_block(begin / fold_block);
    }
  }
  return fault_;
}

void Machine::start_block() {
  for (size_t f = 0; f < program_.folds.size(); ++f) {
    const ir::Fold& fold = program_.folds[f];
    if (fold.span != Span::all) continue;
    fold_identity(fold.kind, type_of(f), lanes_[f].bytes, 16);
    folds_[f] = lanes_[f].bytes;
  }
}

void Machine::end_block(int64_t block) {
  for (size_t f = 0; f < program_.folds.size(); ++f) {
    const ir::Fold& fold = program_.folds[f];
    if (fold.span != Span::all) continue;
    fold_lanes(fold.kind, type_of(f), lanes_[f], arguments_.folds[f] + block * 4);
  }
}

void Machine::lane_window(const Piece& piece) {
  const int64_t lanes = arguments_.lanes();
  const int64_t first = piece.begin / lanes, last = piece.end / lanes;
  for (int64_t row = first; row < last;) {
    const int64_t slice_rows = layout_.slice / lanes;
    const int64_t rows = std::min(last, (row / slice_rows + 1) * slice_rows) - row;
    rectangle(row / slice_rows, row % slice_rows, piece.lane_begin, rows, piece.lane_end - piece.lane_begin);
    row += rows;
  }
}

/// The elements [begin, end) in order: the rest of a row, whole rows, the beginning of one.
void Machine::elements(int64_t begin, int64_t end) {
  while (begin < end) {
    const auto [slice, at] = divide(begin, layout_.slice);
    const int64_t stop = std::min(end - slice * layout_.slice, layout_.slice);
    const auto [row, lane] = divide(at, layout_.lanes);
    int64_t rows = lane == 0 ? divide(stop - at, layout_.lanes).quotient : 0;
    int64_t lanes = layout_.lanes;
    if (rows == 0) {
      rows = 1;
      lanes = std::min(lanes - lane, stop - at);
    }
    const int64_t together = std::min(rows, rows_in_window_);
    if (lane == 0 && lanes > window && together > 1) {
      windows(slice, row, together);
      begin += together * lanes;
      continue;
    }
    if (arguments_.lane_blocks > 1) {  // a fold over lanes ends with its block
      rows = 1;
      lanes = std::min(lanes, fold_block);
    }
    rectangle(slice, row, lane, rows, lanes);
    begin += rows * lanes;
  }
}

/// Calls visit(fold, row, its lanes) for the folds over lanes.
template <class Do>
void Machine::each_carried(int64_t rows, Do&& visit) {
  Carried* carried = carried_;
  for (int64_t row = 0; row < rows; ++row) {
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      if (program_.folds[f].span == Span::lanes) visit(f, row, *carried++);
    }
  }
}

/// Long rows that share what they read or what they add to: some lanes of all these rows, then the next lanes. What
/// the rows share stays in the nearest cache meanwhile, and their folds go on where they were.
void Machine::windows(int64_t slice, int64_t row, int64_t rows) {
  for (int64_t block = 0; block < layout_.lanes; block += fold_block) {
    const int64_t end = std::min(block + fold_block, layout_.lanes);
    each_carried(rows, [&](size_t f, int64_t, Carried& carried) {
      fold_identity(program_.folds[f].kind, type_of(f), carried.bytes, 16);
    });
    for (int64_t lane = block; lane < end; lane += window) {
      call_.carried = carried_[0].bytes;
      rectangle(slice, row, lane, rows, std::min(window, end - lane));
    }
    call_.carried = nullptr;
    const int64_t first = slice * (layout_.slice / layout_.lanes) + row;
    each_carried(rows, [&](size_t f, int64_t k, const Carried& carried) {
      FoldLanes lanes;
      std::memcpy(lanes.bytes, carried.bytes, sizeof carried.bytes);
      const int64_t element = (first + k) * arguments_.lane_blocks + block / fold_block;
      fold_lanes(program_.folds[f].kind, type_of(f), lanes, arguments_.folds[f] + 4 * element);
    });
  }
}

void Machine::rectangle(int64_t slice, int64_t row, int64_t lane, int64_t rows, int64_t lanes) {
  const size_t operands = program_.operands.size();
  for (size_t i = 0; i < operands; ++i) data_[i] = origins_[i].data + lane * origins_[i].lane_bytes;
  for (size_t i = 0; i < operands && row > 0; ++i) data_[i] += row * layout_.row_bytes[i];
  if (slice > 0) add_slice(slice);
  for (size_t p = 0; p < layout_.patterns.size(); ++p) patterns_[p] = layout_.patterns[p].data() + lane;
  if (!program_.folds.empty()) place_folds(slice * (layout_.slice / layout_.lanes) + row, lane);
  call_.rows = rows;
  call_.lanes = lanes;
  fault_ = function_(&call_) != 0 || fault_;
}

/// To the addresses of a rectangle in the first slice.
void Machine::add_slice(int64_t slice) {
  int64_t index[max_rank] = {};
  for (int axis = layout_.outer_rank - 1; axis >= 0; --axis) {
    index[axis] = slice % arguments_.extents[static_cast<size_t>(axis)];
    slice /= arguments_.extents[static_cast<size_t>(axis)];
  }
  for (size_t i = 0; i < program_.operands.size(); ++i) {
    const Operand& operand = arguments_.operands[i];
    int64_t elements = 0;
    for (int axis = 0; axis < layout_.outer_rank; ++axis) {
      elements += index[axis] * operand.strides[static_cast<size_t>(axis)];
    }
    data_[i] += elements * operand.bytes;
  }
}

void Machine::place_folds(int64_t row, int64_t lane) {
  for (size_t f = 0; f < program_.folds.size(); ++f) {
    if (program_.folds[f].span == Span::lanes) {
      fold_bytes_[f] = arguments_.lane_blocks * 4;
      folds_[f] = arguments_.folds[f] + row * fold_bytes_[f] + lane / fold_block * 4;
    } else if (program_.folds[f].span == Span::rows) {
      folds_[f] = arguments_.folds[f] + (row / arguments_.row_block * layout_.lanes + lane) * 4;
    }
  }
}

}  // namespace autograd::engine
