#pragma once

#include <autograd/engine/lookup.h>

#include <span>
#include <vector>

// Many small arrays as one: a region over all their elements end to end runs piece by piece. A part that is worth a
// call of the kernel makes a piece, which is read where it lies. Smaller ones are put together in local memory, a block
// at a time. Assigned values leave the kernel the same ways.
//
//     biases [10] [64] [32] ... [256]      moments [362 ...]
//        |    |    |              |            |
//     local: block of 1024        |        read where they lie
//             kernel            kernel
//     local: block of new         |
//        |    |    |              |
//       [10] [64] [32] ... [256]

namespace autograd::engine {

struct Packed {
  struct Part {
    Place place;
    int64_t begin;  ///< of its elements among all
  };
  /// A piece of a part: where element 0 would lie if the part began so early. Of several: without a base.
  struct Source {
    Place origin;
    uint32_t part;  ///< where the piece begins
  };
  std::vector<Part> parts;  ///< and behind the last one its end
  int64_t element_bytes;
  int64_t local;  ///< bytes into local memory: the address of a piece's elements, then room for a block of them
  std::vector<Source> pieces;

  /// Elements at a time: so many that kernels start rarely, so few that they stay in the innermost cache.
  static constexpr int64_t block_of(bool folds) { return folds ? fold_block : 1024; }
  static constexpr int64_t address_bytes = 64;  // the room begins in a line of its own
  static constexpr int64_t local_bytes(int64_t block, int64_t element_bytes) {
    return address_bytes + Lookups::column_stride(block) * element_bytes;
  }
};

/// Where pieces of at most a block begin, and the end of the last. With `by_parts` pieces also end at the borders of
/// parts that are worth a call of the kernel.
std::vector<int64_t> borders_of_pieces(const Packed& packed, int64_t block, bool by_parts);
void find_pieces(Packed& packed, std::span<const int64_t> borders);

// Piece `number` of each pack:

/// Leaves in local memory where the elements of a piece lie: in a part that has them all, or else in local memory,
/// where they are collected.
void gather_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, const Piece& piece,
                  size_t number);
/// The same for elements that the kernel will write, which nobody collects.
void expect_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, const Piece& piece,
                  size_t number);
/// Puts them where they belong.
void spread_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, const Piece& piece,
                  size_t number);
/// Has the beginning of a piece, if there is one, on its way while the kernel works on the one before it: processors
/// foresee only what lies in one walk.
void fetch_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, int64_t begin, size_t number);

}  // namespace autograd::engine
