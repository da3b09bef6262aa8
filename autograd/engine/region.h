#pragma once

#include <autograd/core/shape.h>
#include <autograd/ir/program.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace autograd::engine {

/// Elements between two values of a fold; a task covers whole blocks, so that partial results do
/// not depend on how work was cut.
inline constexpr int64_t fold_block = 4096;

/// Local memory of a block up to so many bytes is on the stack: taking it cannot fail.
inline constexpr int64_t most_stack_bytes = 32768;

/// Where a memory operand of a program lies, for one evaluation.
struct Operand {
  std::byte* data = nullptr;                ///< the element at index 0 of the domain
  std::array<int64_t, max_rank> strides{};  ///< elements, per axis of the domain
  int64_t bytes = 4;                        ///< of an element
  bool in_place = false;                    ///< written over what the program reads
  int64_t local = -1;                       ///< of a value in local memory: its place there, in bytes
  bool packed = false;                      ///< that place holds the address of a piece's elements (packed.h)
};

/// Rows and lanes for machine code. A slice is the domain below its outer axes; its elements in
/// order are cut into rows of `lanes` (the last may be shorter).
struct Layout {
  int outer_rank = 0;  ///< axes of the domain that no row spans
  int64_t slice = 0;   ///< elements of a slice
  int64_t lanes = 0;
  std::vector<int64_t> row_bytes;              ///< per operand
  std::vector<std::vector<int32_t>> patterns;  ///< elements from a row's first to each lane's
  bool regular = true;  ///< machine code can run: lanes of folds fall on lanes of rows, no table is empty
};

/// What a kernel needs besides its program.
struct KernelArguments {
  std::array<int64_t, max_rank> extents{};  ///< of the domain, neighbouring axes merged
  int rank = 0;
  int64_t size = 0;  ///< elements of the domain
  std::vector<Operand> operands;
  std::vector<double> scalars;
  std::vector<uint32_t> scalar_bits;  ///< in their own type
  std::vector<int32_t> tables;        ///< per table: rows that exist, elements between them
  Layout layout;
  /// Per fold: an element for each block of the domain (all); for each block of each row (lanes);
  /// for each lane of each block of rows (rows).
  std::vector<std::byte*> folds;
  int64_t lane_blocks = 1;  ///< blocks of a row
  int64_t row_block = 1;    ///< rows in a block of rows

  int64_t lanes() const { return extents[static_cast<size_t>(rank - 1)]; }
  int64_t rows() const { return size / lanes(); }
};

/// A part of a domain: the elements [begin, end) in order; of each row only the lanes of the window.
struct Piece {
  int64_t begin = 0, end = 0;
  int64_t lane_begin = 0, lane_end = INT64_MAX;
  std::byte* local = nullptr;  ///< the thread's memory for values of this piece alone
  bool whole_rows() const { return lane_end == INT64_MAX; }
};

/// The address of `element` of an operand, in a piece.
inline std::byte* address(const Operand& operand, const Piece& piece, int64_t element) {
  if (operand.local < 0) return operand.data + element * operand.bytes;
  std::byte* const local = piece.local + operand.local;
  std::byte* const first = operand.packed ? *reinterpret_cast<std::byte* const*>(local) : local;
  return first + (element - piece.begin) * operand.bytes;
}

/// The first bad index or divisor that a kernel met, by position, so that the report is the same
/// for any number of threads.
class Fault {
 public:
  void report(int64_t position, size_t instruction, int64_t value) {
    const std::lock_guard lock(mutex_);
    if (position > position_ || (position == position_ && instruction >= instruction_)) return;
    position_ = position;
    instruction_ = instruction;
    value_ = value;
  }
  bool happened() const { return position_ != INT64_MAX; }
  int64_t position() const { return position_; }
  size_t instruction() const { return instruction_; }
  int64_t value() const { return value_; }

 private:
  std::mutex mutex_;
  int64_t position_ = INT64_MAX;
  size_t instruction_ = SIZE_MAX;
  int64_t value_ = 0;
};

}  // namespace autograd::engine
