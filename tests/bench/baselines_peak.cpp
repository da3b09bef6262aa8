#include "loop.h"

// As many multiplications with an addition as the processor can do: chains in registers, more than any processor needs
// to begin one in each cycle, and few enough for its registers. In: a factor, a term, where each chain starts. Out:
// what keeps the compiler from dropping them.

namespace {

#ifdef __AVX512F__
constexpr long bytes = 64;
#else
constexpr long bytes = 32;
#endif
constexpr int chains = 12;
using Vector [[gnu::vector_size(bytes)]] = float;
constexpr long lanes_of_vector = bytes / static_cast<long>(sizeof(float));

}  // namespace

WORK(multiply_adds) {
  const Vector factor = in[0][0] - Vector{}, term = in[0][1] - Vector{};
  Vector sums[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sums[i] = in[0][2 + i] - Vector{};
  for (long i = 0; i < count; i += chains * lanes_of_vector) {
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain) sums[chain] = sums[chain] * factor + term;
  }
  Vector total{};
  for (const Vector& sum : sums) total += sum;
  for (long lane = 0; lane < lanes_of_vector; ++lane) out[0][lane] = total[lane];
}
