#pragma once

#include <autograd/core/dtype.h>

#include <cstdint>
#include <vector>

// The kernel language: straight-line SSA over one iteration domain, free of sizes, addresses and
// numbers, so that equal programs can share machine code. An instruction's index is its value.
// Every backend computes the same bits from it: the IEEE operations are exact, nothing is
// reassociated or contracted, and fma happens only where it is written.

namespace autograd::ir {

using Value = uint16_t;

enum class Code : uint8_t {
  // sources
  load,      ///< element of memory operand `immediate`
  gather,    ///< element of memory operand `immediate` in the row chosen by index `a`
  scalar,    ///< run-time number `immediate`
  constant,  ///< Constant `immediate`
  // one argument
  negate,
  absolute,
  square_root,
  floor,
  ceil,
  round,  ///< to nearest, ties to even
  exp,
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
  convert,  ///< from the type of `a`
  // two
  add,
  subtract,
  multiply,
  divide,     ///< integers: toward zero; by zero gives zero
  remainder,  ///< of that division
  minimum,    ///< a < b ? a : b
  maximum,    ///< a > b ? a : b
  pow,
  atan2,
  equal,
  not_equal,  ///< unordered: NaN != NaN
  less,
  less_equal,
  logical_and,
  logical_or,
  // three
  fma,     ///< a b + c, rounded once
  select,  ///< a ? b : c
};

constexpr int argument_count(Code code) {
  if (code == Code::gather) return 1;
  if (code < Code::negate) return 0;
  if (code < Code::add) return 1;
  if (code < Code::fma) return 2;
  return 3;
}

enum class Constant : uint16_t { zero, one, minus_one, two };

constexpr double value_of(Constant constant) {
  switch (constant) {
    case Constant::zero: return 0;
    case Constant::one: return 1;
    case Constant::minus_one: return -1;
    case Constant::two: return 2;
  }
  return 0;
}

struct Inst {
  Code code;
  DType type;  ///< of the result
  Value a = 0, b = 0, c = 0;
  uint16_t immediate = 0;
  bool operator==(const Inst&) const = default;
};

/// How a memory operand is walked; strides and sizes are given at run time.
enum class Access : uint8_t {
  linear,   ///< the domain's own order
  uniform,  ///< one element for the whole domain
  strided,  ///< a stride for each axis of the domain
};

struct Store {
  Value value;
  uint16_t operand;
};

/// A reduction over the whole domain, in the canonical order: see engine/reduce.h.
struct Fold {
  enum class Kind : uint8_t { sum, max, min };
  Value value;
  Kind kind;
};

struct Program {
  std::vector<Inst> body;
  std::vector<Access> operands;
  std::vector<Store> stores;
  std::vector<Fold> folds;
  uint16_t scalars = 0;
};

}  // namespace autograd::ir
