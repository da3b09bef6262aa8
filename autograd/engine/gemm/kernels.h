#pragma once

#include <cstdint>

// What is compiled once for each level of the processor, and what the product that is not needs to know of it.

namespace autograd::engine::gemm {

/// D = D + P Q by register tiles: each element is one chain of fused multiply-adds, depth ascending.
template <class T>
struct Block {
  const T* p;  ///< [rows, depth]
  int64_t p_row, p_depth;
  bool packed;  ///< P lies in strips of Kernels::tile_rows rows, those of a strip side by side
  const T* q;   ///< [depth, columns], side by side
  int64_t q_depth;
  bool far;  ///< Q lies where it was found; else it is packed, in whole vectors
  T* keep;   ///< where the first strip packs a far Q for the others; null: it does not
  T* d;      ///< [rows, columns], side by side
  int64_t d_row;
  int64_t rows, columns, depth;  ///< at most Kernels::panel columns
  bool fresh;                    ///< the chains begin here, from 0: D is not read
};

/// One strip of an operand to be packed: element (i, k) goes to k * width + i.
template <class T>
struct Strip {
  const T* from;
  int64_t along, depth_stride;  ///< from i to i + 1, from k to k + 1
  int64_t count, depth;
  int64_t width;  ///< of which those from `count` on are filled with 0
};

/// The finished sums of a chunk of the depth go to the product: C = D, or C = C + D.
template <class T>
struct Finish {
  const T* d;
  int64_t d_row;
  T* c;
  int64_t c_row, c_column;  ///< one of them is 1
  int64_t rows, columns;
  bool add;
};

template <class T>
struct Kernels {
  int64_t tile_rows;  ///< of a register tile
  int64_t lanes;      ///< of a vector
  int64_t panel;      ///< columns of a register tile: some vectors
  void (*multiply)(const Block<T>& block);
  void (*pack)(const Strip<T>& strip, T* to);
  void (*finish)(const Finish<T>& work);
};

struct Level {
  Kernels<float> float32;
  Kernels<double> float64;

  template <class T>
  const Kernels<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return float32;
    } else {
      return float64;
    }
  }
};

/// `items` in strips of at most `most`, as equal as can be: 9 rows of at most 8 are 4 and 5, not 8 and 1.
struct Strips {
  int64_t items, count;
  Strips(int64_t items_, int64_t most) : items(items_), count((items_ + most - 1) / most) {}
  int64_t begin(int64_t strip) const { return items * strip / count; }
};

}  // namespace autograd::engine::gemm
