#pragma once

#include <autograd/ir/program.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

// x86 machine code of kernel programs. Programs hold no sizes, addresses or numbers, and so neither
// does the code: it works on any rectangle of a domain, rows by lanes, that a Call describes.

namespace autograd::engine::jit {

enum class Target : uint8_t { avx2, avx512 };

/// A rectangle of a region's domain. The code sees 4-byte elements (float32, int32) and 1-byte ones (bool).
struct Call {
  int64_t rows;              ///< from 1 on
  int64_t lanes;             ///< from 1 on
  std::byte* const* data;    ///< per operand: the element of row 0, lane 0 (of lane 0's pattern entry 0 for patterns)
  const int64_t* row_bytes;  ///< per operand: from a row to the next
  const int32_t* const* patterns;  ///< per pattern: elements from `data` to each lane's element, from lane 0 on
  const uint32_t* scalars;         ///< per scalar: its bits
  const int32_t* tables;           ///< per table: rows that exist, elements from one to the next
  std::byte* const* folds;         ///< per fold. Span all: 16 lanes, read and written; lanes: the element of row 0;
                            ///< rows: the accumulator of lane 0, read and written, 64 bytes readable behind the last
  const int64_t* fold_bytes;  ///< per fold, read for those over lanes: from a row's element to the next row's
  /// Null, or for each row, for each fold over lanes, its 16 lanes, read and written instead of the row's element:
  /// these lanes are some of a longer row's. Not for short rows.
  std::byte* carried = nullptr;
};

/// Computes the rectangle; not 0 where a Code::row met an index out of range (it read row 0 instead).
/// Expects the default floating-point environment (MXCSR 0x1f80).
using Function = uint32_t (*)(const Call*);

/// Several programs on the same rows, one after another for a few rows at a time. None folds over all, looks up rows or
/// gathers. The programs see rows as in a Call of their own, or are flat: without folds, all operands linear or
/// uniform.
struct JointCall {
  int64_t rows;       ///< from 1 on
  int64_t group;      ///< of rows: so many at a time
  const Call* calls;  ///< per part; `rows` is not read. Flat: lanes are the elements of a row, row_bytes theirs
};
using JointFunction = void (*)(const JointCall*);

struct Part {
  const ir::Program* program;
  bool flat;
};

/// Whether this processor and operating system can run the target.
bool available(Target target);

/// Whether there is machine code for all of a program: no float64, no integer division, no remainder.
bool supports(const ir::Program& program);

/// Machine code of several programs in one mapping: written once, then executable, never both.
class Code {
 public:
  /// Null where the system refuses executable memory.
  static std::shared_ptr<const Code> compile(std::span<const ir::Program* const> programs, Target target,
                                             std::span<const std::vector<Part>> joints = {});
  ~Code();
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  Function function(size_t program) const;
  JointFunction joint(size_t index) const;
  /// Its bytes, for looking at. Joint functions are counted behind the programs.
  std::span<const std::byte> bytes(size_t function) const;

 private:
  Code() = default;
  [[maybe_unused]] void* memory_ = nullptr;  // unused where there is no machine code: absent.cpp
  [[maybe_unused]] size_t size_ = 0, programs_ = 0;
  std::vector<size_t> offsets_;  ///< of each program and each joint function, and the end
};

}  // namespace autograd::engine::jit
