#pragma once

#include <autograd/engine/columns_kernel.h>
#include <autograd/engine/gemm/kernels.h>
#include <autograd/engine/triangular_kernel.h>
#include <autograd/ir/program.h>

#include <cstddef>

// The interpreter's inner loops: one instruction over one tile of up to a thousand elements. The
// source is compiled once for each instruction set; all give the same bits, because every loop is
// elementwise IEEE arithmetic without contraction, or walks sixteen fixed lanes.

namespace autograd::engine {

/// out[i] = f(a[i], b[i], c[i]); out overlaps no input.
using TileFunction = void (*)(void* out, const void* a, const void* b, const void* c, int64_t count);

/// lanes[i mod 16] = combine(lanes[i mod 16], values[i]), ascending.
using FoldFunction = void (*)(void* lanes, const void* values, int64_t count);

/// out[i] = base[row[i] + offset[i]]. `offset` may be null (all zero).
using GatherFunction = void (*)(void* out, const void* base, const int32_t* row, const int64_t* offset, int64_t count);

/// out[i] = base[i * stride].
using StrideFunction = void (*)(void* out, const void* base, int64_t stride, int64_t count);

struct KernelTable {
  TileFunction (*find)(ir::Code code, DType argument, DType result);
  FoldFunction (*fold)(ir::Fold::Kind kind, DType type);
  GatherFunction (*gather)(DType type);
  StrideFunction (*strided)(DType type);
  const gemm::Level* gemm;
  const TriangularKernels* triangular;
  const ColumnKernels* columns;
};

/// The table of the best instruction set that this processor has.
const KernelTable& kernel_table();

}  // namespace autograd::engine
