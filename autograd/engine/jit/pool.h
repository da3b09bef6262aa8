#pragma once

#include <autograd/engine/jit/jit.h>

#include <array>
#include <cstddef>
#include <cstdint>

// What the code of all programs of a mapping reads: it lies before them.

namespace autograd::engine::jit {

struct alignas(64) Constants {
  std::array<int32_t, 16> lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  std::array<int32_t, 16> every_fourth = {0, 4, 8, 12};
  /// The eight from 8 - n on have n lanes set.
  std::array<int32_t, 16> tail = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  std::array<int32_t, 8> ones = {-1, -1, -1, -1, -1, -1, -1, -1};
  std::array<int32_t, 8> signs = {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN,
                                  INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
  std::array<int32_t, 8> zeros = {};
  std::array<uint8_t, 16> true_bytes = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  /// Of folds: [int32, then float32][sum, max, min]
  std::array<std::array<uint32_t, 3>, 2> identities = {
      {{0, 0x8000'0000, 0x7fff'ffff}, {0x8000'0000, 0xff80'0000, 0x7f80'0000}}};
};

/// AVX-512 ops read one element into all lanes; those of AVX2 want the literal in each.
constexpr uint32_t literal_bytes(Target target) { return target == Target::avx512 ? 4 : 32; }

}  // namespace autograd::engine::jit
