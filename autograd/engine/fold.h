#pragma once

#include <autograd/core/arena.h>
#include <autograd/ir/program.h>

#include <cstddef>

// The one order of sums. A reduction's value depends on the logical shape only, never on fusion,
// tiling, threads or the instruction set. Axes of extent 1 are dropped and neighbouring axes of the
// same kind merged; then
//
//   the last axis, if reduced: blocks of 4096 elements; inside a block, element k goes to lane
//   k mod 16, ascending; lanes fold by halves (8, 4, 2, 1); blocks are added in order;
//
//   the other reduced axes: rows in row-major order, cut into clamp(rows / 64, 1, 16) blocks,
//   ascending inside a block, blocks added in order.
//
// A lane or block that saw nothing holds the identity: -0 for a sum, so that it changes no bit.

namespace autograd::engine {

/// Sixteen lanes of any type; start with fold_identity().
struct alignas(64) FoldLanes {
  std::byte bytes[16 * 8];
};

/// Folds the lanes by halves into *out.
void fold_lanes(ir::Fold::Kind kind, DType type, const FoldLanes& lanes, void* out);
/// out = identity of the fold, `count` times.
void fold_identity(ir::Fold::Kind kind, DType type, void* out, int64_t count);
/// What a reduction of no elements gives: a sum is +0, not the identity -0, whose inverse would be -infinity.
void fold_nothing(ir::Fold::Kind kind, DType type, void* out, int64_t count);
/// out[i] = combine(out[i], values[i])
void fold_elements(ir::Fold::Kind kind, DType type, void* out, const void* values, int64_t count);
/// The last axis of the rule above, for one contiguous row.
void fold_row(ir::Fold::Kind kind, DType type, void* out, const void* row, int64_t count);
/// Blocks of other reduced axes: how many, for `rows` rows.
int64_t row_blocks(int64_t rows);

/// A reduction of contiguous memory over the axes whose bits are set, in the order above.
void fold_axes(ir::Fold::Kind kind, DType type, const void* input, const int64_t* extents, int rank, uint8_t axes,
               void* output, Arena& scratch);

}  // namespace autograd::engine
