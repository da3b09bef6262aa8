#pragma once

#include <autograd/engine/jit/jit.h>

#include <cstdint>
#include <vector>

// A program as the machine sees it. The kernel language names what is computed; here every op is
// one machine instruction, or a handful that always go together, and it is settled
//
//   - how often a value is computed: once a call, once a row, or for every vector of lanes;
//   - which values need no register: those that memory holds anyway (literals, inputs, results of
//     an outer level) can be read again at any time, and most ops take one argument from memory;
//   - what comes when: an expensive load stands before its first use; a store follows its value,
//     but not before the last read of an input, whose memory the output may share;
//   - how many vectors of lanes are computed side by side in a turn of the loop over them.
//
// Short rows (Program::row_lanes) have no loop over lanes: a turn computes several of them, and what a row's lanes have
// in common is computed for each vector.

namespace autograd::engine::jit {

enum class Opcode : uint8_t {
  add_float,
  subtract_float,
  multiply_float,
  divide_float,
  minimum_float,
  maximum_float,
  square_root,
  round,        ///< detail: 0 to nearest, 1 floor, 2 ceil
  fma,          ///< a b + c; detail: whether -c instead
  fma_or_zero,  ///< AVX-512: c ? a b + a : 0
  and_float,    ///< on the bits, as is xor_float: for signs
  xor_float,
  add_int,
  subtract_int,
  multiply_int,
  minimum_int,
  maximum_int,
  absolute_int,
  shift_left,  ///< detail: bits
  shift_right,
  shift_right_logical,
  and_int,
  or_int,
  xor_int,
  int_to_float,
  float_to_int,
  compare_float,  ///< detail: Predicate; AVX-512: only for the lanes of mask c, if there is one
  compare_int,
  mask_and,
  mask_or,
  mask_xor,
  mask_and_not,  ///< ~a & b
  mask_not,
  select,          ///< a ? b : c
  select_or_zero,  ///< a ? b : 0
  check_row,       ///< mask of the lanes whose index `a` is below `b`; the others are a fault
  scale_row,       ///< a ? b c : 0, integers
  load,            ///< element of operand `index`: this one to gather_mask
  load_row,        ///< of short rows: the row's element, in all lanes
  load_mask,
  gather,  ///< ... `a` elements on; detail: whether from the lane's element on
  gather_mask,
  rare,   ///< detail: routine; c, but for lanes of `a` the routine of b
  save,   ///< a to its uniform slot
  store,  ///< a to operand `index`
  store_mask,
  accumulate,         ///< a to the register of fold `index`; detail: sums: whether -a; others: whether NaN needs care
  accumulate_memory,  ///< a to the memory of fold `index`
  // Folds over the lanes of short rows, `index`; detail: how many lanes of each are left
  fill,         ///< a, and b in the lanes that the row lacks
  fold_halves,  ///< the halves of a and b, two rows or two parts of one, folded side by side
  store_fold,   ///< the lanes of a, one row's, folded into the fold's memory
  store_folds,  ///< those of four rows
};

enum Predicate : uint8_t { equal, not_equal, less, less_equal };
inline constexpr uint8_t inverse = 4;  ///< AVX-512, of floats: the lanes where the predicate does not hold

/// Of a value of the machine: its index in Machine::values.
using Id = uint32_t;
inline constexpr Id no_value = UINT32_MAX;

struct Op {
  Opcode code;
  uint8_t detail = 0;
  uint16_t index = 0;
  uint8_t vector = 0;  ///< of the turn
  Id result = no_value;
  Id arguments[3] = {no_value, no_value, no_value};
};

/// Memory that holds a value without anyone having put it aside.
enum class Home : uint8_t {
  none,
  literal,  ///< Value::index: of Machine::literals
  uniform,  ///< of Machine::uniforms
  linear,   ///< of the operand: the elements of the vector's lanes
  pattern,  ///< of the pattern: the offsets of the vector's lanes
  lane,     ///< a constant: 0, 1, 2, ...
};

inline constexpr uint32_t no_slot = UINT32_MAX;

struct Value {
  Home home = Home::none;
  bool mask = false;
  uint8_t vector = 0;  ///< of the turn
  uint32_t index = 0;
  uint32_t slot = no_slot;  ///< on the stack, where register allocation put it aside
};

/// A value that is the same for all lanes, on the stack during a call or a row.
struct Uniform {
  enum class Source : uint8_t {
    scalar,   ///< Uniform::index: of the scalars
    operand,  ///< of the operands: its element
    rows,     ///< of the tables: how many rows it has
    stride,   ///< of the tables
    saved,    ///< an op saves it
  };
  Source source;
  uint8_t level;
  bool mask;
  uint16_t index;
};

/// How often ops run. Those of a turn are those of a vector of lanes, for several vectors.
enum Level : uint8_t { per_call, per_row, per_lane, per_turn };
inline constexpr int levels = 4;

struct Machine {
  std::vector<Op> ops[levels];
  std::vector<Value> values;
  std::vector<uint32_t> literals;  ///< bits
  std::vector<Uniform> uniforms;
  uint32_t turn_vectors = 1;
  uint32_t row_vectors = 0;  ///< of short rows: vectors of one
};

Machine lower(const ir::Program& program);

/// AVX-512: ops that take a mask and what makes its argument become one.
void join_masks(Machine& machine);

/// Makes the ops of a turn: first op for all its vectors, second op for all, ... A chain of dependent ops takes its
/// time, and meanwhile the processor can work on another vector, if only that is near enough to be seen.
void interleave(Machine& machine, uint32_t vectors, Target target);

/// Short rows: makes the ops of a turn of `rows` rows, and those of one row for what is left (Level per_lane).
void interleave_rows(Machine& machine, const ir::Program& program, uint32_t rows, Target target);

}  // namespace autograd::engine::jit
