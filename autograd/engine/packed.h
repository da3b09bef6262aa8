#pragma once

#include <autograd/engine/lookup.h>

#include <vector>

// Many small arrays as one: a region over all their elements end to end runs block by block, and each block is put
// together in local memory before the kernel. Assigned values leave it the same way.
//
//     biases [10] [64] [32] ...       moments [106 ...]
//        |    |    |                      |
//     local: block of 1024 elements   read where they lie
//             kernel
//     local: block of new values, then back to [10] [64] [32] ...

namespace autograd::engine {

struct Packed {
  struct Part {
    Place place;
    int64_t begin;  ///< of its elements among all
  };
  std::vector<Part> parts;  ///< and behind the last one its end
  int64_t element_bytes;
  int64_t local;  ///< bytes into local memory

  /// Elements at a time: so many that kernels start rarely, so few that they stay in the innermost cache.
  static constexpr int64_t block_of(bool folds) { return folds ? fold_block : 1024; }
};

/// Collects the elements of a piece. `guess`: perhaps the part where it begins. Returns the part where it ends.
size_t gather_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess);
/// Puts them back.
void spread_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess);

}  // namespace autograd::engine
