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

/// Where a memory operand of a program lies, for one evaluation.
struct Operand {
  std::byte* data = nullptr;                ///< the element at index 0 of the domain
  std::array<int64_t, max_rank> strides{};  ///< elements, per axis of the domain
  int64_t row_stride = 0;                   ///< gather: elements between rows
  int64_t rows = 0;                         ///< gather: rows that exist
};

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

/// What a kernel needs besides its program.
struct KernelArguments {
  std::array<int64_t, max_rank> extents{};  ///< of the domain, collapsed
  int rank = 0;
  std::vector<Operand> operands;
  std::vector<double> scalars;
  std::vector<std::byte*> partials;  ///< per fold: one element for each block of the domain
  int64_t size = 0;                  ///< elements of the domain
};

}  // namespace autograd::engine
