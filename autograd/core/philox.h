#pragma once

#include <array>
#include <cstdint>

namespace autograd {

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"): a block of
/// four random words as a function of a counter and a key, so that every element of a random tensor can be
/// computed by itself. Ten rounds; passes TestU01's BigCrush.
struct Philox {
  using Counter = std::array<uint32_t, 4>;
  using Key = std::array<uint32_t, 2>;

  static constexpr Counter block(Counter c, Key k) {
    for (int round = 0; round < rounds; ++round) {
      const uint64_t a = uint64_t{multiplier[0]} * c[0], b = uint64_t{multiplier[1]} * c[2];
      c = {high(b) ^ c[1] ^ k[0], low(b), high(a) ^ c[3] ^ k[1], low(a)};
      k = {k[0] + weyl[0], k[1] + weyl[1]};
    }
    return c;
  }

 private:
  static constexpr int rounds = 10;
  static constexpr uint32_t multiplier[2] = {0xd2511f53, 0xcd9e8d57};
  static constexpr uint32_t weyl[2] = {0x9e3779b9, 0xbb67ae85};
  static constexpr uint32_t high(uint64_t x) { return static_cast<uint32_t>(x >> 32); }
  static constexpr uint32_t low(uint64_t x) { return static_cast<uint32_t>(x); }
};

}  // namespace autograd
