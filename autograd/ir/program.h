#pragma once

#include <autograd/core/dtype.h>

#include <cstdint>
#include <vector>

// The kernel language: straight-line SSA over one iteration domain, free of sizes, addresses and
// numbers, so that equal programs can share machine code. An instruction's index is its value.
// Every backend computes the same bits from it: the IEEE operations are exact, nothing is
// reassociated or contracted, and fma happens only where it is written.
//
// A backend sees the domain as rows of lanes: the lanes are its innermost elements, next to each
// other; every operand takes one step from a row to the next.

namespace autograd::ir {

using Value = uint16_t;

enum class Code : uint8_t {
  // sources
  load,     ///< element of memory operand `immediate`
  scalar,   ///< run-time number `immediate`
  literal,  ///< Program::literals[immediate]
  // one argument
  row,     ///< where row `a` of table `immediate` begins, in elements; a row that does not exist is a fault, and row 0
  gather,  ///< element of memory operand `immediate`, `a` elements on
  negate,
  absolute,
  square_root,
  floor,
  ceil,
  round,  ///< to nearest, ties to even
  exp,    ///< this one to erf, pow and atan2: float64 only; float32 has ir/maths.h
  log,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  tanh,
  erf,
  logical_not,
  convert,              ///< from the type of `a`; float to int truncates, out of range and NaN give INT_MIN
  bitcast,              ///< int32 and float32: the same bits
  shift_left,           ///< int32, by `immediate` bits
  shift_right,          ///< int32, by `immediate` bits, copies of the sign come in
  shift_right_logical,  ///< int32, by `immediate` bits, zeros come in
  // two
  add,
  subtract,
  multiply,
  divide,     ///< integers: toward zero; by zero is a fault, and zero
  remainder,  ///< of that division
  minimum,    ///< a < b ? a : b
  maximum,    ///< b < a ? a : b
  pow,
  atan2,
  equal,
  not_equal,  ///< unordered: NaN != NaN
  less,
  less_equal,
  logical_and,
  logical_or,
  bit_and,  ///< int32
  bit_or,
  bit_xor,
  // three
  fma,     ///< a b + c, rounded once
  select,  ///< a ? b : c
  rare,    ///< a ? Rare `immediate` of b : c. For the few arguments that the usual lowering of a function cannot take
};

constexpr int argument_count(Code code) {
  if (code < Code::row) return 0;
  if (code < Code::add) return 1;
  if (code < Code::fma) return 2;
  return 3;
}

/// Scalar routines of float32 that all backends share.
enum class Rare : uint16_t { sin, cos, tan };
float compute(Rare routine, float x);

struct Inst {
  Code code;
  DType type;  ///< of the result
  Value a = 0, b = 0, c = 0;
  uint16_t immediate = 0;
  bool operator==(const Inst&) const = default;
};

/// How a memory operand is walked; sizes and strides are given at run time.
enum class Access : uint8_t {
  linear,       ///< the domain's own order
  uniform,      ///< one element for the whole domain
  row_linear,   ///< the lanes of a row lie in order
  row_uniform,  ///< one element for a row
  pattern,      ///< the elements of a row's lanes are listed: Operand::pattern
};

struct Operand {
  Access access = Access::linear;
  uint16_t pattern = 0;
  bool still = false;  ///< of short rows: the same for all of them
  bool ahead = false;  ///< what lies a block of rows further on is wanted soon, in the near cache
  bool operator==(const Operand&) const = default;
};

struct Store {
  Value value;
  uint16_t operand;
  bool operator==(const Store&) const = default;
};

/// A reduction in the canonical order of engine/fold.h.
struct Fold {
  enum class Kind : uint8_t { sum, max, min };
  enum class Span : uint8_t {
    all,    ///< of the whole domain to one element
    lanes,  ///< of each row to one element
    rows,   ///< of each lane over the rows
  };
  Value value;
  Kind kind;
  Span span = Span::all;
  bool operator==(const Fold&) const = default;
};

struct Program {
  std::vector<Inst> body;
  std::vector<Operand> operands;
  std::vector<Store> stores;
  std::vector<Fold> folds;
  std::vector<double> literals;  ///< exact in the type of the instruction that names them
  uint16_t scalars = 0;
  uint16_t tables = 0;
  /// Not 0: rows are as short as this, at most 16 lanes, and machine code takes several at once. All are whole; their
  /// elements, of 4 bytes, and those of operands with one for a row, follow each other or are still.
  uint8_t row_lanes = 0;
};

}  // namespace autograd::ir
