#include <autograd/engine/fold.h>
#include <autograd/engine/kernel.h>

#include <algorithm>
#include <cstring>
#include <memory>

// Cuts a piece of a domain into rectangles for machine code.

namespace autograd::engine {

namespace {

using ir::Access;
using Span = ir::Fold::Span;

constexpr int64_t window = 1024;      // lanes of a window of rows
constexpr size_t carried_folds = 32;  // of all rows of a window
constexpr size_t most = 64;           // operands and patterns that fit without asking for memory

template <class T>
class Few {
 public:
  explicit Few(size_t count) : many_(count > most ? std::make_unique<T[]>(count) : nullptr) {}
  T* data() { return many_ ? many_.get() : few_; }
  T& operator[](size_t i) { return data()[i]; }

 private:
  T few_[most];
  std::unique_ptr<T[]> many_;
};

struct Quotient {
  int64_t quotient, remainder;
};

/// Many domains are one slice, or one row, and processors take long to divide.
Quotient divide(int64_t a, int64_t b) {
  if (a < b) return {0, a};
  return {a / b, a % b};
}

class Machine {
 public:
  Machine(jit::Function function, const ir::Program& program, const KernelArguments& arguments, const Piece& piece)
      : function_(function),
        program_(program),
        arguments_(arguments),
        piece_(piece),
        layout_(arguments.layout),
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
    if (lane_folds_ == 0 || folds_all_) return;
    for (size_t i = 0; i < program.operands.size(); ++i)
      shares = shares || (program.operands[i].access == Access::row_linear && layout_.row_bytes[i] == 0);
    if (shares) rows_in_window_ = static_cast<int64_t>(carried_folds / lane_folds_);
  }

  bool run() {
    const Piece& piece = piece_;
    if (!piece.whole_rows()) {
      const int64_t lanes = arguments_.lanes();
      const int64_t first = piece.begin / lanes, last = piece.end / lanes;
      for (int64_t row = first; row < last;) {
        const int64_t slice_rows = layout_.slice / lanes;
        const int64_t rows = std::min(last, (row / slice_rows + 1) * slice_rows) - row;
        rectangle(row / slice_rows, row % slice_rows, piece.lane_begin, rows, piece.lane_end - piece.lane_begin);
        row += rows;
      }
      return fault_;
    }
    if (!folds_all_) {
      elements(piece.begin, piece.end);
      return fault_;
    }
    for (int64_t begin = piece.begin; begin < piece.end; begin += fold_block) {
      start_block();
      elements(begin, std::min(begin + fold_block, piece.end));
      end_block(begin / fold_block);
    }
    return fault_;
  }

 private:
  void start_block() {
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      const ir::Fold& fold = program_.folds[f];
      if (fold.span != Span::all) continue;
      fold_identity(fold.kind, type_of(f), lanes_[f].bytes, 16);
      folds_[f] = lanes_[f].bytes;
    }
  }

  void end_block(int64_t block) {
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      const ir::Fold& fold = program_.folds[f];
      if (fold.span != Span::all) continue;
      fold_lanes(fold.kind, type_of(f), lanes_[f], arguments_.folds[f] + block * 4);
    }
  }

  /// The elements [begin, end) in order: the rest of a row, whole rows, the beginning of one.
  void elements(int64_t begin, int64_t end) {
    while (begin < end) {
      const auto [slice, at] = divide(begin, layout_.slice);
      const int64_t stop = std::min(end - slice * layout_.slice, layout_.slice);
      const auto [row, lane] = divide(at, layout_.lanes);
      int64_t rows = lane == 0 ? (stop - at) / layout_.lanes : 0;
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

  /// Long rows that share what they read or what they add to: some lanes of all these rows, then the next lanes. What
  /// the rows share stays in the nearest cache meanwhile, and their folds go on where they were.
  void windows(int64_t slice, int64_t row, int64_t rows) {
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

  DType type_of(size_t fold) const { return program_.body[program_.folds[fold].value].type; }

  /// Calls visit(fold, row, its lanes) for the folds over lanes.
  template <class Do>
  void each_carried(int64_t rows, Do&& visit) {
    Carried* carried = carried_;
    for (int64_t row = 0; row < rows; ++row) {
      for (size_t f = 0; f < program_.folds.size(); ++f) {
        if (program_.folds[f].span == Span::lanes) visit(f, row, *carried++);
      }
    }
  }

  void rectangle(int64_t slice, int64_t row, int64_t lane, int64_t rows, int64_t lanes) {
    int64_t index[max_rank] = {};
    int64_t rest = slice;
    for (int axis = layout_.outer_rank - 1; axis >= 0; --axis) {
      index[axis] = rest % arguments_.extents[static_cast<size_t>(axis)];
      rest /= arguments_.extents[static_cast<size_t>(axis)];
    }
    for (size_t i = 0; i < program_.operands.size(); ++i) {
      const Operand& operand = arguments_.operands[i];
      const Access access = program_.operands[i].access;
      int64_t elements = access == Access::linear || access == Access::row_linear ? lane : 0;
      for (int axis = 0; axis < layout_.outer_rank; ++axis) {
        elements += index[axis] * operand.strides[static_cast<size_t>(axis)];
      }
      data_[i] = address(operand, piece_, elements) + row * layout_.row_bytes[i];
    }
    for (size_t p = 0; p < layout_.patterns.size(); ++p) patterns_[p] = layout_.patterns[p].data() + lane;
    if (!program_.folds.empty()) place_folds(slice * (layout_.slice / layout_.lanes) + row, lane);
    call_.rows = rows;
    call_.lanes = lanes;
    fault_ = function_(&call_) != 0 || fault_;
  }

  void place_folds(int64_t row, int64_t lane) {
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      if (program_.folds[f].span == Span::lanes) {
        fold_bytes_[f] = arguments_.lane_blocks * 4;
        folds_[f] = arguments_.folds[f] + row * fold_bytes_[f] + lane / fold_block * 4;
      } else if (program_.folds[f].span == Span::rows) {
        folds_[f] = arguments_.folds[f] + (row / arguments_.row_block * layout_.lanes + lane) * 4;
      }
    }
  }

  jit::Function function_;
  const ir::Program& program_;
  const KernelArguments& arguments_;
  const Piece& piece_;
  const Layout& layout_;
  jit::Call call_{};
  Few<std::byte*> data_;
  Few<const int32_t*> patterns_;
  Few<std::byte*> folds_;
  Few<int64_t> fold_bytes_;
  Few<FoldLanes> lanes_;
  size_t lane_folds_ = 0;
  int64_t rows_in_window_ = 0;
  struct alignas(64) Carried {
    std::byte bytes[64];
  };
  Carried carried_[carried_folds];
  bool folds_all_ = false;
  bool fault_ = false;
};

}  // namespace

bool run_machine(jit::Function function, const ir::Program& program, const KernelArguments& arguments,
                 const Piece& piece) {
  return Machine(function, program, arguments, piece).run();
}

}  // namespace autograd::engine
